"""Checks of the distance between bars: one timeframe, and where bars are missing.

A missing bar is a warning only: markets close. Nights and weekends that come again and again are
counted as sessions, and what remains is listed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.data.draft import Draft, utc_text
from envs.data.problems import first_rows, problem_where
from envs.data.report import Problem
from envs.timeframe import Timeframe

US_PER_HOUR = 3_600_000_000
US_PER_DAY = 24 * US_PER_HOUR
MIN_COARSE_STEPS = 20
MIN_LONE_DAYS = 3
MIN_SESSION_GAPS = 5
_SATURDAY_NOON = 2 * US_PER_DAY + US_PER_DAY // 2  # 1970-01-03 12:00, a Saturday


def check_regularity(draft: Draft, *, expected: str | None) -> list[Problem]:
    """Check the steps between the bars in order of time; broken order is another check's matter."""
    times = distinct_times(draft.time_us)
    if len(times) < 2:
        return [
            Problem(
                kind="too_few_bars", count=len(times), first_rows=(), severity="error",
                says="A timeframe needs two bars at least",
            )
        ]  # fmt: skip
    timeframe = Timeframe.infer(times)
    problems = _check_expected(timeframe, expected)
    if is_monthly(times):
        return problems
    problems += _check_stretches(times, timeframe)
    problems += _check_grid(draft, timeframe)
    problems += _check_close_times(draft, timeframe)
    return [*problems, *_check_gaps(times, timeframe)]


def distinct_times(time_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sort the times and leave repetitions out; free of cost when they are in order."""
    if (np.diff(time_us) > 0).all():
        return time_us
    times: NDArray[np.int64] = np.unique(time_us)
    return times


def coarse_stretch(times: NDArray[np.int64], timeframe: Timeframe) -> tuple[int, int] | None:
    """Find the longest run of bars that belong to a coarser timeframe, as [start, stop) of times.

    Bars that each stand alone in their day within an intraday file, or twenty and more steps in a
    row that are too long and mostly equal.
    """
    steps = np.diff(times)
    lone = steps >= 20 * US_PER_HOUR
    run = _longest_run(lone) if timeframe.step_us <= 4 * US_PER_HOUR else None
    if run and run[1] - run[0] >= MIN_LONE_DAYS:
        return run
    run = _longest_run(steps > timeframe.step_us)
    if run and run[1] - run[0] >= MIN_COARSE_STEPS:
        inside = steps[run[0] : run[1]]
        _, counts = np.unique(inside, return_counts=True)
        if counts.max() >= 0.6 * len(inside):
            return run
    return None


def off_grid(draft: Draft, timeframe: Timeframe) -> NDArray[np.bool_]:
    """Rows whose time is no whole number of steps away from the most common phase.

    Steps that summer time makes an hour longer or shorter count as whole for bars of two hours
    and more, because their day begins by a local clock.
    """
    if timeframe.step_us >= 7 * US_PER_DAY:
        timeframe = Timeframe(step_us=US_PER_DAY)
    phase = draft.time_us % timeframe.step_us
    values, counts = np.unique(phase, return_counts=True)
    usual = values[np.argmax(counts)]
    distance = np.minimum((phase - usual) % timeframe.step_us, (usual - phase) % timeframe.step_us)
    is_summer_time = (distance == US_PER_HOUR) & (timeframe.step_us >= 2 * US_PER_HOUR)
    bad: NDArray[np.bool_] = (distance != 0) & ~is_summer_time
    return bad


def is_monthly(times: NDArray[np.int64]) -> bool:
    """Tell whether the bars are months, whose length varies."""
    steps = np.diff(times)
    return bool(np.median(steps) >= 28 * US_PER_DAY and np.median(steps) <= 31 * US_PER_DAY)


def _check_expected(timeframe: Timeframe, expected: str | None) -> list[Problem]:
    if expected is None or Timeframe.parse(expected) == timeframe:
        return []
    return [
        Problem(
            kind="other_timeframe", count=1, first_rows=(), severity="error",
            says=f"The bars are {timeframe.name} and not {Timeframe.parse(expected).name} apart",
            mend="name the timeframe of the file, and resample afterwards",
        )
    ]  # fmt: skip


def _check_stretches(times: NDArray[np.int64], timeframe: Timeframe) -> list[Problem]:
    stretch = coarse_stretch(times, timeframe)
    if stretch is None:
        return []
    start, stop = stretch
    step = Timeframe(step_us=int(np.median(np.diff(times[start : stop + 1]))))
    is_head = "its head" if start == 0 else "a stretch"
    return [
        Problem(
            kind="irregular_timeframe", count=stop - start, severity="error",
            first_rows=(f"{utc_text(times[start])} to {utc_text(times[stop])}",),
            says=f"Most bars are {timeframe.name} apart, but {is_head} is in steps of {step.name}",
            mend="--repair drops a coarser head" if start == 0 else "cut the file in two",
        )
    ]  # fmt: skip


def _check_grid(draft: Draft, timeframe: Timeframe) -> list[Problem]:
    return problem_where(
        draft, off_grid(draft, timeframe), kind="off_grid_time",
        says=f"Bars are {timeframe.name} apart, but these stand between the steps",
        tell=lambda i: utc_text(draft.time_us[i]), mend="--repair drops them",
    )  # fmt: skip


def _check_close_times(draft: Draft, timeframe: Timeframe) -> list[Problem]:
    """The end of a bar must be one step after its start, less one unit of the file."""
    if (ends := draft.close_times) is None:
        return []
    length = ends - draft.time_us
    bad = (length <= 0) | (length > timeframe.step_us)
    return problem_where(
        draft, bad, kind="close_time_disagrees",
        says=f"The bar's own end is not within {timeframe.name} of its start: another unit?",
        tell=lambda i: f"{utc_text(draft.time_us[i])} to {utc_text(ends[i])}",
    )  # fmt: skip


def _check_gaps(times: NDArray[np.int64], timeframe: Timeframe) -> list[Problem]:
    steps = np.diff(times)
    slack = US_PER_HOUR if timeframe.step_us >= US_PER_DAY else 0
    at = np.flatnonzero(steps > timeframe.step_us + slack)
    if not at.size:
        return []
    weekend = _spans_saturday(times[at], times[at + 1])
    nightly = _is_session(times[at], steps[at]) & ~weekend
    rest = at[~weekend & ~nightly]
    sessions = f"{int(weekend.sum())} weekends and {int(nightly.sum())} regular session breaks"
    if not rest.size:
        return [_gap_warning("session_gaps", at.size, (), f"Bars pause over {sessions}")]
    n_missing = int((steps[rest] // timeframe.step_us - 1).sum())
    longest = rest[np.argsort(-steps[rest], kind="stable")]
    rows = first_rows(f"{utc_text(times[i])} to {utc_text(times[i + 1])}" for i in longest)
    says = f"{n_missing} bars are missing besides {sessions}; the longest gaps come first"
    return [_gap_warning("gaps", rest.size, rows, says)]


def _gap_warning(kind: str, count: int, rows: tuple[str, ...], says: str) -> Problem:
    return Problem(kind=kind, count=int(count), first_rows=rows, severity="warning", says=says)


def _spans_saturday(start: NDArray[np.int64], stop: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Gaps of up to four days with noon of a Saturday inside."""
    week = 7 * US_PER_DAY
    next_noon = start + (_SATURDAY_NOON - start) % week
    return (next_noon < stop) & (stop - start <= 4 * US_PER_DAY)


def _is_session(start: NDArray[np.int64], steps: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Gaps of less than a day that come again and again in the same hour with the same length."""
    hour = (start % US_PER_DAY) // US_PER_HOUR
    length = steps // US_PER_HOUR
    pairs = hour * 100 + length
    _, inverse, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    result: NDArray[np.bool_] = (counts[inverse] >= MIN_SESSION_GAPS) & (steps < US_PER_DAY)
    return result


def _longest_run(mask: NDArray[np.bool_]) -> tuple[int, int] | None:
    """Longest stretch of True as [start, stop)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    if not edges.size:
        return None
    starts, stops = edges[::2], edges[1::2]
    best = int(np.argmax(stops - starts))
    return int(starts[best]), int(stops[best])
