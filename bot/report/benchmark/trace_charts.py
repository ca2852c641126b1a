"""Validation curves against wall time, and the stitched accounts of the arms, as figures.

Not here: the arrays (`bot.report.benchmark.traces`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bot.report.axes import WIDTH_IN, dress, frame, log_scale, log_time_scale, mark_places
from bot.report.benchmark.forest import arm_colour
from bot.report.benchmark.read import MAIN_ARMS, arm_label
from bot.report.benchmark.traces import BASELINE_CURVES, Account, FoldTraces
from bot.report.palette import Palette
from bot.wording import percent

_COLUMNS = 3
_STYLES: Mapping[str, Any] = {
    "original": ("-", 1.2),
    "original_16_envs": ((0, (5, 2)), 1.2),
    "original_exact": ((0, (4, 1, 1, 1)), 1.2),
    "optimized": ("-", 1.6),
}
_ABLATION_STYLE: Any = ("-", 0.7)


def traces_figure(
    folds: Sequence[FoldTraces], ends_s: Mapping[str, float], palette: Palette
) -> Figure:
    """Draw the validation scores of every run over the fold's wall time.

    Args:
        folds: At least one; each has axes of its own, for scores of different bars do not compare.
        ends_s: When a fold of an arm that was only timed would end, by its pace.
        palette: Colours.
    """
    n_rows = math.ceil(len(folds) / _COLUMNS)
    figure = Figure(figsize=(WIDTH_IN, 2.25 * n_rows + 0.45))
    frame(figure, gap=0.34)
    figure.subplots_adjust(top=1 - 0.55 / figure.get_figheight(), wspace=0.2)
    grid = figure.subplots(n_rows, _COLUMNS, squeeze=False).ravel()
    times = [time for fold in folds for trace in fold.traces for time in trace.wall_s]
    limits = min(times), max(*times, *ends_s.values())
    for axes, fold in zip(grid, folds, strict=False):
        dress(axes, palette)
        log_time_scale(axes, *limits)
        _draw_fold(axes, fold, ends_s, palette)
    for axes in grid[len(folds) :]:
        axes.set_visible(False)
    for axes in grid[max(len(folds) - _COLUMNS, 0) : len(folds)]:
        axes.set_xlabel("wall time since the fold began (log)")
    _name(figure, folds, palette, has_ends=bool(ends_s))
    return figure


def _draw_fold(axes: Axes, fold: FoldTraces, ends_s: Mapping[str, float], palette: Palette) -> None:
    axes.set_title(f"fold {fold.fold_index}", loc="left", fontsize=8, color=palette.ink)
    axes.axhline(0, color=palette.grid, linewidth=0.9)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    for trace in sorted(fold.traces, key=lambda trace: trace.arm in MAIN_ARMS):
        style, width = _STYLES.get(trace.arm, _ABLATION_STYLE)
        is_main = trace.arm in MAIN_ARMS
        colour = arm_colour(trace.arm, palette) if is_main else palette.random
        look: dict[str, Any] = {"linestyle": style, "linewidth": width}
        axes.plot(trace.wall_s, trace.scores, color=colour, alpha=0.8 if is_main else 0.45, **look)
        if len(trace.wall_s) == 1:
            axes.plot(trace.wall_s, trace.scores, "o", color=colour, markersize=3)
    for trace in fold.traces:
        if trace.reached is not None and trace.arm in MAIN_ARMS:
            colour = arm_colour(trace.arm, palette)
            axes.plot(*trace.reached, "D", color=colour, markersize=4.5, zorder=4)
    if fold.targets:
        axes.axhspan(min(fold.targets), max(fold.targets), color=palette.original, alpha=0.12)
        middle = float(np.median(fold.targets))
        axes.axhline(middle, color=palette.original, linewidth=0.9, linestyle=(0, (2, 2)))
    for arm, end_s in ends_s.items():
        axes.axvline(end_s, color=arm_colour(arm, palette), linewidth=1, linestyle=(0, (1, 2)))


def _name(figure: Figure, folds: Sequence[FoldTraces], palette: Palette, *, has_ends: bool) -> None:
    """Name what is drawn, once for all folds."""
    drawn = {trace.arm for fold in folds for trace in fold.traces}
    entries = [_line(arm, palette) for arm in MAIN_ARMS if arm in drawn]
    if drawn - set(MAIN_ARMS):
        handle = Line2D([], [], color=palette.random, linewidth=0.7)
        entries.append((handle, "other arms"))
    if any(fold.targets for fold in folds):
        look: dict[str, Any] = {"linestyle": (0, (2, 2)), "linewidth": 0.9}
        entries.append((Line2D([], [], color=palette.original, **look), "original's final score"))
    if any(trace.reached for fold in folds for trace in fold.traces):
        look = {"marker": "D", "linestyle": "none", "markersize": 4.5}
        entries.append((Line2D([], [], color=palette.ink, **look), "reached"))
    if has_ends:
        look = {"linestyle": (0, (1, 2)), "linewidth": 1}
        entries.append((Line2D([], [], color=palette.ink, **look), "a fold's end, extrapolated"))
    figure.legend(
        [handle for handle, _ in entries],
        [words for _, words in entries],
        loc="upper left",
        bbox_to_anchor=(0.75 / WIDTH_IN - 0.01, 1),
        ncols=len(entries),
        frameon=False,
        labelcolor=palette.ink,
        columnspacing=1.4,
    )


def _line(arm: str, palette: Palette) -> tuple[Line2D, str]:
    style, width = _STYLES[arm]
    handle = Line2D([], [], color=arm_colour(arm, palette), linestyle=style, linewidth=width)
    return handle, arm_label(arm)


def accounts_figure(drawn: Sequence[Account], palette: Palette) -> Figure:
    """Draw the stitched accounts as multiples of their start, logarithmic.

    Args:
        drawn: At least one.
        palette: Colours.
    """
    figure = Figure(figsize=(WIDTH_IN, 3.9))
    frame(figure, bottom_in=0.4)
    figure.subplots_adjust(top=1 - 0.5 / figure.get_figheight())
    axes = figure.subplots()
    dress(axes, palette, label="times the start (log)")
    for account in sorted(drawn, key=_draw_order):
        _draw_account(axes, account, palette)
    axes.axhline(1, color=palette.muted, linewidth=0.9, label="flat 0.0%")
    mark_places([axes], drawn[0].times[drawn[0].boundaries], palette)
    ends = [end for account in drawn for end in (account.low.min(), account.high.max())]
    log_scale(axes, "y", min(ends), max(ends))
    axes.margins(x=0.01)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0, 1.01),
        ncols=math.ceil(len(labels) / 2),
        frameon=False,
        labelcolor=palette.ink,
        borderaxespad=0,
    )
    return figure


def _draw_account(axes: Axes, account: Account, palette: Palette) -> None:
    """Draw the band over seeds and the middle seed in it."""
    colour, style, width = _account_look(account.name, palette)
    if account.n_seeds > 1:
        band: dict[str, Any] = {"color": colour, "alpha": 0.16, "linewidth": 0}
        axes.fill_between(account.times, account.low, account.high, **band)
    final = percent(account.growth[-1] - 1, 1)
    axes.plot(
        account.times,
        account.growth,
        color=colour,
        linestyle=style,
        linewidth=width,
        label=f"{_account_label(account.name)} {final}",
    )


def _draw_order(account: Account) -> int:
    order = ("optimized", "original", "original_exact", "original_16_envs", *BASELINE_CURVES)
    return order.index(account.name) if account.name in order else len(order)


def _account_look(name: str, palette: Palette) -> tuple[str, Any, float]:
    baselines: Mapping[str, tuple[str, Any, float]] = {
        "buy_and_hold": (palette.hold, "-", 1.0),
        "random": (palette.random, (0, (3, 2)), 1.0),
    }
    if name in baselines:
        return baselines[name]
    style, width = _STYLES.get(name, _ABLATION_STYLE)
    return arm_colour(name, palette), style, width


def _account_label(name: str) -> str:
    return {"buy_and_hold": "buy & hold"}.get(name) or arm_label(name)
