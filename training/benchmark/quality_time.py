"""Time to quality: wall seconds until the original's final validation score is reached.

By fold and seed, from validation scores against wall time. The target is the last score of the
original's training in that fold, or of `original_exact`'s where that stands in; its times are then
those of the original's pace. It is reached at the second of two evaluations in a row that are at
it or above; the original's own time is taken by the same rule. A fold of an arm that ended without
it, early or not, counts as one that never reached it, and is in the ratio as such. Validation bars,
not test bars: how good an arm is in the end is not said here. Argued, with what this and other
rules measure on two equal arms, in `docs/decisions/130-time-to-quality.md` and
`docs/decisions/149-quality-that-stopping-early-does-not-bring-nearer.md`.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from training.benchmark.arms import AGAIN, ORIGINAL, ORIGINAL_EXACT
from training.benchmark.numbers import ArmNumbers, not_measured, scored_original
from training.significance.intervals import Estimate, Unit
from training.significance.speed import median_ratio

Curve = Sequence[Mapping[str, float]]
IN_A_ROW = 2
"""Evaluations in a row at the target or above that count as there."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How long one fold of one seed took to be as good as the original's, on validation bars.

    Attributes:
        fold_index: The fold.
        seed: Of the arm's run.
        target: Score of the original's last evaluation in this fold.
        original_wall_s: Seconds until the original reached it, or until it ended.
        original_reached: False where it ended first, as it may, whose last score it is.
        wall_s: Seconds until the arm reached it; None where it ended first.
    """

    fold_index: int
    seed: int
    target: float
    original_wall_s: float
    original_reached: bool
    wall_s: float | None


def time_to_quality(numbers: Mapping[str, ArmNumbers]) -> dict[str, dict[str, Any]] | None:
    """Compare every arm that trained whole with the original; None where that has no scores.

    Returns:
        For each arm: `rows` (a `Reach` each), `n_rows`, `n_reached`, `n_still` (folds left out
        because the original's score never moved, so that there was nothing to reach) and `speed`,
        the median ratio over all rows; None where the arm in the middle never reached it.
    """
    original, scored = numbers[ORIGINAL], scored_original(numbers)
    if not scored.is_whole or not scored.units:
        return None
    theirs = dict(_retimed(scored, original) if scored is not original else _folds(original))
    left_out = {ORIGINAL, scored.arm.name, ORIGINAL_EXACT + AGAIN}
    whole = (item for name, item in numbers.items() if name not in left_out and item.is_whole)
    return {item.arm.name: _compared(item, theirs) for item in whole if item.units}


def reached(curve: Curve, target: float) -> float | None:
    """Return the seconds at which a curve has been at its target twice in a row; None if never.

    Args:
        curve: Evaluations in order, `wall_s` and `score`.
        target: The score.
    """
    n_in_a_row = 0
    for point in curve:
        n_in_a_row = n_in_a_row + 1 if point["score"] >= target else 0
        if n_in_a_row == IN_A_ROW:
            return point["wall_s"]
    return None


def as_often(curve: Curve, reference: Curve) -> Curve:
    """Return the evaluations that are no closer in env steps than the closest of a reference.

    Whoever looks more often sees two lucky looks in a row sooner. The first evaluation is as far
    from the start, too.
    """
    steps = [0.0, *(point["n_steps"] for point in reference)]
    least = min(after - before for before, after in itertools.pairwise(steps))
    kept, last = [], 0.0
    for point in curve:
        if point["n_steps"] - last >= least:
            kept.append(point)
            last = point["n_steps"]
    return kept


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
    original_wall_s = reached(curve, scores[-1])
    return Reach(
        fold_index=fold["fold_index"],
        seed=seed,
        target=scores[-1],
        original_wall_s=original_wall_s or curve[-1]["wall_s"],
        original_reached=original_wall_s is not None,
        wall_s=reached(as_often(fold["validation_curve"], curve), scores[-1]),
    )


def _speed(item: ArmNumbers, rows: Sequence[Reach]) -> Estimate:
    """Return the median ratio; of seeds, each by its median fold, where folds are chained.

    A row whose arm never got there has the ratio 0. Where the original itself ended first, its end
    is taken as its time, in its favour.
    """
    logs: defaultdict[tuple[int, int], list[float]] = defaultdict(list)
    for row in rows:
        key = (row.seed, 0 if item.arm.is_chained else row.fold_index)
        ratio = -math.inf if row.wall_s is None else math.log(row.original_wall_s / row.wall_s)
        logs[key].append(ratio)
    if not logs:
        return not_measured("no fold has a final score of the original to reach")
    speed = median_ratio([float(np.median(each)) for each in logs.values()])
    n_folds = len({row.fold_index for row in rows})
    unit: Unit | None = "seeds" if item.arm.is_chained and speed.interval is not None else None
    return replace(speed, n_folds=n_folds, unit=unit)
