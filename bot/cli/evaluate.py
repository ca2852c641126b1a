"""`walkfast evaluate MODEL`: a saved model over any bars, against the baselines.

Not here: walking (`training.evaluate`), measuring (`training.tables`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from bot.cli.bars import load_bars, load_settings, notices
from bot.cli.boundary import DONE, complain, guarded, wants_tracebacks
from bot.cli.ground import HEADINGS, ground, seen_bars
from bot.cli.output import say, show
from bot.cli.window import Window, choose_window
from bot.flags.data_flags import DATA
from bot.flags.flag import Flag
from bot.flags.parse import Given, Words, add_flags
from bot.flags.resolve import check_acting
from bot.flags.table import TrainingSettings
from bot.flags.values import Kind, one_of
from bot.flags.world_flags import FEATURES, MARKET
from bot.wording import BASELINES, METRICS, annualization, clean, score, verdict
from envs.array_cache import ArrayCache, default_cache_folder
from envs.atomic import write_bytes
from envs.config import EnvConfig
from envs.data.load import LoadedBars
from envs.errors import ConfigError
from envs.features.build import build_features
from envs.features.config import FeatureMatrix
from envs.market import MarketConfig, Tape, make_tape
from envs.market.doubts import doubts
from envs.observations import ObservationLayout
from training.agent.build import DEVICES
from training.agent.checkpoint import LoadedModel, load_model
from training.config import RunConfig, with_values
from training.errors import ModelError
from training.evaluate import Baselines, Evaluation, baselines, evaluate
from training.tables import Measures, equity_table, measure_test, trades_table

_TEXT, _SWITCH = Kind(scalar=str), Kind(scalar=bool)
_COSTS = tuple(flag for flag in MARKET if flag.path and flag.path.startswith("env.market."))
_HERE = (
    Flag("start", "first bar to decide on: a date (UTC) or a bar number", kind=_TEXT, word="WHEN"),
    Flag("stop", "one past the last: a date (UTC) or a bar number", kind=_TEXT, word="WHEN"),
    Flag("seed", "of the random baseline", "seed"),
    Flag("device", "where the model runs", "device", one_of(DEVICES), word="NAME"),
    Flag("fast_evaluation", "in batches; the result is the same", "rules.fast_evaluation.enabled"),
)
_SCREEN = (
    Flag("output", "folder to write ledger.csv and equity.csv to", kind=_TEXT, word="FOLDER"),
    Flag("json", "one JSON object, nothing else", kind=_SWITCH),
    Flag("verbose", "2 shows tracebacks", kind=Kind(scalar=str, choices=("0", "1", "2")), bare="2"),
)
_GROUPS = {
    "Bars": (*DATA, *_HERE),
    "Costs and account, in place of the model's own": _COSTS,
    "Features of a stock zip, which does not say what it saw": FEATURES,
    "Results and screen": _SCREEN,
}
_ACTIONS = {3: "target", 4: "orders"}


def main(arguments: Sequence[str]) -> int:
    """Evaluate a model and return the exit code."""
    return guarded(lambda: _run(arguments), tracebacks=wants_tracebacks(arguments))


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A model on its bars, walked and measured."""

    model: LoadedModel
    loaded: LoadedBars
    window: Window
    tape: Tape
    tested: Evaluation
    others: Baselines
    measures: Measures
    market: MarketConfig


def _run(arguments: Sequence[str]) -> int:
    given = _words().read(arguments)
    given.pop("verbose", None)
    output, as_json = given.pop("output", None), given.pop("json", False)
    trial = _try(given)
    if output is not None:
        _write(Path(output).expanduser(), trial)
    if as_json:
        say(json.dumps(_facts(trial), indent=2, allow_nan=False))
    else:
        _print(trial, output)
    return DONE


def _try(given: Given) -> Trial:
    """Load model and bars, walk, and measure; uses up everything that was given."""
    path = given.pop("data_path", None)
    if path is None:
        _refuse(given, DATA, "only acts with --data_path")
    start, stop = given.pop("start", None), given.pop("stop", None)
    settings = load_settings(given)
    model = load_model(Path(given.pop("model")), device=given.get("device", "auto"))
    config = _config(model, given)
    loaded = load_bars(path, settings, cache=ArrayCache(default_cache_folder()))
    features = build_features(loaded.bars, config.features, ArrayCache(default_cache_folder()))
    window = choose_window(loaded.bars, start, stop, first_bar=features.warmup_bars)
    tape = _tape(model, loaded, config, features)
    fast = config.rules.fast_evaluation.enabled
    complain(f"walking {window.n_bars:,} bars ...")
    tested = evaluate(model.policy, tape, config.env, window.range, fast=fast)
    others = baselines(tape, config.env, window.range, seed=config.seed)
    return Trial(
        model=model,
        loaded=loaded,
        window=window,
        tape=tape,
        tested=tested,
        others=others,
        measures=measure_test(tape, tested, others),
        market=config.env.market,
    )


def _config(model: LoadedModel, given: Given) -> RunConfig:
    """Return the settings that the model was trained with, and what the flags change of them."""
    card = model.card
    if card is not None and card.features is not None:
        _refuse(given, FEATURES, "is for stock zips: this model knows its own features")
    base = RunConfig()
    if card is not None:
        base = replace(base, features=card.features or base.features)
    base = replace(base, env=_env(model))
    typed = [flag for flag in (*_COSTS, *FEATURES, *_HERE) if flag.name in given]
    values = {flag.path: given.pop(flag.name) for flag in typed if flag.path is not None}
    assert not given, f"parsed and ignored: {sorted(given)}"
    config = with_values(base, values)
    check_acting(typed, config)
    if config.features.scaling == "fitted" and (card is None or card.scaler is None):
        raise ConfigError(
            "Fitted scaling needs the scaler that the model was trained with",
            came="a model without one",
            mend="use --scaling rolling or none",
        )
    return config


def _env(model: LoadedModel) -> EnvConfig:
    if model.card is not None and model.card.env is not None:
        return model.card.env
    n_actions = model.network.n_actions
    if n_actions not in _ACTIONS:
        raise ModelError(
            "A model must decide among 3 actions (short, flat, long) or 4 (hold, buy, sell, close)",
            came=f"{n_actions} actions",
        )
    return EnvConfig(action_mode=_ACTIONS[n_actions])


def _tape(
    model: LoadedModel, loaded: LoadedBars, config: RunConfig, features: FeatureMatrix
) -> Tape:
    """Put bars and features together exactly as the model saw them in training."""
    layout = ObservationLayout.of(
        features.names, bars_held_scale_bars=config.env.bars_held_scale_bars
    )
    if model.card is not None:
        model.card.layout.check_same(layout)
    elif len(layout.names) != model.network.n_inputs:
        raise ModelError(
            f"A stock zip must have been trained on the {len(layout.names)} observations that "
            f"these settings give: {layout.n_features} features and 4 of the account",
            came=f"a network of {model.network.n_inputs} inputs",
            mend="choose its features with --features, or evaluate it where it was trained",
        )
    tape = make_tape(loaded.bars, features, config.env.market)
    scaler = None if model.card is None else model.card.scaler
    return tape if scaler is None else replace(tape, features=scaler.transform(features.values))


def _refuse(given: Given, flags: Sequence[Flag], why: str) -> None:
    for flag in flags:
        if flag.name in given:
            raise ConfigError(f"{flag.option} {why}", came=flag.option, mend=f"drop {flag.option}")


def _warnings(trial: Trial) -> Iterator[str]:
    """Say what keeps these figures from being out of sample, or from being complete."""
    card, window = trial.model.card, trial.window
    if card is None:
        yield "A stock zip does not say which bars taught it: these figures may be in-sample."
    else:
        yield from _overlap(trial)
    for doubt in doubts(trial.loaded.bars, trial.tape, trial.market):
        yield f"{doubt}."
    if trial.tested.n_refused:
        yield f"{trial.tested.n_refused:,} orders of the model were refused: the margin was short."
    if trial.tested.terminated:
        yield (
            f"The account ended early, after {trial.tested.n_bars:,} of {window.n_bars:,} bars: "
            f"{_end_words(trial)}."
        )


def _end_words(trial: Trial) -> str:
    market, reason = trial.market, trial.tested.end_reason
    if reason == "drawdown":
        return f"equity fell {market.max_drawdown_frac:.0%} below its peak (--max_drawdown)"
    if reason == "stop_out":
        return f"equity fell below {market.stop_out_frac:.0%} of the margin (--stop_out)"
    return "nothing was left of it"


def _overlap(trial: Trial) -> Iterator[str]:
    found = ground(trial.model, trial.loaded.bars, trial.window)
    if found == "unknown":
        yield "Whether the model was trained or chosen on some of these bars is not known."
    elif found == "in_sample":
        stop = seen_bars(trial.model, trial.loaded.bars)
        yield (
            f"Bars before {stop} taught or chose this model or the ones it started from: figures "
            f"over them are in-sample. --start {stop} leaves them out."
        )


def _facts(trial: Trial) -> dict[str, Any]:
    window = trial.window
    return {
        "ground": ground(trial.model, trial.loaded.bars, window),
        "window": {
            "start": window.range.start,
            "stop": window.range.stop,
            "first_time": window.first_time,
            "last_time": window.last_time,
        },
        "weights_sha256": trial.model.weights_sha256,
        "bars": trial.loaded.bars.fingerprint,
        "symbol": trial.loaded.bars.symbol,
        "score": {trial.tested.score_name: trial.tested.score},
        "n_refused_orders": trial.tested.n_refused,
        "performance": trial.measures.agent.to_json(),
        "baselines": {name: p.to_json() for name, p in trial.measures.baselines.items()},
        "warnings": list(_warnings(trial)),
    }


def _print(trial: Trial, output: str | None) -> None:
    for level, message in notices(trial.loaded.source):
        if level == "warning":
            complain(f"warning: {message}")
    for warning in _warnings(trial):
        complain(f"warning: {warning}")
    bars, window = trial.loaded.bars, trial.window
    show(HEADINGS[ground(trial.model, bars, window)])
    show(
        f"{clean(bars.symbol)} {bars.timeframe.name}, bars [{window.range.start}, "
        f"{window.range.stop}), {window.first_time} to {window.last_time} UTC; "
        f"score {score(trial.tested.score)} ({trial.tested.score_name})\n"
    )
    agent = trial.measures.agent.to_json()
    others = {name: p.to_json() for name, p in trial.measures.baselines.items()}
    show(_table(agent, others))
    show(" ".join([*verdict(agent, others), annualization(agent)]))
    if output is not None:
        show(f"Written: {clean(output)}/ledger.csv, equity.csv", soft_wrap=True)


def _table(agent: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("Net of costs", no_wrap=True)
    for title in ("Model", *(BASELINES[name] for name in others)):
        table.add_column(title, justify="right", no_wrap=True)
    for metric in METRICS:
        table.add_row(metric.label, metric.read(agent), *(metric.read(o) for o in others.values()))
    return table


def _write(folder: Path, trial: Trial) -> None:
    """Write trades and equity; floats keep every digit.

    Raises:
        ConfigError: If the folder cannot be written.
    """
    try:
        tables = {
            "ledger.csv": trades_table(trial.tape, trial.tested),
            "equity.csv": equity_table(trial.tape, trial.tested, trial.others),
        }
        for name, table in tables.items():
            write_bytes(folder / name, table.to_csv(index=False).encode())
    except OSError as error:
        raise ConfigError(
            "The output folder must be writable",
            came=error.strerror or type(error).__name__,
            where=str(folder),
        ) from error


def _words() -> Words:
    words = Words(
        "walkfast evaluate",
        description="Run a saved model over bars, its memory carried from bar to bar, and compare\n"
        "it with the baselines. The model is read without running anything in it.",
    )
    words.usage = "walkfast evaluate MODEL [--data_path FILE] [flags]"
    words.add_argument("model", metavar="MODEL", help="model zip, ours or stable-baselines3's")
    add_flags(words, _GROUPS, root=TrainingSettings, says=lambda flag: flag.help)
    return words
