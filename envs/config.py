"""`EnvConfig`: everything about an environment that is not data.

Read next: `envs.vector_env`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from envs.actions import action_mode
from envs.errors import ConfigError
from envs.market import MarketConfig
from envs.rewards import reward_named


@dataclass(frozen=True, kw_only=True)
class EnvConfig:
    """The market's conditions, and what an agent does, sees and is paid for.

    Raises:
        ConfigError: If a value is out of range.
        UnknownNameError: If the action mode or the reward is not a known one.
    """

    market: MarketConfig = field(default_factory=MarketConfig)
    """Account and broker."""
    action_mode: str = "target"
    """`target` (short, flat, long) or `orders` (hold, buy, sell, close)."""
    reward: str = "log_equity"
    """One of `envs.rewards.REWARDS`."""
    reward_window_bars: float = 100.0
    """Memory of the differential rewards; their averages weigh the newest bar with 1 / this."""
    episode_bars: int | None = None
    """Longest training episode (random starts); None lets it run to the end of the slice."""
    bars_held_scale_bars: float = 100.0
    """Age of a position at which the `bars_held` column of an observation is one half; positive."""

    def __post_init__(self) -> None:
        action_mode(self.action_mode)
        reward_named(self.reward)
        if self.episode_bars is not None and self.episode_bars < 1:
            raise ConfigError(
                "An episode must last at least one bar",
                came=f"{self.episode_bars}",
                where="episode_bars",
                mend="write None for no limit",
            )
        for name, least in (("reward_window_bars", 1.0), ("bars_held_scale_bars", 1e-9)):
            if not least <= getattr(self, name) < float("inf"):
                raise ConfigError(
                    f"{name} must be finite and at least {least:g}", came=f"{getattr(self, name)}"
                )
