"""The end of a run on the screen: out-of-sample figures, what the rules did, where the files are.

Reads the two summaries as they are written to disk; computes nothing of its own. Not here: the
report with pictures (`bot.report`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from bot.live.cells import add_row
from bot.speed_up import sentences
from bot.wording import (
    BASELINES,
    METRICS,
    PLANTED_MARKET,
    annualization,
    as_number,
    chance_in_short,
    charged,
    clean,
    cost_ground,
    counted,
    decimal,
    duration,
    hold_sizing,
    on_planted,
    percent,
    rule_name,
    saved_text,
    size,
    verdict,
    whole,
)
from training.events import RunFinished

_NARROW_COLUMNS = 72
_FILES = (
    ("report.html", "everything, with pictures"),
    ("equity.png", "equity and drawdown"),
    ("best_model_optimized.zip", "best of the last models on the last validation bars"),
    ("model_final_optimized.zip", "the model of the last fold"),
    ("folds/", "one folder a fold: decisions, ledger, equity, model"),
)


def render_summary(
    summary: Mapping[str, Any], optimization: Mapping[str, Any], *, run_folder: str | None = None
) -> RenderableType:
    """Build the final summary for a rich console.

    Args:
        summary: Content of `training_performance_summary.json`; on the embedded sample with a
            `sample_verdict`, the share of the best policy's return.
        optimization: Content of `optimization_summary.json`.
        run_folder: Where the files are; None leaves that part out.

    Returns:
        A renderable that adapts to the width it is given. Missing values print `-` or `n/a`.
    """
    agent, baselines = _mapping(summary, "out_of_sample"), _mapping(summary, "baselines")
    planted, best_share = on_planted(summary.get("data")), summary.get("sample_verdict")
    told = verdict(
        agent,
        baselines,
        planted=planted,
        best_share=best_share if isinstance(best_share, str) else None,
    )
    parts: list[RenderableType] = [
        *([Text(PLANTED_MARKET, style="bold yellow")] if planted else []),
        Text().append("OUT OF SAMPLE", style="bold").append(f"  {measured_on(summary)}"),
        *([Text(costs)] if (costs := charged(_performances(agent, baselines))) else []),
        _PerformanceTable(agent, baselines),
        Text(hold_sizing(_mapping(baselines, "buy_and_hold"), summary.get("price_change_frac"))),
        Text(annualization(agent), style="dim"),
        Text(),
        Text(" ".join(told), style="bold"),
        Text(),
        _RulesTable(_mapping(optimization, "rules")),
        Text(),
        _facts(summary, optimization, run_folder),
    ]
    return Group(*parts)


def measured_on(summary: Mapping[str, Any]) -> str:
    """Say which bars the figures were measured on."""
    agent = _mapping(summary, "out_of_sample")
    folds = summary.get("folds")
    rows = [row for row in folds if isinstance(row, Mapping)] if isinstance(folds, list) else []
    told = f"test slices only: {whole(agent.get('n_bars'))} bars of {counted(len(rows), 'fold')}"
    ends = [rows[0].get("test_start"), rows[-1].get("test_stop")] if rows else []
    span = " to ".join(clean(end)[:16].replace("T", " ") for end in ends if end is not None)
    return f"{told}, {span}" if span else told


def final_line(event: RunFinished) -> str:
    """Say in one line how the run ended, and where its files are."""
    agent, baselines = (
        _mapping(event.summary, "out_of_sample"),
        _mapping(event.summary, "baselines"),
    )
    hold = _mapping(baselines, "buy_and_hold")
    market = "synthetic market, " if on_planted(event.summary.get("data")) else ""
    return (
        f"done; loading and folds took {duration(event.summary.get('duration_s'))}: "
        f"{market}out of sample "
        f"{percent(agent.get('total_return_frac'))}, "
        f"buy-and-hold {percent(hold.get('total_return_frac'))}, "
        f"{whole(agent.get('n_trades'))} trades, max drawdown "
        f"{percent(agent.get('max_drawdown_frac'), signed=False)}; "
        f"files in {clean(event.run_folder)}"
    )


class _PerformanceTable:
    """The table of performance; a narrow console leaves out the flat baseline, which is zero."""

    def __init__(self, agent: Mapping[str, Any], baselines: Mapping[str, Any]) -> None:
        self._agent, self._baselines = agent, baselines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        names = [n for n in BASELINES if n != "flat" or options.max_width >= _NARROW_COLUMNS]
        yield self._table([name for name in names if name in self._baselines])

    def _table(self, names: list[str]) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        ground = cost_ground(_performances(self._agent, self._baselines))
        table.add_column(ground.capitalize(), no_wrap=True)
        table.add_column("Agent", justify="right", style="bold", overflow="fold")
        for name in names:
            table.add_column(BASELINES[name], justify="right", overflow="fold")
        for metric in METRICS:
            others = [metric.read(_mapping(self._baselines, name)) for name in names]
            add_row(table, metric.label, metric.read(self._agent), *others)
        return table


def _performances(
    agent: Mapping[str, Any], baselines: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    return [agent, *(_mapping(baselines, name) for name in BASELINES)]


class _RulesTable:
    """The table of rules; on a narrow console how things were measured stands below it."""

    def __init__(self, rules: Mapping[str, Any]) -> None:
        self._counts = {rule: _mapping(rules, rule) for rule in rules}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        is_narrow = options.max_width < _NARROW_COLUMNS
        if not self._counts:
            yield Text("No rule was recorded.", style="dim")
            return
        yield self._table(with_how=not is_narrow)
        for rule, count in self._counts.items():
            if is_narrow and as_number(count.get("saved")) is not None:
                yield Text(f"{rule_name(rule)}: {clean(count.get('how_measured', ''))}", "dim")

    def _table(self, *, with_how: bool) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        table.add_column("Rule", no_wrap=True)
        for name in ("Decisions", "Saved", "Cost"):
            table.add_column(name, justify="right", no_wrap=True)
        if with_how:
            table.add_column("How it was measured", style="dim", overflow="fold")
        for rule, count in self._counts.items():
            row = (
                rule_name(rule),
                whole(count.get("n_decisions")),
                saved_text(count),
                duration(count.get("cost_s")),
            )
            add_row(table, *row, *([clean(count.get("how_measured", ""))] if with_how else []))
        return table


def _facts(
    summary: Mapping[str, Any], optimization: Mapping[str, Any], run_folder: str | None
) -> RenderableType:
    """Build the lines of a label and a text: time, speed-up, memory, network, files."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    add_row(grid, "Chance", chance_in_short(_mapping(summary, "chance")))
    add_row(grid, "Time", _times(summary))
    add_row(grid, "Speed-up", " ".join(sentences(optimization)))
    add_row(grid, "Memory", f"{size(summary.get('peak_memory_bytes'))} at peak")
    add_row(
        grid,
        "Network",
        f"{whole(summary.get('n_parameters'))} parameters, "
        f"{decimal(summary.get('parameters_per_train_bar'), 1)} for each train bar",
    )
    if run_folder is not None:
        add_row(grid, "Files", clean(run_folder))
        files = Table.grid(padding=(0, 2, 0, 0))  # a wrapped description stays beside its file
        files.add_column(no_wrap=True)
        files.add_column(overflow="fold")
        for name, what in _FILES:
            add_row(files, name, what)
        add_row(grid, "", files)
    return grid


def _times(summary: Mapping[str, Any]) -> str:
    stages = {name: as_number(spent) or 0.0 for name, spent in _mapping(summary, "stage_s").items()}
    largest = sorted(stages.items(), key=lambda item: -item[1])
    listed = ", ".join(f"{clean(name)} {duration(spent)}" for name, spent in largest)
    return duration(summary.get("duration_s")) + (f" ({listed})" if listed else "")


def _mapping(source: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a nested mapping; an empty one where it is missing or something else."""
    value = source.get(key)
    return value if isinstance(value, Mapping) else {}
