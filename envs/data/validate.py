"""Is a draft sound? All problems at once, with counts and the first rows of each.

Times and the list of checks are here; prices in `envs.data.check_prices`, the distance between
bars in `envs.data.regularity`. Nothing is changed here: mending is in `envs.data.repair`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from envs.data.check_continuity import check_continuity
from envs.data.check_leaks import check_leaks
from envs.data.check_prices import check_prices
from envs.data.clock_shift import find_clock_shift
from envs.data.draft import Draft, utc_text
from envs.data.problems import first_rows, problem_where
from envs.data.regularity import check_regularity
from envs.data.report import Problem
from envs.errors import DataError

__all__ = ["Problem", "refuse", "validate"]

FIRST_YEAR, LAST_YEAR = 1900, 2100
_DAY_S = 86_400


def validate(draft: Draft, *, timeframe: str | None = None) -> tuple[Problem, ...]:
    """Find everything that is wrong with a draft.

    Args:
        draft: Rows, oldest first.
        timeframe: Distance between bars that the user expects, None for whatever it is.

    Returns:
        Errors and warnings, errors first.
    """
    problems = [*_check_rows(draft), *_check_times(draft)]
    timed = draft.take(~draft.mask(draft.bad_times)) if draft.bad_times else draft
    problems += [*_check_years(timed), *_check_order(timed), *check_prices(timed)]
    problems += [*check_continuity(timed), *check_leaks(timed)]
    problems += check_regularity(timed, expected=timeframe)
    return tuple(sorted(problems, key=lambda problem: problem.severity))


def refuse(problems: Iterable[Problem], *, where: str) -> None:
    """Raise if any of the problems is an error.

    Raises:
        DataError: Listing all of them, and whether `--repair` could help.
    """
    errors = [problem for problem in problems if problem.severity == "error"]
    if not errors:
        return
    listed = "".join(f"\n  - {problem}" for problem in errors)
    raise DataError(
        "The bars of a file must be sound",
        came=f"{len(errors)} kind{'s' * (len(errors) > 1)} of problem:{listed}",
        where=where,
        mend="correct the file, or let --repair mend what it can and record every change",
    )


def _check_rows(draft: Draft) -> Iterator[Problem]:
    headers = [row for row in draft.bad_rows if row.kind == "the header once more"]
    ragged = [row for row in draft.bad_rows if row.kind != "the header once more"]
    for kind, bad, says in (
        ("repeated_header", headers, "The header stands again among the rows: joined files?"),
        ("ragged_row", ragged, "Rows have more or fewer values than columns"),
    ):
        if bad:
            texts = (f"{row.where}: {row.kind}: {row.text!r}" for row in bad)
            yield _error(kind, len(bad), first_rows(texts), says=says, mend="--repair drops them")
    if draft.bad_numbers:
        yield _by_row(draft, "unreadable_number", draft.bad_numbers, "Not a number")


def _check_times(draft: Draft) -> Iterator[Problem]:
    if draft.bad_times:
        yield _by_row(draft, "unreadable_time", draft.bad_times, "Not a time like the others")
    for kind, rows, says, mend in (
        ("mixed_time_units", draft.other_unit, "Unix times in another unit than most rows",
         "--repair reads each row in its own unit"),
        ("skipped_local_time", draft.skipped_times, "Wall times that the clock jumped over when "
         "summer time began: is the timezone right?", "--repair moves them an hour on"),
        ("unclear_local_time", draft.unclear_times, "Wall times that came twice when summer time "
         "ended, with one bar only", "--repair takes the first of the two"),
        ("swapped_day_and_month", draft.swapped_days, "Days that follow each other only with day "
         "and month exchanged, and as read are scattered over the months", "write every date as "
         "YYYY-MM-DD; --repair does not know which rows are meant"),
    ):  # fmt: skip
        if rows:
            index = np.flatnonzero(draft.mask(rows))
            yield _at(draft, kind, index, says=says, mend=mend)


def _check_years(draft: Draft) -> list[Problem]:
    first, last = (
        np.datetime64(f"{year}-01-01", "us").astype(np.int64) for year in (FIRST_YEAR, LAST_YEAR)
    )
    now = datetime.now(UTC)
    implausible = (draft.time_us < first) | (draft.time_us >= last)
    future = (draft.time_us > (now.timestamp() + _DAY_S) * 1_000_000) & ~implausible
    return [
        *problem_where(
            draft, implausible, kind="implausible_year",
            says=f"Times before {FIRST_YEAR} or from {LAST_YEAR} on: damaged, or in another unit",
            tell=lambda i: utc_text(draft.time_us[i]), mend="correct the times",
        ),
        *problem_where(
            draft, future, kind="future_time",
            says="Times later than today "
            f"({now:%Y-%m-%d} by the clock of this machine): misread, or made up",
            tell=lambda i: utc_text(draft.time_us[i]), mend="correct the times",
        ),
    ]  # fmt: skip


def _check_order(draft: Draft) -> Iterator[Problem]:
    times = draft.time_us
    if runs_backwards(times):
        yield _error(
            "newest_first", len(draft), (f"{draft.where(0)}: {utc_text(times[0])}",),
            says="The whole file runs backwards in time", mend="--repair turns it round",
        )  # fmt: skip
        yield from _check_duplicates(draft)
        return
    earlier = np.flatnonzero(times[1:] < np.maximum.accumulate(times)[:-1]) + 1
    if (shift := find_clock_shift(draft)) is not None:
        yield _at(
            draft, "clock_shift", shift.repeated,
            says=f"Bars come twice, {shift.hours:+g} h apart: the clock of the file changes here, "
            "and one of the two parts is in another timezone",
            mend=f"--repair drops the repetitions and moves the {shift.before} bars before by "
            f"{shift.hours:+g} h, so that the later part keeps its times",
        )  # fmt: skip
    elif earlier.size:
        yield _at(draft, "unordered_times", earlier, says="Times earlier than one before them",
                  mend="--repair sorts them")  # fmt: skip
    yield from _check_duplicates(draft)


def _check_duplicates(draft: Draft) -> Iterator[Problem]:
    index = repeated_times(draft.time_us)
    if not index.size:
        return
    first = np.searchsorted(np.sort(draft.time_us), draft.time_us[index])
    original = np.argsort(draft.time_us, kind="stable")[first]
    same = np.all([c[index] == c[original] for c in draft.columns.values()], axis=0)
    yield _at(
        draft, "duplicate_times", index,
        says=f"Times that came before, {int(same.sum())} with the same bar and "
        f"{int((~same).sum())} with another", mend="--repair keeps the first of each",
    )  # fmt: skip


def runs_backwards(time_us: NDArray[np.int64]) -> bool:
    """Tell whether no time is later than the one before it, and some are earlier."""
    steps = np.diff(time_us)
    return bool((steps <= 0).all() and (steps < 0).any())


def repeated_times(time_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of times that already stood at an earlier position."""
    if (np.diff(time_us) > 0).all():
        return np.empty(0, dtype=np.int64)
    order = np.argsort(time_us, kind="stable")
    again = np.flatnonzero(np.diff(time_us[order]) == 0) + 1
    return np.sort(order[again])


def _by_row(draft: Draft, kind: str, faults: Mapping[int, str], says: str) -> Problem:
    texts = (f"{draft.source.where(row)}: {text}" for row, text in sorted(faults.items()))
    return _error(kind, len(faults), first_rows(texts), says=says, mend="--repair drops these rows")


def _at(draft: Draft, kind: str, index: NDArray[np.int64], *, says: str, mend: str) -> Problem:
    texts = (f"{draft.where(int(i))}: {utc_text(draft.time_us[i])}" for i in index)
    return _error(kind, len(index), first_rows(texts), says=says, mend=mend)


def _error(kind: str, count: int, rows: tuple[str, ...], *, says: str, mend: str) -> Problem:
    return Problem(kind=kind, count=count, first_rows=rows, severity="error", says=says, mend=mend)
