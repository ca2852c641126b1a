"""From bars to everything a walk-forward needs: features, market, folds. User errors end here.

What `prepare` returns is complete and checked: after it, a run only trains. Not here: reading
files (`envs.data.load`), the loop (`training.walk_forward`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from envs.actions import action_mode
from envs.array_cache import ArrayCache
from envs.bars import Bars
from envs.features import FeatureMatrix, FittedScaler, build_features
from envs.market import Tape, make_tape
from envs.market.doubts import check_tradable, doubts
from envs.observations import ObservationLayout
from training.agent.build import resolve_device
from training.agent.checkpoint import LoadedModel, load_model
from training.agent.network import Network
from training.agent.probe import bf16_supported, check_precision, decide_precision
from training.clock import StageClock
from training.config import RunConfig
from training.errors import ModelError, StoreError
from training.folds import Fold, make_folds


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Bars with their features, market and folds, ready to be walked over.

    Attributes:
        bars: The bars.
        features: `(n_bars, n_features) float32`; unscaled where scaling is `fitted`.
        tape: The market over these features.
        folds: The folds, in order; at least one.
        layout: Names of the observation's columns.
        initial_model: The model that fold 0 starts from; None with fresh weights.
        doubts: What is allowed and hardly meant about the market's conditions, sentences.
    """

    bars: Bars
    features: FeatureMatrix
    tape: Tape
    folds: tuple[Fold, ...]
    layout: ObservationLayout
    initial_model: LoadedModel | None
    doubts: tuple[str, ...]


def prepare(
    config: RunConfig, bars: Bars, *, cache: ArrayCache | None, clock: StageClock
) -> Prepared:
    """Build features, market and folds, and check everything that could stop a run later.

    Args:
        config: The run's settings.
        bars: Validated bars.
        cache: Where features are kept; None builds them anew.
        clock: Receives seconds for `features`.

    Raises:
        WalkfastError: If the device is missing or has no bf16 where that is asked for, a feature
            cannot be built, no bar lets the account trade, the bars are too few for one fold, or
            the initial model does not fit.
    """
    check_precision(config.agent, resolve_device(config.device))
    with clock.stage("features"):
        features = build_features(bars, config.features, cache)
    layout = ObservationLayout.of(
        features.names, bars_held_scale_bars=config.env.bars_held_scale_bars
    )
    tape = make_tape(bars, features, config.env.market)
    folds = make_folds(len(bars), config.folds, first_bar=features.warmup_bars)
    first, last = folds[0].train.start, folds[-1].test.stop
    check_tradable(tape, config.env.market, start=first, stop=last + 1)
    return Prepared(
        bars=bars,
        features=features,
        tape=tape,
        folds=folds,
        layout=layout,
        initial_model=_initial_model(config, layout),
        doubts=doubts(bars, tape, config.env.market),
    )


def settled_precision(
    prepared: Prepared, config: RunConfig, recorded: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Decide what a run trains in, or take what it was begun in; from then on it is set.

    Args:
        prepared: The run's observations.
        config: Its settings; with `auto` a probe of its own updates takes about a second.
        recorded: What this returned when the run was begun; None where it begins.

    Raises:
        StoreError: If the run was begun in a precision that this machine has not.
    """
    device, agent = resolve_device(config.device), config.agent
    if recorded is None or agent.precision != "auto":
        probe = decide_precision(
            agent,
            n_inputs=len(prepared.layout.names),
            n_actions=len(action_mode(config.env.action_mode).labels),
            device=device,
        )
        return {"asked": agent.precision, **asdict(probe)}
    if recorded["precision"] == "bf16" and not bf16_supported(device):
        raise StoreError(
            "A run must go on in the precision it was begun in",
            came="bf16, which this machine has not",
            where="--precision auto",
            mend="go on on a machine that has it, or begin anew with --fresh",
        )
    return dict(recorded)


def fold_market(
    prepared: Prepared, fold: Fold, config: RunConfig
) -> tuple[Tape, FittedScaler | None]:
    """Return the market of one fold, its features scaled by what its train slice showed.

    Only `fitted` scaling depends on the fold; the scaler learns from the train slice, is frozen,
    and travels with the fold's model. Every other run walks the same tape, uncopied.
    """
    if config.features.scaling != "fitted":
        return prepared.tape, None
    features, train = prepared.features, fold.train
    values = features.values
    scaler = FittedScaler.fit(
        values[train.start : train.stop], is_scaled=features.is_scaled, clip=config.features.clip
    )
    return scaled_market(prepared, scaler), scaler


def scaled_market(prepared: Prepared, scaler: FittedScaler | None) -> Tape:
    """Return the market as a model with this scaler sees it; None sees the features as built."""
    if scaler is None:
        return prepared.tape
    return replace(prepared.tape, features=scaler.transform(prepared.features.values))


def _initial_model(config: RunConfig, layout: ObservationLayout) -> LoadedModel | None:
    if config.initial_model is None:
        return None
    model = load_model(Path(config.initial_model), device="cpu")
    if model.card is not None:
        layout.check_same(model.card.layout)
    n_actions = len(action_mode(config.env.action_mode).labels)
    wanted = Network.of_config(config.agent, n_inputs=len(layout.names), n_actions=n_actions)
    if model.network != wanted:
        raise ModelError(
            "The initial model must be of the network, observation and actions of this run",
            came=model.network.differences(wanted),
            where=config.initial_model,
            mend="give this run the model's settings, or choose another model",
        )
    return model
