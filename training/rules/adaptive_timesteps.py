"""Adaptive timesteps: how many env steps a fold may train.

Not here: ending a fold before its budget (`training.rules.early_stopping`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from envs.errors import ConfigError, UnknownNameError
from training.rules.decision import ADAPTIVE_TIMESTEPS, Decision, FoldOutcome, check_bounds

AdaptiveTimestepsMode = Literal["off", "geometric", "convergence"]


@dataclass(frozen=True, kw_only=True)
class AdaptiveTimestepsConfig:
    """How the budget of a fold follows from earlier folds.

    Raises:
        UnknownNameError: If the mode is not a known one.
        ConfigError: If a value is out of range, or the minimum is above the base.
    """

    mode: AdaptiveTimestepsMode = "convergence"
    """`off` = the base in every fold; `geometric` = the historical decay by fold number;
    `convergence` = from the steps at which earlier folds reached their best."""
    base_timesteps: int = 100_000
    """Env steps of fold 0, and the most any fold gets, at least 1. Historical: 100,000."""
    min_timesteps: int = 20_000
    """The least any fold gets, in [1, base]; not used when off. Historical: 20,000."""
    margin_frac: float = 0.5
    """Convergence: steps beyond the best one, as a share of it, in [0, 1]."""
    last_k: int = 5
    """Convergence: how many of the latest folds are looked at, at least 1."""
    quantile_frac: float = 0.8
    """Convergence: the share of those folds whose wish the budget meets, in [0, 1]. High,
    because too few steps cost a model and too many only cost time."""
    end_frac: float = 0.1
    """Convergence: a best within this last share of the steps trained says that the fold was
    still improving when it ended, in [0, 1]."""
    growth_factor: float = 2.0
    """Convergence: such a fold wishes for so many times the steps it had, at least 1."""

    def __post_init__(self) -> None:
        if self.mode not in get_args(AdaptiveTimestepsMode):
            raise UnknownNameError.of(
                "adaptive timesteps mode", self.mode, get_args(AdaptiveTimestepsMode)
            )
        check_bounds("base_timesteps", self.base_timesteps, 1)
        check_bounds("min_timesteps", self.min_timesteps, 1)
        for name in ("margin_frac", "quantile_frac", "end_frac"):
            check_bounds(name, getattr(self, name), 0, 1)
        check_bounds("last_k", self.last_k, 1)
        check_bounds("growth_factor", self.growth_factor, 1)
        if self.enabled and self.min_timesteps > self.base_timesteps:
            raise ConfigError(
                "min_timesteps must not exceed the base timesteps",
                came=f"min_timesteps {self.min_timesteps}, base {self.base_timesteps}",
                mend="lower min_timesteps, or turn adaptive timesteps off",
            )

    @property
    def enabled(self) -> bool:
        """Whether this rule decides anything."""
        return self.mode != "off"

    def with_base(self, base_steps: int) -> AdaptiveTimestepsConfig:
        """Return the rule with another base; a least budget above it follows it down."""
        least = min(self.min_timesteps, base_steps)
        return replace(self, base_timesteps=base_steps, min_timesteps=least)


def decide_budget(
    config: AdaptiveTimestepsConfig,
    fold_index: int,
    history: Sequence[FoldOutcome],
    *,
    warm_started: bool = True,
) -> Decision:
    """Decide how many env steps a fold may train.

    Args:
        config: The rule's settings.
        fold_index: Number of the fold to decide for.
        history: Outcomes of earlier folds of the same chain, in order.
        warm_started: Whether this fold starts from an earlier model. A fresh start learns from
            other fresh starts only, for a warm-started fold needs fewer steps than a fresh one.

    Returns:
        A decision whose value is the budget in env steps.
    """
    if config.mode == "off":
        return _budget(config.base_timesteps, f"off: the base, {config.base_timesteps:,} steps")
    if config.mode == "geometric":
        return _geometric(config, fold_index)
    return _convergence(config, history, warm_started=warm_started)


def _geometric(config: AdaptiveTimestepsConfig, fold_index: int) -> Decision:
    """Apply the historical formula; the base at fold 0."""
    if fold_index == 0:
        return _budget(config.base_timesteps, f"fold 0: the base, {config.base_timesteps:,} steps")
    factor = min(0.8, 0.95**fold_index)
    value = max(config.min_timesteps, int(config.base_timesteps * factor))
    reason = (
        f"fold {fold_index}: {config.base_timesteps:,} base steps x {factor:.3f}, "
        f"at least {config.min_timesteps:,}, gives {value:,}"
    )
    return _budget(value, reason, factor=factor)


def _convergence(
    config: AdaptiveTimestepsConfig, history: Sequence[FoldOutcome], *, warm_started: bool
) -> Decision:
    comparable = [item for item in history if warm_started or item.is_fresh]
    latest = comparable[-config.last_k :]
    if not latest:
        kind = "fold" if warm_started else "fold from fresh weights"
        reason = f"no earlier {kind} to learn from: the base, {config.base_timesteps:,} steps"
        return _budget(config.base_timesteps, reason)
    wished = [wished_steps(config, outcome) for outcome in latest]
    wish = sorted(wished)[max(math.ceil(config.quantile_frac * len(wished)) - 1, 0)]
    value = min(max(wish, config.min_timesteps), config.base_timesteps)
    reason = _convergence_words(latest, wished) + (
        f"; {wish:,} meets {config.quantile_frac:.0%} of these" if len(wished) > 1 else ""
    )
    if wish > config.base_timesteps:
        reason += f"; at most {value:,} are allowed"
    elif wish < config.min_timesteps:
        reason += f"; at least {value:,} are trained"
    return _budget(value, reason, wished_steps=wished, wish=wish)


def _convergence_words(latest: Sequence[FoldOutcome], wished: Sequence[int]) -> str:
    """Say when the latest folds were best, and how many steps each of them asks for."""
    if len(latest) == 1:
        who, does = "the latest comparable fold was best at step", "asks"
    else:
        who, does = f"the {len(latest)} latest comparable folds were best at steps", "ask"
    best = _listed([item.best_step for item in latest])
    trained = _listed([item.steps_trained for item in latest])
    return f"{who} {best} of {trained} and {does} for {_listed(wished)}"


def wished_steps(config: AdaptiveTimestepsConfig, outcome: FoldOutcome) -> int:
    """Return the budget that would have suited a finished fold.

    A best inside the fold is an answer: that step and the margin. A best at the very end is not:
    the fold might have gone on, so it wishes for a multiple of what it had. A fold whose training
    never beat its start wishes for nothing: there the steps bought nothing.
    """
    if outcome.best_step > (1 - config.end_frac) * outcome.steps_trained:
        return math.ceil(outcome.steps_trained * config.growth_factor)
    return math.ceil(outcome.best_step * (1 + config.margin_frac))


def _budget(value: int, reason: str, **inputs: float | list[int]) -> Decision:
    return Decision(rule=ADAPTIVE_TIMESTEPS, value=value, reason=reason, inputs=inputs)


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(f"{number:,}" for number in numbers)
