"""What the units of a benchmark allow to say, and nothing more. Pure: numbers in, numbers out.

Times are compared seed by seed (a fold's time, averaged over the folds of a run), test scores fold
by fold and seed by seed. Not here: intervals and verdicts (`training.significance`), the tables of
runs (`training.benchmark.numbers`), the ablation (`training.benchmark.ablation`), wording
(`training.benchmark.table`). Argued in `docs/decisions/127-benchmark-results.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from training.benchmark.ablation import worth
from training.benchmark.arms import AGAIN, OPTIMIZED, ORIGINAL, ORIGINAL_16_ENVS, Arm, spelled
from training.benchmark.chance import Equities, conclude_chance
from training.benchmark.config import BenchmarkConfig
from training.benchmark.gaps import missing
from training.benchmark.ground import machine_load, shared_ground
from training.benchmark.margin import fixed_margin, margin_in_force, planned_margin
from training.benchmark.numbers import (
    ArmNumbers,
    Unit,
    bootstrap_for,
    mean,
    middle,
    not_measured,
    scored_original,
    tables,
)
from training.benchmark.plan import Plan
from training.benchmark.quality_time import time_to_quality
from training.config import to_json
from training.seeds import generator
from training.significance.intervals import Estimate
from training.significance.margins import Margin
from training.significance.robust import SEEDS_FOR_QUALITY, score_estimate
from training.significance.speed import speed_up
from training.significance.verdict import ArmRuns, Verdict, VerdictKind, compare_arms, judge
from training.summary import added_up, now

_WAITS = "the margin waits for the original's runs"


@dataclass(frozen=True, kw_only=True)
class Course:
    """How a benchmark went.

    Attributes:
        margin: What `training.benchmark.margin` wrote into its plan; None = taken from
            these units.
        look: The how manieth look at this benchmark's scores, from 1 on.
        n_left_out: Units that were not begun for want of time.
        why_not_run: Why units are missing that were not begun.
    """

    margin: Mapping[str, Any] | None = None
    look: int = 1
    n_left_out: int = 0
    why_not_run: str | None = None


def conclude(
    arms: Sequence[Arm],
    plan: Plan,
    units: Sequence[Unit],
    *,
    config: BenchmarkConfig,
    data: Mapping[str, Any],
    course: Course | None = None,
    equities: Equities | None = None,
) -> dict[str, Any]:
    """Return the content of `benchmark.json`: every raw number, and what follows from them.

    Args:
        arms: What was compared, the original first.
        plan: What was to run.
        units: What did, finished and failed.
        config: What was asked for.
        data: What the bars are.
        course: How it went; None = to its end, the margin from these units.
        equities: Stitched equity of the whole runs, by arm and seed; None = none is there.
    """
    numbers = tables(arms, plan, units)
    done = [unit for unit in units if unit["status"] == "done"]
    course = course or Course()
    original, scored = numbers[ORIGINAL], scored_original(numbers)
    calibration = course.margin or _margin_so_far(plan, numbers)
    in_force = margin_in_force(calibration)
    return {
        "created": now(),
        **shared_ground(done),
        "load": machine_load(done),
        "asked": config.to_json(),
        "profile": numbers[OPTIMIZED].arm.config.profile,
        "data": dict(data),
        "n_folds": plan.n_folds,
        "n_seeds": plan.n_seeds,
        "n_left_out": course.n_left_out,
        "missing": list(missing(numbers, plan, why=course.why_not_run)),
        "arms": {name: _described(item) for name, item in numbers.items()},
        "against_original": {
            name: _compared(item, original, scored, in_force, look=course.look)
            for name, item in numbers.items()
            if name != ORIGINAL
        },
        "against_original_16_envs": _against_16_envs(numbers),
        "calibration": dict(calibration),
        "time_to_quality": time_to_quality(numbers),
        "worth": worth(numbers, in_force),
        **conclude_chance(list(numbers.values()), equities or {}),
        "units": [dict(unit) for unit in units],
    }


def _margin_so_far(plan: Plan, numbers: Mapping[str, ArmNumbers]) -> dict[str, Any]:
    scored, planned = scored_original(numbers), planned_margin(plan)
    again = numbers.get(scored.arm.name + AGAIN)
    return {**planned, "fixed": fixed_margin(planned, scored, again)}


def _described(item: ArmNumbers) -> dict[str, Any]:
    return {
        "says": item.arm.says,
        "config": to_json(item.arm.config),
        "kind": item.planned.kind,
        "n_threads": item.planned.n_threads,
        "n_done": len(item.units),
        "failures": [
            {name: unit.get(name) for name in ("seed", "error", "failed_in_fold")}
            for unit in item.failed
        ],
        "budget_steps": item.arm.budget_steps,
        "timed_steps": None if item.is_whole else item.planned.n_steps,
        "steps_per_s": _mean_pace(item),
        "fold_s": mean(item.fold_s),
        "fold_s_is": "measured" if item.is_measured else "extrapolated",
        "warm_up_s": mean(item.column("warm_up_s")),
        "process_s": mean(item.column("process_s")),
        "process_cpu_s": mean(item.column("process_cpu_s")),
        "stage_s": _stages(item.units, "stage_s"),
        "stage_cpu_s": _stages(item.units, "stage_cpu_s"),
        "peak_memory_bytes": max((unit["peak_memory_bytes"] for unit in item.units), default=None),
        "n_parameters": next((unit["n_parameters"] for unit in item.units), None),
        **_quality(item),
    }


def _mean_pace(item: ArmNumbers) -> float | None:
    """Return the harmonic mean: the pace whose time for the same steps is the runs' mean time."""
    seconds_a_step = mean(1 / item.steps_per_s)
    return None if seconds_a_step is None else 1 / seconds_a_step


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
        "test_return": score_estimate(item.returns, rng=rng, config=bootstrap_for(item)).to_json(),
        "test_score": score_estimate(item.scores, rng=rng, config=bootstrap_for(item)).to_json(),
        "sharpe": middle([run["sharpe"] for run in stitched]),
        "max_drawdown_frac": middle([run["max_drawdown_frac"] for run in stitched]),
        "n_test_trades": sum(run["n_trades"] for run in stitched),
        "bayes_share": middle([unit.get("bayes_share") for unit in item.units]),
        "baseline_returns": {
            name: middle([fold["baseline_returns"][name] for fold in folds])
            for name in ("flat", "buy_and_hold", "random")
        },
    }


def _compared(
    item: ArmNumbers,
    reference: ArmNumbers,
    scored: ArmNumbers,
    in_force: Margin | None,
    *,
    look: int,
) -> dict[str, Any]:
    """Compare an arm with another one in speed, and in quality where there are scores of both.

    Args:
        item: The arm.
        reference: The original.
        scored: Who has the original's scores.
        in_force: The margin of the quality; None where it is not fixed yet.
        look: The how manieth look at its scores, from 1 on.
    """
    found = _Found(item=item, scored=scored, in_force=in_force)
    rng = generator(item.arm.config.seed, "benchmark", reference.arm.name, item.arm.name)
    pace = speed_up(1 / reference.steps_per_s, 1 / item.steps_per_s, rng=rng)
    if found.has_scores:
        compared = compare_arms(
            ArmRuns(scores=item.scores, times_s=item.fold_s),
            ArmRuns(scores=scored.scores, times_s=reference.fold_s),
            margin=in_force or _no_margin(_WAITS),
            rng=rng,
            config=bootstrap_for(item, scored),
            look=look,
        )
        improvement, margin, verdict = compared.improvement, compared.margin, compared.verdict
        speed, quality = compared.speed, compared.quality
    else:
        speed = speed_up(reference.fold_s, item.fold_s, rng=rng)
        quality = improvement = not_measured(found.why_no_scores)
        margin = _no_margin("there are no scores to compare")
        verdict = judge(speed, quality, margin)
    return {
        "quality_of": scored.arm.name,
        "pace": pace.to_json(),
        "speed": speed.to_json(),
        "is_extrapolated": _is_extrapolated(item, reference),
        "quality": quality.to_json(),
        "improvement": improvement.to_json(),
        "margin": margin.to_json(),
        "verdict": _told(_careful(verdict, speed, quality, found), item, reference),
    }


def _against_16_envs(numbers: Mapping[str, ArmNumbers]) -> dict[str, Any] | None:
    """Compare every arm in speed with the original with 16 environments; None where it did not run.

    That is the original as one who knows its library would run it: what remains of a speed-up
    against it is no merit of more environments.
    """
    many = numbers.get(ORIGINAL_16_ENVS)
    if many is None or not many.units:
        return None
    found = {}
    for name, item in numbers.items():
        if item is not many:
            rng = generator(item.arm.config.seed, "benchmark", many.arm.name, name)
            pace = speed_up(1 / many.steps_per_s, 1 / item.steps_per_s, rng=rng)
            speed = speed_up(many.fold_s, item.fold_s, rng=rng)
            found[name] = {
                "pace": pace.to_json(),
                "speed": speed.to_json(),
                "is_extrapolated": _is_extrapolated(many, item),
            }
    return found


def _is_extrapolated(*items: ArmNumbers) -> bool:
    """Whether a ratio of these arms' folds rests on a time that was not measured whole."""
    return not all(item.is_measured for item in items)


def _told(verdict: Verdict, item: ArmNumbers, reference: ArmNumbers) -> dict[str, Any]:
    """Return a verdict that says which times behind it are extrapolated."""
    names = [spelled(one.arm.name) for one in (reference, item) if not one.is_measured]
    if names and verdict.reason[:1].isdigit():
        told = f"About {verdict.reason} A fold of {' and '.join(names)} is extrapolated."
        verdict = replace(verdict, reason=told)
    return verdict.to_json()


def _careful(verdict: Verdict, speed: Estimate, quality: Estimate, found: _Found) -> Verdict:
    """Take back what a verdict's words say beyond these runs; never make them stronger."""
    if speed.interval is None:
        why = "no time of a fold to compare" if speed.value is None else "no interval"
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
    if verdict.kind is VerdictKind.UNRESOLVED and quality.interval is None:
        missing = max(verdict.more_seeds or 1, SEEDS_FOR_QUALITY - found.n_pairs, 1)
        words = f"faster, quality unresolved (needs about {missing} more seed{'s' * (missing > 1)})"
        return replace(verdict, text=words, more_seeds=missing)
    return verdict


@dataclass(frozen=True, kw_only=True)
class _Found:
    """An arm, who has the original's scores, and the margin between them."""

    item: ArmNumbers
    scored: ArmNumbers
    in_force: Margin | None

    @property
    def has_scores(self) -> bool:
        """Whether scores of both were measured."""
        return self.item is not self.scored and self.item.has_scores and self.scored.has_scores

    @property
    def why_no_quality(self) -> str | None:
        if not self.has_scores:
            return self.why_no_scores
        if self.item.never_trades and self.scored.never_trades:
            return "no agent of either ever traded"
        if self.in_force is None:
            return _WAITS
        return None

    @property
    def n_pairs(self) -> int:
        """Seeds with a test score of both in some fold."""
        both = ~np.isnan(self.item.scores - self.scored.scores)
        return int(both.any(axis=0).sum())

    @property
    def why_no_scores(self) -> str:
        """Why there is nothing to compare."""
        if self.item is self.scored:
            return "it stands in for the original"
        for one in (self.scored, self.item):
            if not one.units:
                return f"no run of {one.arm.name} finished"
            if not one.is_whole:
                return f"{one.arm.name} was only timed"
        return "no pair of runs has both scores"


def _no_margin(why: str) -> Margin:
    return Margin(value=0.0, source="given", words=f"none: {why}")


def _stages(units: Sequence[Unit], name: str) -> dict[str, float]:
    """Return seconds by stage, setup included, the mean over the runs that measured them."""
    measured = [unit[name] for unit in units if name in unit]
    return {stage: seconds / len(measured) for stage, seconds in added_up(*measured).items()}
