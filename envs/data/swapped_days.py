"""Rows whose day and month stand in each other's place: `2024-05-01` for the fifth of January.

A file that writes some dates day first and others month first, or ISO dates as year, day, month,
reads without a fault while no day is above 12; what it leaves are bars scattered over the months.
Here: for each calendar day of the file, as it stands, is it to be read swapped? Chosen so that
as few days as possible do not follow the day before. Read next: `envs.data.calendar_order`.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

US_PER_DAY = 86_400_000_000
MIN_DAYS = 3  # that stand swapped in a row
_PAUSE_DAYS = 4.0  # weekends and holidays
_MAX_CHANGES = 200_000  # of the date, from row to row; more are no file in any order
_GAP_SHARE = 0.5  # of the steps inside of a swapped stretch, as written
_MARGIN = 1e-6  # so that of two readings as good the written one is taken


def swapped_rows(time_us: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Find rows that follow their neighbours only with day and month exchanged.

    Args:
        time_us: `(n_rows,) int64` times as read, in file order.

    Returns:
        `(n_rows,) bool`; all False unless three and more days in a row follow each other swapped,
        and do not as they are written.
    """
    dates = time_us // US_PER_DAY
    starts = np.flatnonzero(np.diff(dates, prepend=dates[:1] - 1))
    days = dates[starts]
    steps = np.diff(days)
    if (steps < 0).sum() > (steps > 0).sum():
        return swapped_rows(time_us[::-1])[::-1]
    pause = _PAUSE_DAYS
    if len(days) == len(dates) and steps.size:  # no bar is finer than a day
        pause = max(pause, 1.5 * float(np.quantile(np.abs(steps), 0.1)))
    is_gap = (steps <= 0) | (steps > pause)
    if is_gap.sum() < MIN_DAYS - 1 or len(days) > _MAX_CHANGES:
        return np.zeros(len(dates), dtype=bool)
    marked = _marked(days, is_gap, pause)
    return np.repeat(marked, np.diff(np.append(starts, len(dates))))


def _marked(days: NDArray[np.int64], is_gap: NDArray[np.bool_], pause: float) -> NDArray[np.bool_]:
    """Stretches of swapped days within which every step is a gap as written."""
    swapped = _exchanged(days)
    chosen = _fewest_gaps(days, swapped, pause) | (swapped == days)
    marked = np.zeros(len(days), dtype=bool)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], chosen, [False])).astype(np.int8)))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        telling = start + np.flatnonzero(swapped[start:stop] != days[start:stop])
        if telling.size >= MIN_DAYS and is_gap[telling[0] : telling[-1]].mean() > _GAP_SHARE:
            marked[telling] = True
    return marked


def _exchanged(days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each day with day and month exchanged, or itself where there is no such month."""
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    day = (dates - months).astype(np.int64)  # from 0
    month = months.astype(np.int64) % 12
    years = dates.astype("datetime64[Y]").astype("datetime64[M]")
    other = (years + np.minimum(day, 11)).astype("datetime64[D]") + month
    return np.where(day < 12, other.astype(np.int64), days)


def _fewest_gaps(
    days: NDArray[np.int64], swapped: NDArray[np.int64], pause: float
) -> NDArray[np.bool_]:
    """Choose between the two readings of each day, by dynamic programming over the file."""
    readings = list(zip(days.tolist(), swapped.tolist(), strict=True))
    costs, came_from = [0.0, _MARGIN], []
    for before, now in pairwise(readings):
        following, sources = [], []
        for state in (0, 1):
            ways = [
                costs[previous] + (not 0 < now[state] - before[previous] <= pause)
                for previous in (0, 1)
            ]
            source = int(ways[1] < ways[0])
            following.append(ways[source] + _MARGIN * state)
            sources.append(source)
        costs = following
        came_from.append(sources)
    state = int(costs[1] < costs[0])
    chosen = [state]
    for sources in reversed(came_from):
        state = sources[state]
        chosen.append(state)
    return np.array(chosen[::-1], dtype=bool)
