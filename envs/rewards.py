"""Rewards: pure functions of equity before and after a bar, by name.

Each takes and returns the reward's own memory (two arrays, zero at the start of an episode; unused
by the memoryless ones). All see equity after costs, the closing at an episode's end included.

- `log_equity`: log growth of equity in percent; 1.0 means 1 %. Summed over an episode it is the
  log of what the account became, so that it has no favourite holding time.
- `pnl`: change of equity in percent of the initial balance.
- `differential_sharpe`: what this bar did to the exponentially weighted Sharpe ratio (Moody and
  Saffell, "Learning to trade via direct reinforcement", 2001, equation 10).
- `sortino`: the same for the downside deviation ratio (there, equation 13).

Not here: the market. Read next: `envs.observations`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from envs.errors import UnknownNameError
from envs.market.account import Array, Namespace

Memory: TypeAlias = tuple[Array, Array]
"""Two `(n_envs,) float64`: exponential averages of return and of squared (downside) return."""
PERCENT = 100.0
RUIN_RATIO = 0.01
"""Equity growth is floored here, so that ruin costs log(0.01) = -460 % instead of -infinity."""
LARGEST_RATIO = 10.0
"""The differential ratios are clipped to this: right after a start their averages are tiny."""
SMALLEST_VARIANCE = 1e-12
"""Below this variance of returns (a millionth per bar) the differential ratios are 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RewardScale:
    """What rewards are measured against.

    Attributes:
        initial_balance_usd: Balance at the start of an episode.
        decay: Weight of the newest bar in the exponential averages, 1 / window.
    """

    initial_balance_usd: float
    decay: float


class Reward(Protocol):
    """A reward by name: takes equity before and after the bar, returns reward and new memory."""

    def __call__(  # noqa: D102  # the class says it
        self, xp: Namespace, before: Array, after: Array, *, memory: Memory, scale: RewardScale
    ) -> tuple[Array, Memory]: ...


def log_equity(
    xp: Namespace, before: Array, after: Array, *, memory: Memory, scale: RewardScale
) -> tuple[Array, Memory]:
    """Log growth of equity, percent; `before` is positive while an episode lives."""
    ratio = after / before
    return xp.log(xp.where(ratio < RUIN_RATIO, RUIN_RATIO, ratio)) * PERCENT, memory


def pnl(
    xp: Namespace, before: Array, after: Array, *, memory: Memory, scale: RewardScale
) -> tuple[Array, Memory]:
    """Change of equity, percent of the initial balance."""
    return (after - before) * (PERCENT / scale.initial_balance_usd), memory


def differential_sharpe(
    xp: Namespace, before: Array, after: Array, *, memory: Memory, scale: RewardScale
) -> tuple[Array, Memory]:
    """Derivative of the exponentially weighted Sharpe ratio by the weight of this bar's return."""
    mean, square = memory
    value = after / before - 1.0
    mean_change, square_change = value - mean, value * value - square
    variance = square - mean * mean
    slope = square * mean_change - 0.5 * mean * square_change
    reward = _ratio(xp, slope, variance)
    return reward, (mean + scale.decay * mean_change, square + scale.decay * square_change)


def sortino(
    xp: Namespace, before: Array, after: Array, *, memory: Memory, scale: RewardScale
) -> tuple[Array, Memory]:
    """Derivative of the exponentially weighted downside deviation ratio, likewise."""
    mean, downside = memory
    value = after / before - 1.0
    loss = xp.where(value < 0, value * value, 0.0)
    slope = downside * (value - 0.5 * mean) - 0.5 * mean * loss
    reward = _ratio(xp, slope, downside)
    decay = scale.decay
    return reward, (mean + decay * (value - mean), downside + decay * (loss - downside))


REWARDS: dict[str, Reward] = {
    "log_equity": log_equity,
    "pnl": pnl,
    "differential_sharpe": differential_sharpe,
    "sortino": sortino,
}


def reward_named(name: str) -> Reward:
    """Look up a reward.

    Raises:
        UnknownNameError: If there is none of that name.
    """
    if name not in REWARDS:
        raise UnknownNameError.of("reward", name, REWARDS)
    return REWARDS[name]


def _ratio(xp: Namespace, slope: Array, variance: Array) -> Array:
    """Divide slope by variance**1.5, within +-LARGEST_RATIO; 0 where there is no variance."""
    known = variance > SMALLEST_VARIANCE
    safe = xp.where(known, variance, 1.0)
    ratio = xp.where(known, slope / (safe * xp.sqrt(safe)), 0.0)
    ratio = xp.where(ratio > LARGEST_RATIO, LARGEST_RATIO, ratio)
    return xp.where(ratio < -LARGEST_RATIO, -LARGEST_RATIO, ratio)
