"""What came out of a benchmark: headline, speed, what each optimization is worth, quality.

No sentence here is stronger than the verdict in the file. Not here: how the arms got there
(`bot.report.benchmark.conduct`), whether any of them earns anything (`honesty`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bot.report.benchmark.forest import Panel, factors_figure, quality_figure
from bot.report.benchmark.lanes import factor_words
from bot.report.benchmark.part import Part, Picture, absent, main_and_more, part
from bot.report.benchmark.read import MAIN_ARMS, ArmView, Benchmark, Measure, switch_label
from bot.report.benchmark.waterfall import steps_of, waterfall_figure
from bot.report.markup import Html, join, tag
from bot.report.read import listed, nested
from bot.report.results import day
from bot.report.tables import table
from bot.wording import (
    PLANTED_MARKET,
    UNDEFINED,
    as_number,
    clean,
    decimal,
    on_planted,
    percent,
    whole,
)
from training.benchmark.arms import OPTIMIZED, ORIGINAL
from training.benchmark.table import (
    HEADINGS,
    WORTH_HEADINGS,
    cells,
    duration,
    sentences,
    worth_cells,
)

_TIMES = (
    ("pace", "Pace: env steps a second"),
    ("speed", "A fold's time"),
    ("quality", "Time to the original's quality"),
)


def headline(benchmark: Benchmark) -> Html:
    """Build the first screen: verdict, figures, the table of a README and its sentences."""
    ours = benchmark.arm(OPTIMIZED)
    told = [tag("li", *said) for said in _said(sentences, _without_ablation(benchmark))]
    return join(
        _title(benchmark),
        _verdict(benchmark, ours) if ours else "",
        tag("div", *_figures(benchmark, ours), class_="figures") if ours else "",
        _table(_without_ablation(benchmark)),
        tag("details", tag("summary", "All arms"), _table(benchmark.content))
        if len(benchmark.arms) > len(benchmark.main_arms)
        else "",
        tag("ul", *told, class_="note"),
    )


def _table(content: Mapping[str, Any]) -> Html:
    """Build the table of a README, word for word."""
    rows = _said(cells, content)
    return table(HEADINGS, rows, kinds="t" + "n" * (len(HEADINGS) - 1))


def _said(
    words: Callable[[Mapping[str, Any]], Iterable[str | Sequence[str]]], content: Mapping[str, Any]
) -> list[list[str]]:
    """Return what `training.benchmark.table` says, as far as the file goes."""
    said: list[list[str]] = []
    # A file of an older version lacks what the last words speak of: what was said before is kept.
    with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError, IndexError):
        for item in words(content):
            said += [[item] if isinstance(item, str) else [*item]]
    return said


def _without_ablation(benchmark: Benchmark) -> dict[str, Any]:
    """Return the content without the arms that only take the judged one apart."""
    content = dict(benchmark.content)
    for key in ("arms", "against_original"):
        found = nested(content, key)
        content[key] = {name: found[name] for name in found if name in MAIN_ARMS}
    return content


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
    return [
        _figure("A fold, original", _fold(original), "original"),
        _figure(f"A fold, {benchmark.profile}", _fold(ours), "agent"),
        _figure(f"Times as fast{_interval(speed)}", _factor(speed)),
        _figure(f"Env steps a second, times{_interval(pace)}", _factor(pace)),
    ]


def _figure(name: str, value: str, series: str = "ink") -> Html:
    return tag("div", tag("span", name), tag("b", value), class_=f"figure {series}")


def _fold(arm: ArmView | None) -> str:
    if arm is None:
        return duration(None)
    return ("~" if arm.is_extrapolated and arm.fold_s is not None else "") + duration(arm.fold_s)


def _factor(measure: Measure) -> str:
    return UNDEFINED if measure.value is None else factor_words(measure.value)


def _interval(measure: Measure) -> str:
    if measure.value is None:
        return ""
    if measure.low is None or measure.high is None:
        return ", no interval"
    return f", {factor_words(measure.low)}-{factor_words(measure.high)}"


def speed_part(benchmark: Benchmark) -> Part:
    """Build how many times as fast each arm is, by pace, by a fold's time, by time to quality."""
    arms = benchmark.others
    original = benchmark.arm(ORIGINAL)
    by_quality = nested(benchmark.content, "time_to_quality")
    extrapolated = original is not None and original.is_extrapolated
    measures = {
        "pace": [arm.measure("pace") for arm in arms],
        "speed": [arm.measure("speed") for arm in arms],
        "quality": [Measure.of(nested(by_quality, arm.name).get("speed")) for arm in arms],
    }
    panels = [
        Panel(
            title=words,
            measures=tuple(measures[key]),
            hollow=tuple(key == "speed" and (extrapolated or arm.is_extrapolated) for arm in arms),
        )
        for key, words in _TIMES
        if any(measure.value is not None for measure in measures[key])
    ]
    if not panels:
        return absent("Speed", "No time was measured in the original and in another arm.")
    picture = Picture(
        file="speed.png",
        draw=lambda palette: factors_figure(arms, panels, palette),
        says="Times as fast as the original, by arm, with intervals",
        caption=_speed_caption(benchmark),
    )
    reached = _reached_table(benchmark)
    return part("Speed", picture, reached or tag("p", _why_no_quality_time(benchmark)))


def _speed_caption(benchmark: Benchmark) -> str:
    confidences = {
        measure.confidence
        for arm in benchmark.others
        if (measure := arm.measure("speed")).confidence is not None
    }
    level = f" of {min(confidences):.0%}" if len(confidences) == 1 else ""
    return (
        f"Times as fast as the original (the line at 1), logarithmic, with intervals{level}. A "
        "filled point is measured; a hollow one follows from a pace, because at least one of the "
        "two was only timed. Grey: the interval includes 1, so that no difference is shown. Pace "
        "compares env steps a second; a fold differs from it by the steps that each arm needs."
    )


def _reached_table(benchmark: Benchmark) -> Html | None:
    found = nested(benchmark.content, "time_to_quality")
    rows = {
        arm: [
            arm.label,
            whole(nested(found, arm.name).get("n_reached")),
            whole(nested(found, arm.name).get("n_rows")),
            *_medians(listed(nested(found, arm.name), "rows")),
        ]
        for arm in benchmark.others
        if nested(found, arm.name)
    }
    if not rows:
        return None
    headings = ["Arm", "Reached", "of", "Original, median", "Arm, median"]
    return join(
        tag("h3", "Time to quality"),
        main_and_more(rows, headings, kinds="tnnnn"),
        tag(
            "p",
            "Wall time until the original's final validation score is reached and held to the end "
            "of the fold. The factor in the picture is of the folds that reached it; those that "
            "never did are counted here. The median of an arm counts them as longer than any.",
            class_="note",
        ),
    )


def _medians(rows: list[Mapping[str, Any]]) -> list[str]:
    """Return the medians of both arms' times; a fold that never got there is the longest."""
    original = sorted(as_number(row.get("original_wall_s")) or 0.0 for row in rows)
    own = sorted(as_number(row.get("wall_s")) or float("inf") for row in rows)
    middle = own[len(own) // 2] if own else None
    return [
        duration(original[len(original) // 2] if original else None),
        "never" if middle == float("inf") else duration(middle),
    ]


def _why_no_quality_time(benchmark: Benchmark) -> str:
    original = benchmark.arm(ORIGINAL)
    if original is not None and not original.is_whole:
        return (
            "Time to quality is not known: the original was only timed, so that there is no final "
            "validation score of it to reach."
        )
    return "Time to quality was not measured."


def ablation_part(benchmark: Benchmark) -> Part:
    """Build the waterfall, what is lost by leaving one out, and both as a table."""
    title = "What each optimization is worth"
    steps = steps_of(benchmark)
    if not steps:
        return absent(
            title,
            "No ablation was run; --ablation adds one arm for each optimization, added in turn and "
            "left out of the whole.",
        )
    picture = None
    if any(step.added.value is not None or step.left_out for step in steps):
        picture = Picture(
            file="ablation.png",
            draw=lambda palette: waterfall_figure(steps, palette),
            says="Waterfall of the speed-up by optimization, and the factor lost without each",
            caption=(
                "Left: each bar begins where the ones above end; the thin line is its interval. "
                "An outline says that nothing was shown: the interval includes 1, or it was not "
                "measured. All the rest is network, hyperparameters, environments and what was not "
                "measured; it follows from the others and has no interval. Right: the whole with "
                "an optimization against the whole without it; left of 1 it costs time."
            ),
        )
    rows = _said(worth_cells, benchmark.content)
    told = tag("p", _by_word(listed(benchmark.content, "worth")))
    return part(title, picture, told, table(WORTH_HEADINGS, rows, kinds="ttnnt"))


def _by_word(rows: list[Mapping[str, Any]]) -> str:
    """Say of each optimization whether it pays, so that nobody has to look for it."""
    found: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        word = clean(row.get("word", "not judged"), max_length=60)
        switches = found.setdefault(word, {})
        switches.setdefault(switch_label(str(row.get("switch"))), []).append(
            clean(row.get("how", ""), max_length=20)
        )
    told = [
        f"{word[:1].upper()}{word[1:]}: "
        + ", ".join(f"{name} ({' and '.join(ways)})" for name, ways in switches.items())
        for word, switches in found.items()
    ]
    return ". ".join(told) + "."


def quality_part(benchmark: Benchmark) -> Part:
    """Build differences of test scores with the margin, and the level of each arm."""
    title = "Quality"
    arms = [arm for arm in benchmark.others if arm.measure("quality").value is not None]
    levels = _levels(benchmark)
    if not arms:
        return Part(html=join(absent(title, _why_no_quality(benchmark)).html, levels))
    margins = tuple(as_number(nested(arm.against, "margin").get("value")) for arm in arms)
    difference = Panel(
        title="test score, arm minus original",
        measures=tuple(arm.measure("quality") for arm in arms),
        margins=margins,
    )
    improvement = Panel(
        title="probability of improvement",
        measures=tuple(arm.measure("improvement") for arm in arms),
    )
    picture = Picture(
        file="quality.png",
        draw=lambda palette: quality_figure(arms, difference, improvement, palette),
        says="Differences of test scores from the original with margins, and their probabilities",
        caption=(
            "Left: interquartile mean of the differences of test scores (log return of test bars), "
            "fold by fold and seed by seed. Not worse needs the whole interval inside the shaded "
            "part, above the dashed margin. Right: how likely a run of the arm beats one of the "
            "original. A hollow point: the interval includes no difference."
        ),
    )
    verdicts = {
        arm: [
            arm.label,
            nested(arm.against, "verdict").get("text", UNDEFINED),
            nested(arm.against, "margin").get("words", UNDEFINED),
        ]
        for arm in arms
    }
    told = main_and_more(verdicts, ["Arm", "Verdict", "Margin"], kinds="tww")
    rule = clean(nested(benchmark.content, "calibration").get("rule", ""), max_length=400)
    note = tag("p", f"The margin, set before any run: {rule}.", class_="note") if rule else ""
    return part(title, picture, told, note, levels)


def _why_no_quality(benchmark: Benchmark) -> str:
    ours = benchmark.arm(OPTIMIZED)
    told = ours.measure("quality").warnings if ours else ()
    return "Whether any arm is as good as the original is not known. " + " ".join(
        told or ("No pair of runs has both scores.",)
    )


def _levels(benchmark: Benchmark) -> Html:
    """Build what each arm earned on test bars, where it was tested."""
    rows = {
        arm: [
            arm.label,
            percent(Measure.of(arm.content.get("test_return")).value),
            decimal(arm.content.get("sharpe")),
            percent(arm.content.get("max_drawdown_frac"), 1, signed=False),
            whole(arm.content.get("n_test_trades")),
            percent(arm.content.get("bayes_share"), 0, signed=False),
        ]
        for arm in benchmark.arms
        if Measure.of(arm.content.get("test_return")).value is not None
    }
    if not rows:
        return Html()
    headings = [
        "Test bars only",
        "Return of a fold",
        "Sharpe",
        "Drawdown",
        "Trades",
        "Of the best policy",
    ]
    return main_and_more(rows, headings, kinds="tnnnnn")
