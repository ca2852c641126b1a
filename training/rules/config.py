"""`RulesConfig`: the seven rules of a run, each with its own switch.

Each rule's settings are documented beside the rule; the two that are plain switches are here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from training.rules.adaptive_timesteps import AdaptiveTimestepsConfig
from training.rules.decision import (
    ADAPTIVE_TIMESTEPS,
    EARLY_STOPPING,
    EVALUATION_SCHEDULE,
    FAST_EVALUATION,
    PHASE_SCHEDULE,
    PREPROCESSING_CACHE,
    WARM_START,
)
from training.rules.early_stopping import EarlyStoppingConfig
from training.rules.evaluation_schedule import EvaluationScheduleConfig
from training.rules.schedules import ScheduleConfig
from training.rules.warm_start import WarmStartConfig


@dataclass(frozen=True, kw_only=True)
class CacheRuleConfig:
    """Preprocessing cache: bars and features are built once and found again by their content."""

    enabled: bool = True
    """Whether the cache is read and written; off rebuilds everything. Results are the same."""


@dataclass(frozen=True, kw_only=True)
class FastEvaluationConfig:
    """Fast evaluation: many windows and candidates are scored in one batch."""

    enabled: bool = True
    """Whether scores are taken in batches; off steps bar by bar. Results are the same."""


@dataclass(frozen=True, kw_only=True)
class RulesConfig:
    """The optimizations of a run. The defaults are ours."""

    adaptive_timesteps: AdaptiveTimestepsConfig = field(default_factory=AdaptiveTimestepsConfig)
    """Budget of a fold."""
    warm_start: WarmStartConfig = field(default_factory=WarmStartConfig)
    """Initial weights of a fold."""
    early_stopping: EarlyStoppingConfig = field(default_factory=EarlyStoppingConfig)
    """End of a fold."""
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    """Learning rate, epochs, entropy weight and clip range by progress."""
    evaluation_schedule: EvaluationScheduleConfig = field(default_factory=EvaluationScheduleConfig)
    """When to evaluate."""
    cache: CacheRuleConfig = field(default_factory=CacheRuleConfig)
    """What not to rebuild."""
    fast_evaluation: FastEvaluationConfig = field(default_factory=FastEvaluationConfig)
    """How to score."""

    @classmethod
    def original(cls) -> RulesConfig:
        """Return the original training: every rule off, evaluation every 10,000 steps."""
        return cls(
            adaptive_timesteps=AdaptiveTimestepsConfig(mode="off"),
            warm_start=WarmStartConfig(mode="off"),
            early_stopping=EarlyStoppingConfig(mode="off"),
            schedule=ScheduleConfig(kind="constant"),
            evaluation_schedule=EvaluationScheduleConfig(mode="fixed"),
            cache=CacheRuleConfig(enabled=False),
            fast_evaluation=FastEvaluationConfig(enabled=False),
        )

    @classmethod
    def historical(cls) -> RulesConfig:
        """Return the historical formula of every rule, as the original optimized training had."""
        return cls(
            adaptive_timesteps=AdaptiveTimestepsConfig(mode="geometric"),
            warm_start=WarmStartConfig(mode="previous_best"),
            early_stopping=EarlyStoppingConfig(mode="patience"),
            schedule=ScheduleConfig(kind="phases"),
            evaluation_schedule=EvaluationScheduleConfig(mode="fixed"),
        )

    def switches(self) -> dict[str, str]:
        """Return each rule's mode by its name of `training.rules.decision.RULES`."""
        return {
            ADAPTIVE_TIMESTEPS: self.adaptive_timesteps.mode,
            WARM_START: self.warm_start.mode,
            EARLY_STOPPING: self.early_stopping.mode,
            PHASE_SCHEDULE: self.schedule.kind,
            EVALUATION_SCHEDULE: self.evaluation_schedule.mode,
            PREPROCESSING_CACHE: "on" if self.cache.enabled else "off",
            FAST_EVALUATION: "on" if self.fast_evaluation.enabled else "off",
        }
