"""The finished runs of an arm as tables, folds by seeds. What every comparison starts from.

Not here: what a run measures (`training.benchmark.unit`), what follows from the tables
(`training.benchmark.results`, `ablation`, `quality_time`, `margin`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.benchmark.arms import (
    AGAIN,
    ORIGINAL,
    ORIGINAL_16_ENVS,
    ORIGINAL_EXACT,
    Arm,
    arm_named,
)
from training.benchmark.plan import Plan, PlannedArm
from training.significance.intervals import BootstrapConfig, Estimate
from training.significance.robust import interquartile_mean

Floats = NDArray[np.float64]
Unit = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class ArmNumbers:
    """The finished runs of an arm as tables; NaN where a run is missing.

    Attributes:
        arm: The arm.
        planned: What it was to run.
        units: Its finished units.
        failed: Its failed ones.
        steps_per_s: `(1, n_seeds)`; NaN also where a fold has a single update, its warm-up.
        fold_s: `(1, n_seeds)` seconds of a fold: measured where it trained whole, else
            extrapolated or, without a pace, those of its only update, see `_fold_seconds`.
        scores: `(n_folds, n_seeds)` test scores; all NaN where it was timed.
        returns: `(n_folds, n_seeds)` returns of the test slices, as fractions.
    """

    arm: Arm
    planned: PlannedArm
    units: tuple[Unit, ...]
    failed: tuple[Unit, ...]
    steps_per_s: Floats
    fold_s: Floats
    scores: Floats
    returns: Floats

    @classmethod
    def of(cls, arm: Arm, plan: Plan, units: Sequence[Unit]) -> ArmNumbers:
        """Sort the units of one arm into tables."""
        mine = [unit for unit in units if unit["arm"] == arm.name]
        done = [unit for unit in mine if unit["status"] == "done"]
        pace, fold_s = (np.full((1, plan.n_seeds), np.nan) for _ in range(2))
        scores, returns = (np.full((plan.n_folds, plan.n_seeds), np.nan) for _ in range(2))
        for unit in done:
            seed_index = unit["seed"] - arm.config.seed
            pace[0, seed_index] = unit["steps_per_s"] or np.nan
            fold_s[0, seed_index] = _fold_seconds(arm, unit)
            for fold in unit["folds"]:
                scores[fold["fold_index"], seed_index] = fold["test_score"]
                returns[fold["fold_index"], seed_index] = fold["test"]["total_return_frac"]
        return cls(
            arm=arm,
            planned=plan.arm(arm.name),
            units=tuple(done),
            failed=tuple(unit for unit in mine if unit["status"] != "done"),
            steps_per_s=pace,
            fold_s=fold_s,
            scores=scores,
            returns=returns,
        )

    @property
    def is_whole(self) -> bool:
        """Whether it trained whole folds, so that its test scores count."""
        return self.planned.kind == "whole"

    @property
    def is_measured(self) -> bool:
        """Whether a fold's time was measured in one piece, whole or by its only update."""
        return self.is_whole or any(is_single_update(unit) for unit in self.units)

    @property
    def has_scores(self) -> bool:
        """Whether any fold of it was tested."""
        return self.is_whole and not bool(np.isnan(self.scores).all())

    @property
    def never_trades(self) -> bool:
        """Whether no agent of it closed a single trade on test bars."""
        return all(fold["test"]["n_trades"] == 0 for unit in self.units for fold in unit["folds"])

    def column(self, name: str) -> Floats:
        """Return a number of each finished unit."""
        return np.array([unit[name] for unit in self.units], dtype=np.float64)


def tables(arms: Sequence[Arm], plan: Plan, units: Sequence[Unit]) -> dict[str, ArmNumbers]:
    """Return the tables of the arms that a plan has, in the plan's order; the original is one.

    Args:
        arms: What may be compared.
        plan: What was to run.
        units: What did, finished and failed.
    """
    names = [item.name for item in plan.arms]
    return {name: ArmNumbers.of(arm_named(name, arms), plan, units) for name in names}


def scored_original(numbers: Mapping[str, ArmNumbers]) -> ArmNumbers:
    """Return the arm with the original's scores: itself, or who stands in where it was timed."""
    original = numbers[ORIGINAL]
    return original if original.is_whole else numbers.get(ORIGINAL_EXACT, original)


def bootstrap_for(*items: ArmNumbers) -> BootstrapConfig:
    """Resample whole seeds where the folds of a seed hang together."""
    return BootstrapConfig(unit="seeds" if any(item.arm.is_chained for item in items) else None)


def not_measured(why: str) -> Estimate:
    """Return an estimate of nothing, with its reason."""
    return Estimate(value=None, interval=None, n_values=0, warnings=(f"Not measured: {why}.",))


def mean(values: Floats) -> float | None:
    """Return the mean of what is known; None where nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None


def middle(values: Sequence[float | None]) -> float | None:
    """Return the interquartile mean of what is known; None where nothing is."""
    return interquartile_mean([np.nan if value is None else value for value in values])


def is_single_update(unit: Unit) -> bool:
    """Whether a timed run made the one update that its fold has, so that it has no pace."""
    return bool(unit["kind"] == "timed" and not unit["steps_per_s"] and "timed_wall_s" in unit)


def _fold_seconds(arm: Arm, unit: Unit) -> float:
    """Return the seconds of a fold: measured, or the pace times the arm's own whole budget.

    A timed run without a pace trained its fold's only update: its seconds are the fold's, all but
    the test. In favour of the original, with one environment and with 16: of these only rollouts
    and updates are counted, without evaluations, test and warm-up; of every other arm the
    evaluations too, and its whole budget, also where a rule may end a fold before.
    """
    if unit["kind"] == "whole":
        return float(np.mean([fold["wall_s"] for fold in unit["folds"]]))
    is_stock = arm.name.removesuffix(AGAIN) in {ORIGINAL, ORIGINAL_16_ENVS}
    if is_single_update(unit):
        return float(unit["timed_wall_s"] - unit["stage_s"]["evaluation"] * is_stock)
    if not unit["steps_per_s"]:
        return math.nan
    training_s = arm.budget_steps / float(unit["steps_per_s"])
    return training_s if is_stock else training_s + _evaluations_s(arm, unit, training_s)


def _evaluations_s(arm: Arm, unit: Unit, training_s: float) -> float:
    """Return the seconds of a fold's evaluations, from those of a timed run."""
    schedule = arm.config.rules.evaluation_schedule
    if schedule.mode == "adaptive":
        return training_s * schedule.cost_budget_frac
    n_evaluations = math.ceil(arm.budget_steps / schedule.every_steps)
    return n_evaluations * _evaluation_s(unit, schedule.every_steps)


def _evaluation_s(unit: Unit, every_steps: int) -> float:
    """Return the seconds of one evaluation of a timed run, which made at least one, at its end."""
    n_made: int = unit.get("n_evaluations") or math.ceil(
        unit["n_steps"] / every_steps
    )  # older runs
    return float(unit["stage_s"]["evaluation"]) / n_made
