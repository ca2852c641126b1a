"""The end of several seeds on the screen: each seed's test figures, their spread, what it says.

Reads what is in `seeds.json`; computes nothing of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.live.cells import add_row
from bot.live.sink import told_columns
from bot.wording import METRICS, UNDEFINED, Metric, clean, duration, on_planted, percent
from training.over_seeds import MEASURES, SEEDS_FILE, SeedsFinished

_WIDTH = 100
_SPREAD = (
    "Mean",
    "Deviation",
    "Least",
    "Most",
    "Middle half's mean",
    "90% interval: from",
    "to",
)
_METRICS: tuple[Metric, ...] = tuple(metric for metric in METRICS if metric.key in MEASURES)


def render_seeds(event: SeedsFinished) -> RenderableType:
    """Build the summary over seeds for a rich console."""
    content = event.content
    parts: list[RenderableType] = [
        Text().append("OUT OF SAMPLE", style="bold").append(f"  {_measured_on(content)}"),
        _seeds_table(content),
        *_failures(content),
    ]
    if content["n_done"]:
        parts += [Text(), _spread_table(content), Text(), Text(" ".join(_verdict(content)))]
    return Group(*parts)


def lines_of(event: SeedsFinished) -> list[str]:
    """Return the same as lines of text."""
    width = told_columns() or _WIDTH
    console = Console(width=width, no_color=True, force_terminal=False, color_system=None)
    with console.capture() as capture:
        console.print(render_seeds(event))
    return [line.rstrip() for line in capture.get().splitlines()]


def closing_line(event: SeedsFinished) -> str:
    """Say in one line how it ended, and where the files are."""
    content = event.content
    failed = f", {content['n_failed']} failed" if content["n_failed"] else ""
    spread = _return_spread(content)
    return (
        f"{content['n_done']} of {content['n_seeds']} seeds done{failed}: {spread}"
        f"files in {clean(event.folder)}, all of this in {SEEDS_FILE}"
    )


def _return_spread(content: Mapping[str, Any]) -> str:
    found = content["measures"]["total_return_frac"]
    if found is None:
        return ""
    market = "synthetic market, " if on_planted(content["data"]) else ""
    told = f"{market}out of sample {percent(found['mean'])} on average"
    return f"{told} ({percent(found['least'])} to {percent(found['most'])}); "


def _measured_on(content: Mapping[str, Any]) -> str:
    market = "synthetic market, " if on_planted(content["data"]) else ""
    return f"{market}test slices only, one line a seed"


def _seeds_table(content: Mapping[str, Any]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("Seed", justify="right", no_wrap=True)
    for metric in _METRICS:
        table.add_column(metric.label, justify="right", overflow="fold")
    table.add_column("Time", justify="right", no_wrap=True)
    for row in content["seeds"]:
        cells = [metric.read(row) for metric in _METRICS]
        took = duration(row["duration_s"]) if row["error"] is None else row["state"]
        add_row(table, str(row["seed"]), *cells, took)
    hold = content["baselines"].get("buy_and_hold")
    if hold is not None:
        add_row(table, "Buy & hold", *(metric.read(hold) for metric in _METRICS), UNDEFINED)
    return table


def _failures(content: Mapping[str, Any]) -> list[Text]:
    return [
        Text(f"Seed {row['seed']} failed: {clean(row['error'], max_length=1_000)}")
        for row in content["seeds"]
        if row["error"] is not None
    ]


def _spread_table(content: Mapping[str, Any]) -> Table:
    """Build a column a figure, as in the table of the seeds: six numbers a row take 100 columns."""
    told = {metric: found for metric in _METRICS if (found := content["measures"][metric.key])}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("Over seeds")
    for metric in told:
        table.add_column(metric.label, justify="right", overflow="fold")
    columns = [_spread(metric, found) for metric, found in told.items()]
    for label, *cells in zip(_SPREAD, *columns, strict=True):
        add_row(table, label, *cells)
    return table


def _spread(metric: Metric, found: Mapping[str, Any]) -> list[str]:
    """Write what is in `_SPREAD` for one figure."""
    mean, least, most = (_read(metric, found[key]) for key in ("mean", "least", "most"))
    deviation = _read(metric, found["standard_deviation"]).lstrip("+")
    estimate = found["estimate"]
    interval = estimate["interval"]
    ends = ["none", ""]
    if interval is not None:
        ends = [_read(metric, interval[end]) for end in ("low", "high")]
    return [mean, deviation, least, most, _read(metric, estimate["value"]), *ends]


def _read(metric: Metric, value: object) -> str:
    return metric.read({metric.key: value})


def _verdict(content: Mapping[str, Any]) -> list[str]:
    n_done, above = content["n_done"], content["n_above"]
    said = [
        f"{above['buy_and_hold']} of {n_done} seeds earned more than buy-and-hold, and "
        f"{above['random']} of {n_done} more than a random agent.",
        content["over"],
    ]
    estimate = content["measures"]["total_return_frac"]["estimate"]
    return [*said, *(clean(warning) for warning in estimate["warnings"])]
