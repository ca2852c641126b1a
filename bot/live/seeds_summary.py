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
from bot.wording import METRICS, UNDEFINED, Metric, clean, duration, on_planted, percent
from training.over_seeds import MEASURES, SEEDS_FILE, SeedsFinished

_WIDTH = 100
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
    console = Console(width=_WIDTH, no_color=True, force_terminal=False, color_system=None)
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
        table.add_column(metric.label, justify="right", no_wrap=True)
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
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("Over seeds", no_wrap=True)
    for name in ("Mean", "Deviation", "Least", "Most", "Middle half's mean", "90% interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for metric in _METRICS:
        found = content["measures"][metric.key]
        if found is not None:
            mean, least, most = (_read(metric, found[key]) for key in ("mean", "least", "most"))
            deviation = _read(metric, found["standard_deviation"]).lstrip("+")
            estimate = found["estimate"]
            middle, interval = _read(metric, estimate["value"]), _interval(metric, estimate)
            add_row(table, metric.label, mean, deviation, least, most, middle, interval)
    return table


def _read(metric: Metric, value: object) -> str:
    return metric.read({metric.key: value})


def _interval(metric: Metric, estimate: Mapping[str, Any]) -> str:
    interval = estimate["interval"]
    if interval is None:
        return "none"
    return " to ".join(_read(metric, interval[end]) for end in ("low", "high"))


def _verdict(content: Mapping[str, Any]) -> list[str]:
    n_done, above = content["n_done"], content["n_above"]
    said = [
        f"{above['buy_and_hold']} of {n_done} seeds earned more than buy-and-hold, and "
        f"{above['random']} of {n_done} more than a random agent.",
        content["over"],
    ]
    estimate = content["measures"]["total_return_frac"]["estimate"]
    return [*said, *(clean(warning) for warning in estimate["warnings"])]
