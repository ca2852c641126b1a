"""Year, month, day, hour ... to microseconds since 1970, for whole columns at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_UNIX_EPOCH = np.datetime64("1970-01-01", "D")


@dataclass(frozen=True, kw_only=True)
class Fields:
    """Parts of a time, each `(n_rows,) int64`; -1 where missing.

    Attributes:
        year, month, day, hour, minute, second: As on the clock, `hour` from 0 to 23.
        micro: Fraction of the second in microseconds.
    """

    year: NDArray[np.int64]
    month: NDArray[np.int64]
    day: NDArray[np.int64]
    hour: NDArray[np.int64]
    minute: NDArray[np.int64]
    second: NDArray[np.int64]
    micro: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Mapping[str, Any]) -> Fields:
        """Read the named groups of a pattern: Arrow text arrays; absent groups count as zero."""
        n_rows = len(texts["year"])
        zeros = np.zeros(n_rows, dtype=np.int64)
        hour = _whole(texts["hour"]) if "hour" in texts else zeros
        if "half" in texts:
            hour = _half_day(hour, texts["half"])
        return cls(
            year=_whole(texts["year"]),
            month=_month(texts["name"]) if "name" in texts else _whole(texts["month"]),
            day=_whole(texts["day"]),
            hour=hour,
            minute=_whole(texts["minute"]) if "minute" in texts else zeros,
            second=_whole(texts["second"]) if "second" in texts else zeros,
            micro=_fraction(texts["fraction"]) if "fraction" in texts else zeros,
        )


def microseconds(fields: Fields) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Count microseconds since 1970 by the same clock.

    Returns:
        `(n_rows,) int64` microseconds, and `(n_rows,) bool` whether such a moment exists (no 30th
        of February, no 25 o'clock); where not, the number means nothing.
    """
    valid = (fields.month >= 1) & (fields.month <= 12) & (fields.day >= 1) & (fields.day <= 31)
    valid &= (fields.year >= 1800) & (fields.year <= 2200) & (fields.hour >= 0)
    valid &= (fields.hour < 24) & (fields.minute < 60) & (fields.second < 60)
    months = np.where(valid, (fields.year - 1970) * 12 + fields.month - 1, 0)
    start = months.astype("datetime64[M]")
    date = start.astype("datetime64[D]") + np.where(valid, fields.day - 1, 0)
    valid &= date.astype("datetime64[M]") == start
    days = (date - _UNIX_EPOCH).astype(np.int64)
    seconds = ((days * 24 + fields.hour) * 60 + fields.minute) * 60 + fields.second
    return seconds * 1_000_000 + fields.micro, valid


def _whole(text: Any) -> NDArray[np.int64]:
    """Digits to numbers; a group that did not take part counts as zero."""
    digits = pc.if_else(pc.equal(text, ""), None, text).cast(pa.int64()).fill_null(0)
    numbers: NDArray[np.int64] = digits.to_numpy(zero_copy_only=False)
    return numbers


def _fraction(text: Any) -> NDArray[np.int64]:
    """`5` is half a second; digits beyond microseconds are cut."""
    padded = pc.utf8_rpad(pc.utf8_slice_codeunits(text, 0, 6), width=6, padding="0")
    return _whole(padded)


def _month(text: Any) -> NDArray[np.int64]:
    """English month names by their first three letters; 0 for another word."""
    start = pc.utf8_lower(pc.utf8_slice_codeunits(text, 0, 3))
    index = pc.index_in(start, pa.array(_MONTHS)).fill_null(-1)
    numbers: NDArray[np.int64] = index.to_numpy(zero_copy_only=False).astype(np.int64) + 1
    return numbers


def _half_day(hour: NDArray[np.int64], half: Any) -> NDArray[np.int64]:
    """12 AM is midnight, 12 PM is noon; 13 PM does not exist (-1)."""
    lowered = pc.utf8_lower(half).fill_null("")
    is_pm = pc.equal(lowered, "pm").to_numpy(zero_copy_only=False)
    is_given = pc.not_equal(lowered, "").to_numpy(zero_copy_only=False)
    twelve = np.where((hour >= 1) & (hour <= 12), hour % 12 + 12 * is_pm, -1)
    return np.where(is_given, twelve, hour)
