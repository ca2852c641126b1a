"""The first screen of a benchmark's report: verdict, figures, the table of a README, its sentences.

No word here is stronger than the verdict in the file. Not here: the sections below it
(`bot.report.benchmark.verdicts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.report.benchmark.lanes import factor_words
from bot.report.benchmark.part import said
from bot.report.benchmark.read import ArmView, Benchmark, Measure
from bot.report.markup import Html, join, tag
from bot.report.read import nested
from bot.report.results import day
from bot.report.tables import table
from bot.wording import (
    PLANTED_MARKET,
    UNDEFINED,
    as_number,
    clean,
    on_planted,
    whole,
)
from training.benchmark.arms import OPTIMIZED, ORIGINAL
from training.benchmark.table import (
    EXTRAPOLATED,
    HEADINGS,
    cells,
    duration,
    sentences,
)

_COLUMNS = tuple(heading for heading in HEADINGS if heading not in ("Score difference", "Verdict"))


def headline(benchmark: Benchmark) -> Html:
    """Build the first screen: verdict, figures, the table of a README and its sentences."""
    ours = benchmark.arm(OPTIMIZED)
    told = [tag("li", *said) for said in said(sentences, benchmark.content)]
    return join(
        _title(benchmark),
        _verdict(benchmark, ours) if ours else "",
        tag("div", *_figures(benchmark, ours), class_="figures") if ours else "",
        _table(benchmark.content),
        tag("ul", *told, class_="note"),
    )


def _table(content: Mapping[str, Any]) -> Html:
    """Build the table of a README but for the columns that have sections or sentences here."""
    rows = said(lambda whole_content: cells(whole_content, _COLUMNS), content)
    return table(_COLUMNS, rows, kinds="t" + "n" * (len(_COLUMNS) - 1))


def _title(benchmark: Benchmark) -> Html:
    data = nested(benchmark.content, "data")
    bars = f"{data.get('symbol', 'unknown symbol')} {data.get('timeframe', '')}"
    counted = [
        f"{whole(count)} {word}" + ("s" if count != 1 else "")
        for key, word in (("n_folds", "fold"), ("n_seeds", "seed"))
        if (count := as_number(benchmark.content.get(key))) is not None
    ]
    parts = [f"run {benchmark.name}", f"profile {benchmark.profile}", *counted]
    parts.append(f"{day(benchmark.content.get('created'))} UTC")
    warning = tag("p", tag("strong", PLANTED_MARKET)) if on_planted(data) else ""
    told = tag("p", "Benchmark against the original training: " + ", ".join(parts))
    return tag("header", warning, tag("h1", bars), told)


def _verdict(benchmark: Benchmark, ours: ArmView) -> Html:
    verdict = nested(ours.against, "verdict")
    words = clean(verdict.get("text") or "no verdict")
    return join(
        tag(
            "p",
            f"Profile {benchmark.profile} against the original training:",
            Html(" "),
            tag("strong", f"{words}."),
            class_="verdict",
        ),
        tag("p", clean(verdict.get("reason", ""), max_length=2_000), class_="ground"),
    )


def _figures(benchmark: Benchmark, ours: ArmView) -> list[Html]:
    original = benchmark.arm(ORIGINAL)
    speed, pace = ours.measure("speed"), ours.measure("pace")
    is_about = ours.is_extrapolated or (original is not None and original.is_extrapolated)
    about = EXTRAPOLATED if is_about and speed.value is not None else ""
    return [
        _figure("A fold, original", _fold(original), "original"),
        _figure(f"A fold, {benchmark.profile}", _fold(ours), "agent"),
        _figure(f"Times as fast{_interval(speed)}", about + _factor(speed)),
        _figure(f"Env steps a second, times{_interval(pace)}", _factor(pace)),
    ]


def _figure(name: str, value: str, series: str = "ink") -> Html:
    return tag("div", tag("span", name), tag("b", value), class_=f"figure {series}")


def _fold(arm: ArmView | None) -> str:
    if arm is None:
        return duration(None)
    about = EXTRAPOLATED if arm.is_extrapolated and arm.fold_s is not None else ""
    return about + duration(arm.fold_s)


def _factor(measure: Measure) -> str:
    return UNDEFINED if measure.value is None else factor_words(measure.value)


def _interval(measure: Measure) -> str:
    if measure.value is None:
        return ""
    if measure.low is None or measure.high is None:
        return ", no interval"
    return f", {factor_words(measure.low)}-{factor_words(measure.high)}"
