"""`Tape`: bars and features as the arrays that environments read while they walk.

Not here: how an episode moves along it (`envs.vector_env`). A decision at bar t may see row t of
the features; the fill and the mark read row t+1 of the prices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from envs.bars import Bars
from envs.errors import ConfigError
from envs.market.account import Array
from envs.market.config import MarketConfig
from envs.market.contract import contract_size_for
from envs.market.currency import SET_IN_CONFIG, conversion_of
from envs.timeframe import SECONDS_PER_DAY, US_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence
US_PER_DAY = SECONDS_PER_DAY * US_PER_SECOND


class Prices(NamedTuple):
    """What the market needs of one bar, for each environment.

    Attributes:
        open, close: Bid prices.
        spread: Ask minus bid, in price.
        nights: UTC midnights between the bar before and this one.
    """

    open: Array
    close: Array
    spread: Array
    nights: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Tape:
    """Bars and features, ready to be walked; arrays of one library on one device.

    Attributes:
        open, close: `(n_bars,) float64` bid prices; a bar's extremes decide nothing.
        spread_points: `(n_bars,) float64` the spread that is charged, in points.
        nights: `(n_bars,) float64` UTC midnights between bar t-1 and bar t; 0 at the first bar.
        time_us: `(n_bars,) int64` open times, UTC, microseconds.
        features: `(n_bars, n_features) float32`.
        feature_names: One for each column.
        point_size: Price of one point.
        contract_size: Units in one lot.
        contract_size_reason: Where that came from, for the run's record.
        currency_conversion: USD for one unit of the quote currency.
        currency_conversion_reason: Where that came from.
    """

    open: Array
    close: Array
    spread_points: Array
    nights: Array
    time_us: Array
    features: Array
    feature_names: tuple[str, ...]
    point_size: float
    contract_size: float
    contract_size_reason: str
    currency_conversion: float
    currency_conversion_reason: str

    def __len__(self) -> int:
        return len(self.close)

    @property
    def usd_per_price(self) -> float:
        """Profit of one lot when the price moves by 1, USD."""
        return self.contract_size * self.currency_conversion

    @cached_property
    def prices(self) -> Array:
        """`(n_bars, 4) float64` columns of `Prices`, packed so that one gather reads a bar."""
        xp = array_api_compat.array_namespace(self.close)
        spread = self.spread_points * self.point_size
        return xp.stack([self.open, self.close, spread, self.nights], axis=1)

    def read(self, bars: Array) -> Prices:
        """Gather the prices of these bars: `(n_envs,)` indices, or one Python int for floats."""
        if isinstance(bars, int):
            return Prices(*self.prices[bars].tolist())
        rows = take_rows(self.prices, bars)
        return Prices(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3])

    def to(self, convert: Callable[[NDArray[Any]], Array]) -> Tape:
        """Convert a copy of every array, e.g. with `torch.as_tensor`, so that the rules run there.

        A copy, because those of `Bars` are read-only and a tensor would be a way around that.

        Args:
            convert: Takes a NumPy array; must keep its dtype (accounting is float64).
        """
        arrays = {f.name: getattr(self, f.name) for f in fields(self)}
        arrays = {
            name: convert(a.copy()) for name, a in arrays.items() if isinstance(a, np.ndarray)
        }
        return replace(self, **arrays)


def take_rows(matrix: Array, rows: Array) -> Array:
    """Gather rows `(n, n_columns)` of a matrix by indices that are known to be inside it."""
    if isinstance(matrix, np.ndarray):  # "clip" spares the buffering that checked indices need
        return matrix.take(rows, axis=0, mode="clip")
    return array_api_compat.array_namespace(matrix).take(matrix, rows, axis=0)


def make_tape(bars: Bars, features: Any, config: MarketConfig) -> Tape:
    """Put bars and features together; nothing is copied but a spread that `config` changes.

    Args:
        bars: The bars to trade.
        features: A `FeatureMatrix`, or `(n_bars, n_features) float32` without names.
        config: Spread override and multiplier, contract size, currency conversion.

    Raises:
        ConfigError: If features and bars differ in length, the features are not float32, or the
            symbol is quoted in another currency than USD and no conversion is set.
    """
    values, names = _feature_matrix(features)
    if values.ndim != 2 or len(values) != len(bars) or values.dtype != np.float32:
        raise ConfigError(
            "Features must be float32 with one row a bar",
            came=f"{values.dtype} of shape {values.shape} for {len(bars)} bars",
        )
    size = contract_size_for(bars.symbol)
    if config.contract_size is not None:
        size = size._replace(value=config.contract_size, reason=SET_IN_CONFIG)
    conversion, conversion_reason = conversion_of(bars, config)
    return Tape(
        **{name: getattr(bars, name) for name in ("open", "close", "time_us")},
        spread_points=_charged_spread(bars, config),
        nights=count_nights(bars.time_us),
        features=values,
        feature_names=tuple(names),
        point_size=bars.point_size,
        contract_size=size.value,
        contract_size_reason=size.reason,
        currency_conversion=conversion,
        currency_conversion_reason=conversion_reason,
    )


def count_nights(time_us: NDArray[np.int64]) -> NDArray[np.float64]:
    """Count the UTC midnights between each bar and the one before: `(n_bars,) float64`.

    A weekend between Friday and Monday holds three, so no day needs a triple charge.
    """
    days = time_us // US_PER_DAY
    return np.diff(days, prepend=days[:1]).astype(np.float64)


def _charged_spread(bars: Bars, config: MarketConfig) -> NDArray[np.float64]:
    spread = bars.spread_points
    if config.spread_points is not None:
        spread = np.full(len(bars), config.spread_points)
    return spread if config.spread_multiplier == 1.0 else spread * config.spread_multiplier


def _feature_matrix(features: Any) -> tuple[NDArray[np.float32], Sequence[str]]:
    values = getattr(features, "values", features)
    names = getattr(features, "names", None)
    if names is None:
        names = [f"feature_{column}" for column in range(values.shape[-1])]
    return values, names
