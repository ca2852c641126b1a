"""Mend a draft where the user asked for it, and record every change.

What cannot be known is not invented: a change of scale, a coarser stretch in the middle or an
unknown format stay errors. Read next: `envs.data.validate`, which runs again afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from envs.data.check_prices import bad_range, labels_exchanged, not_finite, not_positive
from envs.data.clock_shift import find_clock_shift, moved_times
from envs.data.draft import PRICE_NAMES, Draft, row_text, utc_text
from envs.data.problems import first_rows
from envs.data.regularity import coarse_stretch, is_monthly, off_grid
from envs.data.report import Repair
from envs.data.validate import repeated_times, runs_backwards
from envs.timeframe import Timeframe

Mend = tuple[Draft, list[Repair]]


def repair(draft: Draft) -> tuple[Draft, tuple[Repair, ...]]:
    """Mend what can be mended, in a fixed order.

    Returns:
        The mended draft, and what was changed.
    """
    repairs: list[Repair] = []
    for step in _STEPS:
        if not len(draft):
            break
        draft, done = step(draft)
        repairs += done
    return draft, tuple(repairs)


def _drop_lines(draft: Draft) -> Mend:
    if not draft.bad_rows:
        return draft, []
    done = Repair(
        kind="dropped_lines",
        count=len(draft.bad_rows),
        rows=first_rows(row.where for row in draft.bad_rows),
        before=first_rows(row.text for row in draft.bad_rows),
        after=(),
        says="Lines that are no row of values were dropped",
    )
    return replace(draft, bad_rows=()), [done]


def _drop_unreadable(draft: Draft) -> Mend:
    bad = draft.mask(draft.bad_times) | draft.mask(draft.bad_numbers)
    texts = {**draft.bad_numbers, **draft.bad_times}
    return _dropped(
        draft,
        bad,
        kind="dropped_unreadable",
        says="Rows with a time or number that cannot be read were dropped",
        tell=lambda i: texts[int(draft.rows[i])],
    )


def _drop_unusable(draft: Draft) -> Mend:
    missing, infinite = not_finite(draft)
    return _dropped(
        draft,
        missing | infinite | not_positive(draft),
        kind="dropped_unusable",
        says="Rows with missing, infinite or non-positive prices were dropped",
    )


def _accept_times(draft: Draft) -> Mend:
    """Record the readings that were chosen for times that were not clear."""
    repairs = []
    for kind, rows, says in (
        ("read_in_own_unit", draft.other_unit, "Each unix time was read in its own unit"),
        ("moved_skipped_time", draft.skipped_times, "Skipped wall times were moved forward"),
        ("chose_first_reading", draft.unclear_times, "Of two readings the first was taken"),
    ):
        if rows:
            index = np.flatnonzero(draft.mask(rows))
            after = first_rows(utc_text(draft.time_us[i]) for i in index)
            where = first_rows(draft.where(int(i)) for i in index)
            repairs.append(
                Repair(kind=kind, count=len(index), rows=where, before=(), after=after, says=says)
            )
    nothing: frozenset[int] = frozenset()
    clear = replace(draft, other_unit=nothing, skipped_times=nothing, unclear_times=nothing)
    return clear, repairs


def _turn(draft: Draft) -> Mend:
    if not runs_backwards(draft.time_us):
        return draft, []
    turned = draft.take(np.arange(len(draft))[::-1])
    return turned, [_changed(draft, turned, "turned_round", "The file was newest first")]


def _move_clock(draft: Draft) -> Mend:
    shift = find_clock_shift(draft)
    if shift is None:
        return draft, []
    moved = replace(draft, time_us=moved_times(draft, shift))
    keep = np.ones(len(draft), dtype=bool)
    keep[shift.repeated] = False
    says = (
        f"{shift.before} bars before the seam of two clocks were moved by {shift.hours:+g} h, and "
        f"{len(shift.repeated)} bars that came twice were dropped"
    )
    index = np.arange(shift.before)
    return moved.take(keep), [_listed(draft, moved, index, kind="moved_clock", says=says)]


def _sort(draft: Draft) -> Mend:
    if not (np.diff(draft.time_us) < 0).any():
        return draft, []
    order = np.argsort(draft.time_us, kind="stable")
    index = np.flatnonzero(order != np.arange(len(draft)))
    ordered = draft.take(order)
    return ordered, [_listed(draft, ordered, index, kind="sorted", says="Rows were sorted by time")]


def _drop_repeated(draft: Draft) -> Mend:
    bad = np.zeros(len(draft), dtype=bool)
    bad[repeated_times(draft.time_us)] = True
    says = "Rows whose time came before were dropped; the first of each time stays"
    return _dropped(draft, bad, kind="dropped_duplicate_time", says=says)


def _drop_head(draft: Draft) -> Mend:
    if len(draft) < 2 or is_monthly(draft.time_us):
        return draft, []
    stretch = coarse_stretch(draft.time_us, Timeframe.infer(draft.time_us))
    if stretch is None or stretch[0] != 0:
        return draft, []
    bad = np.arange(len(draft)) < stretch[1]
    return _dropped(draft, bad, kind="dropped_coarse_head", says="A coarser head was dropped")


def _drop_off_grid(draft: Draft) -> Mend:
    if len(draft) < 2 or is_monthly(draft.time_us):
        return draft, []
    bad = off_grid(draft, Timeframe.infer(draft.time_us))
    says = "Bars between the steps of the timeframe were dropped"
    return _dropped(draft, bad, kind="dropped_off_grid", says=says)


def _exchange_labels(draft: Draft) -> Mend:
    if not labels_exchanged(draft):
        return draft, []
    after = draft.with_columns(high=draft.columns["low"], low=draft.columns["high"])
    says = "The columns high and low were exchanged: their labels stood in the wrong order"
    return after, [_changed(draft, after, "exchanged_high_low", says)]


def _widen(draft: Draft) -> Mend:
    below, outside = bad_range(draft)
    index = np.flatnonzero(below | outside)
    if not index.size:
        return draft, []
    prices = np.array([draft.columns[name] for name in PRICE_NAMES])
    high, low = draft.columns["high"].copy(), draft.columns["low"].copy()
    high[index], low[index] = prices.max(axis=0)[index], prices.min(axis=0)[index]
    after = draft.with_columns(high=high, low=low)
    says = "High and low were widened to hold all four prices"
    return after, [_listed(draft, after, index, kind="widened_range", says=says)]


def _raise_to_zero(draft: Draft) -> Mend:
    repairs = []
    for name in ("volume", "spread_points"):
        column = draft.columns[name]
        index = np.flatnonzero(column < 0)
        if index.size:
            repairs.append(
                Repair(
                    kind=f"zeroed_{name}",
                    count=len(index),
                    rows=first_rows(draft.where(int(i)) for i in index),
                    before=first_rows(f"{column[i]:g}" for i in index),
                    after=("0",),
                    says=f"Negative values of {name} were set to 0",
                )
            )
            draft = draft.with_columns(**{name: np.maximum(column, 0.0)})
    return draft, repairs


def _fill_extra(draft: Draft) -> Mend:
    """Fill holes of extra columns with the value before: the past only."""
    repairs, extra = [], dict(draft.extra)
    for name, column in draft.extra.items():
        bad = ~np.isfinite(column)
        if not bad.any() or bad[0]:
            continue
        last = np.maximum.accumulate(np.where(bad, 0, np.arange(len(draft))))
        extra[name] = column[last]
        index = np.flatnonzero(bad)
        repairs.append(
            Repair(
                kind="filled_extra",
                count=len(index),
                rows=first_rows(draft.where(int(i)) for i in index),
                before=(),
                after=first_rows(f"{extra[name][i]:g}" for i in index),
                says=f"Holes of extra column {name!r} took the value before them",
            )
        )
    return replace(draft, extra=extra), repairs


def _dropped(
    draft: Draft,
    bad: NDArray[np.bool_],
    *,
    kind: str,
    says: str,
    tell: Callable[[int], str] | None = None,
) -> Mend:
    index = np.flatnonzero(bad)
    if not index.size:
        return draft, []
    shown = tell or (lambda i: row_text(draft, i))
    done = Repair(
        kind=kind,
        count=len(index),
        rows=first_rows(draft.where(int(i)) for i in index),
        before=first_rows(shown(int(i)) for i in index),
        after=(),
        says=says,
    )
    return draft.take(~bad), [done]


def _changed(before: Draft, after: Draft, kind: str, says: str) -> Repair:
    return _listed(before, after, np.arange(len(before)), kind=kind, says=says)


def _listed(
    before: Draft, after: Draft, index: NDArray[np.int64], *, kind: str, says: str
) -> Repair:
    return Repair(
        kind=kind,
        count=len(index),
        rows=first_rows(before.where(int(i)) for i in index),
        before=first_rows(row_text(before, int(i)) for i in index),
        after=first_rows(row_text(after, int(i)) for i in index),
        says=says,
    )


_STEPS: tuple[Callable[[Draft], Mend], ...] = (
    _drop_lines,
    _drop_unreadable,
    _drop_unusable,
    _accept_times,
    _turn,
    _move_clock,
    _sort,
    _drop_repeated,
    _drop_head,
    _drop_off_grid,
    _exchange_labels,
    _widen,
    _raise_to_zero,
    _fill_extra,
)
