"""Which columns hold the time of a bar, where several could?

What stands in the first rows decides, not the name alone: a column that names its moment (unix
numbers, an offset, a name that says UTC) before a wall time, a wall time before a date and a time
of day in two columns, these before a date alone. The columns that are not chosen are read too, and
must not contradict (`envs.data.second_clock`). Not here: reading the times (`envs.data.times`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

from envs.data.columns import ALIASES, clock_of_name, time_key
from envs.data.epoch import FIRST_S, LAST_S
from envs.data.source import Source, head_column
from envs.data.times import WAYS
from envs.errors import DataError

Kind = Literal["moment", "wall", "date", "clock", "index", "unknown"]
INDEX_NAMES = ("column1", "unnamed0", "index", "indexlevel0", "id", "")
_CLOCK_ONLY = re.compile(
    r"^\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp][Mm])?$|^([01]\d|2[0-3])[0-5]\d[0-5]\d$"
)
_EPOCH = re.compile(r"^(\d{9,10}|\d{12,13}|\d{15,16}|\d{18,19})(\.0*)?$")
_SCALES = (1, 10**3, 10**6, 10**9)


def find_time(source: Source, roles: Mapping[str, str]) -> tuple[str, ...] | str:
    """Find the column of the time, or the two of date and time of day, or say what is missing.

    Raises:
        DataError: If there is a time of day beside the date, and it cannot be read.
    """
    kinds = {name: _kind(source, name) for name in time_columns(source)}
    for kind in ("moment", "wall"):
        if found := [name for name in kinds if kinds[name] == kind]:
            return (_preferred(found, roles),)
    date, time = roles.get("date"), roles.get("time")
    if date is not None and time is not None:
        return _date_and_clock(source, kinds, date, time)
    if date is not None or time is not None:
        return (date or time or "",)
    first = source.names[0]
    if time_key(first) in INDEX_NAMES and not counts_rows(source, first):
        return (first,)  # the index of a frame
    return f"no column for the time ({_known('time')}, {_known('date')})"


def second_times(source: Source, chosen: Sequence[str]) -> tuple[str, ...]:
    """Columns that hold a date or a time of the bar as well, beside the chosen ones."""
    if len(chosen) > 1:
        return ()
    others = [name for name in time_columns(source) if name not in chosen]
    return tuple(n for n in others if _kind(source, n) in ("moment", "wall", "date"))


def time_columns(source: Source) -> tuple[str, ...]:
    """Columns whose name is one of a time or a date."""
    aliases = {*ALIASES["time"], *ALIASES["date"]}
    return tuple(name for name in source.names if time_key(name) in aliases)


def counts_rows(source: Source, name: str) -> bool:
    """Tell whether a column goes up by one from row to row: the index of a frame, not a time."""
    values = [value.strip() for value in head_column(source, name)]
    if not all(value.isdigit() for value in values):
        return False
    numbers = [int(value) for value in values]
    return all(after - before == 1 for before, after in pairwise(numbers))


def _date_and_clock(
    source: Source, kinds: Mapping[str, Kind], date: str, time: str
) -> tuple[str, ...]:
    if kinds[date] == "date" and kinds[time] == "clock":
        return (date, time)
    if kinds[date] == "date" and kinds[time] == "unknown":
        shown = next((value for value in head_column(source, time) if value.strip()), "")
        raise DataError(
            "A time of day beside the date must be read",
            came=f"{shown[:30]!r}",
            where=f"column {time!r}",
            mend="write it as hh:mm, hh:mm:ss or hh:mm AM, or remove the column if the dates alone "
            "are the times of the bars",
        )
    return (date,) if kinds[date] == "date" or kinds[time] != "date" else (time,)


def _kind(source: Source, name: str) -> Kind:
    values = [value.strip() for value in head_column(source, name) if value.strip()]
    if not values:
        return "index"
    if all(_CLOCK_ONLY.match(value) for value in values) and not counts_rows(source, name):
        return "clock"
    if all(_is_epoch(value) for value in values):
        return "moment"
    found = [_written_kind(value) for value in values]
    for kind in ("moment", "wall", "date"):
        if 2 * found.count(kind) > len(found):  # single damaged rows are another check's matter
            is_utc = kind == "wall" and clock_of_name(name).source == "file"
            return "moment" if is_utc else kind
    return "index" if counts_rows(source, name) else "unknown"


def _written_kind(value: str) -> Kind:
    for way in WAYS:
        if match := re.fullmatch(way.pattern, value):
            parts = match.groupdict()
            return "moment" if parts.get("offset") else "wall" if parts.get("hour") else "date"
    return "unknown"


def _is_epoch(value: str) -> bool:
    number = int(value.partition(".")[0]) if _EPOCH.match(value) else 0
    return any(FIRST_S * scale <= number < LAST_S * scale for scale in _SCALES)


def _preferred(found: Sequence[str], roles: Mapping[str, str]) -> str:
    """Of several of one kind: the date's, then the time's, then the first."""
    for role in ("date", "time"):
        if roles.get(role) in found:
            return roles[role]
    return found[0]


def _known(role: str) -> str:
    return " or ".join(ALIASES[role][:3])
