"""The pictures of a report, as matplotlib figures in a given palette.

Titles stand in the page, not in the picture. Percentages appear here for the first time: files
hold fractions. Read next: `bot.report.pictures`, which turns figures into SVG and PNG.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from bot.report.axes import (
    WIDTH_IN,
    drawn_growth,
    dress,
    frame,
    legend,
    log_scale,
    mark_places,
    needs_log,
    percent_tick,
    steps_tick,
)
from bot.report.curves import (
    AppliedSchedule,
    Floats,
    ValidationCurve,
    drawdown,
    thinned,
)
from bot.report.palette import Palette
from bot.report.read import CURVES
from bot.wording import compact, percent

_N_DRAWN_POINTS = 1_200
_N_LABELLED_FOLDS = 40
_GRID_COLUMNS = 4
_MOST_LEVELS = 3
_SCHEDULE_LABELS = {
    "learning_rate": "learning rate",
    "ent_coef": "entropy weight",
    "clip_range": "clip range",
    "n_epochs": "epochs",
}


def equity_figure(equity: pd.DataFrame, palette: Palette) -> Figure:
    """Draw the returns since the start, with drawdown below and fold boundaries marked.

    Where the accounts end far apart, growth is drawn on a logarithmic axis in place of returns.

    Args:
        equity: As in `RunFiles.equity`.
        palette: Colours.
    """
    figure = Figure(figsize=(WIDTH_IN, 4.6))
    frame(figure, bottom_in=0.45, gap=0.08)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2.6, 1))
    names = [name for name in ("random", "buy_and_hold", "agent") if name in equity]
    kept = thinned([equity[name].to_numpy() for name in names], _N_DRAWN_POINTS)
    times = _times(equity)
    _draw_growth(above, times, equity[names], kept=kept, palette=palette)
    falls = drawdown(equity["agent"].to_numpy())[kept]
    below.fill_between(times[kept], falls, 0, color=palette.agent, alpha=0.25, linewidth=0)
    below.plot(times[kept], falls, color=palette.agent, linewidth=0.9)
    mark_places(figure.axes, times[_boundaries(equity)], palette)
    legend(above, palette)
    above.set_title("out of sample, net of costs", loc="right", fontsize=8, color=palette.muted)
    dress(below, palette, label="agent's drawdown")
    below.yaxis.set_major_formatter(FuncFormatter(percent_tick))
    return figure


def is_drawn_as_growth(equity: pd.DataFrame) -> bool:
    """Say whether `equity_figure` takes a logarithmic axis for these accounts."""
    return needs_log([drawn_growth(equity[name].to_numpy()) for name in CURVES if name in equity])


def folds_figure(
    indices: Sequence[int], agent: Sequence[float], hold: Sequence[float], palette: Palette
) -> Figure:
    """Draw the test return of each fold beside buy-and-hold's, fractions in."""
    figure = Figure(figsize=(WIDTH_IN, 2.6))
    frame(figure)
    axes = figure.subplots()
    places = np.arange(len(indices))
    axes.bar(places - 0.2, agent, 0.4, color=palette.agent, label="Agent")
    axes.bar(
        places + 0.2,
        hold,
        0.36,
        facecolor="none",
        edgecolor=palette.hold,
        linewidth=1.1,
        label="Buy & hold",
    )
    axes.axhline(0, color=palette.muted, linewidth=0.7)
    every = math.ceil(len(indices) / _N_LABELLED_FOLDS)
    axes.set_xticks(places[::every], [str(index) for index in indices[::every]])
    axes.set_xlabel("fold")
    axes.yaxis.set_major_formatter(FuncFormatter(percent_tick))
    legend(axes, palette)
    axes.margins(x=0.01)
    dress(axes, palette, label="test return")
    return figure


def validation_figure(curves: Sequence[ValidationCurve], palette: Palette) -> Figure:
    """Draw the validation scores of each fold, the tested model marked.

    Folds have axes of their own: scores of different bars do not compare.
    """
    n_rows = math.ceil(len(curves) / _GRID_COLUMNS)
    figure = Figure(figsize=(WIDTH_IN, 1.75 * n_rows))
    frame(figure, bottom_in=0.3, gap=0.45)
    grid = figure.subplots(n_rows, _GRID_COLUMNS, squeeze=False).ravel()
    for axes, curve in zip(grid, curves, strict=False):
        axes.axhline(0, color=palette.grid, linewidth=0.9)
        axes.plot(curve.steps, curve.scores, color=palette.validation, linewidth=1.2)
        axes.plot(curve.steps, curve.scores, ".", color=palette.validation, markersize=3)
        if curve.chosen is not None:
            point = [curve.steps[curve.chosen]], [curve.scores[curve.chosen]]
            axes.plot(*point, "D", color=palette.ink, markersize=4.5)
        note = "" if curve.chosen is not None else " (another model tested)"
        axes.set_title(f"fold {curve.fold_index}{note}", loc="left", fontsize=8, color=palette.ink)
        dress(axes, palette)
        axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(3))
        axes.xaxis.set_major_formatter(FuncFormatter(steps_tick))
    for axes in grid[len(curves) :]:
        axes.set_visible(False)
    return figure


def schedules_figure(
    schedules: Sequence[AppliedSchedule], fold_ends: Sequence[float], palette: Palette
) -> Figure:
    """Draw each hyperparameter over all env steps, fold boundaries marked."""
    figure = Figure(figsize=(WIDTH_IN, 0.95 * len(schedules) + 0.4))
    frame(figure, gap=0.45)
    rows = figure.subplots(len(schedules), 1, sharex=True, squeeze=False).ravel()
    for axes, schedule in zip(rows, schedules, strict=True):
        axes.step(schedule.steps, schedule.values, where="post", color=palette.agent, linewidth=1.2)
        axes.set_ylim(bottom=0, top=max(schedule.values) * 1.15 or 1)
        dress(axes, palette)
        axes.set_title(_SCHEDULE_LABELS[schedule.name], loc="left", fontsize=8, color=palette.ink)
        levels = sorted(set(schedule.values))
        few = len(levels) <= _MOST_LEVELS
        axes.yaxis.set_major_locator(FixedLocator(levels) if few else MaxNLocator(3))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))
    mark_places(rows, fold_ends[:-1], palette)
    rows[-1].set_xlabel("env steps, folds one after another")
    rows[-1].xaxis.set_major_formatter(FuncFormatter(steps_tick))
    rows[-1].margins(x=0.01)
    return figure


def trades_figure(net: Floats, palette: Palette) -> Figure:
    """Draw how many trades had which net profit; the outermost hundredths share the end bins."""
    figure = Figure(figsize=(WIDTH_IN, 2.3))
    frame(figure)
    axes = figure.subplots()
    low, high = np.quantile(net, [0.01, 0.99])
    low, high = (low - 1, high + 1) if low == high else (low, high)
    counts, edges = np.histogram(np.clip(net, low, high), bins=_bin_edges(low, high))
    fills = ["none" if right <= 0 else palette.agent for right in edges[1:]]
    axes.bar(
        edges[:-1],
        counts,
        np.diff(edges) * 0.86,
        align="edge",
        color=fills,
        edgecolor=palette.agent,
        linewidth=0.9,
    )
    axes.axvline(0, color=palette.ink, linewidth=0.9)
    axes.set_xlabel("net profit of a trade, account currency")
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    dress(axes, palette, label="trades")
    return figure


def _bin_edges(low: float, high: float) -> Floats:
    """Cut [low, high] into about 40 equal bins, one edge exactly at 0 where 0 lies inside."""
    width = (high - low) / 40
    first, last = math.floor(low / width), math.ceil(high / width)
    return np.arange(first, last + 1, dtype=np.float64) * width


def _draw_growth(
    axes: Axes, times: Any, equity: pd.DataFrame, *, kept: NDArray[np.int64], palette: Palette
) -> None:
    """Draw returns since the start, or multiples of it on a logarithmic axis."""
    is_log = is_drawn_as_growth(equity)
    grown = {name: drawn_growth(values.to_numpy()) for name, values in equity.items()}
    for name, values in grown.items():
        exact = equity[name].to_numpy() / equity[name].iloc[0] - 1
        shown = values if is_log else exact
        _line(axes, times[kept], shown[kept], name=str(name), final=exact[-1], palette=palette)
    axes.axhline(1 if is_log else 0, color=palette.muted, linewidth=0.7)
    dress(axes, palette, label="times the start (log)" if is_log else "return since start")
    if is_log:
        ends = [end for values in grown.values() for end in (values.min(), values.max())]
        log_scale(axes, "y", min(ends), max(ends))
    else:
        axes.yaxis.set_major_formatter(FuncFormatter(percent_tick))


def _line(
    axes: Axes, times: Any, shown: Floats, *, name: str, final: float, palette: Palette
) -> None:
    label, colour, style, width = {
        "agent": ("Agent", palette.agent, "-", 1.7),
        "buy_and_hold": ("Buy & hold", palette.hold, "-", 1.0),
        "random": ("Random", palette.random, (0, (3, 2)), 1.0),
    }[name]
    stroke: Any = style
    axes.plot(
        times,
        shown,
        color=colour,
        linestyle=stroke,
        linewidth=width,
        label=f"{label} {percent(final)}",
    )


def _times(equity: pd.DataFrame) -> NDArray[np.datetime64]:
    times: NDArray[np.datetime64] = equity["time"].dt.tz_localize(None).to_numpy("datetime64[s]")
    return times


def _boundaries(equity: pd.DataFrame) -> NDArray[np.int64]:
    """Return the rows after which another fold's model takes over."""
    if "fold_index" not in equity:
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.diff(equity["fold_index"].to_numpy()) != 0)
