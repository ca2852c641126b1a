"""Written times to microseconds: dates in any order, AM/PM, offsets, unix numbers.

Day and month are told apart by evidence only; see `_decide_day_first`. The unit of a unix number
is the one that puts every row between 1980 and 2100, and there is at most one.
Not here: clocks (`envs.data.zones`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from envs.data.calendar_order import decide_day_first
from envs.data.civil import Fields, microseconds
from envs.data.epoch import from_epoch
from envs.data.fixed_width import read_fixed_width
from envs.data.parsed_times import ParsedTimes
from envs.errors import DataError

_OFFSET = r"(?: ?(?P<offset>Z|UTC|(?:UTC|GMT)?[+-]\d{2}:?\d{2}))?"
_CLOCK = (
    r"(?:[ T]+(?P<hour>\d{1,2}):(?P<minute>\d{2})"
    r"(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?: ?(?P<half>[AaPp][Mm]))?)?"
)
_HALF_DAY = r" (?P<hour>\d{1,2})-(?P<half>[AP]M)"
_COMPACT = r"(?: (?P<hour>\d{2}):?(?P<minute>\d{2}):?(?P<second>\d{2}))?"
_EPOCH = re.compile(r"^\d{8,19}(\.0*)?$")


@dataclass(frozen=True, kw_only=True)
class _Way:
    """One way to write a time: its name for people and its pattern."""

    name: str
    pattern: str
    day_first: bool | None = None


def _ways() -> tuple[_Way, ...]:
    ways = []
    for mark in "-./":
        escaped = re.escape(mark)
        year_first = rf"(?P<year>\d{{4}}){escaped}(?P<month>\d{{1,2}}){escaped}(?P<day>\d{{1,2}})"
        name = f"YYYY{mark}MM{mark}DD"
        ways.append(_Way(name=f"{name} hh-AM", pattern=year_first + _HALF_DAY))
        ways.append(_Way(name=f"{name} hh:mm:ss", pattern=year_first + _CLOCK + _OFFSET))
        for first, second, day_first in (("day", "month", True), ("month", "day", False)):
            date = (
                rf"(?P<{first}>\d{{1,2}}){escaped}(?P<{second}>\d{{1,2}}){escaped}(?P<year>\d{{4}})"
            )
            name = f"DD{mark}MM{mark}YYYY" if day_first else f"MM{mark}DD{mark}YYYY"
            pattern = date + _CLOCK + _OFFSET
            ways.append(_Way(name=f"{name} hh:mm:ss", pattern=pattern, day_first=day_first))
    compact = r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})" + _COMPACT
    ways.append(_Way(name="YYYYMMDD hhmmss", pattern=compact))
    named = r"(?P<name>[A-Za-z]{3,9})\.? (?P<day>\d{1,2}),? (?P<year>\d{4})"
    ways.append(_Way(name="Mon DD, YYYY hh:mm:ss", pattern=named + _CLOCK + _OFFSET))
    named = r"(?P<day>\d{1,2})[ -](?P<name>[A-Za-z]{3,9})\.?[ -](?P<year>\d{4})"
    ways.append(_Way(name="DD Mon YYYY hh:mm:ss", pattern=named + _CLOCK + _OFFSET))
    return tuple(ways)


WAYS = _ways()


def read_times(columns: Sequence[Any], *, day_first: bool | None, where: str) -> ParsedTimes:
    """Read the time of every row.

    Args:
        columns: One Arrow array, or a date and a time of day.
        day_first: As in `LoadSettings`.
        where: File and columns, for messages.

    Raises:
        DataError: If no way of writing fits, day and month cannot be told apart, or the unit of
            a unix number is not clear. Single unreadable rows are no error here: they are marked.
    """
    column = columns[0] if len(columns) == 1 else _joined(columns)
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return _from_typed(column)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return from_epoch(_whole_numbers(column), where=where)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise DataError(
            "A time must be text, a number or a time", came=str(column.type), where=where
        )
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    fast = _from_iso(text)
    return fast if fast is not None else _from_text(text, day_first=day_first, where=where)


def _joined(columns: Sequence[Any]) -> Any:
    texts = [pc.utf8_trim_whitespace(column.cast(pa.string())) for column in columns]
    return pc.binary_join_element_wise(*texts, " ")


def _from_typed(column: Any) -> ParsedTimes:
    zone = getattr(column.type, "tz", None)
    times = column.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64())
    unreadable = times.is_null().to_numpy(zero_copy_only=False)
    values = times.fill_null(0).to_numpy(zero_copy_only=False)
    kind = f"typed ({column.type})"
    return ParsedTimes(
        time_us=values, unreadable=unreadable, kind=kind, is_absolute=zone is not None
    )


def _from_iso(text: Any) -> ParsedTimes | None:
    """Take Arrow's own reading when every row is ISO with one and the same kind of zone."""
    for zone, name in ((None, "YYYY-MM-DD hh:mm:ss"), ("UTC", "ISO 8601 with offset")):
        try:
            text.slice(0, 1).cast(pa.timestamp("us", zone))  # a million failures take a second
            values = text.cast(pa.timestamp("us", zone)).cast(pa.int64())
        except pa.ArrowInvalid:
            continue
        if values.null_count:
            return None
        times = values.to_numpy(zero_copy_only=False)
        clear = np.zeros(len(times), dtype=bool)
        is_absolute = zone is not None
        return ParsedTimes(time_us=times, unreadable=clear, kind=name, is_absolute=is_absolute)
    return None


def _from_text(text: Any, *, day_first: bool | None, where: str) -> ParsedTimes:
    sample = [value for value in text.slice(0, 1000).to_pylist() if value]
    n_epoch = sum(_EPOCH.match(value) is not None for value in sample)
    if n_epoch > len(sample) / 2 and not _is_compact_date(sample):
        return from_epoch(_digits(text), where=where)
    ways = [way for way in WAYS if any(re.fullmatch(way.pattern, value) for value in sample[:50])]
    if not ways:
        raise DataError(
            "A time must be written in a known way",
            came=repr(sample[0]) if sample else "nothing but empty values",
            where=where,
            mend=f"tried unix numbers and {', '.join(way.name for way in WAYS)}",
        )
    readings = [_read(text, way) for way in ways]
    if {way.day_first for way in ways} >= {True, False}:
        ordered = [
            reading
            for way, reading in zip(ways, readings, strict=True)
            if way.day_first is not None
        ]
        return decide_day_first(ordered[0], ordered[1], text, asked=day_first, where=where)
    return min(readings, key=lambda reading: int(reading.unreadable.sum()))


def _read(text: Any, way: _Way) -> ParsedTimes:
    fields = read_fixed_width(text, way.pattern)
    if fields is None:
        return _read_by_pattern(text, way)
    local, valid = microseconds(fields)
    times = np.where(valid, local, 0)
    return ParsedTimes(time_us=times, unreadable=~valid, kind=way.name, is_absolute=False)


def _read_by_pattern(text: Any, way: _Way) -> ParsedTimes:
    found = pc.extract_regex(text, f"^{way.pattern}$")
    fields = {field.name: found.field(field.name) for field in found.type}
    matched = np.logical_not(found.is_null().to_numpy(zero_copy_only=False))
    local, valid = microseconds(Fields.of(fields))
    offset, has_offset = _offsets(fields.get("offset"), len(text))
    one_kind = has_offset if has_offset[matched].mean() > 0.5 else ~has_offset
    readable = matched & valid & one_kind
    is_absolute = bool(has_offset[matched].any()) and bool(one_kind[has_offset].all())
    return ParsedTimes(
        time_us=np.where(readable, local - np.where(has_offset, offset, 0), 0),
        unreadable=~readable,
        kind=way.name + (" with offset" if is_absolute else ""),
        is_absolute=is_absolute,
    )


def _offsets(field: Any, n_rows: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Offset of each row from UTC in microseconds, and whether it has one."""
    if field is None:
        return np.zeros(n_rows, dtype=np.int64), np.zeros(n_rows, dtype=bool)
    unique = pc.dictionary_encode(field.fill_null(""))
    known = unique.dictionary.to_pylist()
    indices = unique.indices.to_numpy(zero_copy_only=False)
    offsets = np.array([_offset_us(text) for text in known], dtype=np.int64)
    present = np.array([text != "" for text in known], dtype=bool)
    return offsets[indices], present[indices]


def _offset_us(text: str) -> int:
    match = re.search(r"([+-])(\d{2}):?(\d{2})$", text)
    if match is None:
        return 0
    seconds = int(match[2]) * 3600 + int(match[3]) * 60
    return (-seconds if match[1] == "-" else seconds) * 1_000_000


def _is_compact_date(sample: Sequence[str]) -> bool:
    """Eight digits that are a date (20170301) are no unix number."""
    return all(re.fullmatch(r"(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", v) for v in sample)


def _digits(text: Any) -> Any:
    try:
        return text.cast(pa.int64())
    except pa.ArrowInvalid:  # not all are plain whole numbers: find those that are
        whole = pc.replace_substring_regex(text, r"\.0*$", "")
    is_whole = pc.match_substring_regex(whole, r"^\d{1,18}$|^[1-8]\d{18}$")
    return pc.if_else(is_whole, whole, None).cast(pa.int64())


def _whole_numbers(column: Any) -> Any:
    if pa.types.is_integer(column.type):
        return column.cast(pa.int64(), safe=False)
    values = column.to_numpy(zero_copy_only=False)
    whole = np.isfinite(values) & (np.abs(values) < 2**62) & (values == np.floor(values))
    numbers = np.where(whole, values, 0).astype(np.int64)
    return pa.array(numbers, mask=~whole)
