"""What the live view shows, composed for a given width and height. Pure drawing.

A narrow terminal stacks the parts, a wide one puts them side by side; a low one shortens reasons
and shows fewer finished folds. Nothing here relies on colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from bot.live.cells import add_row
from bot.live.chart import Canvas, draw
from bot.live.lines import start_from
from bot.live.progress import RunProgress
from bot.speed_up import UNKNOWN, spread_text
from bot.wording import (
    NOT_MEASURED,
    clean,
    compact,
    decided_value,
    duration,
    percent,
    rule_name,
    score,
    times,
    whole,
)
from training.events import Decided, Evaluated, FoldFinished

_WIDE_COLUMNS = 110
_HIGH_ROWS = 34
_MIN_FOLD_ROWS = 2
_FOLD_TABLE_FIXED_ROWS = 3


def compose(progress: RunProgress, console: Console, *, width: int, height: int) -> RenderableType:
    """Build the whole screen.

    Args:
        progress: What is known.
        console: Where it will be drawn; asked for its encoding and for the height of the parts.
        width: Characters across to stay within.
        height: Lines to stay within.
    """
    if progress.run is None:
        return Text("Preparing bars, features and folds ...")
    unicode = console.encoding.startswith("utf")
    body = _side_by_side if width >= _WIDE_COLUMNS else _stacked
    parts = body(progress, width=width, high=height >= _HIGH_ROWS, unicode=unicode)
    options = console.options.update(width=width)
    lines = console.render_lines(Group(_top(progress, width), parts), options, pad=False)
    n_rows = max(height - len(lines) - _FOLD_TABLE_FIXED_ROWS, _MIN_FOLD_ROWS)
    table = folds_table(progress.finished[-n_rows:])
    return _Lines((lines + console.render_lines(table, options, pad=False))[:height])


def folds_table(finished: Sequence[FoldFinished]) -> RenderableType:
    """Build the table of finished folds; nothing where there are none."""
    if not finished:
        return Text()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Fold", justify="right", no_wrap=True)
    for name in ("Test", "Buy & hold", "Trades", "Valid.", "Steps", "Time"):
        table.add_column(name, justify="right", no_wrap=True)
    for fold in finished:
        add_row(
            table,
            str(fold.fold_index),
            percent(fold.test_return_frac),
            percent(fold.test_buy_and_hold_frac),
            whole(fold.n_test_trades),
            score(fold.validation_score),
            whole(fold.n_steps) + ("*" if fold.stopped_early else " "),
            duration(fold.duration_s),
        )
    early = any(fold.stopped_early for fold in finished)
    return Group(table, Text("* stopped early", style="dim")) if early else table


class _Lines:
    """Lines that are drawn already, each within the width."""

    def __init__(self, lines: list[list[Segment]]) -> None:
        self._lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self._lines:
            yield from line
            yield Segment.line()


def _top(progress: RunProgress, width: int) -> RenderableType:
    run = progress.run
    assert run is not None
    title = Text(no_wrap=True, overflow="ellipsis")
    title.append(f"{clean(run.symbol, max_length=24)} {clean(run.timeframe)}", style="bold")
    title.append(
        f"  {whole(run.n_bars)} bars, {run.n_features} features, profile {clean(run.profile)}, "
        f"{run.device}, {clean(run.run_folder)}",
        style="dim",
    )
    return Group(title, _bars(progress, width))


def _bars(progress: RunProgress, width: int) -> RenderableType:
    run, latest, fold = progress.run, progress.latest, progress.fold
    assert run is not None
    folds = f"folds {progress.n_folds_done}/{run.n_folds}"
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True, min_width=min(len(folds), width // 3))
    grid.add_column(width=max(min(width // 3, 40), 8))
    grid.add_column(no_wrap=True, overflow="ellipsis")
    add_row(
        grid,
        folds,
        ProgressBar(total=run.n_folds, completed=progress.n_folds_done),
        f"{duration(progress.elapsed_s)}, ETA {_eta(progress)}",
    )
    n_steps = latest.n_steps if latest else 0
    budget = fold.budget_steps if fold else 1
    speed = whole(latest.steps_per_s) if latest else NOT_MEASURED
    add_row(
        grid,
        f"fold {fold.fold_index}" if fold else "fold -",
        ProgressBar(total=max(budget, 1), completed=min(n_steps, budget)),
        f"{whole(n_steps)}/{whole(budget) if fold else '-'} steps, {speed} steps/s",
    )
    return grid


def _eta(progress: RunProgress) -> str:
    remaining_s = progress.remaining_s
    return NOT_MEASURED if remaining_s is None else duration(remaining_s)


def _stacked(progress: RunProgress, *, width: int, high: bool, unicode: bool) -> RenderableType:
    return Group(
        _validation(
            progress, n_columns=min(width - 12, 60), n_rows=6 if high else 4, unicode=unicode
        ),
        _facts(progress),
        _rules(progress, whole_reasons=high),
        Text(),
    )


def _side_by_side(
    progress: RunProgress, *, width: int, high: bool, unicode: bool
) -> RenderableType:
    left = (width - 3) * 9 // 20
    grid = Table.grid(padding=(0, 3, 0, 0))
    grid.add_column(width=left)
    grid.add_column(width=width - 3 - left)
    n_rows = 8 if high else 5
    add_row(
        grid,
        Group(
            _validation(progress, n_columns=left - 12, n_rows=n_rows, unicode=unicode),
            _facts(progress),
        ),
        _rules(progress, whole_reasons=True),
    )
    return Group(grid, Text())


def _validation(
    progress: RunProgress, *, n_columns: int, n_rows: int, unicode: bool
) -> RenderableType:
    points = progress.evaluations
    heading = Text(no_wrap=True, overflow="ellipsis")
    heading.append("Validation", style="bold")
    if not points:
        heading.append(f"  {NOT_MEASURED}: no evaluation yet", style="dim")
        return Group(heading, *(Text() for _ in range(n_rows)))
    canvas = Canvas(n_columns=max(n_columns, 8), n_rows=n_rows, unicode=unicode)
    best = max(range(len(points)), key=lambda index: points[index].score)
    heading.append(
        f"  {canvas.mark} best {score(points[best].score)} at {whole(points[best].n_steps)}, "
        f"last {score(points[-1].score)}"
    )
    return Group(heading, *_axis(points, canvas, best))


def _axis(points: Sequence[Evaluated], canvas: Canvas, best: int) -> list[Text]:
    values = [point.score for point in points]
    lines = draw([point.n_steps for point in points], values, canvas, best=best)
    labels = {0: score(max(values)), len(lines) - 1: score(min(values))}
    if max(values) == min(values):
        labels = {len(lines) // 2: score(values[0])}
    return [
        Text(f"{labels.get(row, ''):>9} ", style="dim", no_wrap=True).append(
            line, style="not dim cyan"
        )
        for row, line in enumerate(lines)
    ]


def _facts(progress: RunProgress) -> RenderableType:
    """Build the lines of a label and a text: hyperparameters, start, counters."""
    latest, fold, counters = progress.latest, progress.fold, progress.counters
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column()
    hits = NOT_MEASURED if counters.n_cache_hits is None else whole(counters.n_cache_hits)
    in_force = f"{NOT_MEASURED}: no update yet"
    if latest is not None:
        in_force = (
            f"lr {compact(latest.learning_rate)}, epochs {latest.n_epochs}, "
            f"entropy {compact(latest.ent_coef)}, clip {compact(latest.clip_range)}"
        )
    add_row(grid, "In force", in_force)
    add_row(grid, "Start", start_from(fold) if fold else "-")
    add_row(
        grid,
        "So far",
        f"early stops {counters.n_early_stops}, saving {whole(counters.untrained_steps)} steps; "
        f"warm starts {counters.n_warm_starts}; cache hits {hits}",
    )
    add_row(grid, "Speed-up", _speed_up(progress))
    return grid


def _speed_up(progress: RunProgress) -> str:
    """Compare the folds of this session with a fold of the original, once one is finished."""
    original, mean_s, latest = progress.original, progress.mean_fold_s, progress.latest
    if original is None:
        return UNKNOWN
    now = ""
    if latest is not None:
        ratio = times(latest.steps_per_s / original.steps_per_s)
        now = f"; {ratio} the original's {compact(original.steps_per_s)} steps/s"
    if mean_s is None:
        return f"{NOT_MEASURED} until a fold is done{now}"
    ends = (original.shortest_fold_s / mean_s, original.longest_fold_s / mean_s)
    return spread_text(original.fold_s / mean_s, *ends, original.n_rounds) + now


def _rules(progress: RunProgress, *, whole_reasons: bool) -> RenderableType:
    rows = [
        (rule_name(rule), decided_value(rule, event.value), _reason(progress, event))
        for rule, event in progress.decisions.items()
    ]
    grid = Table.grid(padding=(0, 1, 0, 0))
    for column, style in ((0, ""), (1, "bold")):
        width = max((len(row[column]) for row in rows), default=0)
        grid.add_column(no_wrap=True, overflow="ellipsis", style=style, min_width=min(width, 20))
    grid.add_column(no_wrap=not whole_reasons, overflow="ellipsis", style="dim")
    for row in rows:
        add_row(grid, *row)
    heading = Text("Rules: last decision of each", style="bold")
    return Group(heading, grid if rows else Text("none yet", style="dim"))


def _reason(progress: RunProgress, event: Decided) -> str:
    """Write why, and in which fold where that is not the current one."""
    reason = clean(event.reason, max_length=240)
    is_current = progress.fold is None or event.fold_index >= progress.fold.fold_index
    return reason if is_current else f"fold {event.fold_index}: {reason}"
