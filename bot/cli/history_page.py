"""The list of runs as lines of text, one or two a run. Reads no file."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.cells import cell_len

from bot.wording import (
    NOT_MEASURED,
    UNDEFINED,
    clean,
    decimal,
    duration,
    percent,
    whole,
)
from training.history import History, PastBenchmark, PastRun

_GAP, _INDENT = "  ", "    "
_LONGEST_NAME = 60
_MOST_KINDS = 10
_RUN = ("Ended, UTC", "Run", "Folds", "State", "Time")
_RUN_FIGURES = ("Data", "Profile", "Seed", "Return", "Hold", "Sharpe", "Fall")
_BENCHMARK = ("Ended, UTC", "Benchmark", "Runs", "State")
_BENCHMARK_FIGURES = ("Data", "Profile", "Seeds", "Folds", "Times as fast", "Return", "Original")
_RIGHT = frozenset(
    {"Folds", "Time", "Seed", "Return", "Hold", "Sharpe", "Fall", "Runs", "Seeds", "Original"}
)
_STOPPED = "stopped: its own time was over; the same command goes on with the runs that are left."
_OPEN = "open: not finished and not stopped in order; still running, or killed."

Rows = Sequence[Sequence[str]]


def lines(
    chosen: History, found: History, *, folder: Path, width: int | None = None
) -> Iterator[str]:
    """Yield the lines of a list of runs and benchmarks.

    Args:
        chosen: What is listed.
        found: What there is, with what filters left out.
        folder: Where.
        width: Columns of the terminal; None sets no limit, as in a pipe.
    """
    if chosen.runs:
        rows = [_run(run) for run in chosen.runs]
        yield from _table(_RUN, _RUN_FIGURES, rows, width)
    if chosen.benchmarks:
        if chosen.runs:
            yield ""
        rows = [_benchmark(benchmark) for benchmark in chosen.benchmarks]
        yield from _table(_BENCHMARK, _BENCHMARK_FIGURES, rows, width)
        for benchmark in chosen.benchmarks:
            if benchmark.verdict is not None:
                yield f"{_name(benchmark.name)}: {clean(benchmark.verdict)}."
    if chosen.runs or chosen.benchmarks:
        yield ""
    for line in _footer(chosen, found, folder):
        yield from textwrap.wrap(line, width or max(len(line), 1), break_on_hyphens=False)


def _run(run: PastRun) -> tuple[Sequence[str], Sequence[str]]:
    first = (
        _when(run.when),
        _name(run.name),
        _of(run.n_folds_done, run.n_folds_planned),
        run.state if run.damage is None else f"{run.state}, damaged",
        UNDEFINED if run.duration_s is None else duration(run.duration_s),
    )
    figures = (
        _data(run),
        _name(run.profile),
        UNDEFINED if run.seed is None else str(run.seed),
        percent(run.test_return_frac),
        percent(run.hold_return_frac),
        decimal(run.sharpe),
        percent(run.max_drawdown_frac, 1, signed=False),
    )
    return first, figures


def _benchmark(benchmark: PastBenchmark) -> tuple[Sequence[str], Sequence[str]]:
    first = (
        _when(benchmark.when),
        _name(benchmark.name),
        _of(benchmark.n_runs_done, benchmark.n_runs_planned),
        benchmark.state,
    )
    figures = (
        _data(benchmark),
        _name(benchmark.profile),
        whole(benchmark.n_seeds),
        whole(benchmark.n_folds),
        _speed(benchmark),
        percent(benchmark.test_return_frac),
        percent(benchmark.original_return_frac),
    )
    return first, figures


def _speed(benchmark: PastBenchmark) -> str:
    if benchmark.speed is None:
        return NOT_MEASURED
    told = _factor(benchmark.speed)
    if benchmark.speed_low is None or benchmark.speed_high is None:
        return f"{told} (?)"
    return f"{told} ({_factor(benchmark.speed_low)}-{_factor(benchmark.speed_high)})"


def _factor(value: float) -> str:
    """Write a factor as the benchmark does: in three digits, whole from 100 on."""
    if value >= 1e6:
        return f"{value:.1e}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _table(
    first: Sequence[str],
    figures: Sequence[str],
    rows: Sequence[tuple[Sequence[str], Sequence[str]]],
    width: int | None,
) -> Iterator[str]:
    """Yield a table with one line a row; with two or more where one is wider than the terminal."""
    n_names = 2  # when and name stay in front, figures follow, the rest of the first line ends it
    headings = (*first[:n_names], *figures, *first[n_names:])
    one = list(_aligned(headings, [(*a[:n_names], *b, *a[n_names:]) for a, b in rows]))
    if width is None or max(map(cell_len, one)) <= width:
        yield from one
        return
    upper = _packed([first, *(a for a, _ in rows)], width)
    lower = _packed([figures, *(b for _, b in rows)], width - len(_INDENT))
    for above, below in zip(upper, lower, strict=True):
        yield above[0]
        for line in (*above[1:], *below):
            yield _INDENT + line


def _packed(cells: Rows, width: int) -> Iterator[list[str]]:
    """Yield the headings, then every row, each as lines of as many columns as fit."""
    sizes = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    ends = [0]
    for index in range(1, len(sizes)):
        if sum(sizes[ends[-1] : index + 1]) + len(_GAP) * (index - ends[-1]) > width:
            ends.append(index)
    parts = itertools.pairwise([*ends, len(sizes)])
    blocks = [
        _aligned(cells[0][start:stop], [row[start:stop] for row in cells[1:]])
        for start, stop in parts
    ]
    for lines_of_row in zip(*blocks, strict=True):
        yield list(lines_of_row)


def _aligned(headings: Sequence[str], rows: Rows) -> Iterator[str]:
    """Yield the headings and every row as lines whose columns stand under each other."""
    cells = [headings, *rows]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = [
            " " * (size - cell_len(cell)) + cell
            if heading in _RIGHT
            else cell + " " * (size - cell_len(cell))
            for heading, cell, size in zip(headings, row, widths, strict=True)
        ]
        yield _GAP.join(padded).rstrip()


def _footer(chosen: History, found: History, folder: Path) -> Iterator[str]:
    for run in chosen.runs:
        if run.error is not None:
            yield f"{_name(run.name)} failed: {clean(run.error)}"
        if run.damage is not None:
            yield f"{_name(run.name)} is damaged: {clean(run.damage, max_length=500)}"
    states = [*(run.state for run in chosen.runs), *(one.state for one in chosen.benchmarks)]
    if "stopped" in states:
        yield _STOPPED
    if "open" in states:
        yield _OPEN
    told = f"{_count(chosen.runs, found.runs, 'run')} in {clean(folder)}"
    if found.benchmarks:
        told = f"{_count(chosen.benchmarks, found.benchmarks, 'benchmark')}, {told}"
    yield f"{told}."
    listed: tuple[PastRun | PastBenchmark, ...] = (*found.runs, *found.benchmarks)
    if listed and not (chosen.runs or chosen.benchmarks):
        yield f"None is of such data. There are: {_kinds(listed)}."
    if found.damaged:
        yield f"{len(found.damaged)} more cannot be read."
    if not (found.runs or found.benchmarks or found.damaged):
        yield "walkfast train makes the first one."


def _kinds(items: Sequence[PastRun | PastBenchmark]) -> str:
    """List the data of runs, each once, the latest first."""
    kinds = list(dict.fromkeys(_data(item) for item in reversed(items)))
    more = len(kinds) - _MOST_KINDS
    return ", ".join(kinds[:_MOST_KINDS]) + (f" and {more} more" if more > 0 else "")


def _count(chosen: Sequence[object], found: Sequence[object], what: str) -> str:
    many = f"{len(found):,} {what}{'s' * (len(found) != 1)}"
    return many if len(chosen) == len(found) else f"{len(chosen):,} of {many}"


def _data(item: PastRun | PastBenchmark) -> str:
    if item.symbol is None and item.data_path is not None:
        return clean(Path(item.data_path).name, max_length=_LONGEST_NAME)
    told = " ".join(filter(None, (item.symbol, item.timeframe)))
    return clean(told, max_length=_LONGEST_NAME) or UNDEFINED


def _name(text: str | None) -> str:
    return UNDEFINED if text is None else clean(text, max_length=_LONGEST_NAME)


def _when(when: str | None) -> str:
    return UNDEFINED if when is None else clean(when)[:16].replace("T", " ")


def _of(done: int | None, planned: int | None) -> str:
    return f"{UNDEFINED if done is None else done}/{UNDEFINED if planned is None else planned}"
