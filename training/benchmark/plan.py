"""What fits into the time: which arms train whole, on how many folds and seeds. Pure arithmetic.

An arm that does not fit is `timed`: it trains a stated number of env steps, so that its pace is
measured, and no score of it is taken. Not here: measuring (`training.benchmark.unit`). Argued in
`docs/decisions/126-benchmark-plan-and-units.md`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, replace
from typing import Any, Literal, NamedTuple

from envs.errors import ConfigError
from training.benchmark.arms import (
    AGAIN,
    OPTIMIZED,
    ORIGINAL,
    ORIGINAL_16_ENVS,
    ORIGINAL_EXACT,
)
from training.significance.margins import LEAST_CALIBRATION_PAIRS

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
        n_seeds: Its runs; None is as many as the plan has.
    """

    name: str
    kind: Kind
    n_steps: int
    n_threads: int
    unit_s: float
    n_seeds: int | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a benchmark will run.

    Attributes:
        arms: In the order in which they take turns.
        n_folds: Consecutive folds from the first on, the same for every whole training.
        n_seeds: Runs of every arm that has no number of its own.
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
                if arm.n_seeds is None or seed_index < arm.n_seeds:
                    yield arm, seed_index

    @property
    def n_calibration_seeds(self) -> int:
        """Runs of the original, or of who stands in for it, against itself; 0 without any."""
        return sum(arm.n_seeds or 0 for arm in self.arms if arm.name.endswith(AGAIN))

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
        duration_s = sum(arm.unit_s * (arm.n_seeds or n_seeds) for arm in self.arms)
        return replace(self, n_seeds=n_seeds, duration_s=duration_s)


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
    slowest arms are timed, one after the other until the rest fits. Where the original is only
    timed, its settings are trained whole by `original_exact` if that fits in any way, for scores to
    compare with. Ours stays whole as long as two folds of it fit, the original with 16 environments
    is given up before that, and seeds below three are the last resort. Folds fill the time. Where
    there are whole runs of the original, or of `original_exact`, that is also run against itself
    (`original_again`), ten pairs of folds at least, unless that takes the place of a seed, of the
    second fold or of another arm.

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
        trial = _Trial(choice, start_s=start_s, budget_s=budget_s)
        fits = trial.most_folds(n_folds)
        if fits >= choice.least_folds:
            calibrated = replace(trial, again=True)
            fits_again = calibrated.most_folds(n_folds)
            if fits_again >= min(2, fits):
                return calibrated.plan(fits_again)
            return trial.plan(fits)
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
    stand_in = [cost for cost in costs if cost.name == ORIGINAL_EXACT]
    costs, needed = _without(costs, ORIGINAL_EXACT), _without_optional(costs)
    if stand_in:
        yield from _with_stand_in(stand_in[0], costs, enough, n_folds=n_folds)
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


def _with_stand_in(
    stand_in: ArmCost, costs: Sequence[ArmCost], enough: Sequence[int], *, n_folds: int
) -> Iterator[_Choice]:
    """Yield the whole original, then the timed one with its stand-in, before fewer seeds."""
    needed = _without_optional(costs)
    least = sorted({min(2, n_folds), 1}, reverse=True)
    for n in enough:
        for least_folds, arms in itertools.product(least, (costs, needed)):
            yield _Choice(arms, frozenset(), n, least_folds)
        for arms in (costs, needed):
            for n_timed in range(1, len(arms)):
                timed = _slowest(arms, n_timed)
                if ORIGINAL in timed and OPTIMIZED not in timed:
                    yield _Choice([arms[0], stand_in, *arms[1:]], timed, n, 1)


def _without_optional(costs: Sequence[ArmCost]) -> Sequence[ArmCost]:
    return _without(costs, ORIGINAL_16_ENVS, ORIGINAL_EXACT)


def _without(costs: Sequence[ArmCost], *names: str) -> Sequence[ArmCost]:
    return [cost for cost in costs if cost.name not in names]


@dataclass(frozen=True)
class _Trial:
    """One way to choose who is timed, with the original against itself or without."""

    choice: _Choice
    _: KW_ONLY
    start_s: float
    budget_s: float
    again: bool = False

    def most_folds(self, n_folds: int) -> int:
        """Return the folds that fit, up to those that there are; 0 where none does.

        Timed runs have the first fold only.
        """
        whole = [cost for cost in self.choice.costs if cost.name not in self.choice.timed]
        if self.again and self._scored is None:
            return 0
        if not whole:
            return int(self._fits(1, LEAST_ROLLOUTS))
        fold_s = sum(cost.fold_s for cost in whole) * self.choice.n_seeds
        most = min(n_folds, int(max(self.budget_s, 0) / fold_s))
        return next((n for n in range(most, 0, -1) if self._fits(n, LEAST_ROLLOUTS)), 0)

    def plan(self, n_folds: int) -> Plan:
        """Return the plan with so many folds, timed runs as long as the time allows."""
        arms = tuple(self._arms(n_folds, self._rollouts(n_folds)))
        plan = Plan(arms=arms, n_folds=n_folds, n_seeds=self.choice.n_seeds, duration_s=0.0)
        return plan.with_seeds(plan.n_seeds)

    @property
    def _scored(self) -> str | None:
        """Who has the original's scores."""
        names = {cost.name for cost in self.choice.costs} - self.choice.timed
        return next((name for name in (ORIGINAL, ORIGINAL_EXACT) if name in names), None)

    def _fits(self, n_folds: int, n_rollouts: int) -> bool:
        n_again = _seeds_again(n_folds) if self.again else 0
        if n_again > self.choice.n_seeds:
            return False
        seconds = [
            self._unit_s(cost, n_folds, n_rollouts)
            * (self.choice.n_seeds + (n_again if cost.name == self._scored else 0))
            for cost in self.choice.costs
        ]
        return sum(seconds) <= self.budget_s

    def _rollouts(self, n_folds: int) -> int:
        """Return how many rollouts timed runs may take beside so many folds of the others."""
        timed = [cost for cost in self.choice.costs if cost.name in self.choice.timed]
        most_s = TIMED_FRAC * self.budget_s / self.choice.n_seeds
        for n_rollouts in range(MOST_ROLLOUTS, LEAST_ROLLOUTS, -1):
            timed_s = sum(self._unit_s(cost, n_folds, n_rollouts) for cost in timed)
            if timed_s <= most_s and self._fits(n_folds, n_rollouts):
                return n_rollouts
        return LEAST_ROLLOUTS

    def _arms(self, n_folds: int, n_rollouts: int) -> Iterator[PlannedArm]:
        for cost in self.choice.costs:
            is_timed = cost.name in self.choice.timed
            arm = PlannedArm(
                name=cost.name,
                kind="timed" if is_timed else "whole",
                n_steps=cost.timed_steps(n_rollouts) if is_timed else cost.budget_steps,
                n_threads=cost.n_threads,
                unit_s=self._unit_s(cost, n_folds, n_rollouts),
            )
            yield arm
            if self.again and cost.name == self._scored:
                yield replace(arm, name=arm.name + AGAIN, n_seeds=_seeds_again(n_folds))

    def _unit_s(self, cost: ArmCost, n_folds: int, n_rollouts: int) -> float:
        if cost.name in self.choice.timed:
            return self.start_s + cost.timed_s(n_rollouts)
        return self.start_s + SAVING_S + n_folds * cost.fold_s


def _seeds_again(n_folds: int) -> int:
    """Return the runs of the original against itself that give enough pairs of folds."""
    return math.ceil(LEAST_CALIBRATION_PAIRS / n_folds)


def _slowest(costs: Sequence[ArmCost], n_arms: int) -> frozenset[str]:
    ordered = sorted(costs, key=lambda cost: cost.fold_s, reverse=True)
    return frozenset(cost.name for cost in ordered[:n_arms])
