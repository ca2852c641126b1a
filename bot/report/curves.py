"""Arrays that the pictures draw: drawdowns, thinned curves, steps over folds. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.report.read import listed, nested
from bot.wording import as_number

Floats = NDArray[np.float64]
HYPERPARAMETERS = ("learning_rate", "ent_coef", "clip_range", "n_epochs")


def drawdown(equity: Floats) -> Floats:
    """Return how far equity is below its highest so far, `(n_points,)` fractions, 0 or less."""
    return equity / np.maximum.accumulate(equity) - 1


def thinned(values: Sequence[Floats], n_kept: int) -> NDArray[np.int64]:
    """Choose points to draw so that no extreme of any curve is lost.

    Args:
        values: Curves of the same length.
        n_kept: About how many points to keep for each curve.

    Returns:
        Sorted indices: in each of `n_kept / 2` stretches the lowest and the highest of every
        curve, and both ends.
    """
    n_points = len(values[0])
    if n_points <= n_kept:
        return np.arange(n_points)
    edges = np.linspace(0, n_points, n_kept // 2 + 1).astype(int)
    kept = {0, n_points - 1}
    for start, stop in itertools.pairwise(edges):
        for curve in values:
            kept.add(int(start + np.argmin(curve[start:stop])))
            kept.add(int(start + np.argmax(curve[start:stop])))
    return np.array(sorted(kept))


@dataclass(frozen=True, kw_only=True)
class ValidationCurve:
    """Validation scores of one fold.

    Attributes:
        fold_index: Which fold.
        steps, scores: In order.
        chosen: Index of the tested model's evaluation; None where another model was tested.
    """

    fold_index: int
    steps: tuple[float, ...]
    scores: tuple[float, ...]
    chosen: int | None


def validation_curve(fold: Mapping[str, Any]) -> ValidationCurve:
    """Take the validation scores of a `fold.json`; points that are no numbers are left out."""
    points = [
        (step, score)
        for item in listed(fold, "evaluations")
        if (step := as_number(item.get("step"))) is not None
        and (score := as_number(item.get("score"))) is not None
    ]
    scores = tuple(score for _, score in points)
    return ValidationCurve(
        fold_index=fold_index(fold),
        steps=tuple(step for step, _ in points),
        scores=scores,
        chosen=_chosen(fold, scores),
    )


def _chosen(fold: Mapping[str, Any], scores: Sequence[float]) -> int | None:
    """Find the evaluation of the model that was tested: the first with its validation score."""
    tested = as_number(fold.get("validation_score"))
    if fold.get("chosen") == "incumbent" or tested not in scores:
        return None
    return scores.index(tested)


@dataclass(frozen=True, kw_only=True)
class AppliedSchedule:
    """A hyperparameter over all env steps of a run.

    Attributes:
        name: A name of `HYPERPARAMETERS`.
        steps: Env steps, folds one after another, at which a value came into force, and the end.
        values: The values; the last one repeated at the end.
    """

    name: str
    steps: tuple[float, ...]
    values: tuple[float, ...]


def applied_schedules(folds: Sequence[Mapping[str, Any]]) -> list[AppliedSchedule]:
    """Take what the updates really ran with, folds one after another."""
    return [schedule for name in HYPERPARAMETERS if (schedule := _applied(folds, name)).values]


def fold_ends(folds: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return the env steps trained up to the end of each fold."""
    return list(itertools.accumulate(_steps_trained(fold) for fold in folds))


def fold_index(fold: Mapping[str, Any]) -> int:
    """Return the number of a fold."""
    return int(as_number(nested(fold, "fold").get("index")) or 0)


def _applied(folds: Sequence[Mapping[str, Any]], name: str) -> AppliedSchedule:
    steps: list[float] = []
    values: list[float] = []
    offset = 0.0
    for fold in folds:
        for item in listed(fold, "hyperparameters"):
            value = as_number(nested(item, "values").get(name))
            if value is not None:
                steps.append(offset + (as_number(item.get("n_steps")) or 0.0))
                values.append(value)
        offset += _steps_trained(fold)
    if values:
        steps.append(max(offset, steps[-1]))
        values.append(values[-1])
    return AppliedSchedule(name=name, steps=tuple(steps), values=tuple(values))


def _steps_trained(fold: Mapping[str, Any]) -> float:
    return as_number(nested(fold, "outcome").get("steps_trained")) or 0.0
