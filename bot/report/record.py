"""How a run came about: validation, rules, schedules, times, data, settings, how to read it all.

Not here: what came out of it (`bot.report.results`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.report.charts import schedules_figure, validation_figure
from bot.report.curves import applied_schedules, fold_ends, fold_index, validation_curve
from bot.report.described import data_facts, machine_facts
from bot.report.markup import Html, tag
from bot.report.pictures import inline_svg
from bot.report.read import RunFiles, listed, nested
from bot.report.tables import facts, figure, flattened, led, section, setting, table
from bot.speed_up import sentences
from bot.wording import (
    NOT_MEASURED,
    UNDEFINED,
    as_number,
    decided_value,
    decimal,
    duration,
    percent,
    rule_name,
    saved_text,
    size,
    whole,
)

_MOST_CURVES = 24
_QUIET_SOURCES = ("default", "data")
_HOW_TO_READ = (
    (
        "Three slices.",
        "In each fold the agent learns on train bars; validation bars decide when to stop and "
        "which model is kept; that one model then walks once over the test bars. Everything under "
        "Performance, Equity, Folds and Trades is from test bars.",
    ),
    (
        "Validation is not performance.",
        "Validation scores chose the models and are therefore too good. They are shown to explain "
        "choices. In rolling folds the test bars of one fold are validation bars of the next: "
        "within one run that is harmless, but a setting picked by comparing reports like this one "
        "has seen the test bars.",
    ),
    (
        "One seed, one path.",
        "Another seed gives another result. A difference between two runs means little until it "
        "was repeated over seeds and on later bars that nobody has looked at.",
    ),
    (
        "The market is a model.",
        "Orders fill at the next bar's open with the spread, slippage, commission and swap of the "
        "configuration. Queues, partial fills, rejected orders and the effect of your own orders "
        "are not in it.",
    ),
    (
        "Nothing is estimated.",
        f"What was not measured says {NOT_MEASURED}; what is not defined, such as the win rate of "
        f"no trades, says {UNDEFINED}.",
    ),
    ("This is no investment advice.", "It describes a computation on past prices."),
)


def validation_section(run: RunFiles) -> Html:
    """Build the small pictures of validation scores."""
    curves = [curve for fold in run.folds if (curve := validation_curve(fold)).scores]
    if not curves:
        return Html()
    shown = curves[-_MOST_CURVES:]
    picture = inline_svg(
        lambda palette: validation_figure(shown, palette),
        says="Validation score over env steps for each fold",
    )
    left_out = f" The last {len(shown)} of {len(curves)} folds." if shown != curves else ""
    return section(
        "Validation",
        figure(
            picture,
            "Validation score over env steps; the diamond is the model that was tested. Scores of "
            f"different folds do not compare: their bars differ.{left_out}",
        ),
    )


def rules_section(run: RunFiles) -> Html:
    """Build what each rule saved, and every decision with its reason."""
    counts = nested(run.optimization, "rules")
    rows = [_rule_row(rule, nested(counts, rule)) for rule in counts]
    headings = ["Rule", "Decisions", "Saved", "Cost", "How it was measured"]
    saved = table(headings, rows, kinds="tnnnw") if rows else ""
    decided = [tag("h3", "Decisions"), *(_decisions(fold) for fold in run.folds)]
    measured = f"Speed-up: {' '.join(sentences(run.optimization))}"
    return section("Rules", saved, tag("p", measured, class_="note"), *decided)


def schedules_section(run: RunFiles) -> Html:
    """Build the picture of the hyperparameters that updates ran with."""
    schedules = applied_schedules(run.folds)
    if not schedules:
        return Html()
    ends = fold_ends(run.folds)
    picture = inline_svg(
        lambda palette: schedules_figure(schedules, ends, palette),
        says="Learning rate, entropy weight, clip range and epochs over env steps",
    )
    caption = "Read back from the optimizer and the agent, not from the settings."
    return section("Schedules", figure(picture, caption))


def times_section(run: RunFiles) -> Html:
    """Build where the time went, and what the network weighs."""
    spent = {
        name: as_number(value) or 0.0 for name, value in nested(run.summary, "stage_s").items()
    }
    total_s = as_number(run.summary.get("duration_s"))
    rows = [
        [name, duration(seconds), _share(seconds, total_s), _bar(seconds, max(spent.values()))]
        for name, seconds in sorted(spent.items(), key=lambda item: -item[1])
    ]
    whole_run = {
        "Whole run": duration(total_s),
        "Peak memory": size(run.summary.get("peak_memory_bytes")),
        "Parameters": whole(run.summary.get("n_parameters")),
        "Parameters for each train bar": decimal(run.summary.get("parameters_per_train_bar"), 1),
    }
    stages = table(["Stage", "Time", "Share %", ""], rows, kinds="tnnt") if rows else ""
    return section("Time and size", tag("div", stages, facts(whole_run), class_="columns"))


def data_section(run: RunFiles) -> Html:
    """Build what was understood of the file of bars, its problems and repairs."""
    data = nested(run.config, "data")
    if not data:
        return Html()
    return section("Data", facts(data_facts(data)), *_columns(data), *_remarks(data))


def settings_section(run: RunFiles) -> Html:
    """Build every setting with who set it, versions and machine."""
    rows = _setting_rows(run)
    if not rows:
        return Html()
    headings = ["Setting", "Value", "Set by"]
    chosen = [row for row in rows if row[-1] not in _QUIET_SOURCES]
    everything = table(headings, rows, kinds="twt")
    return section(
        "Settings",
        table(headings, chosen, kinds="twt") if chosen else "",
        tag("details", tag("summary", f"All {len(rows)} settings"), everything),
        tag(
            "div",
            tag("div", tag("h3", "Versions"), facts(dict(nested(run.config, "versions")))),
            tag("div", tag("h3", "Machine"), facts(machine_facts(nested(run.config, "machine")))),
            class_="columns",
        ),
        intro="What is not a default, and who set it: a flag beats a profile beats a default.",
    )


def reading_section() -> Html:
    """Build the short guide."""
    points = [tag("li", *led(*point)) for point in _HOW_TO_READ]
    return section("How to read this", tag("ul", *points))


def _rule_row(rule: str, count: Mapping[str, Any]) -> list[object]:
    return [
        rule_name(rule),
        whole(count.get("n_decisions")),
        saved_text(count),
        duration(count.get("cost_s")),
        count.get("how_measured", ""),
    ]


def _decisions(fold: Mapping[str, Any]) -> Html:
    decisions = listed(fold, "decisions")
    rows = [
        [
            rule_name(item.get("rule")),
            decided_value(str(item.get("rule")), item.get("value")),
            item.get("reason", ""),
        ]
        for item in decisions
    ]
    told = [
        f"{row[0]} {row[1]}" for row, item in zip(rows, decisions, strict=True) if _is_main(item)
    ]
    return tag(
        "details",
        tag("summary", tag("b", f"Fold {fold_index(fold)}"), Html(" "), "; ".join(told)),
        table(["Rule", "Decided", "Why"], rows, kinds="ttw"),
    )


def _is_main(decision: Mapping[str, Any]) -> bool:
    """Tell the decisions that shape a fold from those that repeat inside it."""
    if decision.get("rule") == "early_stopping":
        return decision.get("value") is True
    return decision.get("rule") in ("adaptive_timesteps", "warm_start")


def _share(seconds: float, total_s: float | None) -> str:
    return percent(seconds / total_s, 1, signed=False).removesuffix("%") if total_s else UNDEFINED


def _bar(seconds: float, most_s: float) -> Html:
    width = round(100 * seconds / most_s, 1) if most_s > 0 else 0
    return tag("span", "", class_="bar", style=f"width:{width}%")


def _columns(data: Mapping[str, Any]) -> list[Html]:
    parts = []
    for key, title in (("columns", "Columns"), ("ignored", "Columns left out")):
        values = nested(data, key)
        if values:
            parts += [tag("h3", title), facts(dict(values))]
    return parts


def _remarks(data: Mapping[str, Any]) -> list[Html]:
    parts = [tag("h3", "Problems and repairs")]
    rows = [_remark("problem", item) for item in listed(data, "problems")]
    rows += [_remark("repair", item) for item in listed(data, "repairs")]
    parts.append(
        table(["What", "Kind", "Rows", "Says", "First of them"], rows, kinds="ttnww")
        if rows
        else tag("p", "No problem was found and nothing was repaired.")
    )
    notes = [*_texts(data, "warnings"), *_texts(data, "notes")]
    return parts + ([tag("ul", *(tag("li", note) for note in notes))] if notes else [])


def _remark(what: str, item: Mapping[str, Any]) -> list[object]:
    rows = item.get("first_rows", item.get("rows"))
    first = "; ".join(str(row) for row in rows) if isinstance(rows, list) else ""
    severity = item.get("severity", what)
    return [severity, item.get("kind", ""), whole(item.get("count")), item.get("says", ""), first]


def _texts(data: Mapping[str, Any], key: str) -> Sequence[object]:
    value = data.get(key)
    return value if isinstance(value, list) else []


def _setting_rows(run: RunFiles) -> list[list[object]]:
    provenance = nested(run.config, "provenance")
    return [
        [tag("code", path), setting(value), str(provenance.get(path, "default"))]
        for path, value in flattened(nested(run.config, "config"))
    ]
