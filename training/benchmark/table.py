"""The numbers of a benchmark as cells, sentences and a Markdown page. Undefined is `n/a`.

Used by `table.md` and by the screen, so that both say the same. Not here: the numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from training.benchmark.ablation import NOT_SHOWN, PAYS
from training.benchmark.arms import (
    AGAIN,
    OPTIMIZED,
    ORIGINAL,
    ORIGINAL_16_ENVS,
    ORIGINAL_AGAIN,
    ORIGINAL_EXACT,
    PLUS,
    SWITCHES,
    WITHOUT,
    spelled,
)
from training.benchmark.chance import chance_sentences
from training.benchmark.gaps import STOCK, without_a_pace
from training.benchmark.looks import look_sentences
from training.significance.counted import counted

NONE = "n/a"
EXTRAPOLATED = "~"
HEADINGS = (
    "Arm",
    "Steps/s",
    "A fold",
    "Times as fast",
    "Time to quality",
    "Test return",
    "Score difference",
    "Sharpe",
    "Drawdown",
    "Verdict",
)
THAN_16_ENVS = "Times as fast as 16 envs"
"""One more column, where the original with 16 environments ran."""
NARROW = ("Arm", "Steps/s", "A fold", "Times as fast", "Test return", "Sharpe", "Drawdown")
"""What fits into 80 columns; the rest is in the sentences."""
WORTH_HEADINGS = ("Optimization", "How", "Times as fast", "Test score", "In short")
Content = Mapping[str, Any]


def headings_of(content: Content) -> tuple[str, ...]:
    """Return the columns of the whole table."""
    if not content.get("against_original_16_envs"):
        return HEADINGS
    place = HEADINGS.index("Times as fast") + 1
    return (*HEADINGS[:place], THAN_16_ENVS, *HEADINGS[place:])


def cells(content: Content, headings: Sequence[str] = HEADINGS) -> Iterator[tuple[str, ...]]:
    """Yield a row for each arm outside the ablation, then one for each baseline.

    Args:
        content: Content of `benchmark.json`.
        headings: The columns wanted, some of `headings_of`.
    """
    for name in _main_arms(content):
        row = _arm_cells(content, name)
        yield tuple(row[heading] for heading in headings)
    for name, value in (content["arms"][OPTIMIZED]["baseline_returns"] or {}).items():
        row = {"Arm": spelled(name), "Test return": percent(value)}
        yield tuple(row.get(heading, "") for heading in headings)


def worth_cells(content: Content) -> Iterator[tuple[str, ...]]:
    """Yield a row for each switch of the ablation, under `WORTH_HEADINGS`."""
    for row in content["worth"]:
        yield (
            SWITCHES[row["switch"]],
            row["how"],
            factor(row["speed"]),
            difference(row["quality"]),
            row["word"],
        )


def sentences(content: Content) -> Iterator[str]:
    """Yield what the numbers say, in plain words, the most important first."""
    yield from _headline(content)
    yield from _verdicts(content)
    yield from _details(content)


def markdown(content: Content) -> str:
    """Return the page `table.md`, ready for a README."""
    headings = headings_of(content)
    lines = [*_rows(headings, cells(content, headings))]
    if content["worth"]:
        lines += ["", *_rows(WORTH_HEADINGS, worth_cells(content))]
    said = [*_headline(content), *_details(content)]
    lines += ["", *(f"- {sentence}" for sentence in said), "", _ground(content)]
    if content.get("command"):
        lines += ["", f"    {content['command']}"]
    return "\n".join([*lines, ""])


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


def ratio(compared: Mapping[str, Any]) -> str:
    """Return how many times as fast a fold is, `~` before what rests on an extrapolated time."""
    about = compared.get("is_extrapolated") and compared["speed"]["value"] is not None
    return (EXTRAPOLATED if about else "") + factor(compared["speed"])


def difference(estimate: Mapping[str, Any]) -> str:
    """Return a difference of scores with its interval: `+0.012 (-0.003 to +0.027)`."""
    if estimate["value"] is None:
        return NONE
    interval = estimate["interval"]
    if interval is None:
        return f"{estimate['value']:+.3g} (?)"
    return f"{estimate['value']:+.3g} ({interval['low']:+.3g} to {interval['high']:+.3g})"


def _main_arms(content: Content) -> list[str]:
    """Return the arms that are no part of the ablation, and no twin of a stand-in."""
    hidden = (PLUS, WITHOUT, ORIGINAL_EXACT + AGAIN)
    return [name for name in content["arms"] if not name.startswith(hidden)]


def _arm_cells(content: Content, name: str) -> dict[str, str]:
    arm, compared = content["arms"][name], content["against_original"].get(name)
    fold = duration(arm["fold_s"])
    if arm["fold_s"] is not None and arm["fold_s_is"] == "extrapolated":
        fold = EXTRAPOLATED + fold
    return {
        "Arm": spelled(name),
        "Steps/s": number(arm["steps_per_s"]),
        "A fold": fold,
        "Times as fast": "1" if compared is None else ratio(compared),
        THAN_16_ENVS: _than_16_envs(content, name),
        "Time to quality": _quality_time(content, name),
        "Test return": percent((arm["test_return"] or {}).get("value")),
        "Score difference": "0" if compared is None else difference(compared["quality"]),
        "Sharpe": NONE if arm["sharpe"] is None else f"{arm['sharpe']:.2f}",
        "Drawdown": percent(arm["max_drawdown_frac"], signed=False),
        "Verdict": "" if compared is None else compared["verdict"]["text"],
    }


def _than_16_envs(content: Content, name: str) -> str:
    if name == ORIGINAL_16_ENVS:
        return "1"
    compared = (content.get("against_original_16_envs") or {}).get(name)
    return NONE if compared is None else ratio(compared)


def _quality_time(content: Content, name: str) -> str:
    """Return how many times as soon, and in how many folds at all."""
    reached = content["time_to_quality"]
    if reached is None or (name != ORIGINAL and name not in reached):
        return NONE
    if name == ORIGINAL:
        return "1"
    found = reached[name]
    if not found["n_rows"]:
        return NONE
    is_reached = found["speed"]["value"] is not None
    times = factor(found["speed"]) if is_reached else "not reached"
    return f"{times}, {found['n_reached']} of {found['n_rows']}"


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
    many = (content.get("against_original_16_envs") or {}).get(OPTIMIZED)
    if many is not None and many["speed"]["value"] is not None:
        yield (
            f"A fold of ours is {ratio(many)} times as fast as one of the original with 16 "
            f"environments; in env steps a second it is {factor(many['pace'])} times as fast."
        )
    if ours["bayes_share"] is not None:
        shares = f"ours earned {ours['bayes_share']:.0%}"
        scored = content["arms"][_scored(content)]
        if scored["bayes_share"] is not None:
            shares += f", {_whose(content)} {scored['bayes_share']:.0%}"
        yield f"Of what the best policy on this planted market earns, {shares}."


def _scored(content: Content) -> str:
    """Return who has the original's scores: itself, or its stand-in."""
    compared = content["against_original"].get(OPTIMIZED, {})
    return str(compared.get("quality_of", ORIGINAL))


def _whose(content: Content) -> str:
    is_own = _scored(content) == ORIGINAL
    return "the original" if is_own else f"the original's stand-in ({spelled(_scored(content))})"


def _verdicts(content: Content) -> Iterator[str]:
    for name in _main_arms(content):
        if name in content["against_original"] and not name.endswith(AGAIN):
            compared = content["against_original"][name]
            times = ""
            if compared.get("is_extrapolated") and compared["speed"]["value"] is not None:
                times = f" Times as fast: about {factor(compared['speed'])}, extrapolated."
            yield f"{spelled(name)}: {compared['verdict']['text']}.{times}"


def _details(content: Content) -> Iterator[str]:
    yield from _soon(content)
    yield from chance_sentences(content, arm=OPTIMIZED)
    yield from _what_pays(content)
    yield from _how(content)
    yield from _drift(content)
    yield from look_sentences(content)
    yield from content["missing"]


def _soon(content: Content) -> Iterator[str]:
    """Say how soon ours was as good as the original on validation bars, and in how many folds."""
    found = (content["time_to_quality"] or {}).get(OPTIMIZED)
    if found is None or not found["n_rows"]:
        return
    times = ", not in most of them, so that there is no median ratio"
    if found["speed"]["value"] is not None:
        times = f", in the median {factor(found['speed'])} times as soon as the original itself"
    yield (
        f"Time to quality: in {found['n_reached']} of {counted(found['n_rows'], 'fold')} ours "
        f"reached the original's final validation score twice in a row{times}. A fold that ended "
        "without it, early or not, counts as never; a twin of the original gets there in half to "
        "two thirds of its folds, with a median ratio below 1 or none."
    )


def _what_pays(content: Content) -> Iterator[str]:
    """Say which optimizations pay both ways, and of the others what was found, word by word."""
    words: dict[str, list[str]] = {}
    for row in content["worth"]:
        words.setdefault(SWITCHES[row["switch"]], []).append(row["word"])
    pays = [name for name, said in words.items() if set(said) == {PAYS}]
    partly = [name for name, said in words.items() if PAYS in said and name not in pays]
    if pays:
        yield f"Pays, added and left out alike: {', '.join(pays)}."
    if partly:
        yield f"Pays in one of the two comparisons only: {', '.join(partly)}."
    rest: dict[str, list[str]] = {}
    for name, said in words.items():
        if PAYS not in said:
            rest.setdefault(" or ".join(dict.fromkeys(said)), []).append(name)
    for word, names in rest.items():
        means = " (the interval of the times as fast includes 1)" if word == NOT_SHOWN else ""
        yield f"{word[:1].upper()}{word[1:]}{means}: {', '.join(names)}."


def _drift(content: Content) -> Iterator[str]:
    """Say where the original is not as fast as itself."""
    again = content["against_original"].get(ORIGINAL_AGAIN)
    interval = again and again["speed"]["interval"]
    if interval and not interval["low"] <= 1 <= interval["high"]:
        yield (
            f"The original was {factor(again['speed'])} times as fast as itself: the machine was "
            "not equally fast all the time, or it is chance, as in one of ten."
        )


def _how(content: Content) -> Iterator[str]:
    for name in _main_arms(content):
        arm = content["arms"][name]
        if arm["n_done"] and arm["steps_per_s"] is None:
            yield without_a_pace(name, arm)
        elif arm["kind"] == "timed" and arm["n_done"]:
            ends = (
                "evaluation and test left out"
                if name in STOCK
                else "with evaluations, without test"
            )
            yield (
                f"{EXTRAPOLATED} {spelled(name)} was timed for {arm['timed_steps']:,} env "
                f"steps a seed: a fold's time is extrapolated, its measured pace times its own "
                f"{arm['budget_steps']:,} steps, {ends}.{_short_of_an_episode(arm)}"
            )
    yield from _threads(content)
    compared = content["against_original"].get(OPTIMIZED, {})
    if compared.get("quality_of") == ORIGINAL_EXACT:
        yield (
            "The original's scores are those of original exact: the same settings, draws and "
            "minibatches, trained by the engine's exact mode, whose updates are stock's but for "
            "float32 rounding. Its times are the original's own."
        )
    quality = compared.get("margin")
    if quality is not None and quality["source"] != "given":
        yield f"Not worse means: within {quality['value']:.4g} of the score ({quality['words']})."


def _threads(content: Content) -> Iterator[str]:
    """Say where an arm's number of threads is not the better one of two that were timed."""
    tried = (content.get("planned") or {}).get("calibration", {}).get("threads") or {}
    for name, found in tried.items():
        if found["why"] is not None and name in content["arms"]:
            count = content["arms"][name]["n_threads"]
            yield f"Threads of {spelled(name)}: {count}; {found['why']}."


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
    told = {name: arm["n_threads"] for name, arm in content["arms"].items()}
    names = [name for name in (ORIGINAL, ORIGINAL_16_ENVS, OPTIMIZED) if name in told]
    threads = ", ".join(f"{spelled(name)} {told[name]}" for name in names)
    return (
        f"{data['symbol']} {data['timeframe']}, {data['n_bars']:,} bars; folds "
        f"{content['n_folds']}, seeds {content['n_seeds']}; intervals of 90 % unless said; "
        f"returns and Sharpe of test bars only, interquartile means. {machine['processor']}, "
        f"{machine['n_usable_cores']:g} cores, threads: {threads}{_load(content)}; "
        f"torch {content['versions']['torch']}, "
        f"walkfast {content['versions']['walkfast']}{_code(content)}, "
        f"{content['created'][:10]}. All of it holds for other seeds on these very bars; other "
        "bars may say otherwise."
    )


def _load(content: Content) -> str:
    load = content.get("load")
    return "" if load is None else f", load {load['median']:.1f} (up to {load['highest']:.1f})"


def _code(content: Content) -> str:
    return f" (source {content['code'][:12]})" if content.get("code") else ""


def _rows(headings: Sequence[str], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield f"|{'|'.join(['---'] + ['---:'] * (len(headings) - 1))}|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"
