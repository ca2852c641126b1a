"""What fits into the time: which arms train whole, on how many folds and seeds. Pure arithmetic.

An arm that does not fit is `timed`: it trains a stated number of env steps, so that its pace is
measured, and no score of it is taken. Not here: measuring (`training.benchmark.unit`). Argued in
`docs/decisions/126-benchmark-plan-and-units.md`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from envs.errors import ConfigError
from training.benchmark.arms import OPTIMIZED, ORIGINAL_16_ENVS

Kind = Literal["whole", "timed"]

WANTED_SEEDS = 5
"""Whole seeds carry an interval from five on, see `training.significance.robust.enough_runs`."""
LEAST_SEEDS = 3
"""Seeds that are kept up for whole trainings of every arm; fewer are a last resort."""
LEAST_ROLLOUTS, MOST_ROLLOUTS = 1, 8
"""Rollouts of a timed run besides the one that warms up."""
TIMED_FRAC = 0.4
"""Share of the time that timed runs may take when they take more than the least."""
SPARE_FRAC = 0.15
FOLD_S, SAVING_S = 0.5, 1.0
"""Planned for evaluation, test and saving, by fold and by run, besides `SPARE_FRAC`."""


@dataclass(frozen=True, kw_only=True)
class ArmCost:
    """How long an arm takes, measured before the plan.

    Attributes:
        name: Of the arm.
        steps_per_s: Env steps a second, rollouts and updates.
        rollout_steps: Env steps between two updates.
        budget_steps: Env steps of a whole fold.
        n_threads: Threads that it trains on.
    """

    name: str
    steps_per_s: float
    rollout_steps: int
    budget_steps: int
    n_threads: int

    @property
    def fold_s(self) -> float:
        """Seconds that a whole fold may take."""
        return self.budget_steps / self.steps_per_s * (1 + SPARE_FRAC) + FOLD_S

    def timed_s(self, n_rollouts: int) -> float:
        """Seconds of a timed run, its warm-up included."""
        return self.timed_steps(n_rollouts) / self.steps_per_s * (1 + SPARE_FRAC) + FOLD_S

    def timed_steps(self, n_rollouts: int) -> int:
        """Env steps of a timed run, its warm-up included; no more than a whole fold has."""
        return min((1 + n_rollouts) * self.rollout_steps, self.budget_steps)


@dataclass(frozen=True, kw_only=True)
class PlannedArm:
    """What one arm will run, for every seed.

    Attributes:
        name: Of the arm.
        kind: `whole` trainings of every fold, or `timed` for some steps.
        n_steps: Env steps of a fold, or of the timed run with its warm-up.
        n_threads: Threads that it trains on.
        unit_s: Seconds that one seed may take.
    """

    name: str
    kind: Kind
    n_steps: int
    n_threads: int
    unit_s: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a benchmark will run.

    Attributes:
        arms: In the order in which they take turns.
        n_folds: Consecutive folds from the first on, the same for every whole training.
        n_seeds: Runs of every arm.
        duration_s: Seconds that it may take.
    """

    arms: tuple[PlannedArm, ...]
    n_folds: int
    n_seeds: int
    duration_s: float

    @property
    def units(self) -> Iterator[tuple[PlannedArm, int]]:
        """Yield (arm, number of the seed): every arm once, then every arm again."""
        for seed_index in range(self.n_seeds):
            for arm in self.arms:
                yield arm, seed_index

    def arm(self, name: str) -> PlannedArm:
        """Return an arm's plan."""
        return next(arm for arm in self.arms if arm.name == name)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Plan:
        """Read back what `to_json` wrote."""
        arms = tuple(PlannedArm(**arm) for arm in content["arms"])
        return cls(**{**content, "arms": arms})

    def with_seeds(self, n_seeds: int) -> Plan:
        """Return the same plan with more or fewer runs of every arm."""
        unit_s = sum(arm.unit_s for arm in self.arms)
        return Plan(
            arms=self.arms, n_folds=self.n_folds, n_seeds=n_seeds, duration_s=unit_s * n_seeds
        )


def choose_plan(
    costs: Sequence[ArmCost],
    *,
    start_s: float,
    budget_s: float,
    n_folds: int,
    n_seeds: int | None,
) -> Plan:
    """Choose what to run.

    Whole trainings of all arms come first, with as many seeds as fit down to three; else the
    slowest arms are timed, one after the other until the rest fits. Ours stays whole as long as
    two folds of it fit, the original with 16 environments is given up before that, and seeds below
    three are the last resort. Folds fill the time.

    Args:
        costs: Of every arm, in the order in which they take turns.
        start_s: Seconds until a child process trains.
        budget_s: Seconds that are left.
        n_folds: Folds that the bars have.
        n_seeds: Seeds that were asked for, which then is their number; None chooses.

    Raises:
        ConfigError: If not even timing every arm once fits.
    """
    for choice in _choices(costs, n_folds=n_folds, n_seeds=n_seeds):
        trial = _Trial(choice.costs, choice.timed, start_s, budget_s / choice.n_seeds)
        fits = trial.most_folds(n_folds)
        if fits >= choice.least_folds:
            return trial.plan(n_folds=fits, n_seeds=choice.n_seeds)
    needed, n_least = _without_optional(costs), n_seeds or 1
    least_s = sum(start_s + cost.timed_s(LEAST_ROLLOUTS) for cost in needed) * n_least
    runs = "once" if n_least == 1 else f"with {n_least} seeds"
    raise ConfigError(
        f"The time must suffice to time every arm {runs}",
        came=f"{max(budget_s, 0) / 60:.1f} minutes are left after measuring the pace, "
        f"{len(needed)} arms need {math.ceil(least_s / 6) / 10:.1f}",
        where="--benchmark_minutes",
        mend="give more minutes, fewer --seeds, or no --ablation",
    )


class _Choice(NamedTuple):
    """Something to try: which arms, who of them is timed, seeds, and the folds that it is worth."""

    costs: Sequence[ArmCost]
    timed: frozenset[str]
    n_seeds: int
    least_folds: int


def _choices(costs: Sequence[ArmCost], *, n_folds: int, n_seeds: int | None) -> Iterator[_Choice]:
    """Yield what could be run, the best first."""
    enough = [n_seeds] if n_seeds else list(range(WANTED_SEEDS, LEAST_SEEDS - 1, -1))
    few = [] if n_seeds else list(range(LEAST_SEEDS - 1, 0, -1))
    needed = _without_optional(costs)
    for least_folds in sorted({min(2, n_folds), 1}, reverse=True):
        for arms in (costs, needed):
            whole = [(n, 0) for n in enough]
            mixed = [(n, n_timed) for n in enough for n_timed in range(1, len(arms))]
            for n, n_timed in (*whole, *mixed):
                timed = _slowest(arms, n_timed)
                if OPTIMIZED not in timed:
                    yield _Choice(arms, timed, n, least_folds)
    for n in (*enough, *few):
        for n_timed in range(len(needed) + 1):
            yield _Choice(needed, _slowest(needed, n_timed), n, 1)


def _without_optional(costs: Sequence[ArmCost]) -> Sequence[ArmCost]:
    return [cost for cost in costs if cost.name != ORIGINAL_16_ENVS]


@dataclass(frozen=True)
class _Trial:
    """One way to choose who is timed; `budget_s` is for one seed of every arm."""

    costs: Sequence[ArmCost]
    timed: frozenset[str]
    start_s: float
    budget_s: float

    def most_folds(self, n_folds: int) -> int:
        """Return the folds that fit, up to those that there are; 0 where none does.

        Timed runs have the first fold only.
        """
        fixed_s = sum(self._unit_s(cost, 0, LEAST_ROLLOUTS) for cost in self.costs)
        fold_s = sum(cost.fold_s for cost in self.costs if cost.name not in self.timed)
        left_s = self.budget_s - fixed_s
        if left_s < 0:
            return 0
        return 1 if fold_s == 0 else min(n_folds, int(left_s / fold_s))

    def plan(self, *, n_folds: int, n_seeds: int) -> Plan:
        """Return the plan with so many folds, timed runs as long as the time allows."""
        n_rollouts = self._rollouts(n_folds)
        unit_s = {cost.name: self._unit_s(cost, n_folds, n_rollouts) for cost in self.costs}
        arms = tuple(
            PlannedArm(
                name=cost.name,
                kind="timed" if cost.name in self.timed else "whole",
                n_steps=cost.timed_steps(n_rollouts)
                if cost.name in self.timed
                else cost.budget_steps,
                n_threads=cost.n_threads,
                unit_s=unit_s[cost.name],
            )
            for cost in self.costs
        )
        duration_s = n_seeds * sum(unit_s.values())
        return Plan(arms=arms, n_folds=n_folds, n_seeds=n_seeds, duration_s=duration_s)

    def _rollouts(self, n_folds: int) -> int:
        """Return how many rollouts timed runs may take beside so many folds of the others."""
        for n_rollouts in range(MOST_ROLLOUTS, LEAST_ROLLOUTS, -1):
            unit_s = {cost.name: self._unit_s(cost, n_folds, n_rollouts) for cost in self.costs}
            timed_s = sum(unit_s[name] for name in self.timed)
            if sum(unit_s.values()) <= self.budget_s and timed_s <= TIMED_FRAC * self.budget_s:
                return n_rollouts
        return LEAST_ROLLOUTS

    def _unit_s(self, cost: ArmCost, n_folds: int, n_rollouts: int) -> float:
        if cost.name in self.timed:
            return self.start_s + cost.timed_s(n_rollouts)
        return self.start_s + SAVING_S + n_folds * cost.fold_s


def _slowest(costs: Sequence[ArmCost], n_arms: int) -> frozenset[str]:
    ordered = sorted(costs, key=lambda cost: cost.fold_s, reverse=True)
    return frozenset(cost.name for cost in ordered[:n_arms])
