"""Coarser bars of finer ones.

Bins are aligned to UTC midnight, weeks to Monday. A bar of a session that was not complete (the
first and the last of a file, holidays) is kept: it holds what happened in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.bars import Bars
from envs.errors import ConfigError
from envs.timeframe import SECONDS_PER_DAY, US_PER_SECOND, Timeframe

_MONDAY_US = 4 * SECONDS_PER_DAY * US_PER_SECOND  # 1970-01-05
_WEEK_US = 7 * SECONDS_PER_DAY * US_PER_SECOND


def resample(bars: Bars, timeframe: Timeframe | str) -> Bars:
    """Aggregate bars to a coarser timeframe.

    Open is the first, high the highest, low the lowest, close the last, volume the sum. The spread
    is the first one, because a fill happens at the open of a bar and pays the spread of that
    moment. Extra columns take their last value, known at the close like the close itself.

    Args:
        bars: Finer bars.
        timeframe: A whole multiple of the bars' own, as a `Timeframe` or a name such as `4h`.

    Returns:
        New bars, one for each bin that holds at least one bar; the same object for the same
        timeframe.

    Raises:
        ConfigError: If the timeframe is no whole multiple of the bars' own.
    """
    target = Timeframe.parse(timeframe) if isinstance(timeframe, str) else timeframe
    if target.step_us % bars.timeframe.step_us:
        raise ConfigError(
            "Bars can only be resampled to a whole multiple of their timeframe",
            came=f"{bars.timeframe.name} to {target.name}",
        )
    if target == bars.timeframe:
        return bars
    origin = _MONDAY_US if target.step_us % _WEEK_US == 0 else 0
    bins = (bars.time_us - origin) // target.step_us
    first = np.flatnonzero(np.diff(bins, prepend=bins[:1] - 1))
    last = np.append(first[1:], len(bars))[: len(first)] - 1
    return Bars(
        symbol=bars.symbol,
        timeframe=target,
        point_size=bars.point_size,
        time_us=bins[first] * target.step_us + origin,
        open=bars.open[first],
        high=_reduced(np.maximum, bars.high, first),
        low=_reduced(np.minimum, bars.low, first),
        close=bars.close[last],
        volume=_reduced(np.add, bars.volume, first),
        spread_points=bars.spread_points[first],
        extra={name: column[last] for name, column in bars.extra.items()},
    )


def _reduced(
    operation: np.ufunc, column: NDArray[np.float64], first: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Fold each bin of a column; no bars give no bins."""
    if not len(first):
        return column[:0]
    folded: NDArray[np.float64] = operation.reduceat(column, first)
    return folded
