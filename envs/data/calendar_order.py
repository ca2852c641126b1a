"""Is `03/04/2020` the third of April or the fourth of March? Decided from evidence or not at all.

Evidence is, in this order: what the user says; a value above 12, which cannot be a month; bars
that run in one direction under one reading only; bars that fill the span under one reading and are
scattered thinly under the other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from envs.data.parsed_times import ParsedTimes
from envs.errors import DataError

MIN_COVERAGE_RATIO = 3.0


def decide_day_first(
    day_first: ParsedTimes, month_first: ParsedTimes, text: Any, *, asked: bool | None, where: str
) -> ParsedTimes:
    """Choose one of two readings of the same column.

    Args:
        day_first: Times when the first number is the day.
        month_first: Times when it is the month.
        text: Arrow array of the column, for messages.
        asked: What the user said, None for nothing.
        where: File and columns, for messages.

    Raises:
        DataError: If the rows contradict each other or the user, or nothing decides.
    """
    readings = {True: day_first, False: month_first}
    n_bad = {order: int(reading.unreadable.sum()) for order, reading in readings.items()}
    if asked is not None:
        return _as_asked(readings, n_bad, text, asked=asked, where=where)
    proven = {order: _proof(readings[order], readings[not order], text) for order in readings}
    if proven[True] and proven[False]:
        raise DataError(
            "Day and month must stand in one order in the whole file",
            came=f"{proven[True]!r} with the day first and {proven[False]!r} with the month first",
            where=where,
        )
    for order, value in proven.items():
        if value:
            return _chosen(readings[order], order, f"{value!r} has no other reading")
    return _by_order(readings, text, where=where)


def _proof(reading: ParsedTimes, other: ParsedTimes, text: Any) -> str:
    """First value that only this reading can read."""
    only = np.flatnonzero(~reading.unreadable & other.unreadable)
    return str(text[int(only[0])].as_py()) if only.size else ""


def _by_order(readings: dict[bool, ParsedTimes], text: Any, *, where: str) -> ParsedTimes:
    runs = {order: _runs_one_way(reading) for order, reading in readings.items()}
    for order in (True, False):
        if runs[order] and not runs[not order]:
            return _chosen(readings[order], order, "only so do the bars follow each other in time")
    coverage = {order: _coverage(reading) for order, reading in readings.items()}
    for order in (True, False):
        if runs[order] and coverage[order] > MIN_COVERAGE_RATIO * coverage[not order]:
            return _chosen(readings[order], order, "only so do the bars follow without holes")
    raise DataError(
        "It must be clear which number is the day and which the month",
        came=f"{text[0].as_py()!r} to {text[len(text) - 1].as_py()!r}, which can be read both ways",
        where=where,
        mend="say it with --day_first true or --day_first false",
    )


def _as_asked(
    readings: dict[bool, ParsedTimes],
    n_bad: dict[bool, int],
    text: Any,
    *,
    asked: bool,
    where: str,
) -> ParsedTimes:
    if n_bad[asked] > n_bad[not asked]:
        raise DataError(
            f"With the {'day' if asked else 'month'} first, as asked, every time must exist",
            came=_proof(readings[not asked], readings[asked], text),
            where=where,
            mend="leave day_first out",
        )
    return _chosen(readings[asked], asked, "as asked")


def _chosen(reading: ParsedTimes, order: bool, why: str) -> ParsedTimes:
    note = f"Times are read with the {'day' if order else 'month'} first: {why}"
    return replace(reading, notes=(*reading.notes, note))


def _runs_one_way(reading: ParsedTimes) -> bool:
    steps = np.diff(reading.time_us[~reading.unreadable])
    return bool(steps.size) and bool((steps > 0).all() or (steps < 0).all())


def _coverage(reading: ParsedTimes) -> float:
    """Share of the span that the bars fill at their most frequent distance."""
    times = np.sort(reading.time_us[~reading.unreadable])
    steps = np.diff(times)
    steps = steps[steps > 0]
    if not steps.size:
        return 0.0
    values, counts = np.unique(steps, return_counts=True)
    return float(values[np.argmax(counts)] * steps.size / (times[-1] - times[0]))
