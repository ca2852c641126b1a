"""`walkfast audit`: change the future of the bars, and prove that nothing of the past moves.

Not here: the audit itself (`training.evaluate.lookahead`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from rich import box
from rich.table import Table

from bot.cli.bars import load_bars, load_settings
from bot.cli.boundary import DONE, FAILED, guarded, wants_tracebacks
from bot.cli.output import say, show
from bot.flags.data_flags import DATA
from bot.flags.flag import Flag
from bot.flags.parse import Given, Words, add_flags
from bot.flags.resolve import check_acting
from bot.flags.table import TrainingSettings
from bot.flags.values import Kind
from bot.flags.world_flags import FEATURES
from bot.wording import clean
from envs.bars import Bars
from envs.errors import ConfigError
from envs.features.audit import AuditResult
from training.config import RunConfig, with_values
from training.evaluate.lookahead import MAX_BARS, audit_all

_WHOLE, _SWITCH = Kind(scalar=int), Kind(scalar=bool)
_HOW = (
    Flag("cuts", "places after which the future is changed, five ways each [5]", kind=_WHOLE),
    Flag("seed", "of the places and the changes", "seed"),
    Flag("json", "one JSON object, nothing else", kind=_SWITCH),
)
_GROUPS = {"Bars": DATA, "Features": FEATURES, "Audit": _HOW}
_PARTS = frozenset({"scaling", "observations", "actions", "equity"})
"""What `audit_all` audits besides features, by the names of its results."""


def main(arguments: Sequence[str]) -> int:
    """Audit, and return the exit code: 1 when something looks ahead."""
    return guarded(lambda: _run(arguments), tracebacks=wants_tracebacks(arguments))


def _run(arguments: Sequence[str]) -> int:
    given = _words().read(arguments)
    as_json, n_cuts = given.pop("json", False), given.pop("cuts", 5)
    if n_cuts < 1:
        raise ConfigError("An audit needs at least one cut", came=str(n_cuts), where="--cuts")
    bars, config = _subject(given)
    if not as_json:
        say(_headline(bars, n_cuts))
    results = audit_all(bars, config.features, config.env, n_cuts=n_cuts, seed=config.seed)
    leaks = [result for result in results if not result.passed]
    if as_json:
        say(json.dumps(_facts(bars, results), indent=2, allow_nan=False))
    else:
        _print(results)
    return FAILED if leaks else DONE


def _subject(given: Given) -> tuple[Bars, RunConfig]:
    """Return the bars to audit on and the settings; uses up everything that was given."""
    path = given.pop("data_path", None)
    for flag in DATA if path is None else ():
        if flag.name in given:
            raise ConfigError(f"{flag.option} only acts with --data_path", came="no --data_path")
    settings = load_settings(given)
    typed = [flag for flag in (*FEATURES, *_HOW) if flag.name in given]
    values = {flag.path: given.pop(flag.name) for flag in typed if flag.path is not None}
    assert not given, f"parsed and ignored: {sorted(given)}"
    config = with_values(RunConfig(), values)
    check_acting(typed, config)
    return load_bars(path, settings).bars, config


def _facts(bars: Bars, results: Sequence[AuditResult]) -> dict[str, object]:
    return {
        "passed": all(result.passed for result in results),
        "symbol": bars.symbol,
        "n_bars": min(len(bars), MAX_BARS),
        "results": [asdict(result) for result in results],
    }


def _headline(bars: Bars, n_cuts: int) -> str:
    n_bars = min(len(bars), MAX_BARS)
    return (
        f"The last {n_bars:,} bars of {clean(bars.symbol)} {bars.timeframe.name}; "
        f"changing the future after {n_cuts} cuts ...\n"
    )


def _print(results: Sequence[AuditResult]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("Audited", no_wrap=True)
    table.add_column("Result", no_wrap=True)
    table.add_column("What was seen", overflow="fold")
    for name, passed, says in _rows(results):
        table.add_row(clean(name), "ok" if passed else "LEAK", clean(says, max_length=400))
    show(table)
    say()
    n_leaks = sum(not result.passed for result in results)
    show(
        f"{n_leaks} of the above look ahead: what is learned from them cannot be had live."
        if n_leaks
        else "No look-ahead was found: evidence, not proof; --cuts looks at more places."
    )


def _rows(results: Sequence[AuditResult]) -> Iterator[tuple[str, bool, str]]:
    """One row for sound features of one detail, one for each leaking one, one for each part."""
    features = [result for result in results if result.name not in _PARTS]
    sound = Counter(result.detail for result in features if result.passed)
    for detail, count in sound.items():
        yield f"{count} feature{'s' * (count > 1)}", True, detail
    for result in features:
        if not result.passed:
            yield f"feature {result.name}", False, result.detail
    for result in results:
        if result.name in _PARTS:
            yield result.name, result.passed, result.detail


def _words() -> Words:
    words = Words(
        "walkfast audit",
        description="Change the future of the bars and see whether the past moves: features,\n"
        "scaling, environment, evaluation. Exit code 1 when something looks ahead.",
    )
    words.usage = "walkfast audit [--data_path FILE] [--feature_function MODULE:FUNCTION]"
    add_flags(words, _GROUPS, root=TrainingSettings, says=lambda flag: flag.help)
    return words
