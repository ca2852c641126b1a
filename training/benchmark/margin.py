"""The margin of "not worse": its rule stands before any run, its value before any comparison.

Both are written into `plan.json`. The value comes from the original alone: from the original
against itself where the time allows that (A/A), else from the size of its scores. Not here: the
two formulas (`training.significance.verdict`), what a margin decides (the same). Argued in
`docs/decisions/131-margin-from-the-original-against-itself.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from training.benchmark.arms import AGAIN
from training.benchmark.numbers import ArmNumbers
from training.benchmark.plan import Plan
from training.significance.counted import counted
from training.significance.margins import (
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
    "seeds ({name}), and at most 10 % of the original's typical test score; 5 % of that if fewer "
    f"than {LEAST_CALIBRATION_PAIRS} pairs of them finish",
    DEFAULT: "5 % of the original's typical test score in its first {n_seeds} runs: running the "
    "original against itself takes more time or more seeds",
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
    rule = _RULES[kind].format(n=n_pairs, name=", ".join(names), n_seeds=plan.n_seeds)
    return {
        "kind": kind,
        "rule": rule,
        "order": list(_ORDER),
        "n_seeds": plan.n_seeds,
        "fixed": None,
    }


def fixed_margin(
    content: Mapping[str, Any], original: ArmNumbers, again: ArmNumbers | None
) -> dict[str, Any] | None:
    """Return the margin's value from the original alone, as soon as its runs for it have ended.

    Args:
        content: What `planned_margin` returned.
        original: The original, or who stands in for it, so far.
        again: The same with other seeds, so far; None where it is not run against itself.

    Returns:
        The content of `fixed`; None where it is fixed already, or runs are still to come, or the
        original has no score.
    """
    if is_fixed(content):
        return None
    if content["kind"] != A_A:
        return _of_scores(content, original)
    assert again is not None, "a margin from A/A needs its arm"
    n_seeds = again.planned.n_seeds or 0
    if not all(_has_ended(item, n_seeds) for item in (original, again)):
        return None
    first, second = original.scores[:, :n_seeds], again.scores[:, :n_seeds]
    n_pairs = int((~np.isnan(first - second)).sum())
    if n_pairs < LEAST_CALIBRATION_PAIRS:
        why = f"only {counted(n_pairs, 'fold')} of the original against itself finished"
        return _of_scores(content, original, why=why)
    return {**margin_of_calibration(first, second).to_json(), "at": now()}


def is_fixed(content: Mapping[str, Any]) -> bool:
    """Whether the margin has its value; one of an earlier version may have fixed the rule alone."""
    return content["fixed"] is not None and content["fixed"]["value"] is not None


def margin_in_force(content: Mapping[str, Any]) -> Margin | None:
    """Return the margin that runs are judged with; None where it is not fixed yet.

    Args:
        content: `margin` of the plan.
    """
    if not is_fixed(content):
        return None
    fixed = content["fixed"]
    return Margin(
        value=fixed["value"],
        source=fixed["source"],
        words=fixed["words"],
        reference_mean=fixed.get("reference_mean"),
    )


def _of_scores(
    content: Mapping[str, Any], original: ArmNumbers, *, why: str | None = None
) -> dict[str, Any] | None:
    """Return 5 % of the original's typical score in the runs that were planned at first."""
    n_seeds = content.get("n_seeds") or original.scores.shape[1]
    scores = original.scores[:, :n_seeds]
    if not original.is_whole or np.isnan(scores).all() or not _has_ended(original, n_seeds):
        return None
    margin = margin_of_reference(scores)
    words = margin.words if why is None else f"{margin.words}; {why}"
    return {**margin.to_json(), "words": words, "at": now()}


def _has_ended(item: ArmNumbers, n_seeds: int) -> bool:
    """Whether the first runs of an arm have finished or failed."""
    seeds = {unit["seed"] - item.arm.config.seed for unit in (*item.units, *item.failed)}
    return set(range(n_seeds)) <= seeds
