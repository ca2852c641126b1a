"""Unix numbers to microseconds: which unit are they in?

Between 1980 and 2100 the ranges of seconds, milliseconds, microseconds and nanoseconds do not
touch, so that a number names its unit. A file that mixes units says so for each row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.data.parsed_times import ParsedTimes
from envs.errors import DataError

FIRST_S = 315_532_800  # 1980-01-01
LAST_S = 4_102_444_800  # 2100-01-01
_FIRST_YEAR, _LAST_YEAR = 1980, 2100
_PER_SECOND = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}


def from_epoch(column: Any, *, where: str) -> ParsedTimes:
    """Read unix numbers.

    Args:
        column: Arrow int64 array, null where a row holds no whole number.
        where: File and column, for messages.

    Raises:
        DataError: If no unit puts any row between 1980 and 2100.
    """
    missing = column.is_null().to_numpy(zero_copy_only=False)
    numbers = column.fill_null(0).to_numpy(zero_copy_only=False)
    time_us = np.zeros(len(numbers), dtype=np.int64)
    unit_of = np.full(len(numbers), -1)
    for index, scale in enumerate(_PER_SECOND.values()):
        fits = ~missing & (numbers >= FIRST_S * scale) & (numbers < LAST_S * scale)
        unit_of[fits] = index
        part = numbers[fits]
        time_us[fits] = part // (scale // 10**6) if scale > 10**6 else part * (10**6 // scale)
    counts = np.bincount(unit_of[unit_of >= 0], minlength=len(_PER_SECOND))
    if not counts.any():
        raise _no_unit(int(numbers[~missing][0]) if (~missing).any() else None, where)
    _refuse_calendar(numbers[~missing], where)
    usual = int(np.argmax(counts))
    other = (unit_of >= 0) & (unit_of != usual)
    return ParsedTimes(
        time_us=time_us,
        unreadable=unit_of < 0,
        kind=f"unix {list(_PER_SECOND)[usual]}",
        is_absolute=True,
        is_epoch=True,
        other_unit=other if other.any() else None,
    )


def _refuse_calendar(numbers: NDArray[np.int64], where: str) -> None:
    """Refuse digits that are a date and an hour as well: 2024010112 is no second of 2034.

    Only ten digits can be both. Unix seconds all fit a calendar for less than an hour on end.
    """
    if not ((numbers >= 10**8) & (numbers < 10**10)).all():
        return
    pairs = [numbers // 100**place % 100 for place in (4, 3, 2, 1, 0)]
    first = numbers // 10**6
    is_year = (first >= _FIRST_YEAR) & (first < _LAST_YEAR)
    late_year = (numbers // 100 % 10**4 >= _FIRST_YEAR) & (numbers // 100 % 10**4 < _LAST_YEAR)
    readings = {
        "YYYYMMDDhh": is_year & _is_date(pairs[2], pairs[3]) & (pairs[4] < 24),
        "YYMMDDhhmm": _is_date(pairs[1], pairs[2]) & (pairs[3] < 24) & (pairs[4] < 60),
        "DDMMYYYYhh": late_year & _is_date(pairs[1], pairs[0]) & (pairs[4] < 24),
        "MMDDYYYYhh": late_year & _is_date(pairs[0], pairs[1]) & (pairs[4] < 24),
    }
    for name, fits in readings.items():
        if fits.all():
            raise DataError(
                "It must be clear whether digits are unix seconds or a date",
                came=f"{int(numbers[0])} and all others, which fit {name} as well",
                where=where,
                mend="write the times as YYYY-MM-DD hh:mm",
            )


def _is_date(month: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.bool_]:
    fits: NDArray[np.bool_] = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    return fits


def _no_unit(first: int | None, where: str) -> DataError:
    return DataError(
        "A unix time must lie between 1980 and 2100",
        came="no whole number" if first is None else f"{first}",
        where=where,
        mend=f"tried {', '.join(_PER_SECOND)}",
    )
