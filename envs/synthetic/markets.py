"""Planted markets: bars made from a hidden drift, from nothing, or from a leaked future.

One unit of return is `UNIT_LOG_RETURN` of log price. Each bar opens at the close before it, so that
a decision at the close of bar t, filled at the open of bar t+1 and marked at its close, earns
exactly `returns[t + 1]`. The spread is twice the planted cost of one side, at the bar's open. The
market charges it once a trade (a long at its entry, a short at its exit), so going in and out
costs two sides, always, and a full reversal two sides on average: none of its own from long to
short, two spreads from short to long.

Not here: the best that can be earned (`envs.synthetic.optimum`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from envs.bars import Bars
from envs.errors import ConfigError, UnknownNameError
from envs.timeframe import US_PER_SECOND, Timeframe

UNIT_LOG_RETURN = 1e-3
"""Log-price change of one unit of return: an hour of a lively market."""
FIRST_PRICE = 100_000.0
"""With one unit a lot and 0.01 lots for 500 of balance, a position is worth twice the equity."""
POINTS_PER_PRICE = 100
"""Prices have two decimals: rounding moves a return by less than 0.0002 units near this price."""
FIRST_TIME = datetime(2015, 1, 1, tzinfo=UTC)
OBSERVED_WINDOWS_BARS = (4, 16, 48, 96, 192)
SAMPLE_BARS = 20_000
SAMPLE_SEED = 2015
SAMPLE_DIFFICULTY = "easy"


@dataclass(frozen=True, kw_only=True)
class PlantedConfig:
    """A market: r_t = drift * s_t + unit normal noise, s_t in {-1, +1}.

    Raises:
        ConfigError: If a value is out of range.
    """

    drift: float = 0.15
    """Mean return a bar in the state +1, in units, at least 0; 0 = nothing to learn."""
    p_switch: float = 1 / 150
    """Probability that the state changes from one bar to the next, in (0, 0.5]."""
    cost_per_side: float = 0.15
    """Cost of going in or out, in units, at least 0; a full reversal is two sides."""

    def __post_init__(self) -> None:
        if not (np.isfinite(self.drift) and self.drift >= 0):
            raise ConfigError("drift must be at least 0", came=f"{self.drift}")
        if not 0 < self.p_switch <= 0.5:
            raise ConfigError("p_switch must be in (0, 0.5]", came=f"{self.p_switch}")
        if not (np.isfinite(self.cost_per_side) and self.cost_per_side >= 0):
            raise ConfigError("cost_per_side must be at least 0", came=f"{self.cost_per_side}")


REFERENCE = PlantedConfig()
DIFFICULTIES: Mapping[str, PlantedConfig] = MappingProxyType(
    {
        "easy": PlantedConfig(drift=0.3, p_switch=1 / 200, cost_per_side=0.1),
        "medium": REFERENCE,
        "reference": REFERENCE,
        "hard": PlantedConfig(drift=0.1, p_switch=1 / 120, cost_per_side=0.15),
    }
)
"""Markets by name; `medium` is the reference market. What each can earn: `optimum_of`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PlantedMarket:
    """A market and what is hidden in it.

    Attributes:
        config: Its parameters.
        returns: `(n_bars,) float64` return of each bar, open to close, in units.
        states: `(n_bars,) int64` hidden state of each bar, -1 or +1.
        bars: The same market as bars.
    """

    config: PlantedConfig
    returns: NDArray[np.float64]
    states: NDArray[np.int64]
    bars: Bars


def planted_market(*, n_bars: int, seed: int, difficulty: str = "reference") -> PlantedMarket:
    """Make a market with a hidden two-state drift.

    Args:
        n_bars: Bars, at least 2.
        seed: Same seed, same market; a longer market is not a continuation of a shorter one.
        difficulty: A name of `DIFFICULTIES`.

    Raises:
        UnknownNameError: If the difficulty is not a known one.
        ConfigError: If there are too few bars.
    """
    if difficulty not in DIFFICULTIES:
        raise UnknownNameError.of("difficulty", difficulty, DIFFICULTIES)
    return _market(DIFFICULTIES[difficulty], n_bars=n_bars, seed=seed, symbol="PLANTED")


def noise_market(*, n_bars: int, seed: int) -> PlantedMarket:
    """Make a market with nothing to learn: the honest answer is to stay flat.

    Raises:
        ConfigError: If there are too few bars.
    """
    config = replace(REFERENCE, drift=0.0)
    return _market(config, n_bars=n_bars, seed=seed, symbol="NOISE")


def leaked_future_market(*, n_bars: int, seed: int) -> PlantedMarket:
    """Make pure noise with an extra column `leak` that holds the next bar's return, in units.

    A positive control: whoever reads the column earns far more than any honest policy; whoever
    guards against the future must refuse it. The last bar's leak is 0.

    Raises:
        ConfigError: If there are too few bars.
    """
    market = noise_market(n_bars=n_bars, seed=seed)
    leak = np.append(market.returns[1:], 0.0)
    return replace(market, bars=replace(market.bars, symbol="LEAKED", extra={"leak": leak}))


@lru_cache(maxsize=1)
def sample_market() -> PlantedMarket:
    """Return the embedded sample: an easy planted market, 20,000 hourly bars from 2015 on."""
    return planted_market(n_bars=SAMPLE_BARS, seed=SAMPLE_SEED, difficulty=SAMPLE_DIFFICULTY)


def sample_bars() -> Bars:
    """Return the bars of the embedded sample."""
    return sample_market().bars


def reference_observations(returns: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return what the reference agent sees, without its position; row t uses returns <= t.

    Args:
        returns: `(n_bars,) float64` in units.

    Returns:
        `(n_bars, 6) float32`: the return, and its sums over 4, 16, 48, 96 and 192 bars divided by
        the root of that length; at the start, sums over the bars there are.
    """
    totals = np.concatenate([[0.0], np.cumsum(returns)])
    stop = np.arange(1, len(returns) + 1)
    sums = [
        (totals[stop] - totals[np.maximum(stop - window, 0)]) / np.sqrt(window)
        for window in OBSERVED_WINDOWS_BARS
    ]
    return np.column_stack([returns, *sums]).astype(np.float32)


def _market(config: PlantedConfig, *, n_bars: int, seed: int, symbol: str) -> PlantedMarket:
    if n_bars < 2:
        raise ConfigError("A planted market needs at least 2 bars", came=f"{n_bars}")
    # One stream for the market, one for its looks: the looks never move the returns.
    market_stream, looks_stream = np.random.SeedSequence(seed).spawn(2)
    returns, states = simulate(config, n_bars=n_bars, rng=np.random.default_rng(market_stream))
    bars = _bars(config, returns, symbol=symbol, rng=np.random.default_rng(looks_stream))
    return PlantedMarket(config=config, returns=returns, states=states, bars=bars)


def simulate(
    config: PlantedConfig, *, n_bars: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Draw returns and hidden states, `(n_bars,)` each; the first state is even odds."""
    switches = rng.random(n_bars) < config.p_switch
    switches[0] = rng.random() < 0.5
    states = 1 - 2 * (np.cumsum(switches) % 2)
    return config.drift * states + rng.standard_normal(n_bars), states


def _bars(
    config: PlantedConfig, returns: NDArray[np.float64], *, symbol: str, rng: np.random.Generator
) -> Bars:
    """Draw bars around the returns. Prices are counted in whole points, so that they are exact."""
    n_bars = len(returns)
    log_price = np.concatenate([[0.0], np.cumsum(UNIT_LOG_RETURN * returns)])
    points = np.rint(FIRST_PRICE * POINTS_PER_PRICE * np.exp(log_price))
    opens, closes = points[:-1], points[1:]
    wicks = np.exp(0.5 * UNIT_LOG_RETURN * np.abs(rng.standard_normal((2, n_bars))))
    activity = 0.3 * rng.standard_normal(n_bars) + 0.2 * np.abs(returns)
    step_us = 3600 * US_PER_SECOND
    first_us = int(FIRST_TIME.timestamp()) * US_PER_SECOND
    return Bars(
        symbol=symbol,
        timeframe=Timeframe(step_us=step_us),
        point_size=1 / POINTS_PER_PRICE,
        time_us=first_us + step_us * np.arange(n_bars, dtype=np.int64),
        open=opens / POINTS_PER_PRICE,
        high=np.ceil(np.maximum(opens, closes) * wicks[0]) / POINTS_PER_PRICE,
        low=np.floor(np.minimum(opens, closes) / wicks[1]) / POINTS_PER_PRICE,
        close=closes / POINTS_PER_PRICE,
        volume=1 + np.rint(1000 * np.exp(activity)),
        spread_points=np.rint(2 * config.cost_per_side * UNIT_LOG_RETURN * opens),
    )
