"""`Bars`: an immutable, validated series of OHLCV bars, the one form in which data travels.

Not here: reading files (`envs.data`), features (`envs.features`), fills (`envs.market`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.errors import DataError
from envs.fingerprint import fingerprint
from envs.timeframe import Timeframe

COLUMNS = ("open", "high", "low", "close", "volume", "spread_points")


@dataclass(frozen=True, kw_only=True, eq=False)
class Bars:
    """A time-ordered series of bars with bid prices, as MetaTrader exports them.

    All arrays are read-only. Construction checks shapes, dtypes, finiteness and time order; the
    rules of a good bar (high above low and so on) are checked by `envs.data.validate`.

    Attributes:
        symbol: Name of the instrument, for display and default contract size.
        timeframe: Regular distance between bars (gaps are allowed).
        point_size: Price of one point, e.g. 0.001 for gold quoted with three decimals.
        time_us: `(n_bars,) int64` open time, UTC, microseconds since 1970, strictly increasing.
        open, high, low, close: `(n_bars,) float64` bid prices.
        volume: `(n_bars,) float64` traded or tick volume; zeros when the source has none.
        spread_points: `(n_bars,) float64` ask minus bid in points; zeros when the source has none.
        extra: Further `(n_bars,) float64` columns by name (sentiment, funding, ...).

    Raises:
        DataError: If a column has another length, is not finite, or times do not increase.
    """

    symbol: str
    timeframe: Timeframe
    point_size: float
    time_us: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    spread_points: NDArray[np.float64]
    extra: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (np.isfinite(self.point_size) and self.point_size > 0):
            raise DataError("The point size must be positive", came=f"{self.point_size!r}")
        times = _frozen(self.time_us, np.dtype(np.int64))
        object.__setattr__(self, "time_us", times)
        if times.ndim != 1 or (np.diff(times) <= 0).any():
            raise DataError("Bar times must increase strictly", came="a repeated or earlier time")
        for name in COLUMNS:
            object.__setattr__(self, name, self._checked(name, getattr(self, name)))
        extra = {name: self._checked(name, column) for name, column in self.extra.items()}
        object.__setattr__(self, "extra", MappingProxyType(extra))

    def __len__(self) -> int:
        return len(self.time_us)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle through the constructor arguments: a mapping proxy does not pickle."""
        state = {name: getattr(self, name) for name in ("symbol", "timeframe", "point_size")}
        state |= {name: getattr(self, name) for name in ("time_us", *COLUMNS)}
        return _rebuild, ({**state, "extra": dict(self.extra)},)

    def slice(self, start: int, stop: int) -> Bars:
        """Return bars [start, stop) as views; nothing is copied."""
        columns = {name: getattr(self, name)[start:stop] for name in ("time_us", *COLUMNS)}
        return Bars(
            symbol=self.symbol,
            timeframe=self.timeframe,
            point_size=self.point_size,
            extra={name: column[start:stop] for name, column in self.extra.items()},
            **columns,
        )

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything in these bars, symbol included."""
        columns = [getattr(self, name) for name in ("time_us", *COLUMNS)]
        return fingerprint(
            "bars-1", self.symbol, self.timeframe, self.point_size, columns, dict(self.extra)
        )

    def _checked(self, name: str, column: NDArray[np.float64]) -> NDArray[np.float64]:
        column = _frozen(column, np.dtype(np.float64))
        if column.shape != self.time_us.shape:
            raise DataError(
                f"Column {name!r} must have one value a bar",
                came=f"shape {column.shape} for {len(self)} bars",
            )
        if not np.isfinite(column).all():
            row = int(np.flatnonzero(~np.isfinite(column))[0])
            raise DataError("Bars must be finite", came=f"{column[row]}", where=f"{name}[{row}]")
        return column


def _frozen(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """View `array` read-only in `dtype`; the caller's own array stays writable."""
    view = np.asarray(array, dtype=dtype).view()
    view.flags.writeable = False
    return view


def _rebuild(state: dict[str, object]) -> Bars:
    return Bars(**state)  # type: ignore[arg-type]  # the names are the constructor's own
