"""What a benchmark will not be able to tell, said before it starts, and what it lacks, said after.

After: what is missing, and what can be concluded all the same. Not here: the verdicts
(`training.benchmark.results`), the rest of the wording (`training.benchmark.table`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from training.benchmark.arms import (
    AGAIN,
    OPTIMIZED,
    ORIGINAL,
    ORIGINAL_16_ENVS,
    ORIGINAL_EXACT,
    Arm,
    spelled,
)
from training.benchmark.ground import busy, differences
from training.benchmark.numbers import ArmNumbers
from training.benchmark.plan import Plan
from training.significance.counted import counted
from training.significance.robust import SEEDS_FOR_QUALITY

LATE = "they would have taken longer than planned"
NOT_BEGUN = "they were not begun"
INTERRUPTED = "the benchmark was interrupted"
STOCK = frozenset({ORIGINAL, ORIGINAL_16_ENVS})
"""Of a fold that these did not train whole, the evaluations are left out as well, for them."""


def foretold(plan: Plan) -> tuple[str, ...]:
    """Say before the start what a plan will not be able to tell, and what it judges by."""
    return tuple(_foretold(plan))


def single_updates(arms: Sequence[Arm]) -> tuple[str, ...]:
    """Say before anything is measured which arms' folds are over with their first update."""
    told = []
    for arm in arms:
        rollout_steps = arm.config.agent.rollout_steps
        if arm.name in {*STOCK, OPTIMIZED} and arm.budget_steps <= rollout_steps:
            told.append(
                f"{spelled(arm.name)} makes a single update in a fold: {arm.budget_steps:,} env "
                f"steps, rollouts of {rollout_steps:,}. That is its warm-up, so that it has no "
                "pace in env steps a second; its fold is timed in one piece. --total_timesteps "
                f"{3 * rollout_steps:,} gives it three."
            )
    return tuple(told)


def without_a_pace(name: str, arm: Mapping[str, Any]) -> str:
    """Say what is known of an arm whose fold is over with its first update.

    Args:
        name: Of the arm.
        arm: What `benchmark.json` says of it.
    """
    words = (
        f"{spelled(name)} made a single update in a fold ({arm['budget_steps']:,} env steps), its "
        "warm-up: it has no pace, and a fold's time"
    )
    if arm["kind"] == "whole":
        return f"{words} is measured with the warm-up."
    left_out = "evaluation and test" if name in STOCK else "test"
    return f"{words} is that of this training with the warm-up, {left_out} left out."


def missing(numbers: Mapping[str, ArmNumbers], plan: Plan, *, why: str | None) -> tuple[str, ...]:
    """Say what is missing and what can be concluded all the same; nothing where all is there.

    Args:
        numbers: What ran.
        plan: What was to run.
        why: Why some did not run; None where all were begun.
    """
    gaps = [gap for item in numbers.values() for gap in _failures(item, plan)]
    left = {name: n for name, item in numbers.items() if (n := _n_waiting(item, plan))}
    waiting = [f"{counted(n, 'run')} of {name}" for name, n in left.items()]
    if waiting:
        listed = spelled(", ".join(waiting))
        gaps.append(
            f"Not run, because {why or NOT_BEGUN}: {listed}. The same command goes on with them."
        )
    if gaps:
        gaps.append(_what_is_there(numbers[OPTIMIZED], numbers[ORIGINAL], plan))
    done = [unit for item in numbers.values() for unit in item.units]
    gaps += [*differences(done), *busy(done)]
    gaps += [words for item in numbers.values() for words in _stress_failures(item)]
    if plan.n_seeds == 1:
        gaps.append(
            "One seed shows no spread: its numbers are a first look. With --seeds 2 the same "
            "command adds a run of each arm and an interval of the times, with --seeds "
            f"{SEEDS_FOR_QUALITY} one of the quality."
        )
    return tuple(gaps)


def _foretold(plan: Plan) -> Iterator[str]:
    is_timed = plan.arm(ORIGINAL).kind == "timed"
    stands_in = any(arm.name == ORIGINAL_EXACT for arm in plan.arms)
    if not any(arm.name == ORIGINAL_16_ENVS for arm in plan.arms):
        yield "The original with 16 environments does not fit into the time: left out."
    if is_timed:
        quality = (
            "its scores are those of original_exact, the same settings and minibatches in the "
            "engine's exact mode."
            if stands_in
            else "whether ours is as good cannot be said."
        )
        yield (
            "Whole trainings of the original do not fit: its time a fold will be extrapolated from "
            f"its measured pace, and {quality}"
        )
    if stands_in or not is_timed:
        yield _margin_words(plan)
    if 1 < plan.n_seeds < SEEDS_FOR_QUALITY and (stands_in or not is_timed):
        yield (
            f"With {plan.n_seeds} seeds the difference in quality will have no interval where "
            f"folds are chained: that takes {SEEDS_FOR_QUALITY}."
        )
    if plan.n_seeds == 1:
        yield "With one seed there is no interval at all: no verdict but a first look."


def _margin_words(plan: Plan) -> str:
    if plan.n_calibration_seeds:
        n_pairs = plan.n_calibration_seeds * plan.n_folds
        names = ", ".join(arm.name for arm in plan.arms if arm.name.endswith(AGAIN))
        return (
            f"What counts as not worse comes from {n_pairs} folds of the original against itself "
            f"({names}), and is fixed before the arms are compared."
        )
    return (
        "The original is not run against itself, which takes more time or more seeds: what counts "
        "as not worse is within 5 % of its test score."
    )


def _failures(item: ArmNumbers, plan: Plan) -> Iterator[str]:
    for unit in item.failed:
        last = unit["error"].splitlines()[-1]
        fold_index = unit.get("failed_in_fold")
        where = "" if fold_index is None else f", in fold {fold_index} of 0 to {plan.n_folds - 1}"
        if fold_index == plan.n_folds:
            where = ", after its last fold"
        yield f"Failed: {spelled(item.arm.name)}, seed {unit['seed']}{where}: {last}"


def _stress_failures(item: ArmNumbers) -> Iterator[str]:
    for unit in item.units:
        if unit.get("stress_error"):
            yield (
                f"The test in dearer markets failed: {spelled(item.arm.name)}, seed "
                f"{unit['seed']}: {unit['stress_error'].splitlines()[-1]}. Nothing is said of this "
                "arm under stress; all else of the run is there."
            )


def _n_waiting(item: ArmNumbers, plan: Plan) -> int:
    return (item.planned.n_seeds or plan.n_seeds) - len(item.units) - len(item.failed)


def _what_is_there(ours: ArmNumbers, original: ArmNumbers, plan: Plan) -> str:
    """Say on how many pairs of runs the comparison of both rests."""
    n_seeds = int((~np.isnan(ours.fold_s - original.fold_s)).sum())
    if not n_seeds:
        words = "No seed has a time of both optimized and original: nothing can be compared yet."
        return f"{words} What did finish is kept."
    words = f"Both optimized and original have {n_seeds} of {counted(plan.n_seeds, 'seed')}"
    n_folds = int((~np.isnan(ours.scores - original.scores)).sum())
    if ours.is_whole and original.is_whole:
        words += f" and {n_folds} of {counted(ours.scores.size, 'test fold')}"
    ends = ": times are compared on these" if n_seeds > 1 else ": too few for an interval"
    if len(ours.failed) and n_folds:
        ends += "; not worse is not said while runs of ours failed, which may be the bad ones"
    return f"{words}{ends}."
