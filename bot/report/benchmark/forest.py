"""Values with intervals in rows: how fast, how good, how likely better, under what stress.

Not here: layout of rows (`bot.report.benchmark.lanes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bot.report.axes import percent_tick
from bot.report.benchmark.lanes import (
    CHANCES,
    DIFFERENCES,
    FACTORS,
    RETURNS,
    Mark,
    Scale,
    draw_measure,
    factor_axes,
    factor_limits,
    lanes,
    reference_line,
    title,
    write_beside,
)
from bot.report.benchmark.read import ArmView, Measure
from bot.report.palette import Palette


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A column of measures.

    Attributes:
        title: What is measured.
        measures: One for each row.
        hollow: One for each row, whether it was extrapolated.
        margins: One for each row, the loss that counts as none; drawn where given.
        absent: One for each row, what to write where there is no value.
    """

    title: str
    measures: tuple[Measure, ...]
    hollow: tuple[bool, ...] = ()
    margins: tuple[float | None, ...] = ()
    absent: tuple[str | None, ...] = ()

    def lines(self, row: int, scale: Scale) -> tuple[str, ...]:
        """Return what stands beside a row."""
        if self.measures[row].value is None and self.absent and self.absent[row]:
            return (str(self.absent[row]),)
        return scale.lines(self.measures[row])


def arm_colour(name: str, palette: Palette) -> str:
    """Return the colour of an arm, in all pictures; those of the ablation share one."""
    known = {
        "original": palette.original,
        "original_16_envs": palette.many,
        "original_exact": palette.original,
        "optimized": palette.agent,
    }
    return known.get(name, palette.ink)


def factors_figure(arms: Sequence[ArmView], panels: Sequence[Panel], palette: Palette) -> Figure:
    """Draw how many times as fast each arm is, one panel for each kind of time.

    Args:
        arms: The rows.
        panels: Share one logarithmic axis, so that they compare.
        palette: Colours.
    """
    figure, columns = lanes([arm.label for arm in arms], len(panels), palette)
    limits = factor_limits([measure for panel in panels for measure in panel.measures])
    for axes, panel in zip(columns, panels, strict=True):
        title(axes, panel.title, palette)
        factor_axes(axes, limits, palette)
        for row, (arm, measure) in enumerate(zip(arms, panel.measures, strict=True)):
            is_open = measure.includes(1)
            mark = Mark.of(
                palette.muted if is_open else arm_colour(arm.name, palette),
                palette,
                is_hollow=bool(panel.hollow) and panel.hollow[row],
            )
            draw_measure(axes, row, measure, mark)
            write_beside(axes, row, panel.lines(row, FACTORS), palette)
    return figure


def quality_figure(
    arms: Sequence[ArmView], difference: Panel, improvement: Panel, palette: Palette
) -> Figure:
    """Draw differences of test scores with the margin, and the probability of improvement.

    Args:
        arms: The rows.
        difference: Arm minus original, with margins.
        improvement: Probability that a run of the arm beats one of the original.
        palette: Colours.
    """
    figure, (left, right) = lanes([arm.label for arm in arms], 2, palette, numbers_in=1.62)
    title(left, difference.title, palette)
    title(right, improvement.title, palette)
    _linear(left, difference, palette)
    right.set_xlim(-0.02, 1.02)
    right.xaxis.set_major_formatter(FuncFormatter(percent_tick))
    reference_line(right, 0.5, palette)
    for row, arm in enumerate(arms):
        for axes, panel, scale in (
            (left, difference, DIFFERENCES),
            (right, improvement, CHANCES),
        ):
            measure = panel.measures[row]
            is_open = measure.includes(scale.neutral)
            mark = Mark.of(arm_colour(arm.name, palette), palette, is_hollow=is_open)
            draw_measure(axes, row, measure, mark)
            write_beside(axes, row, panel.lines(row, scale), palette)
    return figure


def returns_figure(
    rows: Sequence[tuple[str, str, Measure]], words: str, palette: Palette
) -> Figure:
    """Draw returns around 0, fractions in.

    Args:
        rows: Label, arm and measure.
        words: What is measured.
        palette: Colours.
    """
    figure, (axes,) = lanes([label for label, _, _ in rows], 1, palette, numbers_in=1.5)
    panel = Panel(title=words, measures=tuple(measure for _, _, measure in rows))
    title(axes, words, palette)
    _linear(axes, panel, palette)
    for row, (_, arm, measure) in enumerate(rows):
        mark = Mark.of(arm_colour(arm, palette), palette, is_hollow=measure.includes(0))
        draw_measure(axes, row, measure, mark)
        write_beside(axes, row, RETURNS.lines(measure), palette)
    axes.xaxis.set_major_formatter(FuncFormatter(percent_tick))
    return figure


def _linear(axes: Axes, panel: Panel, palette: Palette) -> None:
    """Fit a linear axis to all intervals and margins; mark 0, and the margin in each row."""
    measures = [
        end
        for measure in panel.measures
        for end in (measure.value, measure.low, measure.high)
        if end is not None
    ]
    margins = [-margin for margin in panel.margins if margin is not None]
    ends = [0.0, *measures, *margins]
    room = 0.06 * (max(ends) - min(ends)) or 1.0
    axes.set_xlim(min(ends) - room, max(ends) + room)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    reference_line(axes, 0.0, palette)
    for row, margin in enumerate(panel.margins):
        if margin is not None:
            _mark_margin(axes, row, margin, palette)


def _mark_margin(axes: Axes, row: int, margin: float, palette: Palette) -> None:
    """Shade what counts as not worse, and draw its border."""
    end = axes.get_xlim()[1]
    axes.fill_betweenx(
        [row - 0.5, row + 0.5], -margin, end, color=palette.validation, alpha=0.09, linewidth=0
    )
    axes.plot(
        [-margin, -margin],
        [row - 0.5, row + 0.5],
        color=palette.validation,
        linewidth=1.2,
        linestyle=(0, (4, 2)),
    )
