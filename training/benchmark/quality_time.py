"""Time to quality: wall seconds until the original's final validation score is reached and held.

By fold and seed, from validation scores against wall time. The target is the last score of the
original's training in that fold, or of `original_exact`'s where that stands in; its times are then
those of the original's pace. It is reached and held at the first evaluation from which on no
evaluation of the fold is below it; the original's own time is taken by the same rule. Validation
bars, not test bars: how good an arm is in the end is not said here. Argued, with what other
definitions measure on two equal arms, in `docs/decisions/130-time-to-quality.md`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from training.benchmark.arms import AGAIN, ORIGINAL, ORIGINAL_EXACT
from training.benchmark.numbers import ArmNumbers, not_measured, scored_original
from training.seeds import generator
from training.significance.intervals import Estimate
from training.significance.speed import speed_up

Curve = Sequence[Mapping[str, float]]


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How long one fold of one seed took to be as good as the original's, on validation bars.

    Attributes:
        fold_index: The fold.
        seed: Of the arm's run.
        target: Score of the original's last evaluation in this fold.
        original_wall_s: Seconds until the original reached and held it.
        wall_s: The same of the arm; None where it never did.
    """

    fold_index: int
    seed: int
    target: float
    original_wall_s: float
    wall_s: float | None


def time_to_quality(numbers: Mapping[str, ArmNumbers]) -> dict[str, dict[str, Any]] | None:
    """Compare every arm that trained whole with the original; None where that has no scores.

    Returns:
        For each arm: `rows` (a `Reach` each), `n_rows`, `n_reached`, `n_still` (folds left out
        because the original's score never moved, so that there was nothing to reach) and `speed`,
        which rests on the rows that reached it and on no others.
    """
    original, scored = numbers[ORIGINAL], scored_original(numbers)
    if not scored.is_whole or not scored.units:
        return None
    theirs = dict(_retimed(scored, original) if scored is not original else _folds(original))
    left_out = {ORIGINAL, scored.arm.name, ORIGINAL_EXACT + AGAIN}
    whole = (item for name, item in numbers.items() if name not in left_out and item.is_whole)
    return {item.arm.name: _compared(item, theirs) for item in whole if item.units}


def reached_and_held(curve: Curve, target: float) -> float | None:
    """Return the seconds from which on a curve stays at its target or above; None if it does not.

    Args:
        curve: Evaluations in order, `wall_s` and `score`.
        target: The score.
    """
    held_s = None
    for point in reversed(curve):
        if point["score"] < target:
            break
        held_s = point["wall_s"]
    return held_s


def _folds(item: ArmNumbers) -> Iterator[tuple[tuple[int, int], Mapping[str, Any]]]:
    """Yield ((number of the seed, fold), fold) of all that an arm finished."""
    for unit in item.units:
        for fold in unit["folds"]:
            yield (unit["seed"] - item.arm.config.seed, fold["fold_index"]), fold


def _retimed(
    scored: ArmNumbers, original: ArmNumbers
) -> Iterator[tuple[tuple[int, int], Mapping[str, Any]]]:
    """Yield the folds that stand in for the original's, at the original's pace.

    In favour of the original: its evaluations and its warm-up take no time.
    """
    for (seed_index, fold_index), fold in _folds(scored):
        pace = original.steps_per_s[0, seed_index]
        if not math.isnan(pace):
            curve = [
                {**point, "wall_s": point["n_steps"] / pace} for point in fold["validation_curve"]
            ]
            yield (seed_index, fold_index), {**fold, "validation_curve": curve}


def _compared(
    item: ArmNumbers, theirs: Mapping[tuple[int, int], Mapping[str, Any]]
) -> dict[str, Any]:
    pairs = [
        (item.arm.config.seed + key[0], fold, theirs[key])
        for key, fold in _folds(item)
        if key in theirs
    ]
    rows = [row for row in (_reach(*pair) for pair in pairs) if row is not None]
    n_reached = sum(row.wall_s is not None for row in rows)
    return {
        "rows": [asdict(row) for row in rows],
        "n_rows": len(rows),
        "n_reached": n_reached,
        "n_still": len(pairs) - len(rows),
        "speed": _speed(item, rows).to_json(),
    }


def _reach(seed: int, fold: Mapping[str, Any], reference: Mapping[str, Any]) -> Reach | None:
    curve: Curve = reference["validation_curve"]
    scores = [point["score"] for point in curve]
    if not scores or (len(scores) > 1 and min(scores) == max(scores)):
        return None
    original_wall_s = reached_and_held(curve, scores[-1])
    assert original_wall_s is not None, "the last evaluation holds its own score"
    return Reach(
        fold_index=fold["fold_index"],
        seed=seed,
        target=scores[-1],
        original_wall_s=original_wall_s,
        wall_s=reached_and_held(fold["validation_curve"], scores[-1]),
    )


def _speed(item: ArmNumbers, rows: Sequence[Reach]) -> Estimate:
    """Return the ratio over the rows that got there; whole seeds count where folds are chained."""
    ratios: defaultdict[tuple[int, int], list[float]] = defaultdict(list)
    for row in rows:
        if row.wall_s is not None:
            key = (row.seed, 0 if item.arm.is_chained else row.fold_index)
            ratios[key].append(math.log(row.original_wall_s / row.wall_s))
    if not ratios:
        return not_measured("no fold reached the original's final validation score and held it")
    times = np.exp([[sum(logs) / len(logs) for logs in ratios.values()]])
    rng = generator(item.arm.config.seed, "benchmark", "time-to-quality", item.arm.name)
    speed = speed_up(times, np.ones_like(times), rng=rng)
    n_folds = len({row.fold_index for row in rows if row.wall_s is not None})
    return replace(speed, n_folds=n_folds, warnings=(*speed.warnings, *_warnings(rows)))


def _warnings(rows: Sequence[Reach]) -> Iterator[str]:
    n_never = sum(row.wall_s is None for row in rows)
    if n_never:
        yield (
            f"{n_never} of {len(rows)} folds never reached it and held it: they are not in the "
            "ratio, which flatters this arm."
        )
