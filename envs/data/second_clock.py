"""Does a second column of times tell the same moments as the first?

It may be on another clock, or say the date only; it must not tell another day. Read next:
`envs.data.time_columns`, which chose the first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.data.parsed_times import ParsedTimes
from envs.data.times import read_times
from envs.errors import DataError

_US_PER_HOUR = 3_600_000_000
_QUARTER_US = _US_PER_HOUR // 4
_MOST_WEST_US, _MOST_EAST_US = -12 * _US_PER_HOUR, 14 * _US_PER_HOUR
_MINUTE_US = _US_PER_HOUR // 60
_DAY_US = 24 * _US_PER_HOUR


def check_second_clock(
    first: ParsedTimes, column: Any, *, first_is_known: bool, name: str, where: str
) -> None:
    """Refuse a second column that contradicts the first.

    Args:
        first: The times that are used.
        column: Arrow array of the other column.
        first_is_known: Whether the clock of the first is said by the file.
        name: Its name, for the message.
        where: File and column of the times, for the message.

    Raises:
        DataError: If the two differ by what no clock on earth explains, or by two clocks of which
            neither is known.
    """
    try:
        second = read_times([column], day_first=None, where=f"column {name!r}")
    except DataError:  # day and month not clear, or no times at all: nothing is contradicted
        return
    both = np.flatnonzero(~first.unreadable & ~second.unreadable)
    away = (second.time_us - first.time_us)[both]
    contradicts = _contradicts(second, away, first_is_known=first_is_known)
    if not contradicts.any():
        return
    row = int(both[np.argmax(contradicts)])
    raise DataError(
        "Two columns of times must tell the same moments, or one of them must name its clock",
        came=f"{np.datetime64(int(first.time_us[row]), 'us')} in one and "
        f"{column[row].as_py()} in column {name!r}, and {int(contradicts.sum())} such rows",
        where=where,
        mend="remove the column that is wrong, or name the one in UTC `time_utc`",
    )


def _contradicts(
    second: ParsedTimes, away: NDArray[np.int64], *, first_is_known: bool
) -> NDArray[np.bool_]:
    bad: NDArray[np.bool_]
    if second.is_absolute:
        bad = np.abs(away) >= _MINUTE_US
    elif (second.time_us[~second.unreadable] % _DAY_US == 0).all():  # dates
        bad = (away < _MOST_WEST_US - _DAY_US) | (away > _MOST_EAST_US)
    elif not first_is_known:
        bad = away != 0
    else:
        bad = (away < _MOST_WEST_US) | (away > _MOST_EAST_US) | (away % _QUARTER_US != 0)
    return bad
