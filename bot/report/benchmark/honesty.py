"""Whether any of it beats chance: the line, deflated Sharpe ratio, baselines, dearer markets, PBO.

Not here: the tests (`training.significance`), whether an arm is as good as another one
(`bot.report.benchmark.verdicts`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bot.report.benchmark.forest import returns_figure
from bot.report.benchmark.part import Part, Picture, absent, main_and_more
from bot.report.benchmark.read import ArmView, Benchmark, Measure, arm_label
from bot.report.markup import Html, join, tag, text
from bot.report.read import nested
from bot.report.tables import led, section
from bot.wording import BASELINES, as_number, clean, compact, decimal, percent, whole

_TITLE = "Does it beat chance"
AS_TESTED = "as_tested"
_STRESS = {
    AS_TESTED: "as tested",
    "doubled_spread": "spread doubled",
    "slippage": "with slippage",
}
_MAX_LINE_LENGTH = 1_000


def honesty_part(benchmark: Benchmark) -> Part:
    """Build what speaks for and against the trading result itself."""
    judged = nested(benchmark.content, "chance")
    chances = {name: nested(judged, name) for name in judged if nested(judged, name)}
    if not chances:
        return absent(
            _TITLE,
            "Whether any arm beats chance was not judged: that takes arms that were tested on "
            "whole folds.",
        )
    stress = _stress(benchmark, chances)
    shown = stress.html() if stress else tag("p", "No model was tested again in a dearer market.")
    html = section(
        _TITLE,
        _lines(benchmark, chances),
        _numbers(benchmark, chances),
        _overfitting(nested(benchmark.content, "overfitting")),
        tag("h3", "In a dearer market"),
        shown,
    )
    return Part(html=html, picture=stress)


def _lines(benchmark: Benchmark, chances: Mapping[str, Mapping[str, Any]]) -> Html:
    """Say it in plain words, the arms outside the ablation first."""
    main = {arm.name for arm in benchmark.main_arms}
    told = {
        name: tag("li", *led(f"{arm_label(name)}:", _line(chance)))
        for name, chance in chances.items()
    }
    shown = [item for name, item in told.items() if name in main]
    rest = [item for name, item in told.items() if name not in main]
    folded = ""
    if rest:
        folded = tag("details", tag("summary", "The other arms"), tag("ul", *rest))
    return join(tag("ul", *shown), folded)


def _line(chance: Mapping[str, Any]) -> str:
    return clean(chance.get("line", "not judged"), max_length=_MAX_LINE_LENGTH)


def _numbers(benchmark: Benchmark, chances: Mapping[str, Mapping[str, Any]]) -> Html:
    headings = ["Arm", "Sharpe", "Deflated Sharpe"]
    headings += [f"More than {name.lower()}" for name in BASELINES.values()]
    rows = {arm: _row(arm, chances[arm.name]) for arm in benchmark.arms if arm.name in chances}
    tried = {whole(nested(chance, "deflated").get("n_trials")) for chance in chances.values()}
    note = (
        "Deflated Sharpe: probability that the true Sharpe ratio is above what the luckiest of "
        f"{' or '.join(sorted(tried))} runs without skill would have shown; 0.95 is asked for. "
        "More than a baseline: sum of the returns' differences at a constant stake, with its "
        "interval."
    )
    kinds = "tnn" + "n" * len(BASELINES)
    return join(main_and_more(rows, headings, kinds=kinds), tag("p", note, class_="note"))


def _row(arm: ArmView, chance: Mapping[str, Any]) -> list[object]:
    deflated = nested(chance, "deflated")
    return [
        arm.label,
        _with_interval(Measure.of(chance.get("sharpe")), decimal),
        decimal(deflated.get("probability"), 3),
        *(_against(nested(chance, "against"), baseline) for baseline in BASELINES),
    ]


def _against(against: Mapping[str, Any], baseline: str) -> Html:
    compared = nested(against, baseline)
    source = compared.get("return_difference", against.get(baseline))
    return _with_interval(Measure.of(source), _share)


def _share(value: object) -> str:
    """Write a fraction as a percentage, without decimals from 10 % on."""
    number = as_number(value)
    return percent(number, 0 if number is not None and abs(number) >= 0.1 else 1)


def _with_interval(measure: Measure, written: Callable[[object], str]) -> Html:
    """Write a value with its interval below it, so that a column is no wider than need be."""
    if measure.low is None or measure.high is None:
        return text(written(measure.value))
    interval = f"({written(measure.low)} to {written(measure.high)})"
    return join(written(measure.value), tag("span", interval, class_="interval"))


def _overfitting(found: Mapping[str, Any]) -> Html:
    probability = as_number(found.get("probability"))
    if probability is None:
        why = "n/a: it takes at least two arms with whole runs that differ."
        return tag("p", f"Probability of backtest overfitting: {why}")
    return tag(
        "p",
        *led(
            f"Probability of backtest overfitting: {probability:.2f}.",
            "How often the run that is best in one half of the test bars ranks below "
            f"the median in the other half, over {whole(found.get('n_splits'))} splits of "
            f"{whole(found.get('n_configurations'))} runs; 0.5 is a coin toss. It judges "
            "choosing among these runs, not whether they earn anything.",
        ),
    )


def _stress(benchmark: Benchmark, chances: Mapping[str, Mapping[str, Any]]) -> Picture | None:
    """Picture the return of a fold as it was tested, with the spread doubled, with slippage."""
    rows = [
        (f"{arm.label}, {words}" if kind == AS_TESTED else words, arm.name, measure)
        for arm in benchmark.main_arms
        if nested(chances.get(arm.name, {}), "stress")
        for kind, words in _STRESS.items()
        if (measure := _stressed(arm, chances[arm.name], kind)).value is not None
    ]
    if not rows:
        return None
    slippage = next(nested(chance, "stress", "slippage") for chance in chances.values())
    points, reason = slippage.get("slippage_points"), clean(slippage.get("slippage_reason", ""))
    size = f" of {compact(points)} points ({reason})" if as_number(points) is not None else ""
    return Picture(
        file="stress.png",
        draw=lambda palette: returns_figure(rows, "return of a test fold", palette),
        says="Returns of a test fold as tested, with doubled spread and with slippage",
        caption=(
            "The same models, walked over the same test bars again: with every spread doubled, and "
            f"with a slippage{size} on every fill. A hollow point: the interval includes 0."
        ),
    )


def _stressed(arm: ArmView, chance: Mapping[str, Any], kind: str) -> Measure:
    if kind == AS_TESTED:
        return Measure.of(arm.content.get("test_return"))
    return Measure.of(nested(chance, "stress").get(kind))
