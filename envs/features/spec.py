"""The named, versioned features: what each is, when it starts to hold, and whether it is scaled.

Here: the list. Not here: the arithmetic (`envs.features.indicators`, `envs.features.clock`).
Read next: `envs.features.build`.

`first_bar` is the first bar at which a column may be used. For a window it is the bar that fills
it. For an average that never forgets (Wilder's, exponential) it is the bar at which the value that
started it weighs less than 1%: five periods for Wilder's, two and a half for an exponential one.
Columns that are bounded by their definition, cyclical or flags are not scaled: zero, one and the
distance between them mean something there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from envs.errors import UnknownNameError
from envs.features import clock, indicators
from envs.features.indicators import PriceView

Compute = Callable[[PriceView], NDArray[np.float64]]

_WILDER_SETTLE = 70
_EMA_26_SETTLE = 65
_ATR_FIRST = 14 + _WILDER_SETTLE
_ADX_FIRST = 27 + _WILDER_SETTLE
_MACD_FIRST = 33 + _EMA_26_SETTLE


@dataclass(frozen=True, kw_only=True)
class FeatureSpec:
    """One column of a feature set.

    Attributes:
        name: What users select it by.
        compute: Makes `(n_bars,) float64`; rows before `first_bar` may be NaN.
        first_bar: First bar at which the column holds.
        is_scaled: False for columns whose values mean something as they are.
    """

    name: str
    compute: Compute
    first_bar: int
    is_scaled: bool


@dataclass(frozen=True, kw_only=True)
class FeatureSet:
    """An ordered list of features under one name and version.

    Attributes:
        name: What `FeatureConfig.set_name` selects.
        version: Raised whenever a column changes its meaning, its name or its place.
        features: The columns, in order.
    """

    name: str
    version: int
    features: tuple[FeatureSpec, ...]

    @property
    def label(self) -> str:
        """Name and version, as models store it."""
        return f"{self.name}-{self.version}"


def feature_set(name: str) -> FeatureSet:
    """Find a feature set.

    Raises:
        UnknownNameError: If there is none of that name.
    """
    if name not in FEATURE_SETS:
        raise UnknownNameError.of("feature set", name, FEATURE_SETS)
    return FEATURE_SETS[name]


def _scaled(name: str, compute: Compute, first_bar: int = 0) -> FeatureSpec:
    return FeatureSpec(name=name, compute=compute, first_bar=first_bar, is_scaled=True)


def _plain(name: str, compute: Compute, first_bar: int = 0) -> FeatureSpec:
    return FeatureSpec(name=name, compute=compute, first_bar=first_bar, is_scaled=False)


def _returns() -> list[FeatureSpec]:
    horizons = (1, 4, 16, 48, 96)
    over = [_scaled(f"return_{n}", partial(indicators.log_return, n_bars=n), n) for n in horizons]
    lag = indicators.lagged_return
    return over + [_scaled(f"return_1_lag_{n}", partial(lag, n_bars=n), n + 1) for n in (1, 2, 3)]


def _momentum() -> list[FeatureSpec]:
    return [
        _plain("rsi_14", indicators.relative_strength, 14 + _WILDER_SETTLE),
        _plain("adx_14", indicators.trend_strength, _ADX_FIRST),
        _plain("di_14", indicators.trend_direction, 14 + _WILDER_SETTLE),
        _scaled("macd_12_26_9", lambda view: view.macd[0], _MACD_FIRST),
        _scaled("macd_histogram_12_26_9", lambda view: view.macd[1], _MACD_FIRST),
        _plain("stochastic_k_14_3", lambda view: view.stochastic, 15),
        _plain("stochastic_d_14_3_3", indicators.stochastic_signal, 17),
        _plain("channel_48", lambda view: view.channel_position(48), 47),
    ]


def _volatility() -> list[FeatureSpec]:
    return [
        _scaled("atr_14", indicators.average_range, _ATR_FIRST),
        _scaled("volatility_24", partial(indicators.volatility, n_bars=24), 24),
        _scaled("bollinger_20", lambda view: view.bollinger[0], 19),
        _scaled("bollinger_width_20", lambda view: view.bollinger[1], 19),
    ]


def _bar_shape() -> list[FeatureSpec]:
    return [
        _scaled("range", indicators.bar_range),
        _plain("body", indicators.body),
        _plain("upper_wick", indicators.upper_wick),
        _plain("lower_wick", indicators.lower_wick),
        _scaled("opening_gap", indicators.opening_gap, 1),
        _scaled("spread", indicators.relative_spread),
    ]


def _volume() -> list[FeatureSpec]:
    return [
        _plain("volume_change", indicators.volume_change, 1),
        _scaled("volume_ratio_24", partial(indicators.volume_ratio, n_bars=24), 23),
        _scaled("vwap_distance_24", partial(indicators.vwap_distance, n_bars=24), 23),
    ]


def _time() -> list[FeatureSpec]:
    cycles = {"hour": clock.day_frac, "weekday": clock.week_frac, "week": clock.year_frac}
    waves = {"sin": clock.sine, "cos": clock.cosine}
    sessions = {"asia": (0, 9), "london": (7, 16), "new_york": (12, 21)}
    return [
        *(
            _plain(f"{cycle}_{wave}", _of_bars(partial(function, frac)))
            for cycle, frac in cycles.items()
            for wave, function in waves.items()
        ),
        *(
            _plain(f"session_{name}", _of_bars(partial(clock.session, hours=hours)))
            for name, hours in sessions.items()
        ),
    ]


def _of_bars(compute: Callable[..., NDArray[np.float64]]) -> Compute:
    return lambda view: compute(view.bars)


_DEFAULT = FeatureSet(
    name="default",
    version=1,
    features=(*_returns(), *_momentum(), *_volatility(), *_bar_shape(), *_volume(), *_time()),
)
FEATURE_SETS = {_DEFAULT.name: _DEFAULT}
