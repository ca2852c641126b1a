"""What the report rests on: what failed or is missing, machine, versions, bars, settings, command.

Not here: what came out (`bot.report.benchmark.verdicts`).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from bot.report.benchmark.part import Part, part
from bot.report.benchmark.read import ArmView, Benchmark
from bot.report.described import data_facts, machine_facts
from bot.report.markup import Html, join, tag
from bot.report.read import listed, nested
from bot.report.results import day
from bot.report.tables import facts, flattened, setting, table
from bot.wording import UNDEFINED, as_number, clean, size, whole
from training.benchmark.arms import OPTIMIZED
from training.benchmark.table import duration

_MAX_REASON_LENGTH = 1_000
_SAME_FOR_ALL = ("profile", "seed")


def limits_part(benchmark: Benchmark) -> Part:
    """Build what failed, what was left out, and what can not be concluded."""
    failed = list(_failed(benchmark))
    open_questions = list(dict.fromkeys(_open(benchmark)))
    return part(
        "What this cannot say",
        None,
        tag("h3", "Failed or missing"),
        tag("ul", *failed) if failed else tag("p", "Every run that was planned finished."),
        tag("h3", "Not concluded"),
        tag("ul", *(tag("li", text) for text in open_questions))
        if open_questions
        else tag("p", "Every question that was asked of these runs got an answer."),
    )


def _failed(benchmark: Benchmark) -> Iterator[Html]:
    for arm in benchmark.arms:
        for failure in listed(arm.content, "failures"):
            error = str(failure.get("error", "")).strip() or "no message"
            last = clean(error.splitlines()[-1])
            summary = f"{arm.label}, seed {clean(failure.get('seed', UNDEFINED))}: {last}"
            yield tag("li", summary, tag("details", tag("summary", "All of it"), tag("p", error)))
    gaps = [text for text in _texts(benchmark.content, "missing") if not text.startswith("Failed")]
    yield from (tag("li", clean(text, max_length=_MAX_REASON_LENGTH)) for text in gaps)
    left_out = as_number(benchmark.content.get("n_left_out"))
    if left_out and "missing" not in benchmark.content:
        yield tag(
            "li",
            f"{whole(left_out)} runs were left out: they took longer than planned. The same "
            "command goes on with them.",
        )


def _open(benchmark: Benchmark) -> Iterator[str]:
    """Yield what is unresolved, the judged arm first."""
    found: dict[str, list[str]] = {}
    for arm in sorted(benchmark.arms, key=lambda arm: arm.name != OPTIMIZED):
        for words in _open_of(arm):
            found.setdefault(words, []).append(arm.label)
    for words, labels in found.items():
        yield f"{', '.join(dict.fromkeys(labels))}: {words[:1].lower()}{words[1:]}."


def _open_of(arm: ArmView) -> Iterator[str]:
    """Yield what is unresolved of one arm, as words that its name can follow."""
    words = clean(nested(arm.against, "verdict").get("text", ""))
    if "unresolved" in words or words.startswith("no verdict"):
        yield words
    if not arm.is_whole and arm.units:
        yield "only timed, so that what a whole training earns on test bars is not known"
    for name in ("speed", "quality", "improvement"):
        for warning in arm.measure(name).warnings:
            yield warning.removesuffix(".")


def _texts(source: Mapping[str, Any], key: str) -> list[str]:
    value = source.get(key)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def ground_part(benchmark: Benchmark) -> Part:
    """Build the command, the plan, machine, versions, bars and settings."""
    content = benchmark.content
    return part(
        "Ground",
        None,
        _command(content),
        tag(
            "div",
            tag("div", tag("h3", "Machine"), facts(machine_facts(nested(content, "machine")))),
            tag("div", tag("h3", "Versions"), facts(dict(nested(content, "versions")))),
            class_="columns",
        ),
        tag(
            "div",
            tag("div", tag("h3", "Bars"), facts(data_facts(nested(content, "data")))),
            tag("div", tag("h3", "Runs"), facts(_runs(content))),
            class_="columns",
        ),
        _arms(benchmark),
        _settings(benchmark),
    )


def _command(content: Mapping[str, Any]) -> Html:
    typed = content.get("command")
    if isinstance(typed, str) and typed:
        return join(tag("p", "This command makes it again:"), tag("p", tag("code", typed)))
    return join(
        tag("p", "The words that were typed are not known; this asks for the same runs:"),
        tag("p", tag("code", _asked(content))),
        tag("p", "What was set beside it is among the settings below.", class_="note"),
    )


def _asked(content: Mapping[str, Any]) -> str:
    asked, config = nested(content, "asked"), nested(content, "arms", OPTIMIZED, "config")
    words = ["walkfast", "benchmark", "--profile", str(content.get("profile", "balanced"))]
    if isinstance(path := config.get("data_path"), str):
        words += ["--data_path", path]
    if (minutes := as_number(asked.get("minutes"))) is not None:
        words += ["--benchmark_minutes", f"{minutes:g}"]
    if (seeds := as_number(content.get("n_seeds"))) is not None:
        words += ["--seeds", f"{seeds:g}"]
    if asked.get("ablation") is True:
        words.append("--ablation")
    return shlex.join(words)


def _runs(content: Mapping[str, Any]) -> dict[str, object]:
    asked, planned = nested(content, "asked"), nested(content, "planned")
    minutes = as_number(asked.get("minutes"))
    calibration = nested(planned, "calibration")
    return {
        "Folds": whole(content.get("n_folds")),
        "Seeds": whole(content.get("n_seeds")),
        "Time asked for": duration(None if minutes is None else minutes * 60),
        "Time taken, last session": duration(as_number(content.get("took_s"))),
        "Measuring the pace before": duration(as_number(calibration.get("took_s"))),
        "Begun": f"{day(planned.get('begun'))} UTC",
        "Runs finished": whole(
            sum(unit.get("status") == "done" for unit in listed(content, "units"))
        ),
    }


def _arms(benchmark: Benchmark) -> Html:
    """Build what each arm is, and how it ran."""
    headings = ["Arm", "What it is", "Runs", "Kind", "Threads", "Parameters", "Warm-up", "Memory"]
    rows = [_arm_row(arm) for arm in benchmark.arms]
    return join(tag("h3", "Arms"), table(headings, rows, kinds="twntnnnn"))


def _arm_row(arm: ArmView) -> list[object]:
    content = arm.content
    return [
        arm.label,
        clean(content.get("says", "")),
        whole(content.get("n_done")),
        clean(content.get("kind", UNDEFINED)),
        whole(content.get("n_threads")),
        whole(content.get("n_parameters")),
        duration(as_number(content.get("warm_up_s"))),
        size(content.get("peak_memory_bytes")),
    ]


def _settings(benchmark: Benchmark) -> Html:
    """Build the settings in which the arms differ, and all of the judged one's."""
    arms = benchmark.main_arms
    values = {arm.name: dict(flattened(nested(arm.content, "config"))) for arm in arms}
    paths = list(dict.fromkeys(path for own in values.values() for path in own if path))
    written = {
        path: [setting(values[arm.name].get(path)) for arm in arms]
        for path in paths
        if path not in _SAME_FOR_ALL
    }
    differ = [[tag("code", path), *row] for path, row in written.items() if len(set(row)) > 1]
    headings = ["Setting", *(arm.label for arm in arms)]
    every = [[tag("code", path), *row] for path, row in written.items()]
    kinds = "t" + "w" * len(arms)
    if not every:
        return Html()
    return join(
        tag("h3", "Settings in which the arms differ"),
        table(headings, differ, kinds=kinds) if differ else tag("p", "None."),
        tag(
            "details",
            tag("summary", f"All {len(every)} settings"),
            table(headings, every, kinds=kinds),
        ),
    )
