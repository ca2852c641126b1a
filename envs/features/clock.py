"""Columns that only a bar's open time decides: cyclical time and trading sessions, all UTC.

Not here: prices (`envs.features.indicators`). The hours of a session are fixed in UTC, so they are
an hour off during one half of the year; a network sees hour and week beside them and can tell.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from envs.bars import Bars
from envs.timeframe import SECONDS_PER_DAY, US_PER_SECOND

Floats = NDArray[np.float64]

US_PER_DAY = SECONDS_PER_DAY * US_PER_SECOND
US_PER_WEEK = 7 * US_PER_DAY
_MONDAY_US = 4 * US_PER_DAY  # 1970-01-05
_DAYS_PER_YEAR = 366.0


def day_frac(bars: Bars) -> Floats:
    """Part of the UTC day gone at the open, in [0, 1)."""
    return (bars.time_us % US_PER_DAY) / US_PER_DAY


def week_frac(bars: Bars) -> Floats:
    """Part of the week from Monday 00:00 UTC gone at the open, in [0, 1)."""
    return ((bars.time_us - _MONDAY_US) % US_PER_WEEK) / US_PER_WEEK


def year_frac(bars: Bars) -> Floats:
    """Days of the UTC year gone at the open, over 366, in [0, 1)."""
    times = bars.time_us.view("datetime64[us]")
    gone_us = (times - times.astype("datetime64[Y]")).astype(np.int64)
    return np.asarray(gone_us / (US_PER_DAY * _DAYS_PER_YEAR))


def sine(frac: Callable[[Bars], Floats], bars: Bars) -> Floats:
    """Sine of the phase that `frac` gives."""
    return np.sin(2.0 * np.pi * frac(bars))


def cosine(frac: Callable[[Bars], Floats], bars: Bars) -> Floats:
    """Cosine of the phase that `frac` gives."""
    return np.cos(2.0 * np.pi * frac(bars))


def session(bars: Bars, hours: tuple[int, int]) -> Floats:
    """1 for bars that open at or after the first hour and before the second, else 0."""
    hour = bars.time_us % US_PER_DAY // (US_PER_DAY // 24)
    return ((hour >= hours[0]) & (hour < hours[1])).astype(np.float64)
