"""Where the time went: stages of each arm's runs, by the wall clock and by the processors.

Not here: how stages are timed (`training.clock`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter

from bot.report.axes import percent_tick
from bot.report.benchmark.lanes import lanes, write_beside
from bot.report.benchmark.read import ArmView
from bot.report.palette import Palette
from bot.report.read import nested
from bot.wording import as_number
from training.benchmark.table import duration

STAGES = ("rollout", "update", "evaluation")
REST = "all else"
_HEIGHT = 0.32


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Where an arm's time went, mean seconds over its runs.

    Attributes:
        arm: The arm.
        wall_s: By stage, as the clock on the wall counts.
        cpu_s: By stage, summed over all threads; empty where it was not measured.
    """

    arm: ArmView
    wall_s: Mapping[str, float]
    cpu_s: Mapping[str, float]


def spent_by(arms: Sequence[ArmView]) -> list[Spent]:
    """Take the stages of each arm, the mean over its runs; arms without any time are left out."""
    found = [
        Spent(arm=arm, wall_s=_seconds(arm, "stage_s"), cpu_s=_seconds(arm, "stage_cpu_s"))
        for arm in arms
    ]
    return [spent for spent in found if sum(spent.wall_s.values()) > 0]


def grouped(seconds: Mapping[str, float]) -> dict[str, float]:
    """Return the three large stages, and all else as one."""
    groups = {stage: seconds.get(stage, 0.0) for stage in STAGES}
    return {**groups, REST: sum(seconds.values()) - sum(groups.values())}


def stages_figure(rows: Sequence[Spent], palette: Palette) -> Figure:
    """Draw shares of each arm's wall time; the bar of CPU time below is on the same scale.

    Args:
        rows: At least one.
        palette: Colours.
    """
    figure, (axes,) = lanes([spent.arm.label for spent in rows], 1, palette, numbers_in=1.55)
    for row, spent in enumerate(rows):
        total_s = sum(spent.wall_s.values())
        _draw_bar(axes, row - _HEIGHT / 2 - 0.02, _shares(spent.wall_s, total_s), palette)
        _draw_bar(axes, row + _HEIGHT / 2 + 0.02, _shares(spent.cpu_s, total_s), palette, pale=True)
        write_beside(axes, row, _lines(spent), palette)
    colours = _colours(palette)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(FuncFormatter(percent_tick))
    axes.set_xlabel("share of the arm's own wall time")
    axes.legend(
        [Rectangle((0, 0), 1, 1, color=colour) for colour in colours.values()],
        list(colours),
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=len(STAGES) + 1,
        frameon=False,
        labelcolor=palette.ink,
        borderaxespad=0.2,
    )
    return figure


def _shares(seconds: Mapping[str, float], total_s: float) -> dict[str, float]:
    return {stage: max(part_s, 0.0) / total_s for stage, part_s in grouped(seconds).items()}


def _draw_bar(
    axes: Axes, place: float, shares: Mapping[str, float], palette: Palette, *, pale: bool = False
) -> None:
    """Draw shares one after the other, on paper so that no grid line shines through."""
    axes.barh(place, sum(shares.values()), height=_HEIGHT, color=palette.paper)
    start = 0.0
    for stage, share in shares.items():
        axes.barh(
            place,
            share,
            left=start,
            height=_HEIGHT,
            color=_colours(palette)[stage],
            alpha=0.45 if pale else 1.0,
            linewidth=0,
        )
        start += share


def _colours(palette: Palette) -> dict[str, str]:
    return {
        "rollout": palette.validation,
        "update": palette.agent,
        "evaluation": palette.hold,
        REST: palette.random,
    }


def _lines(spent: Spent) -> tuple[str, ...]:
    wall = f"{duration(sum(spent.wall_s.values()))} wall"
    cpu_s = sum(spent.cpu_s.values())
    return wall, f"{duration(cpu_s)} CPU" if cpu_s > 0 else "CPU not measured"


def _seconds(arm: ArmView, key: str) -> dict[str, float]:
    stages = {name: as_number(seconds) for name, seconds in nested(arm.content, key).items()}
    return {name: seconds for name, seconds in stages.items() if seconds is not None}
