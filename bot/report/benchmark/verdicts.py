"""What came out of a benchmark: speed, what each optimization is worth, quality.

Not here: the first screen (`bot.report.benchmark.headline`), how the arms got there (`conduct`),
whether any of them earns anything (`honesty`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.report.benchmark.forest import Panel, factors_figure, quality_figure
from bot.report.benchmark.part import Part, Picture, absent, main_and_more, part, said
from bot.report.benchmark.read import ArmView, Benchmark, Measure, switch_label
from bot.report.benchmark.waterfall import steps_of, waterfall_figure
from bot.report.markup import Html, join, tag
from bot.report.read import listed, nested
from bot.report.tables import table
from bot.wording import (
    UNDEFINED,
    as_number,
    clean,
    decimal,
    percent,
    whole,
)
from training.benchmark.arms import OPTIMIZED, ORIGINAL, ORIGINAL_EXACT
from training.benchmark.table import (
    EXTRAPOLATED,
    WORTH_HEADINGS,
    duration,
    worth_cells,
)

_STANDS_IN = (
    "The original was only timed: its scores are those of original exact, the same training by the "
    "engine's exact mode."
)
_TIMES = (
    ("pace", "Pace: env steps a second"),
    ("speed", "A fold's time"),
    ("quality", "Time to the original's quality"),
)


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
            hollow=tuple(key != "pace" and (extrapolated or arm.is_extrapolated) for arm in arms),
            absent=tuple(
                "never reached"
                if key == "quality" and as_number(nested(by_quality, arm.name).get("n_rows"))
                else None
                for arm in arms
            ),
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
    found, original = nested(benchmark.content, "time_to_quality"), benchmark.arm(ORIGINAL)
    about = EXTRAPOLATED if original is not None and original.is_extrapolated else ""
    rows = {
        arm: [
            arm.label,
            whole(nested(found, arm.name).get("n_reached")),
            whole(nested(found, arm.name).get("n_rows")),
            *_medians(listed(nested(found, arm.name), "rows"), about=about),
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
            "Wall time until the original's final validation score is reached twice in a row. A "
            "fold that ended without it, early or not, counts as longer than any, here and in the "
            "picture's factor, which is a median: none where half of the folds or more never got "
            "there.",
            class_="note",
        ),
    )


def _medians(rows: list[Mapping[str, Any]], *, about: str) -> list[str]:
    """Return the medians of both arms' times; a fold that never got there is the longest."""
    original = sorted(as_number(row.get("original_wall_s")) or 0.0 for row in rows)
    own = sorted(as_number(row.get("wall_s")) or float("inf") for row in rows)
    middle = own[len(own) // 2] if own else None
    return [
        about + duration(original[len(original) // 2] if original else None),
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
    if any(step.is_measured for step in steps):
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
    rows = said(worth_cells, benchmark.content)
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
    picture = _quality_picture(arms)
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


def _quality_picture(arms: Sequence[ArmView]) -> Picture:
    stands_in = any(arm.against.get("quality_of") == ORIGINAL_EXACT for arm in arms)
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
    return Picture(
        file="quality.png",
        draw=lambda palette: quality_figure(arms, difference, improvement, palette),
        says="Differences of test scores from the original with margins, and their probabilities",
        caption=(
            "Left: interquartile mean of the differences of test scores (log return of test bars), "
            "fold by fold and seed by seed. Not worse needs the whole interval inside the shaded "
            "part, above the dashed margin. Right: how likely a run of the arm beats one of the "
            "original. A hollow point: the interval includes no difference."
            + (f" {_STANDS_IN}" if stands_in else "")
        ),
    )


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
