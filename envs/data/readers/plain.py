"""Any file with a header that names time, open, high, low and close in a known word.

The other readers use `layout_by_names` for their columns and add what their format knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from envs.data.columns import (
    ALIASES,
    clock_of_name,
    extra_name,
    find_ask,
    find_roles,
    left_out,
    names_ask,
    time_key,
)
from envs.data.layout import MAX_DAMAGED_SHARE, PRICES, Layout
from envs.data.source import Source, head_column
from envs.data.time_columns import INDEX_NAMES, counts_rows, find_time, second_times

_NUMBER = re.compile(
    r"^[+-]?(\d[\d,.' ]*|\.\d+)([eE][+-]?\d+)?\s*[%KMBkmb]?$|^$|^-$|^nan$|^null$", re.IGNORECASE
)


def read_plain(source: Source) -> Layout | str:
    """Recognize a header of common names."""
    return layout_by_names(source, format_name="plain")


def layout_by_names(
    source: Source, *, format_name: str, time: tuple[str, ...] | None = None
) -> Layout | str:
    """Find every role by its column's name, or say which is missing.

    Args:
        source: The file.
        format_name: Of the format that asks.
        time: Column of the time where the format knows it; its other times are then not read.
    """
    if not source.has_header:
        return "it has no header"
    roles = find_roles(source.names)
    found = time or find_time(source, roles)
    if isinstance(found, str):
        return found
    if missing := [role for role in PRICES if role not in roles]:
        return f"no column for {', '.join(f'{role} ({_known(role)})' for role in missing)}"
    if (volume := roles.get("volume")) and not any(map(str.strip, head_column(source, volume))):
        del roles["volume"]
    used = {*found, *(roles[role] for role in PRICES)}
    used |= {roles[role] for role in ("volume", "spread", "symbol") if role in roles}
    extra, ignored = sort_the_rest(source, used)
    ask = None if "spread" in roles else find_ask(extra)
    return Layout(
        format=format_name,
        time=found,
        prices={role: roles[role] for role in PRICES},
        volume=roles.get("volume"),
        spread=roles.get("spread"),
        symbol_column=roles.get("symbol"),
        ask=ask,
        extra=extra,
        ignored=ignored,
        second_times=second_times(source, found) if time is None else (),
        clock=clock_of_name(found[-1]),
        warnings=_unused_asks(extra) if ask is None and "spread" not in roles else (),
    )


def _unused_asks(extra: Mapping[str, str]) -> tuple[str, ...]:
    asks = [name for name in extra if names_ask(name)]
    if not asks:
        return ()
    return (
        f"SPREAD: {', '.join(map(repr, asks))} seem to be ask prices, but none is that of the open "
        "or the close (askopen, askclose): the spread is 0 unless --spread_points gives one",
    )


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
    is_index = time_key(name) in INDEX_NAMES and counts_rows(source, name)
    return "a row number" if is_index else ""


def _counts_time(values: Sequence[str]) -> bool:
    """Tell whether numbers are unix milliseconds or finer that only increase."""
    if not all(re.fullmatch(r"1\d{12,18}", value) for value in values):
        return False
    return all(int(before) < int(after) for before, after in pairwise(values))


def _known(role: str) -> str:
    return " or ".join(ALIASES[role][:3])
