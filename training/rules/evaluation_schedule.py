"""Evaluation schedule: at which env step the next validation score is taken.

Deterministic: cost is counted in forward passes, never in seconds, so that the same command gives
the same evaluations on a busy and on an idle machine. The formula and a worked example are in
`docs/decisions/043-evaluation-schedule.md`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from envs.errors import UnknownNameError
from training.rules.decision import EVALUATION_SCHEDULE, Decision, EvaluationPoint, check_bounds

EvaluationScheduleMode = Literal["fixed", "adaptive"]


@dataclass(frozen=True, kw_only=True)
class EvaluationScheduleConfig:
    """How often a fold is evaluated.

    Raises:
        UnknownNameError: If the mode is not a known one.
        ConfigError: If a value is out of range.
    """

    mode: EvaluationScheduleMode = "adaptive"
    """`fixed` = every so many steps (historical); `adaptive` = denser while it improves."""
    every_steps: int = 10_000
    """Fixed: env steps between evaluations. Adaptive: the same while nothing improves. At least 1.
    Historical: 10,000."""
    min_evaluations: int = 10
    """Adaptive: a short fold is evaluated at least so often, cost permitting, at least 1."""
    min_every_steps: int = 1_000
    """Adaptive: never closer than this, at least 1. The best of many noisy scores flatters."""
    max_every_steps: int = 50_000
    """Adaptive: never farther apart than this, whatever an evaluation costs, at least 1."""
    cost_budget_frac: float = 0.1
    """Adaptive: evaluating may cost this share of what training costs, in (0, 1]."""

    def __post_init__(self) -> None:
        if self.mode not in get_args(EvaluationScheduleMode):
            raise UnknownNameError.of(
                "evaluation schedule", self.mode, get_args(EvaluationScheduleMode)
            )
        for name in ("every_steps", "min_evaluations", "min_every_steps"):
            check_bounds(name, getattr(self, name), 1)
        check_bounds("max_every_steps", self.max_every_steps, self.min_every_steps)
        check_bounds("cost_budget_frac", self.cost_budget_frac, 0, 1, open_low=True)

    @property
    def enabled(self) -> bool:
        """Whether the spacing adapts."""
        return self.mode != "fixed"


def next_evaluation_step(
    config: EvaluationScheduleConfig,
    evaluations: Sequence[EvaluationPoint],
    *,
    budget_steps: int,
    evaluation_bars: int,
    n_epochs: int,
) -> Decision:
    """Decide at which env step of the fold to evaluate next.

    Args:
        config: The rule's settings.
        evaluations: Evaluations of this fold so far, in order.
        budget_steps: Env steps the fold may train.
        evaluation_bars: Bars that one evaluation steps through.
        n_epochs: Passes over each rollout, which set what a trained step costs.

    Returns:
        A decision whose value is the env step, at most `budget_steps`.
    """
    last_step = evaluations[-1].step if evaluations else 0
    if config.mode == "fixed":
        value = min((last_step // config.every_steps + 1) * config.every_steps, budget_steps)
        reason = f"at step {value:,} of {budget_steps:,}: every {config.every_steps:,} steps"
        return Decision(rule=EVALUATION_SCHEDULE, value=value, reason=reason)
    streak = improving_streak(evaluations)
    cost_steps = steps_that_pay(config, evaluation_bars=evaluation_bars, n_epochs=n_epochs)
    spacing = _spacing(config, budget_steps, streak, cost_steps)
    value = min(last_step + spacing, budget_steps)
    reason = (
        f"at step {value:,} of {budget_steps:,}: {spacing:,} steps on, {_trend(streak)}; "
        f"{evaluation_bars:,} evaluated bars are paid for by {cost_steps:,} trained steps"
    )
    inputs = {"streak": streak, "spacing_steps": spacing, "cost_steps": cost_steps}
    return Decision(rule=EVALUATION_SCHEDULE, value=value, reason=reason, inputs=inputs)


def improving_streak(evaluations: Sequence[EvaluationPoint]) -> int:
    """Count the latest evaluations in a row that each beat everything before; the first cannot."""
    streak = 0
    for index, point in enumerate(evaluations):
        improved = index > 0 and point.score > max(item.score for item in evaluations[:index])
        streak = streak + 1 if improved else 0
    return streak


def steps_that_pay(config: EvaluationScheduleConfig, *, evaluation_bars: int, n_epochs: int) -> int:
    """Return the trained env steps after which one evaluation stays within the cost budget.

    An evaluated bar costs one forward pass. A trained env step costs one forward pass of the
    rollout and, in each epoch, one forward and one backward pass worth two: 1 + 3 * n_epochs.
    """
    return math.ceil(evaluation_bars / (config.cost_budget_frac * (1 + 3 * n_epochs)))


def _trend(streak: int) -> str:
    if streak == 0:
        return "as there was no new best just before"
    return f"as the last {streak} in a row were new bests" if streak > 1 else "after a new best"


def _spacing(
    config: EvaluationScheduleConfig, budget_steps: int, streak: int, cost_steps: int
) -> int:
    widest = min(config.every_steps, math.ceil(budget_steps / config.min_evaluations))
    closest = min(max(config.min_every_steps, cost_steps), config.max_every_steps)
    return min(max(widest >> streak, closest), config.max_every_steps)
