"""Any file with a header that names time, open, high, low and close in a known word.

The other readers use `layout_by_names` for their columns and add what their format knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from envs.data.columns import ALIASES, clock_of_name, extra_name, find_roles, left_out, time_key
from envs.data.layout import MAX_DAMAGED_SHARE, PRICES, Layout
from envs.data.source import Source, head_column

_NUMBER = re.compile(
    r"^[+-]?(\d[\d,.' ]*|\.\d+)([eE][+-]?\d+)?\s*[%KMBkmb]?$|^$|^-$|^nan$|^null$", re.IGNORECASE
)
_INDEX_NAMES = ("column1", "unnamed0", "index", "indexlevel0", "id", "")
_CLOCK_ONLY = re.compile(r"^\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?$")


def read_plain(source: Source) -> Layout | str:
    """Recognize a header of common names."""
    return layout_by_names(source, format_name="plain")


def layout_by_names(source: Source, *, format_name: str) -> Layout | str:
    """Find every role by its column's name, or say which is missing."""
    if not source.has_header:
        return "it has no header"
    roles = find_roles(source.names)
    time = find_time(source, roles)
    if isinstance(time, str):
        return time
    if missing := [role for role in PRICES if role not in roles]:
        return f"no column for {', '.join(f'{role} ({_known(role)})' for role in missing)}"
    if (volume := roles.get("volume")) and not any(map(str.strip, head_column(source, volume))):
        del roles["volume"]
    used = {*time, *(roles[role] for role in PRICES)}
    used |= {roles[role] for role in ("volume", "spread", "symbol") if role in roles}
    extra, ignored = sort_the_rest(source, used)
    return Layout(
        format=format_name,
        time=time,
        prices={role: roles[role] for role in PRICES},
        volume=roles.get("volume"),
        spread=roles.get("spread"),
        symbol_column=roles.get("symbol"),
        extra=extra,
        ignored=ignored,
        clock=clock_of_name(time[-1]),
    )


def find_time(source: Source, roles: Mapping[str, str]) -> tuple[str, ...] | str:
    """Find the column of the time, or the two of date and time of day."""
    date, time = roles.get("date"), roles.get("time")
    if date is not None and time is not None:
        values = [value for value in head_column(source, time) if value]
        if values and all(_CLOCK_ONLY.match(value.strip()) for value in values):
            return (date, time)
        return (date,)
    if date is not None or time is not None:
        return (date or time or "",)
    if time_key(source.names[0]) in _INDEX_NAMES and not _counts_rows(source, source.names[0]):
        return (source.names[0],)  # the index of a frame
    return f"no column for the time ({_known('time')}, {_known('date')})"


def sort_the_rest(source: Source, used: set[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Split the columns without a role into extra columns and ignored ones."""
    extra: dict[str, str] = {}
    ignored: dict[str, str] = {}
    taken = {*PRICES, "volume", "spread", "spread_points", "time"}
    for name in source.names:
        if name in used:
            continue
        if reason := _reason_to_ignore(source, name):
            ignored[name] = reason
            continue
        chosen = extra_name(name)
        while chosen in taken:
            chosen += "_2"
        taken.add(chosen)
        extra[name] = chosen
    return extra, ignored


def _reason_to_ignore(source: Source, name: str) -> str:
    if reason := left_out(name):
        return reason
    values = [value.strip() for value in head_column(source, name)]
    words = [value for value in values if not _NUMBER.match(value)]
    if not any(values):
        return "empty"
    if len(words) >= MAX_DAMAGED_SHARE * len(values) and words:
        return f"not numeric, e.g. {words[0][:30]!r}"
    if time_key(name) in (*ALIASES["time"], *ALIASES["date"]) or _counts_time(values):
        return "a second column of times"
    is_index = time_key(name) in _INDEX_NAMES and _counts_rows(source, name)
    return "a row number" if is_index else ""


def _counts_time(values: Sequence[str]) -> bool:
    """Tell whether numbers are unix milliseconds or finer that only increase."""
    if not all(re.fullmatch(r"1\d{12,18}", value) for value in values):
        return False
    return all(int(before) < int(after) for before, after in pairwise(values))


def _counts_rows(source: Source, name: str) -> bool:
    """Tell whether a column goes up by one from row to row: the index of a frame, not a time."""
    values = [value.strip() for value in head_column(source, name)]
    if not all(value.isdigit() for value in values):
        return False
    numbers = [int(value) for value in values]
    return all(after - before == 1 for before, after in pairwise(numbers))


def _known(role: str) -> str:
    return " or ".join(ALIASES[role][:3])
