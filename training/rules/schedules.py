"""Schedules: learning rate, epochs, entropy weight and clip range by progress through a fold.

Not here: applying them to an agent (`training.agent.hyperparameters`).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

from envs.errors import ConfigError, UnknownNameError
from training.rules.decision import PHASE_SCHEDULE, Decision, check_bounds

ScheduleKind = Literal["constant", "linear", "cosine", "one_cycle", "phases", "kl_adaptive"]

WARM_UP_START_FRAC = 1 / 25
"""Share of the base learning rate that a warm-up begins with. Source: one-cycle policy, Smith and
Topin, Super-Convergence, 2017, with the divisor of torch's `OneCycleLR`."""
ONE_CYCLE_WARM_UP_FRAC = 0.3
"""Where one-cycle peaks unless `warmup_frac` says otherwise. Source: torch's `OneCycleLR`."""


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """What a schedule may change.

    Attributes:
        learning_rate: Step size of the optimizer, positive.
        n_epochs: Passes over each rollout, at least 1.
        ent_coef: Weight of the entropy bonus, at least 0.
        clip_range: PPO's epsilon, positive.
    """

    learning_rate: float
    n_epochs: int
    ent_coef: float
    clip_range: float


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A stretch of a fold with fixed hyperparameters.

    Attributes:
        until_frac: Progress at which it ends, itself excluded.
        learning_rate, n_epochs, ent_coef, clip_range: As in `Hyperparameters`.
    """

    until_frac: float
    learning_rate: float
    n_epochs: int
    ent_coef: float
    clip_range: float

    def __post_init__(self) -> None:
        check_bounds("until_frac", self.until_frac, 0, 1, open_low=True)
        check_bounds("learning_rate", self.learning_rate, 0, 1, open_low=True)
        check_bounds("n_epochs", self.n_epochs, 1)
        check_bounds("ent_coef", self.ent_coef, 0)
        check_bounds("clip_range", self.clip_range, 0, open_low=True)


HISTORICAL_PHASES = (
    Phase(until_frac=0.3, learning_rate=2e-3, n_epochs=4, ent_coef=0.05, clip_range=0.2),
    Phase(until_frac=0.7, learning_rate=1e-3, n_epochs=6, ent_coef=0.02, clip_range=0.15),
    Phase(until_frac=1.0, learning_rate=5e-4, n_epochs=8, ent_coef=0.01, clip_range=0.1),
)


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """How hyperparameters move through a fold.

    Raises:
        UnknownNameError: If the kind is not a known one.
        ConfigError: If a value is out of range, or the phases do not cover a fold.
    """

    kind: ScheduleKind = "linear"
    """`constant` = off; `linear`, `cosine`, `one_cycle` and `kl_adaptive` move the learning rate
    only; `phases` sets all four values and replaces the agent's own."""
    final_frac: float = 0.1
    """Linear, cosine, one-cycle: share of the base learning rate at the end, in [0, 1]."""
    warmup_frac: float | None = None
    """Linear, cosine, one-cycle: share of the fold over which the learning rate rises to the
    base, in [0, 1). None = 0.3 with one-cycle (which needs one), else 0."""
    phases: tuple[Phase, ...] = HISTORICAL_PHASES
    """Phases: in order, the last one until 1."""
    target_kl: float = 0.01
    """KL-adaptive: the KL divergence per update aimed at, in nats, positive. Source: the adaptive
    learning rate of Rudin et al., Learning to Walk in Minutes, 2021."""
    kl_factor: float = 1.5
    """KL-adaptive: above twice the target the learning rate is divided by this, below half of it
    multiplied, more than 1. Source: as above."""
    kl_lowest_multiple: float = 0.1
    """KL-adaptive: lowest learning rate, as a multiple of the base, in (0, 1]."""
    kl_highest_multiple: float = 4.0
    """KL-adaptive: highest learning rate, as a multiple of the base, at least 1."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(ScheduleKind):
            raise UnknownNameError.of("schedule", self.kind, get_args(ScheduleKind))
        check_bounds("final_frac", self.final_frac, 0, 1)
        check_bounds("target_kl", self.target_kl, 0, open_low=True)
        check_bounds("kl_factor", self.kl_factor, 1, open_low=True)
        check_bounds("kl_lowest_multiple", self.kl_lowest_multiple, 0, 1, open_low=True)
        check_bounds("kl_highest_multiple", self.kl_highest_multiple, 1)
        self._check_warm_up()
        self._check_phases()

    @property
    def enabled(self) -> bool:
        """Whether this rule changes anything."""
        return self.kind != "constant"

    @property
    def warm_up_frac(self) -> float:
        """Share of the fold over which the learning rate rises."""
        if self.warmup_frac is not None:
            return self.warmup_frac
        return ONE_CYCLE_WARM_UP_FRAC if self.kind == "one_cycle" else 0.0

    def _check_warm_up(self) -> None:
        if not 0 <= self.warm_up_frac < 1:
            raise ConfigError("warmup_frac must be in [0, 1)", came=f"{self.warmup_frac}")
        if self.kind == "one_cycle" and self.warm_up_frac == 0:
            raise ConfigError(
                "one_cycle needs a warm-up", came="warmup_frac 0", mend="use cosine instead"
            )

    def _check_phases(self) -> None:
        bounds = [phase.until_frac for phase in self.phases]
        rising = all(a < b for a, b in itertools.pairwise(bounds))
        if not bounds or bounds[-1] != 1 or not rising:
            raise ConfigError("Phases must end in rising order, the last at 1", came=f"{bounds}")


def hyperparameters_at(
    config: ScheduleConfig,
    base: Hyperparameters,
    progress_frac: float,
    *,
    previous: Hyperparameters,
    last_kl: float | None,
) -> Hyperparameters:
    """Return the hyperparameters of the next update.

    Args:
        config: The schedule.
        base: The agent's own values, which most schedules scale.
        progress_frac: Env steps trained over the fold's budget; beyond 1 counts as 1.
        previous: Values of the last update, or `base` before the first one.
        last_kl: Mean KL divergence of the last update's last epoch in nats, which is what
            sb3-contrib logs; None before the first update.
    """
    assert progress_frac >= 0, f"progress {progress_frac}"
    progress_frac = min(progress_frac, 1.0)
    if config.kind == "constant":
        return base
    if config.kind == "phases":
        return _phase_at(config.phases, progress_frac)
    if config.kind == "kl_adaptive":
        rate = _kl_rate(config, base.learning_rate, previous.learning_rate, last_kl)
    else:
        rate = base.learning_rate * _shape(config, progress_frac)
    return replace(base, learning_rate=rate)


def decide_schedule(config: ScheduleConfig, base: Hyperparameters) -> Decision:
    """Say which schedule a fold runs by, as a decision for the record; its value is the kind."""
    rate = f"{base.learning_rate:g}"
    final = f"{base.learning_rate * config.final_frac:g}"
    sentences = {
        "constant": f"off: learning rate {rate} throughout",
        "linear": f"learning rate falls in a line from {rate} to {final}",
        "cosine": f"learning rate falls in a half cosine from {rate} to {final}",
        "one_cycle": f"learning rate rises to {rate}, then falls in a half cosine to {final}",
        "phases": "; ".join(_phase_sentence(phase) for phase in config.phases),
        "kl_adaptive": f"learning rate moves from {rate} by {config.kl_factor:g} to keep the KL "
        f"divergence near {config.target_kl:g}",
    }
    reason = sentences[config.kind]
    if config.kind in ("linear", "cosine", "one_cycle") and config.warm_up_frac:
        reason += f", after a warm-up over {config.warm_up_frac:.0%} of the fold"
    return Decision(rule=PHASE_SCHEDULE, value=config.kind, reason=reason)


def _phase_at(phases: tuple[Phase, ...], progress_frac: float) -> Hyperparameters:
    later = [phase for phase in phases if progress_frac < phase.until_frac]
    phase = later[0] if later else phases[-1]
    return Hyperparameters(
        learning_rate=phase.learning_rate,
        n_epochs=phase.n_epochs,
        ent_coef=phase.ent_coef,
        clip_range=phase.clip_range,
    )


def _kl_rate(
    config: ScheduleConfig, base_rate: float, previous_rate: float, last_kl: float | None
) -> float:
    rate = previous_rate
    if last_kl is not None and last_kl > 2 * config.target_kl:
        rate /= config.kl_factor
    elif last_kl is not None and last_kl < config.target_kl / 2:
        rate *= config.kl_factor
    lowest = base_rate * config.kl_lowest_multiple
    return min(max(rate, lowest), base_rate * config.kl_highest_multiple)


def _shape(config: ScheduleConfig, progress_frac: float) -> float:
    """Return the learning rate as a share of the base: up to 1 in a line, then down."""
    warm_up = config.warm_up_frac
    if progress_frac < warm_up:
        return WARM_UP_START_FRAC + (1 - WARM_UP_START_FRAC) * progress_frac / warm_up
    left = (1 - progress_frac) / (1 - warm_up)
    if config.kind != "linear":
        left = (1 - math.cos(math.pi * left)) / 2
    return config.final_frac + (1 - config.final_frac) * left


def _phase_sentence(phase: Phase) -> str:
    return (
        f"until {phase.until_frac:.0%} learning rate {phase.learning_rate:g}, {phase.n_epochs} "
        f"epochs, entropy {phase.ent_coef:g}, clip {phase.clip_range:g}"
    )
