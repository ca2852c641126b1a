"""Clocks: local wall time to UTC, with the hours that a clock change skips or repeats.

Not here: reading times from text (`envs.data.times`).
"""

from __future__ import annotations

import difflib
import re
import zoneinfo
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from envs.errors import ConfigError

US_PER_HOUR = 3_600_000_000
_FIXED = re.compile(r"^(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?$", re.IGNORECASE)
_SHIFTED = re.compile(r"^([A-Za-z]+/[A-Za-z_/]+)([+-]\d{1,2})$")
_MAX_OFFSET_HOURS = 14


@dataclass(frozen=True, kw_only=True)
class UtcTimes:
    """Times after conversion, and the rows whose wall time does not name one moment.

    Attributes:
        time_us: `(n_rows,) int64` UTC microseconds. A skipped hour is moved forward by the length
            of the skip; a repeated one that cannot be told takes the first reading.
        skipped: `(n_rows,) bool` wall times that the clock jumps over.
        unclear: `(n_rows,) bool` wall times that occur twice, with no second bar to tell which.
    """

    time_us: NDArray[np.int64]
    skipped: NDArray[np.bool_]
    unclear: NDArray[np.bool_]


def check_zone(name: str) -> None:
    """Refuse a clock that does not exist.

    Raises:
        ConfigError: With the nearest known names.
    """
    _parse_zone(name)


def is_utc(name: str) -> bool:
    """Tell whether the name means UTC itself."""
    zone, shift_us = _parse_zone(name)
    return zone is None and shift_us == 0


def to_utc(local_us: NDArray[np.int64], zone_name: str) -> UtcTimes:
    """Convert wall times to UTC.

    An hour that the clock repeats in autumn is told apart by order: of two bars with the same wall
    time the earlier in the file is the earlier in time. `local_us` must be oldest first.

    Args:
        local_us: `(n_rows,) int64` wall time in microseconds since 1970.
        zone_name: See `LoadSettings.timezone`.

    Raises:
        ConfigError: If the zone is unknown.
    """
    zone, shift_us = _parse_zone(zone_name)
    wall = local_us - shift_us
    nowhere = np.zeros(len(wall), dtype=bool)
    if zone is None or not len(wall):
        return UtcTimes(time_us=wall, skipped=nowhere, unclear=nowhere)
    return _through_zone(wall, zone)


def _through_zone(wall: NDArray[np.int64], zone: zoneinfo.ZoneInfo) -> UtcTimes:
    index = pd.DatetimeIndex(wall.view("datetime64[us]"))
    first = _microseconds(index.tz_localize(zone, ambiguous=_all(wall, True), nonexistent="NaT"))
    second = _microseconds(index.tz_localize(zone, ambiguous=_all(wall, False), nonexistent="NaT"))
    skipped = first == np.iinfo(np.int64).min
    repeated = first != second
    is_second, unclear = _tell_repeated(wall, repeated)
    moved = index.tz_localize(zone, ambiguous=_all(wall, True), nonexistent="shift_forward")
    time_us = np.where(is_second, second, np.where(skipped, _microseconds(moved), first))
    return UtcTimes(time_us=time_us, skipped=skipped, unclear=unclear)


def _tell_repeated(
    wall: NDArray[np.int64], repeated: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of each wall time within a repeated hour: is this row its second pass, and can we know?"""
    is_second = np.zeros(len(wall), dtype=bool)
    unclear = np.zeros(len(wall), dtype=bool)
    rows = np.flatnonzero(repeated)
    if not rows.size:
        return is_second, unclear
    _, inverse, counts = np.unique(wall[rows], return_inverse=True, return_counts=True)
    seen = np.zeros(len(counts), dtype=int)
    for row, value in zip(rows, inverse, strict=True):
        is_second[row] = seen[value] == 1
        unclear[row] = counts[value] == 1
        seen[value] += 1
    return is_second, unclear


def _all(wall: NDArray[np.int64], value: bool) -> NDArray[np.bool_]:
    return np.full(len(wall), value)


def _microseconds(index: pd.DatetimeIndex) -> NDArray[np.int64]:
    times: NDArray[np.int64] = index.as_unit("us").asi8
    return times


def _parse_zone(name: str) -> tuple[zoneinfo.ZoneInfo | None, int]:
    """Split a clock into an IANA zone (None: a fixed offset) and a shift in microseconds."""
    text = name.strip()
    if text.upper() in {"UTC", "GMT", "Z", "ETC/UTC"}:
        return None, 0
    if fixed := _FIXED.match(text):
        hours, minutes = int(fixed[2]), int(fixed[3] or 0)
        if hours <= _MAX_OFFSET_HOURS and minutes < 60:
            sign = -1 if fixed[1] == "-" else 1
            return None, sign * (hours * US_PER_HOUR + minutes * US_PER_HOUR // 60)
    elif shifted := _SHIFTED.match(text):
        return _zone(shifted[1]), int(shifted[2]) * US_PER_HOUR
    return _zone(text), 0


def _zone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        near = difflib.get_close_matches(name, zoneinfo.available_timezones(), n=3)
        hint = f"did you mean {', '.join(near)}? " if near else ""
        raise ConfigError(
            "The timezone must be a known one",
            came=repr(name),
            mend=f"{hint}Write an IANA name such as Europe/Berlin, an offset such as +02:00, "
            "or America/New_York+7 for a broker whose day ends at 17:00 New York",
        ) from error
