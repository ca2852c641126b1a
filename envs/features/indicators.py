"""The price and volume columns of the default set, assembled from TA-Lib and rolling sums.

Here: one small function a column. Not here: names, warm-up and scaling (`envs.features.spec`), time
(`envs.features.clock`). Row t of every column uses bars <= t only.

TA-Lib knows absolute thresholds (a sum below 1e-14 is zero), so prices are given to it in units of
the first close over 100: a coin at 1e-8 and an index at 40,000 then behave alike. It also turns one
NaN into a silent zero for ever; `Bars` are finite by construction and `PriceView` refuses what
would make NaN. Every parameter is passed: TA-Lib's defaults have changed between versions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import talib
from numpy.typing import NDArray

from envs.bars import Bars
from envs.errors import FeatureError
from envs.features.rolling import rolling_deviation, rolling_sum

Floats = NDArray[np.float64]

_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class PriceView:
    """Bars as the indicators want them, with the intermediates that several of them share.

    Raises:
        FeatureError: If there is no bar, or a price is not positive (it has no logarithm).
    """

    bars: Bars

    def __post_init__(self) -> None:
        if not len(self.bars):
            raise FeatureError("Features need bars", came="none")
        for name in ("open", "high", "low", "close"):
            wrong = np.flatnonzero(getattr(self.bars, name) <= 0)
            if wrong.size:
                raise FeatureError(
                    "Prices must be positive",
                    came=f"{getattr(self.bars, name)[wrong[0]]}",
                    where=f"{name}[{wrong[0]}]",
                    mend="drop these bars, or leave out the default set",
                )

    @cached_property
    def unit(self) -> float:
        """Price that the indicators see as 1."""
        return float(self.bars.close[0]) / 100.0

    @cached_property
    def open(self) -> Floats:
        """Open, in units."""
        return self.bars.open / self.unit

    @cached_property
    def high(self) -> Floats:
        """High, in units."""
        return self.bars.high / self.unit

    @cached_property
    def low(self) -> Floats:
        """Low, in units."""
        return self.bars.low / self.unit

    @cached_property
    def close(self) -> Floats:
        """Close, in units."""
        return self.bars.close / self.unit

    @cached_property
    def log_close(self) -> Floats:
        """Log of the close, in units."""
        return np.log(self.close)

    @cached_property
    def log_return(self) -> Floats:
        """Log return over one bar; NaN at the first."""
        return _change(self.log_close, 1)

    @cached_property
    def average_range(self) -> Floats:
        """Average true range over 14 bars (Wilder, 1978), in units."""
        return talib.ATR(self.high, self.low, self.close, timeperiod=14)

    @cached_property
    def macd(self) -> tuple[Floats, Floats]:
        """MACD 12, 26, 9 (Appel) and its histogram, over the average range."""
        line, _, histogram = talib.MACD(self.close, fastperiod=12, slowperiod=26, signalperiod=9)
        return _ratio(line, self.average_range), _ratio(histogram, self.average_range)

    @cached_property
    def bollinger(self) -> tuple[Floats, Floats]:
        """Log price against its 20-bar band of two deviations: position, and half width."""
        deviation, spread = rolling_deviation(self.log_close, window_bars=20)
        half_width = 2.0 * spread
        return _ratio(deviation, half_width), half_width

    @cached_property
    def stochastic(self) -> Floats:
        """Fast %K over 14 bars, smoothed over 3, moved to [-1, 1]; 0 where nothing moved."""
        raw = self.channel_position(14)
        return talib.SMA(raw, timeperiod=3)

    @cached_property
    def candle(self) -> Floats:
        """High minus low, in units."""
        return self.high - self.low

    def channel_position(self, n_bars: int) -> Floats:
        """Place the close between lowest low (-1) and highest high (1); 0 where they agree."""
        top = talib.MAX(self.high, timeperiod=n_bars)
        bottom = talib.MIN(self.low, timeperiod=n_bars)
        return _ratio(2.0 * self.close - top - bottom, top - bottom)


def log_return(view: PriceView, n_bars: int) -> Floats:
    """Log return over `n_bars` bars."""
    return _change(view.log_close, n_bars)


def lagged_return(view: PriceView, n_bars: int) -> Floats:
    """One-bar log return of `n_bars` bars ago."""
    out = np.full(len(view.bars), np.nan)
    out[n_bars:] = view.log_return[:-n_bars]
    return out


def relative_strength(view: PriceView) -> Floats:
    """RSI over 14 bars (Wilder, 1978), moved to [-1, 1].

    Taken from CMO, which TA-Lib smooths alike: CMO = 2 RSI - 100, but a price that never moved
    gives 0 where TA-Lib's RSI gives its lowest value.
    """
    return talib.CMO(view.close, timeperiod=14) / 100.0


def average_range(view: PriceView) -> Floats:
    """ATR over 14 bars relative to the close."""
    return view.average_range / view.close


def volatility(view: PriceView, n_bars: int) -> Floats:
    """Standard deviation (ddof 0) of the last `n_bars` one-bar log returns."""
    out = np.full(len(view.bars), np.nan)
    out[1:] = rolling_deviation(view.log_return[1:], window_bars=n_bars)[1]
    return out


def trend_strength(view: PriceView) -> Floats:
    """ADX over 14 bars (Wilder, 1978) in [0, 1]."""
    return talib.ADX(view.high, view.low, view.close, timeperiod=14) / 100.0


def trend_direction(view: PriceView) -> Floats:
    """Plus minus minus directional indicator over 14 bars, in [-1, 1]."""
    prices = (view.high, view.low, view.close)
    plus = talib.PLUS_DI(*prices, timeperiod=14)
    return (plus - talib.MINUS_DI(*prices, timeperiod=14)) / 100.0


def stochastic_signal(view: PriceView) -> Floats:
    """%D: the stochastic smoothed over 3 bars more."""
    raw = view.stochastic
    return talib.SMA(raw, timeperiod=3)


def volume_change(view: PriceView) -> Floats:
    """Change of volume over the sum of both bars' volumes, in [-1, 1]; 0 where both are zero."""
    volume = view.bars.volume
    out = np.full(len(volume), np.nan)
    out[1:] = _ratio(volume[1:] - volume[:-1], volume[1:] + volume[:-1], nothing=0.0)
    return out


def volume_ratio(view: PriceView, n_bars: int) -> Floats:
    """Log of one plus volume over its mean, minus log 2: 0 at the mean, -log 2 at no volume."""
    mean = rolling_sum(view.bars.volume, window_bars=n_bars) / n_bars
    ratio = np.where(mean > 0, view.bars.volume / np.where(mean > 0, mean, 1.0), 1.0)
    return np.asarray(np.log1p(ratio) - np.log(2.0))


def bar_range(view: PriceView) -> Floats:
    """High minus low, relative to the close."""
    return view.candle / view.close


def body(view: PriceView) -> Floats:
    """Close minus open over the range, in [-1, 1]; 0 for a bar without range."""
    return _ratio(view.close - view.open, view.candle)


def upper_wick(view: PriceView) -> Floats:
    """Part of the range above open and close, in [0, 1]."""
    return _ratio(view.high - np.maximum(view.open, view.close), view.candle)


def lower_wick(view: PriceView) -> Floats:
    """Part of the range below open and close, in [0, 1]."""
    return _ratio(np.minimum(view.open, view.close) - view.low, view.candle)


def opening_gap(view: PriceView) -> Floats:
    """Log of the open over the close before."""
    out = np.full(len(view.bars), np.nan)
    out[1:] = np.log(view.bars.open[1:] / view.bars.close[:-1])
    return out


def vwap_distance(view: PriceView, n_bars: int) -> Floats:
    """Log of the close over the volume-weighted typical price of the last `n_bars` bars.

    Where none of these bars has volume, each weighs the same.
    """
    typical = (view.high + view.low + view.close) / 3.0
    volume = rolling_sum(view.bars.volume, window_bars=n_bars)
    traded = rolling_sum(typical * view.bars.volume, window_bars=n_bars)
    plain = rolling_sum(typical, window_bars=n_bars) / n_bars
    average = np.where(volume > 0, traded / np.where(volume > 0, volume, 1.0), plain)
    return np.log(view.close / average)


def relative_spread(view: PriceView) -> Floats:
    """Spread over the close."""
    return view.bars.spread_points * (view.bars.point_size / view.bars.close)


def _change(values: Floats, n_bars: int) -> Floats:
    out = np.full(len(values), np.nan)
    out[n_bars:] = values[n_bars:] - values[:-n_bars]
    return out


def _ratio(numerator: Floats, denominator: Floats, *, nothing: float = _TINY) -> Floats:
    """Divide, with 0 where the denominator is nothing: no range, no volume, no movement."""
    is_nothing = np.abs(denominator) <= nothing
    return np.where(is_nothing, 0.0, numerator / np.where(is_nothing, 1.0, denominator))
