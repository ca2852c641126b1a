"""Early stopping: when more training of a fold is not worth its time.

It ends a fold, never the walk-forward. Not here: the budget (`training.rules.adaptive_timesteps`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from envs.errors import UnknownNameError
from training.rules.decision import EARLY_STOPPING, Decision, EvaluationPoint, check_bounds

EarlyStoppingMode = Literal["off", "patience", "within_fold"]


@dataclass(frozen=True, kw_only=True)
class EarlyStoppingConfig:
    """When a fold ends before its budget.

    Raises:
        UnknownNameError: If the mode is not a known one.
        ConfigError: If a value is out of range.
    """

    mode: EarlyStoppingMode = "within_fold"
    """`off` = train the whole budget; `patience` = stop after so many evaluations without
    improvement (historical); `within_fold` = the same after a minimum budget. A fold always
    ends with the weights of its best evaluation: validation selects."""
    patience_evaluations: int = 5
    """Evaluations in a row without improvement that end the fold, at least 1. Historical: 5."""
    min_delta: float = 0.0
    """An evaluation improves when it beats the best by more than this, in units of the score,
    at least 0."""
    min_budget_frac: float = 0.3
    """Within fold: share of the budget that is always trained, in [0, 1]."""
    min_steps: int | None = None
    """Within fold: env steps that are always trained; None = only the share above counts."""

    def __post_init__(self) -> None:
        if self.mode not in get_args(EarlyStoppingMode):
            raise UnknownNameError.of("early stopping mode", self.mode, get_args(EarlyStoppingMode))
        check_bounds("patience_evaluations", self.patience_evaluations, 1)
        check_bounds("min_delta", self.min_delta, 0)
        check_bounds("min_budget_frac", self.min_budget_frac, 0, 1)
        if self.min_steps is not None:
            check_bounds("min_steps", self.min_steps, 1)

    @property
    def enabled(self) -> bool:
        """Whether this rule decides anything."""
        return self.mode != "off"


def decide_stop(
    config: EarlyStoppingConfig, budget_steps: int, evaluations: Sequence[EvaluationPoint]
) -> Decision:
    """Decide whether a fold ends now.

    Args:
        config: The rule's settings.
        budget_steps: Env steps the fold may train.
        evaluations: Its evaluations so far, in order.

    Returns:
        A decision whose value is True to stop.
    """
    if config.mode == "off" or not evaluations:
        reason = "off: the whole budget" if evaluations else "nothing was evaluated yet"
        return Decision(rule=EARLY_STOPPING, value=False, reason=reason)
    best, n_stale = _best_and_stale(evaluations, config.min_delta)
    step, minimum_steps = evaluations[-1].step, _minimum_steps(config, budget_steps)
    stop = n_stale >= config.patience_evaluations and step >= minimum_steps
    evaluations_word = "evaluation" if n_stale == 1 else "evaluations"
    reason = (
        f"{'stop' if stop else 'go on'} at step {step:,} of {budget_steps:,}: {n_stale} "
        f"{evaluations_word} since the best ({best.score:.6g} at step {best.step:,}), patience "
        f"{config.patience_evaluations}, at least {minimum_steps:,} steps"
    )
    inputs = {"step": step, "n_stale": n_stale, "best_step": best.step, "best_score": best.score}
    return Decision(rule=EARLY_STOPPING, value=stop, reason=reason, inputs=inputs)


def _best_and_stale(
    evaluations: Sequence[EvaluationPoint], min_delta: float
) -> tuple[EvaluationPoint, int]:
    """Return the last evaluation that improved, and how many came after it."""
    best_index = 0
    for index, point in enumerate(evaluations):
        if point.score > evaluations[best_index].score + min_delta:
            best_index = index
    return evaluations[best_index], len(evaluations) - 1 - best_index


def _minimum_steps(config: EarlyStoppingConfig, budget_steps: int) -> int:
    if config.mode == "patience":
        return 0
    return max(round(config.min_budget_frac * budget_steps), config.min_steps or 0)
