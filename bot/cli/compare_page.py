"""A comparison of runs as lines and tables for the screen. Computes nothing."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Table

from bot.cli.output import width
from bot.wording import NOT_MEASURED, UNDEFINED, clean, decimal, duration, percent, score, whole
from training.compare.conclude import Comparison, SideNumbers
from training.compare.pairing import Pairing
from training.compare.sides import Difference, Side
from training.significance.intervals import Estimate

_MOST_DIFFERENCES = 20
_NO_INTERVAL = "(no interval)"
_NO_TURNS = (
    "Time: these runs did not take turns, so that what else the machine did is in it; walkfast "
    "benchmark interleaves."
)
_SCORE = (
    "Test score: log growth of the account on the test bars of a fold, interquartile mean over "
    "folds and seeds."
)
_SUMMED = (
    "Net return, summed: the differences of the bars' returns added up, as at a constant stake; "
    "the columns compound."
)
_CHOSEN = (
    "Whoever takes the better one of these has chosen on their test bars: only later bars can "
    "judge that choice."
)


def page(comparison: Comparison, *, n_comparisons: int = 1) -> Iterator[RenderableType]:
    """Yield the parts of a page, top to bottom.

    Args:
        comparison: What is shown.
        n_comparisons: Comparisons that are made in the same call.
    """
    pairing = comparison.pairing
    yield from (_told(side) for side in (pairing.a, pairing.b))
    yield _ground(pairing) + "\n"
    yield from _differences("Settings that differ", pairing.settings, pairing)
    yield from _differences("Not settings, but other", pairing.surroundings, pairing)
    if not pairing.settings:
        yield "The settings of both are the same.\n"
    yield _numbers(comparison)
    yield ""
    conclusion = comparison.conclusion
    yield f"{pairing.b.label} against {pairing.a.label}: {clean(conclusion.text)}.\n"
    yield clean(conclusion.reason, max_length=2_000)
    if conclusion.quality_text not in conclusion.reason:
        yield clean(conclusion.quality_text, max_length=2_000)
    for note in _notes(comparison, n_comparisons):
        yield textwrap.fill(
            clean(note, max_length=2_000), width(), initial_indent="- ", subsequent_indent="  "
        )


def _told(side: Side) -> str:
    first = side.runs[0]
    profile = clean(first.config.get("profile", UNDEFINED), max_length=40)
    names = ", ".join(clean(run.name, max_length=60) for run in side.runs)
    seeds = ", ".join(str(run.seed) for run in side.runs)
    many = "" if len(side.runs) == 1 else f" ({len(side.runs)} runs)"
    return f"{side.label}  {names}{many}: profile {profile}, seed{'s' * bool(many)} {seeds}"


def _ground(pairing: Pairing) -> str:
    data = pairing.a.runs[0].data
    folds = [fold for run in pairing.a.runs if (fold := run.fold_at(pairing.tests[0]))]
    ends = [fold for run in pairing.a.runs if (fold := run.fold_at(pairing.tests[-1]))]
    n_slices, n_bars = len(pairing.tests), len(pairing.fold_index)
    slices = "1 test slice" if n_slices == 1 else f"{n_slices} test slices"
    return (
        f"{clean(data.get('symbol'))} {clean(data.get('timeframe'))}: {slices} in common, "
        f"{n_bars:,} bars, {_day(folds[0].test_start)} to {_day(ends[0].test_stop)}"
    )


def _day(time: object) -> str:
    return clean(time)[:10]


def _differences(
    title: str, items: Sequence[Difference], pairing: Pairing
) -> Iterator[RenderableType]:
    if not items:
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0))
    table.add_column(title, overflow="fold")
    for side in (pairing.a, pairing.b):
        table.add_column(side.label, overflow="fold")
    for item in items[:_MOST_DIFFERENCES]:
        table.add_row(clean(item.name), _value(item.a), _value(item.b))
    if (left := len(items) - _MOST_DIFFERENCES) > 0:
        table.add_row(f"and {left} more: see --json", "", "")
    yield table
    yield ""


def _value(value: Any) -> str:
    return "none" if value is None else clean(value, max_length=60)


def _numbers(comparison: Comparison) -> Table:
    a, b, pairing = comparison.a, comparison.b, comparison.pairing
    stitched = comparison.stitched
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Test bars only", no_wrap=True)
    for side in (pairing.a, pairing.b):
        table.add_column(side.label, justify="right", no_wrap=True)
    table.add_column(f"{pairing.b.label} against {pairing.a.label}, 90 % interval")
    ratio = _estimate(comparison.speed, lambda value: f"{value:.4g}", " times as fast")
    if pairing.why_no_times is not None:
        ratio = "not comparable"
    table.add_row("Time of a fold", duration(a.fold_s), duration(b.fold_s), ratio)
    table.add_row("Test score", _score(a), _score(b), _estimate(comparison.quality, score))
    table.add_row(
        f"{pairing.b.label} above {pairing.a.label}",
        "",
        "",
        _improvement(comparison),
    )
    table.add_row(
        "Net return",
        percent(a.return_frac),
        percent(b.return_frac),
        _estimate(stitched.return_difference, percent, " summed"),
    )
    table.add_row(
        "Sharpe",
        decimal(a.sharpe),
        decimal(b.sharpe),
        _estimate(stitched.sharpe_difference, _signed),
    )
    table.add_row("Max drawdown", *(percent(x.max_drawdown_frac, signed=False) for x in (a, b)), "")
    table.add_row("Trades", whole(a.n_trades), whole(b.n_trades), "")
    table.add_row("Buy & hold", percent(a.hold_frac), percent(b.hold_frac), "")
    return table


def _improvement(comparison: Comparison) -> str:
    """Write how probably b is above a; a share of the folds of one run is no such probability."""
    sides = (comparison.pairing.a, comparison.pairing.b)
    if min(len(side.runs) for side in sides) == 1 and comparison.improvement.interval is None:
        return "too few runs to say"
    return _estimate(comparison.improvement, lambda value: f"probability {value:.2f}")


def _score(numbers: SideNumbers) -> str:
    return score(numbers.score.value)


def _signed(value: object) -> str:
    return decimal(value, signed=True)


def _estimate(estimate: Estimate, write: Callable[[float], str], unit: str = "") -> str:
    if estimate.value is None:
        return NOT_MEASURED
    told = f"{write(estimate.value)}{unit}"
    if estimate.interval is None:
        return f"{told} {_NO_INTERVAL}"
    return f"{told} ({write(estimate.interval.low)} to {write(estimate.interval.high)})"


def _notes(comparison: Comparison, n_comparisons: int) -> Iterator[str]:
    pairing, stitched = comparison.pairing, comparison.stitched
    yield from pairing.notes
    times = {} if pairing.why_no_times else {"Time": comparison.speed}
    labels = {
        **times,
        "Test score": comparison.quality,
        f"{pairing.b.label} above {pairing.a.label}": comparison.improvement,
        "Net return": stitched.return_difference,
        "Sharpe": stitched.sharpe_difference,
    }
    seen: set[str] = set()
    for label, estimate in labels.items():
        for warning in estimate.warnings:
            if warning not in seen:
                seen.add(warning)
                yield f"{label}: {warning[0].lower()}{warning[1:]}"
    if pairing.why_no_times is None:
        yield _NO_TURNS
    yield from (_SCORE, _SUMMED)
    if n_comparisons > 1:
        yield (
            f"{n_comparisons} comparisons were made: of ten intervals of 90 % one misses by chance."
        )
    yield _CHOSEN
