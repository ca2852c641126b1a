"""What the units of a benchmark allow to say, and nothing more. Pure: numbers in, numbers out.

Times are compared seed by seed (a fold's time, averaged over the folds of a run), test scores fold
by fold and seed by seed. Not here: intervals and verdicts (`training.significance`), wording of
tables (`training.benchmark.table`). Argued in `docs/decisions/127-benchmark-results.md`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.benchmark.arms import ENGINE, ORIGINAL, WITHOUT, Arm
from training.benchmark.config import BenchmarkConfig
from training.benchmark.plan import Plan, PlannedArm
from training.config import to_json
from training.machine import describe_machine, versions
from training.seeds import generator
from training.significance.intervals import BootstrapConfig, Estimate
from training.significance.robust import interquartile_mean, paired_difference, score_estimate
from training.significance.speed import speed_up
from training.significance.verdict import (
    ArmRuns,
    Margin,
    Verdict,
    VerdictKind,
    compare_arms,
    judge,
)
from training.summary import added_up, now

SEEDS_FOR_QUALITY = 5
"""Whole seeds from which on they can be resampled, see `training.significance.robust`."""

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
        steps_per_s: `(1, n_seeds)`.
        fold_s: `(1, n_seeds)` seconds of a fold: measured where it trained whole, else
            extrapolated, see `_fold_seconds`.
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
    def never_trades(self) -> bool:
        """Whether no agent of it closed a single trade on test bars."""
        return all(fold["test"]["n_trades"] == 0 for unit in self.units for fold in unit["folds"])


def conclude(
    arms: Sequence[Arm],
    plan: Plan,
    units: Sequence[Unit],
    *,
    config: BenchmarkConfig,
    data: Mapping[str, Any],
    n_left_out: int = 0,
) -> dict[str, Any]:
    """Return the content of `benchmark.json`: every raw number, and what follows from them.

    Args:
        arms: What was compared, the original first.
        plan: What was to run.
        units: What did, finished and failed.
        config: What was asked for.
        data: What the bars are.
        n_left_out: Units that were not run for want of time.
    """
    planned = {arm.name for arm in plan.arms}
    arms = [arm for arm in arms if arm.name in planned]
    numbers = {arm.name: ArmNumbers.of(arm, plan, units) for arm in arms}
    original = numbers[ORIGINAL]
    return {
        "created": now(),
        "versions": versions(),
        "machine": describe_machine(),
        "asked": {
            "minutes": config.minutes,
            "n_seeds": config.n_seeds,
            "ablation": config.ablation,
        },
        "profile": next(arm.config.profile for arm in arms if arm.name == "optimized"),
        "data": dict(data),
        "n_folds": plan.n_folds,
        "n_seeds": plan.n_seeds,
        "n_left_out": n_left_out,
        "arms": {name: _described(item) for name, item in numbers.items()},
        "against_original": {
            name: _compared(item, original) for name, item in numbers.items() if name != ORIGINAL
        },
        "worth": [_worth(item, numbers) for item in numbers.values() if item.arm.follows],
        "units": [dict(unit) for unit in units],
    }


def _fold_seconds(arm: Arm, unit: Unit) -> float:
    """Return the seconds of a fold: measured, or the pace times the arm's own whole budget.

    Always in favour of the original: of that only rollouts and updates are extrapolated, without
    evaluations, test and warm-up; of every other arm the evaluations too, and its whole budget,
    also where a rule may end a fold before.
    """
    if unit["kind"] == "whole":
        return float(np.mean([fold["wall_s"] for fold in unit["folds"]]))
    if not unit["steps_per_s"]:
        return math.nan
    training_s = arm.budget_steps / float(unit["steps_per_s"])
    if arm.name == ORIGINAL:
        return training_s
    schedule = arm.config.rules.evaluation_schedule
    if schedule.mode == "adaptive":
        return training_s * (1 + schedule.cost_budget_frac)
    n_evaluations = math.ceil(arm.budget_steps / schedule.every_steps)
    return training_s + n_evaluations * float(unit["stage_s"]["evaluation"])


def _described(item: ArmNumbers) -> dict[str, Any]:
    return {
        "says": item.arm.says,
        "config": to_json(item.arm.config),
        "kind": item.planned.kind,
        "n_threads": item.planned.n_threads,
        "n_done": len(item.units),
        "failures": [{"seed": unit["seed"], "error": unit["error"]} for unit in item.failed],
        "budget_steps": item.arm.budget_steps,
        "timed_steps": None if item.is_whole else item.planned.n_steps,
        "steps_per_s": _mean(item.steps_per_s),
        "fold_s": _mean(item.fold_s),
        "fold_s_is": "measured" if item.is_whole else "extrapolated",
        "warm_up_s": _mean(_column(item, "warm_up_s")),
        "process_s": _mean(_column(item, "process_s")),
        "process_cpu_s": _mean(_column(item, "process_cpu_s")),
        "stage_s": _stages(item.units, "stage_s"),
        "stage_cpu_s": _stages(item.units, "stage_cpu_s"),
        "peak_memory_bytes": max((unit["peak_memory_bytes"] for unit in item.units), default=None),
        "n_parameters": next((unit["n_parameters"] for unit in item.units), None),
        **_quality(item),
    }


def _quality(item: ArmNumbers) -> dict[str, Any]:
    """Return what test bars said of an arm; nothing where it was timed."""
    if not item.is_whole or not item.units:
        return dict.fromkeys(
            (
                "test_return",
                "test_score",
                "sharpe",
                "max_drawdown_frac",
                "n_test_trades",
                "bayes_share",
                "baseline_returns",
            )
        )
    rng = generator(item.arm.config.seed, "benchmark", "quality", item.arm.name)
    stitched = [unit["out_of_sample"] for unit in item.units]
    folds = [fold for unit in item.units for fold in unit["folds"]]
    return {
        "test_return": score_estimate(item.returns, rng=rng, config=_bootstrap(item)).to_json(),
        "test_score": score_estimate(item.scores, rng=rng, config=_bootstrap(item)).to_json(),
        "sharpe": _iqm([run["sharpe"] for run in stitched]),
        "max_drawdown_frac": _iqm([run["max_drawdown_frac"] for run in stitched]),
        "n_test_trades": sum(run["n_trades"] for run in stitched),
        "bayes_share": _iqm([unit.get("bayes_share") for unit in item.units]),
        "baseline_returns": {
            name: _iqm([fold["baseline_returns"][name] for fold in folds])
            for name in ("flat", "buy_and_hold", "random")
        },
    }


def _compared(item: ArmNumbers, reference: ArmNumbers) -> dict[str, Any]:
    """Compare an arm with another one in speed, and in quality where both trained whole."""
    rng = generator(item.arm.config.seed, "benchmark", reference.arm.name, item.arm.name)
    pace = speed_up(1 / reference.steps_per_s, 1 / item.steps_per_s, rng=rng)
    if _has_scores(item) and _has_scores(reference):
        compared = compare_arms(
            ArmRuns(scores=item.scores, times_s=item.fold_s),
            ArmRuns(scores=reference.scores, times_s=reference.fold_s),
            rng=rng,
            config=_bootstrap(item, reference),
        )
        improvement, margin, verdict = compared.improvement, compared.margin, compared.verdict
        speed, quality = compared.speed, compared.quality
    else:
        speed = speed_up(reference.fold_s, item.fold_s, rng=rng)
        quality = improvement = _unknown(_why_no_scores(item, reference))
        margin = Margin(value=0.0, source="given", words="none: there are no scores to compare")
        verdict = judge(speed, quality, margin)
    found = _Found(speed=speed, quality=quality, item=item, reference=reference)
    return {
        "pace": pace.to_json(),
        "speed": speed.to_json(),
        "quality": quality.to_json(),
        "improvement": improvement.to_json(),
        "margin": margin.to_json(),
        "verdict": _careful(verdict, found).to_json(),
    }


def _careful(verdict: Verdict, found: _Found) -> Verdict:
    """Take back what a verdict's words say beyond these runs; never make them stronger."""
    if found.speed.interval is None:
        why = "no time of a fold to compare" if found.speed.value is None else "no interval"
        return replace(verdict, text=f"no verdict: {why}")
    if verdict.kind is VerdictKind.NOT_FASTER:
        return verdict
    if (why_none := found.why_no_quality) is not None:
        return Verdict(
            kind=VerdictKind.UNRESOLVED,
            text=f"faster, quality unresolved ({why_none})",
            more_seeds=None,
            reason=f"{verdict.reason} Quality: {why_none}.",
        )
    if verdict.kind is VerdictKind.UNRESOLVED and found.quality.interval is None:
        missing = max(verdict.more_seeds or 1, SEEDS_FOR_QUALITY - found.n_pairs, 1)
        words = f"faster, quality unresolved (needs about {missing} more seed{'s' * (missing > 1)})"
        return replace(verdict, text=words, more_seeds=missing)
    return verdict


@dataclass(frozen=True, kw_only=True)
class _Found:
    """An arm against another one: what was estimated, and the arms themselves."""

    speed: Estimate
    quality: Estimate
    item: ArmNumbers
    reference: ArmNumbers

    @property
    def why_no_quality(self) -> str | None:
        if not (_has_scores(self.item) and _has_scores(self.reference)):
            return _why_no_scores(self.item, self.reference)
        if self.item.never_trades and self.reference.never_trades:
            return "no agent of either ever traded"
        return None

    @property
    def n_pairs(self) -> int:
        """Seeds with a test score of both in some fold."""
        both = ~np.isnan(self.item.scores - self.reference.scores)
        return int(both.any(axis=0).sum())


def _worth(item: ArmNumbers, numbers: Mapping[str, ArmNumbers]) -> dict[str, Any]:
    """Return what a switch is worth: with it against without it, all else the same.

    Where an arm was only timed, its evaluations and the end of its folds were not: then the engine
    alone can be judged, by its pace.
    """
    assert item.arm.follows is not None
    other = numbers[item.arm.follows]
    is_left_out = item.arm.name.startswith(WITHOUT)
    on, off = (other, item) if is_left_out else (item, other)
    rng = generator(item.arm.config.seed, "benchmark", "worth", item.arm.name)
    config = _bootstrap(on, off)
    both_whole = on.is_whole and off.is_whole
    if both_whole:
        speed = speed_up(off.fold_s, on.fold_s, rng=rng)
    elif item.arm.switch == ENGINE:
        speed = speed_up(1 / off.steps_per_s, 1 / on.steps_per_s, rng=rng)
    else:
        speed = _unknown("only whole trainings show it")
    quality = _unknown("only whole trainings show it")
    if _has_scores(on) and _has_scores(off):
        quality = paired_difference(on.scores, off.scores, rng=rng, config=config)
    return {
        "switch": item.arm.switch,
        "how": "left out" if is_left_out else "added",
        "with": on.arm.name,
        "without": off.arm.name,
        "judged_by": "a fold's time" if both_whole else "the pace of training",
        "speed": speed.to_json(),
        "quality": quality.to_json(),
    }


def _has_scores(item: ArmNumbers) -> bool:
    return item.is_whole and not bool(np.isnan(item.scores).all())


def _why_no_scores(item: ArmNumbers, reference: ArmNumbers) -> str:
    for one in (reference, item):
        if not one.units:
            return f"no run of {one.arm.name} finished"
        if not one.is_whole:
            return f"{one.arm.name} was only timed"
    return "no pair of runs has both scores"


def _unknown(why: str) -> Estimate:
    return Estimate(value=None, interval=None, n_values=0, warnings=(f"Not measured: {why}.",))


def _bootstrap(*items: ArmNumbers) -> BootstrapConfig:
    """Resample whole seeds where the folds of a seed hang together."""
    return BootstrapConfig(unit="seeds" if any(item.arm.is_chained for item in items) else None)


def _column(item: ArmNumbers, name: str) -> Floats:
    return np.array([unit[name] for unit in item.units], dtype=np.float64)


def _stages(units: Sequence[Unit], name: str) -> dict[str, float]:
    """Return seconds by stage, setup included, the mean over runs."""
    total = added_up(*(unit[name] for unit in units))
    return {stage: seconds / len(units) for stage, seconds in total.items()}


def _mean(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None


def _iqm(values: Sequence[float | None]) -> float | None:
    return interquartile_mean([np.nan if value is None else value for value in values])
