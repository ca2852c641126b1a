"""What the axes of all pictures share: size, dress, legend, ticks of percentages, steps and logs.

Not here: what is drawn (`bot.report.charts`, `bot.report.benchmark`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from bot.report.curves import Floats
from bot.report.palette import Palette
from bot.wording import percent

Side = Literal["x", "y"]

WIDTH_IN = 9.6
RIGHT_IN = 0.08
_LEAST_TICKS, _MOST_TICKS, _MOST_TIME_TICKS = 3, 8, 6
_SUBDIVISIONS = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0))
_DURATIONS_S = (0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3_600.0, 36_000.0, 360_000.0)
_MORE_DURATIONS_S = (0.03, 0.3, 3.0, 30.0, 120.0, 300.0, 1_200.0, 1_800.0, 7_200.0, 18_000.0)
_FEW_TIMES = 4.0
"""On a logarithmic axis shorter than this, evenly spaced numbers are as good as round ones."""
_MARGIN_FRAC = 0.04
_LEAST_GROWTH = 1e-3
_LOG_FROM = 5.0
LOG_AXIS = "The axis is logarithmic: equal distances are equal factors."
"""Caption of an account drawn by `log_scale`."""


def frame(
    figure: Figure, *, left_in: float = 0.75, bottom_in: float = 0.5, gap: float = 0.2
) -> None:
    """Fix the margins: measuring every label, as automatic layouts do, doubles the time.

    Args:
        figure: Of any height.
        left_in: Inches for the labels of the y axis.
        bottom_in: Inches for the ticks and the label of the lowest x axis.
        gap: Height between rows as a share of a row's height.
    """
    height_in = figure.get_figheight()
    figure.subplots_adjust(
        left=left_in / WIDTH_IN,
        right=1 - RIGHT_IN / WIDTH_IN,
        bottom=bottom_in / height_in,
        top=1 - 0.3 / height_in,
        hspace=gap,
        wspace=0.32,
    )


def dress(axes: Axes, palette: Palette, *, label: str = "") -> None:
    """Give axes their colours and a grid."""
    axes.set_facecolor("none")
    axes.grid(axis="y", color=palette.grid, linewidth=0.6)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_color(palette.grid)
    axes.tick_params(colors=palette.muted, length=2.5, width=0.6)
    axes.xaxis.label.set_color(palette.muted)
    axes.set_ylabel(label, color=palette.muted)
    axes.figure.set_facecolor("none")


def legend(axes: Axes, palette: Palette) -> None:
    """Name the series above the axes, where no curve can pass, in the alphabet's order."""
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda index: labels[index])
    axes.legend(
        [handles[index] for index in order],
        [labels[index] for index in order],
        loc="lower left",
        bbox_to_anchor=(0, 1.01),
        ncols=len(labels),
        frameon=False,
        labelcolor=palette.ink,
        borderaxespad=0,
    )


def mark_places(rows: Iterable[Axes], places: Any, palette: Palette) -> None:
    """Draw dotted lines from bottom to top at places on the x axis."""
    for axes in rows:
        axes.vlines(
            places,
            0,
            1,
            transform=axes.get_xaxis_transform(),
            color=palette.muted,
            linewidth=0.5,
            linestyle=(0, (1, 3)),
        )


def log_scale(axes: Axes, side: Side, low: float, high: float) -> None:
    """Make an axis logarithmic from `low` to `high`, both above 0, with room at both ends.

    Ticks are multiples (`0.5x`, `10x`).
    """
    low, high = _stretched(low, high)
    axis = _log_axis(axes, side, low, high)
    axis.set_major_locator(FixedLocator(log_ticks(low, high)))
    axis.set_major_formatter(FuncFormatter(multiple_tick))


def log_time_scale(axes: Axes, low_s: float, high_s: float) -> None:
    """Make the x axis logarithmic in seconds, with ticks at times that people say."""
    low_s, high_s = _stretched(low_s, high_s)
    axis = _log_axis(axes, "x", low_s, high_s)
    axis.set_major_locator(FixedLocator(_time_ticks(low_s, high_s)))
    axis.set_major_formatter(FuncFormatter(time_tick))


def log_ticks(low: float, high: float) -> list[float]:
    """Choose round numbers on a logarithmic axis: at least 3 and at most 8 where that is possible.

    Args:
        low: Lower end of the axis, above 0.
        high: Upper end, above `low`.
    """
    if high / low < _FEW_TIMES:
        return [tick for tick in MaxNLocator(5).tick_values(low, high) if low <= tick <= high]
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = math.ceil(len(decades) / _MOST_TICKS)
    chosen: list[float] = []
    for multiples in _SUBDIVISIONS:
        ticks = [
            multiple * 10.0**decade
            for decade in decades
            if every == 1 or decade % every == 0
            for multiple in multiples
        ]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) > _MOST_TICKS and len(chosen) >= 2:
            break
        chosen = inside
        if len(chosen) >= _LEAST_TICKS:
            break
    return chosen if len(chosen) >= 2 else [low, high]


def _time_ticks(low_s: float, high_s: float) -> list[float]:
    """Choose times to tick: powers of ten and of sixty, and some between where they are few."""
    ticks = [tick for tick in _DURATIONS_S if low_s <= tick <= high_s]
    if len(ticks) < _LEAST_TICKS:
        ticks = sorted(
            tick for tick in (*_DURATIONS_S, *_MORE_DURATIONS_S) if low_s <= tick <= high_s
        )
    if not ticks:
        return [math.sqrt(low_s * high_s)]
    return ticks[:: math.ceil(len(ticks) / _MOST_TIME_TICKS)]


def drawn_growth(equity: Floats) -> Floats:
    """Return an account as multiples of its start, `(n_points,)`, above 0 as a logarithm needs.

    Args:
        equity: `(n_points,)`, the first above 0. What is left of a ruined account, below a
            thousandth of its start, is drawn as that thousandth.
    """
    return np.asarray(np.maximum(equity / equity[0], _LEAST_GROWTH), dtype=np.float64)


def needs_log(curves: Iterable[Floats]) -> bool:
    """Say whether curves above 0 differ so much that a linear axis would press some flat."""
    ends = [(float(curve.min()), float(curve.max())) for curve in curves]
    return max(high for _, high in ends) >= _LOG_FROM * min(low for low, _ in ends)


def percent_tick(value: float, _position: int | None = None) -> str:
    """Write a fraction as a percentage without needless decimals."""
    is_round = abs(value * 100 - round(value * 100, 3)) < 1e-9
    return f"{value * 100:g}%" if is_round else percent(value)


def multiple_tick(value: float, _position: int | None = None) -> str:
    """Write a factor: `0.5x`, `1,000x`, `1e+06x`."""
    written = f"{value:,.0f}" if 1_000 <= value < 1e6 else f"{value:.3g}"
    return f"{written}\N{MULTIPLICATION SIGN}"


def time_tick(seconds: float, _position: int | None = None) -> str:
    """Write seconds in the largest unit that they fill."""
    for name, length_s in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length_s:
            return f"{seconds / length_s:.3g} {name}"
    return f"{seconds:.3g} s" if seconds >= 0.1 else f"{seconds * 1e3:.3g} ms"


def steps_tick(value: float, _position: int | None = None) -> str:
    """Write a number of env steps in thousands or millions."""
    if value >= 1e6:
        return f"{value / 1e6:g}M"
    return f"{value / 1e3:g}k" if value >= 1e3 else f"{value:g}"


def _stretched(low: float, high: float) -> tuple[float, float]:
    assert 0 < low <= high, f"no logarithmic axis from {low} to {high}"
    room = max((high / low) ** _MARGIN_FRAC, 1.05)
    return low / room, high * room


def _log_axis(axes: Axes, side: Side, low: float, high: float) -> Axis:
    if side == "x":
        axes.set(xscale="log", xlim=(low, high))
    else:
        axes.set(yscale="log", ylim=(low, high))
    axis: Axis = axes.xaxis if side == "x" else axes.yaxis
    axis.set_minor_locator(NullLocator())
    return axis
