"""The numbers of a benchmark as cells, sentences and a Markdown page. Undefined is `n/a`.

Used by `table.md` and by the screen, so that both say the same. Not here: the numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from training.benchmark.arms import OPTIMIZED, ORIGINAL, SWITCHES
from training.benchmark.chance import chance_sentences

NONE = "n/a"
EXTRAPOLATED = "~"
HEADINGS = ("Arm", "Steps/s", "A fold", "Times as fast", "Test return", "Sharpe", "Fall")
WORTH_HEADINGS = ("Optimization", "How", "Times as fast", "Test score", "In short")
Content = Mapping[str, Any]


def cells(content: Content) -> Iterator[tuple[str, ...]]:
    """Yield a row for each arm, under `HEADINGS`, then one for each baseline."""
    for name, arm in content["arms"].items():
        fold = duration(arm["fold_s"])
        if arm["fold_s"] is not None and arm["fold_s_is"] == "extrapolated":
            fold = EXTRAPOLATED + fold
        compared = content["against_original"].get(name)
        yield (
            name.replace("_", " "),
            number(arm["steps_per_s"]),
            fold,
            "1" if compared is None else factor(compared["speed"]),
            percent((arm["test_return"] or {}).get("value")),
            NONE if arm["sharpe"] is None else f"{arm['sharpe']:.2f}",
            percent(arm["max_drawdown_frac"], signed=False),
        )
    for name, value in (content["arms"][OPTIMIZED]["baseline_returns"] or {}).items():
        yield (name.replace("_", " "), "", "", "", percent(value), "", "")


def worth_cells(content: Content) -> Iterator[tuple[str, ...]]:
    """Yield a row for each switch of the ablation, under `WORTH_HEADINGS`."""
    for row in content["worth"]:
        quality = row["quality"]
        yield (
            SWITCHES[row["switch"]],
            row["how"],
            factor(row["speed"]),
            NONE if quality["value"] is None else f"{quality['value']:+.4f}",
            row["word"],
        )


def sentences(content: Content) -> Iterator[str]:
    """Yield what the numbers say, in plain words, the most important first."""
    yield from _headline(content)
    for name, compared in content["against_original"].items():
        yield f"{name.replace('_', ' ')}: {compared['verdict']['text']}."
    yield from chance_sentences(content, arm=OPTIMIZED)
    yield from _how(content)
    yield from content["missing"]


def markdown(content: Content) -> str:
    """Return the page `table.md`, ready for a README."""
    lines = [*_rows(HEADINGS, cells(content))]
    if content["worth"]:
        lines += ["", *_rows(WORTH_HEADINGS, worth_cells(content))]
    lines += ["", *(f"- {sentence}" for sentence in sentences(content))]
    return "\n".join([*lines, "", _ground(content), ""])


def number(value: float | None) -> str:
    """Return a pace: no decimals from ten on."""
    if value is None:
        return NONE
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def duration(seconds: float | None) -> str:
    """Return seconds in the unit in which they are read: 0.42 s, 12.3 s, 4 min 05 s, 1 h 20 min."""
    if seconds is None:
        return NONE
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds:.2g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def percent(value: float | None, *, signed: bool = True) -> str:
    """Return a fraction as percent."""
    if value is None:
        return NONE
    return f"{value:+.2%}" if signed else f"{value:.1%}"


def factor(estimate: Mapping[str, Any]) -> str:
    """Return a ratio of times with its interval: `12.3 (11.8-12.9)`."""
    if estimate["value"] is None:
        return NONE
    interval = estimate["interval"]
    if interval is None:
        return f"{_short(estimate['value'])} (?)"
    return f"{_short(estimate['value'])} ({_short(interval['low'])}-{_short(interval['high'])})"


def _short(value: float) -> str:
    if value >= 1e6:
        return f"{value:.1e}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _headline(content: Content) -> Iterator[str]:
    ours, original = content["arms"][OPTIMIZED], content["arms"][ORIGINAL]
    if ours["fold_s"] is not None and original["fold_s"] is not None:
        words = "measured" if original["fold_s_is"] == "measured" else "extrapolated"
        yield (
            f"Profile {content['profile']} trains a fold in {duration(ours['fold_s'])} "
            f"({ours['fold_s_is']}), the original in {duration(original['fold_s'])} ({words})."
        )
    pace = content["against_original"].get(OPTIMIZED, {}).get("pace")
    if pace is not None and pace["value"] is not None:
        yield (
            f"In env steps a second ours is {factor(pace)} times as fast; a fold differs from that "
            "by the steps that each needs. The networks differ in size, unless flags say otherwise."
        )
    if ours["bayes_share"] is not None:
        shares = f"ours earned {ours['bayes_share']:.0%}"
        if original["bayes_share"] is not None:
            shares += f", the original {original['bayes_share']:.0%}"
        yield f"Of what the best policy on this planted market earns, {shares}."


def _how(content: Content) -> Iterator[str]:
    for name, arm in content["arms"].items():
        if arm["kind"] == "timed" and arm["n_done"]:
            left_out = "evaluation and test left out" if name == ORIGINAL else "test left out"
            yield (
                f"{EXTRAPOLATED} {name.replace('_', ' ')} was timed for {arm['timed_steps']:,} env "
                f"steps a seed: a fold's time is extrapolated, its measured pace times its own "
                f"{arm['budget_steps']:,} steps, {left_out}.{_short_of_an_episode(arm)}"
            )
    quality = content["against_original"].get(OPTIMIZED, {}).get("margin")
    if quality is not None and quality["source"] != "given":
        yield f"Not worse means: within {quality['value']:.4g} of the score ({quality['words']})."


def _short_of_an_episode(arm: Mapping[str, Any]) -> str:
    """Say where a pace was taken before the first episode of the whole train slice ended."""
    config = arm["config"]
    folds, n_envs = config["folds"], config["agent"]["n_envs"]
    train_bars = round(folds["initial_window_bars"] * (1 - folds["validation_frac"]))
    if config["random_starts"] or arm["timed_steps"] >= train_bars * n_envs:
        return ""
    return (
        f" That is less than an episode of its {train_bars:,} train bars; where episodes begin its "
        "updates are slower, so that this pace is rather too fast."
    )


def _ground(content: Content) -> str:
    data, machine = content["data"], content["machine"]
    threads = {name: arm["n_threads"] for name, arm in content["arms"].items()}
    return (
        f"{data['symbol']} {data['timeframe']}, {data['n_bars']:,} bars; folds "
        f"{content['n_folds']}, seeds {content['n_seeds']}; intervals of 90 %; returns and Sharpe "
        f"of test bars only, interquartile means. {machine['processor']}, "
        f"{machine['n_usable_cores']:g} cores, threads: original {threads[ORIGINAL]}, "
        f"optimized {threads[OPTIMIZED]}; torch {content['versions']['torch']}, "
        f"walkfast {content['versions']['walkfast']}, "
        f"{content['created'][:10]}."
    )


def _rows(headings: Sequence[str], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield f"|{'|'.join(['---'] + ['---:'] * (len(headings) - 1))}|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"
