"""What each optimization is worth: added one after the other, and left out of the whole.

Not here: how the worth is measured (`training.benchmark.ablation`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bot.report.benchmark.lanes import (
    FACTORS,
    Mark,
    draw_measure,
    factor_axes,
    factor_limits,
    factor_words,
    lanes,
    title,
    write_beside,
)
from bot.report.benchmark.read import Benchmark, Measure, switch_label
from bot.report.palette import Palette
from bot.report.read import listed
from training.benchmark.arms import OPTIMIZED

ADDED, LEFT_OUT = "added", "left out"
_HALF_HEIGHT = 0.3


@dataclass(frozen=True, kw_only=True)
class Step:
    """A row of the waterfall.

    Attributes:
        label: What changes.
        before: Times as fast as the original without it.
        after: With it; the same where it was not measured.
        added: Its own factor, added after the rows above it.
        left_out: The factor that is lost when it alone is left out of the whole; None where it has
            no such arm.
        is_rest: Whether it is what remains to the whole, not an arm of its own.
        is_total: Whether it is the whole, drawn from 1.
    """

    label: str
    before: float
    after: float
    added: Measure
    left_out: Measure | None = None
    is_rest: bool = False
    is_total: bool = False

    @property
    def is_measured(self) -> bool:
        """Whether it is an optimization of which either way was measured."""
        ways = (self.added, self.left_out or Measure())
        is_switch = not (self.is_rest or self.is_total)
        return is_switch and any(way.value is not None for way in ways)


def steps_of(benchmark: Benchmark) -> list[Step]:
    """Chain what was added one at a time up to the whole; empty without an ablation.

    A switch that was not measured leaves the chain where it is. The last step but one is the rest
    to the whole: network, hyperparameters, environments, and whatever was not measured.
    """
    rows = listed(benchmark.content, "worth")
    names = list(dict.fromkeys(str(row.get("switch")) for row in rows))
    if not names:
        return []
    steps, reached = [], 1.0
    for name in names:
        added, left_out = (
            next(
                (
                    Measure.of(row.get("speed"))
                    for row in rows
                    if row.get("switch") == name and row.get("how") == how
                ),
                None,
            )
            for how in (ADDED, LEFT_OUT)
        )
        factor = _factor(added)
        step = Step(
            label=switch_label(name),
            before=reached,
            after=reached * (factor or 1.0),
            added=added or Measure(),
            left_out=left_out,
        )
        steps.append(step)
        reached = step.after
    return steps + _to_the_whole(benchmark, reached)


def _to_the_whole(benchmark: Benchmark, reached: float) -> list[Step]:
    ours = benchmark.arm(OPTIMIZED)
    whole = ours.measure("speed") if ours else Measure()
    total = _factor(whole)
    if total is None:
        return []
    rest = Measure(value=total / reached)
    return [
        Step(label="all the rest", before=reached, after=total, added=rest, is_rest=True),
        Step(label="the whole", before=1.0, after=total, added=whole, is_total=True),
    ]


def waterfall_figure(steps: Sequence[Step], palette: Palette) -> Figure:
    """Draw the chain, and beside it what is lost when one switch is left out.

    Args:
        steps: As `steps_of` returns them, at least one.
        palette: Colours.
    """
    has_left_out = any(step.left_out is not None for step in steps)
    figure, columns = lanes([step.label for step in steps], 1 + has_left_out, palette)
    title(columns[0], "added one at a time: times as fast as the original", palette)
    _draw_chain(columns[0], steps, palette)
    if has_left_out:
        title(columns[1], "left out of the whole: the factor that is lost", palette)
        _draw_left_out(columns[1], steps, palette)
    return figure


def _draw_chain(axes: Axes, steps: Sequence[Step], palette: Palette) -> None:
    reached = [Measure(value=end) for step in steps for end in (step.before, step.after)]
    factor_axes(axes, factor_limits([*reached, *map(_reached, steps)]), palette)
    for row, step in enumerate(steps):
        colour, is_open = _look(step, palette)
        axes.barh(
            row,
            step.after - step.before,
            left=step.before,
            height=2 * _HALF_HEIGHT,
            facecolor="none" if is_open or step.is_rest else colour,
            edgecolor=colour,
            linewidth=1.1,
            linestyle="--" if step.is_rest else "-",
            alpha=None if is_open or step.is_rest else 0.85,
        )
        _draw_interval(axes, row, step, palette)
        if row + 1 < len(steps) and not steps[row + 1].is_total:
            ends = [row + _HALF_HEIGHT, row + 1 - _HALF_HEIGHT]
            axes.plot([step.after, step.after], ends, color=palette.muted, linewidth=0.7)
        write_beside(axes, row, _lines(step), palette)


def _draw_left_out(axes: Axes, steps: Sequence[Step], palette: Palette) -> None:
    factor_axes(axes, factor_limits([step.left_out for step in steps if step.left_out]), palette)
    for row, step in enumerate(steps):
        if step.left_out is None:
            continue
        is_open = step.left_out.includes(1)
        colour = palette.muted if is_open else palette.agent
        mark = Mark.of(colour, palette, is_hollow=is_open)
        draw_measure(axes, row, step.left_out, mark)
        write_beside(axes, row, FACTORS.lines(step.left_out), palette)


def _draw_interval(axes: Axes, row: int, step: Step, palette: Palette) -> None:
    """Draw the interval of where a step ends."""
    reached = _reached(step)
    if reached.low is not None and reached.high is not None:
        start, end = axes.get_xlim()
        ends = [max(reached.low, start), min(reached.high, end)]
        axes.plot(ends, [row, row], color=palette.ink, linewidth=1.3, solid_capstyle="butt")


def _reached(step: Step) -> Measure:
    """Return where a step ends, with the interval of its own factor."""
    added = step.added
    if added.value is None or added.low is None or added.high is None:
        return Measure()
    before = step.before
    return Measure(value=step.after, low=before * added.low, high=before * added.high)


def _look(step: Step, palette: Palette) -> tuple[str, bool]:
    """Return a step's colour, and whether it settles nothing: drawn as an outline."""
    if step.is_total:
        return palette.agent, False
    if step.is_rest or step.added.value is None or step.added.includes(1):
        return palette.muted, True
    return (palette.validation if step.after >= step.before else palette.hold), False


def _lines(step: Step) -> tuple[str, ...]:
    if step.is_rest and step.added.value is not None:
        return factor_words(step.added.value), "follows from the others"
    return FACTORS.lines(step.added)


def _factor(measure: Measure | None) -> float | None:
    """Return a factor that a chain can be made of."""
    if measure is None or measure.value is None or measure.value <= 0:
        return None
    return measure.value
