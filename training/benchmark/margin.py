"""The margin of "not worse": its rule stands before any run, its value before any comparison.

Both are written into `plan.json`. The value comes from the original alone: from the original
against itself where the time allows that (A/A), else from the size of its scores. Not here: the
two formulas (`training.significance.verdict`), what a margin decides (the same). Argued in
`docs/decisions/131-margin-from-the-original-against-itself.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from training.benchmark.arms import AGAIN
from training.benchmark.numbers import ArmNumbers
from training.benchmark.plan import Plan
from training.significance.robust import interquartile_mean
from training.significance.verdict import (
    LEAST_CALIBRATION_PAIRS,
    Margin,
    margin_of_calibration,
    margin_of_reference,
)
from training.summary import now

A_A: Literal["a_a"] = "a_a"
DEFAULT: Literal["default"] = "default"
_RULES = {
    A_A: "half of one seed's deviation, from {n} folds of the original against itself with other "
    "seeds ({name}); 5 % of the original's typical test score if fewer than "
    f"{LEAST_CALIBRATION_PAIRS} pairs of them finish",
    DEFAULT: "5 % of the original's typical test score: running the original against itself takes "
    "more time or more seeds",
}
_ORDER = (
    "The rule is written here before any run.",
    "The value is written here as soon as the runs that it comes from have ended, from the "
    "original alone, and never changed after that.",
    "Then the arms are compared, with this margin and no other.",
)


def planned_margin(plan: Plan) -> dict[str, Any]:
    """Return the rule of a plan, before anything has run."""
    n_pairs = plan.n_calibration_seeds * plan.n_folds
    kind = A_A if n_pairs else DEFAULT
    names = [arm.name for arm in plan.arms if arm.name.endswith(AGAIN)]
    rule = _RULES[kind].format(n=n_pairs, name=", ".join(names))
    return {"kind": kind, "rule": rule, "order": list(_ORDER), "fixed": None}


def fixed_margin(
    content: Mapping[str, Any], original: ArmNumbers, again: ArmNumbers | None
) -> dict[str, Any] | None:
    """Return the margin's value from the original against itself, as soon as all of it has ended.

    Args:
        content: What `planned_margin` returned.
        original: The original, or who stands in for it, so far.
        again: The same with other seeds, so far.

    Returns:
        The content of `fixed`; None where it is fixed already, by its rule, or still runs.
    """
    if content["kind"] != A_A or content["fixed"] is not None:
        return None
    assert again is not None, "a margin from A/A needs its arm"
    n_seeds = again.planned.n_seeds or 0
    if not all(_has_ended(item, n_seeds) for item in (original, again)):
        return None
    first, second = original.scores[:, :n_seeds], again.scores[:, :n_seeds]
    n_pairs = int((~np.isnan(first - second)).sum())
    if n_pairs < LEAST_CALIBRATION_PAIRS:
        words = f"only {n_pairs} folds of the original against itself finished"
        return {"source": "reference", "value": None, "words": words, "at": now()}
    margin = _told(margin_of_calibration(first, second), original)
    return {**margin.to_json(), "at": now()}


def margin_in_force(content: Mapping[str, Any], original: ArmNumbers) -> Margin | None:
    """Return the margin that runs are judged with; None where it is not fixed yet.

    Args:
        content: `margin` of the plan.
        original: The original's runs, or of who stands in for it.
    """
    fixed = content["fixed"]
    if content["kind"] == A_A and fixed is None:
        return None
    if fixed is not None and fixed["source"] == "calibration":
        return Margin(value=fixed["value"], source="calibration", words=fixed["words"])
    if not original.has_scores:
        return None
    margin = margin_of_reference(original.scores)
    if fixed is None:
        return margin
    return replace(margin, words=f"{margin.words}; {fixed['words']}")


def _has_ended(item: ArmNumbers, n_seeds: int) -> bool:
    """Whether the first runs of an arm have finished or failed."""
    seeds = {unit["seed"] - item.arm.config.seed for unit in (*item.units, *item.failed)}
    return set(range(n_seeds)) <= seeds


def _told(margin: Margin, original: ArmNumbers) -> Margin:
    mean = interquartile_mean(original.scores)
    if mean is None or margin.value <= abs(mean):
        return margin
    words = (
        f"{margin.words}; it exceeds the original's own mean of {mean:.4g}, so that not being "
        "worse says little"
    )
    return replace(margin, words=words)
