"""The bars that a command is asked to walk over: bar numbers or dates -> a range.

Not here: folds (`training.folds`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from envs.bars import Bars
from envs.errors import ConfigError
from training.folds import Range

_US_PER_S = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Window:
    """Decision bars, with the times of their first and last.

    Attributes:
        range: The bars that are decided on.
        first_time, last_time: Their open times, UTC, `2024-01-31 13:00`.
    """

    range: Range
    first_time: str
    last_time: str

    @property
    def n_bars(self) -> int:
        """Number of decision bars."""
        return self.range.n_bars


def choose_window(bars: Bars, start: str | None, stop: str | None, *, first_bar: int) -> Window:
    """Choose decision bars.

    Args:
        bars: The bars.
        start: First decision, a date (UTC) or a bar number; None is the first possible.
        stop: One past the last decision; None is the last possible.
        first_bar: First bar that may be decided on: before it features are warming up.

    Raises:
        ConfigError: If one cannot be read, or there is no bar between them.
    """
    last = len(bars) - 1  # the last decision needs one bar after it
    first = first_bar if start is None else _bar(bars, start, "--start")
    end = last if stop is None else min(_bar(bars, stop, "--stop"), last)
    if first < first_bar:
        raise ConfigError(
            f"The features need {first_bar} bars before the first decision",
            came=f"bar {first}",
            where="--start",
            mend=f"start at bar {first_bar} or later, or leave --start out",
        )
    if first >= end:
        raise ConfigError(
            "There must be a bar to decide on, and one after it",
            came=f"bars [{first}, {end}) of {len(bars)}, of which the first {first_bar} warm up",
            mend="use more bars, or another --start and --stop",
        )
    return Window(
        range=Range(first, end), first_time=_time(bars, first), last_time=_time(bars, end - 1)
    )


def _bar(bars: Bars, text: str, flag: str) -> int:
    """Return a bar's number: itself, or that of the first bar at or after a date."""
    if text.isdecimal():
        return min(int(text), len(bars))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{flag} must be a date or a bar number",
            came=repr(text),
            mend="write 2024-01-31, 2024-01-31T13:00 or 12500",
        ) from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return int(np.searchsorted(bars.time_us, round(moment.timestamp() * _US_PER_S)))


def _time(bars: Bars, bar: int) -> str:
    stamp = np.datetime64(int(bars.time_us[bar]), "us")
    return str(np.datetime_as_string(stamp, unit="m")).replace("T", " ")
