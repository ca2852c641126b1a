"""Rows of a picture: labels on the left, panels beside each other, numbers written beside each.

Not here: what stands in the rows (`bot.report.benchmark.forest`, `waterfall`, `stages`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from bot.report.axes import RIGHT_IN, WIDTH_IN, Side, dress, log_scale
from bot.report.benchmark.read import Measure
from bot.report.palette import Palette
from bot.wording import percent

LABELS_IN = 1.84
NUMBERS_IN = 1.12
_ROW_IN, _TOP_IN, _BOTTOM_IN = 0.36, 0.34, 0.46
_GAP_IN = 0.12
_MOST_TIMES = 30.0
"""An interval on a logarithmic axis is drawn to so many times its value; beyond, it is cut."""
MARKER = 5.5


def lanes(
    labels: Sequence[str], n_panels: int, palette: Palette, *, numbers_in: float = NUMBERS_IN
) -> tuple[Figure, list[Axes]]:
    """Make a figure of rows, the first on top, row i at y = i.

    Args:
        labels: One for each row.
        n_panels: Axes beside each other.
        palette: Colours.
        numbers_in: Inches kept free beside each panel for what `write_beside` writes.
    """
    height_in = len(labels) * _ROW_IN + _TOP_IN + _BOTTOM_IN
    figure = Figure(figsize=(WIDTH_IN, height_in))
    cell_in = (WIDTH_IN - RIGHT_IN - LABELS_IN) / n_panels
    panels = []
    for index in range(n_panels):
        axes = figure.add_axes(
            (
                (LABELS_IN + index * cell_in) / WIDTH_IN,
                _BOTTOM_IN / height_in,
                (cell_in - numbers_in - (_GAP_IN if numbers_in else 0.0)) / WIDTH_IN,
                len(labels) * _ROW_IN / height_in,
            )
        )
        dress(axes, palette)
        axes.grid(visible=False)
        axes.grid(axis="x", color=palette.grid, linewidth=0.6)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.spines[["left", "right", "top"]].set_visible(False)
        axes.yaxis.set_major_locator(NullLocator())
        panels.append(axes)
    panels[0].set_yticks(range(len(labels)), labels)
    panels[0].tick_params(axis="y", length=0, labelcolor=palette.ink, pad=6)
    return figure, panels


def title(axes: Axes, words: str, palette: Palette) -> None:
    """Name a panel."""
    axes.set_title(words, loc="left", fontsize=8.5, color=palette.ink, pad=8)


def write_beside(axes: Axes, row: int, lines: Sequence[str], palette: Palette) -> None:
    """Write one or two lines to the right of a panel, the second one small."""
    place = axes.get_yaxis_transform()
    offsets = (0.0,) if len(lines) == 1 else (-0.16, 0.2)
    for index, (line, offset) in enumerate(zip(lines, offsets, strict=True)):
        axes.text(
            1.03,
            row + offset,
            line,
            transform=place,
            va="center",
            fontsize=8 if index == 0 else 7,
            color=palette.ink if index == 0 else palette.muted,
        )


@dataclass(frozen=True, kw_only=True)
class Mark:
    """How a value is drawn.

    Attributes:
        colour: Of the point and of its interval.
        fill: Of the point's inside: the same, or the paper's for an outline.
    """

    colour: str
    fill: str

    @classmethod
    def of(cls, colour: str, palette: Palette, *, is_hollow: bool = False) -> Mark:
        """Make a mark that is filled, or an outline."""
        return cls(colour=colour, fill=palette.paper if is_hollow else colour)


def draw_measure(axes: Axes, row: float, measure: Measure, mark: Mark) -> None:
    """Draw a point with its interval; an interval that leaves the axes ends in an arrow."""
    if measure.value is None:
        return
    if measure.low is not None and measure.high is not None:
        start, end = axes.get_xlim()
        low, high = max(measure.low, start), min(measure.high, end)
        axes.plot([low, high], [row, row], color=mark.colour, linewidth=1.6, solid_capstyle="butt")
        for arrow, place, is_cut in (
            ("<", start, measure.low < start),
            (">", end, measure.high > end),
        ):
            if is_cut:
                axes.plot([place], [row], arrow, color=mark.colour, markersize=4, clip_on=False)
    axes.plot(
        [measure.value],
        [row],
        "o",
        markersize=MARKER,
        markeredgewidth=1.3,
        markeredgecolor=mark.colour,
        markerfacecolor=mark.fill,
        zorder=3,
    )


def factor_limits(measures: Sequence[Measure]) -> tuple[float, float]:
    """Return the ends of a logarithmic axis for factors: all values, and 1.

    Of an interval that is very wide not all is kept: one of two runs may end at 1e300.
    """
    ends = [1.0]
    for measure in measures:
        if measure.value is not None and measure.value > 0:
            ends.append(measure.value)
            if measure.low is not None and measure.high is not None:
                ends.append(max(measure.low, measure.value / _MOST_TIMES))
                ends.append(min(measure.high, measure.value * _MOST_TIMES))
    return min(ends), max(ends)


def factor_axes(axes: Axes, limits: tuple[float, float], palette: Palette) -> None:
    """Make the x axis one of factors, with a line at 1."""
    side: Side = "x"
    log_scale(axes, side, *limits)
    reference_line(axes, 1.0, palette)


def reference_line(axes: Axes, place: float, palette: Palette) -> None:
    """Draw what all rows are compared with."""
    axes.axvline(place, color=palette.ink, linewidth=0.8, zorder=0.9)


def factor_words(value: float) -> str:
    """Write a factor in three digits."""
    if value >= 1e6:
        return f"{value:.1e}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How values of a kind are written, and which of them means no difference.

    Attributes:
        write: From a value to words.
        neutral: The value of no difference.
        neutral_words: What it is called.
        between: Stands between the ends of an interval.
    """

    write: Callable[[float], str]
    neutral: float
    neutral_words: str
    between: str = " to "

    def lines(self, measure: Measure) -> tuple[str, ...]:
        """Return a value and its interval; one that includes no difference is named as such."""
        if measure.value is None:
            return ("not measured",)
        if measure.low is None or measure.high is None:
            return self.write(measure.value), "no interval"
        interval = f"{self.write(measure.low)}{self.between}{self.write(measure.high)}"
        is_open = measure.includes(self.neutral)
        named = f"{interval}, includes {self.neutral_words}" if is_open else interval
        return self.write(measure.value), named


FACTORS = Scale(write=factor_words, neutral=1.0, neutral_words="1", between="-")
DIFFERENCES = Scale(write=lambda value: f"{value:+.3g}", neutral=0.0, neutral_words="0")
CHANCES = Scale(write=lambda value: f"{value:.0%}", neutral=0.5, neutral_words="50%")
RETURNS = Scale(write=lambda value: percent(value, 1), neutral=0.0, neutral_words="0%")
