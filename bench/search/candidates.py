"""The settings that are tried: one start, and what each candidate changes of it.

Not here: the bars (`bench.search.grounds`), running (`bench.search.trial`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from bot.flags.resolve import profile_config
from bot.profiles import profile_named
from envs.errors import UnknownNameError
from training.config import RunConfig, original_config, with_values

BASE_STEPS = "rules.adaptive_timesteps.base_timesteps"
LEAST_STEPS = "rules.adaptive_timesteps.min_timesteps"
PATIENCE = "rules.early_stopping.patience_evaluations"
SCHEDULE = "rules.schedule.kind"

Values = Mapping[str, Any]

_OLD: Values = {
    "agent.n_envs": 16,
    "agent.n_steps": 128,
    "agent.batch_size": 512,
    "agent.n_epochs": 4,
    "agent.learning_rate": 1e-3,
    "agent.clip_range": 0.2,
    "agent.ent_coef": 0.01,
    "agent.lstm_hidden_size": 64,
    "agent.net_arch": (64,),
    BASE_STEPS: 100_000,
    LEAST_STEPS: 20_000,
    PATIENCE: 5,
    SCHEDULE: "linear",
}
"""The defaults before this search, written out so that a change of them changes no candidate."""

_START: Values = {
    **_OLD,
    "agent.n_envs": 64,
    "agent.n_steps": 64,
    "agent.batch_size": 1024,
    "agent.clip_range": 0.4,
}
"""What decision 108 found; the candidates below change it."""

_STEADY: Values = {
    **_START,
    "agent.n_envs": 128,
    "agent.batch_size": 2048,
    "agent.ent_coef": 0.03,
}

_SMALL: Values = {**_STEADY, "agent.lstm_hidden_size": 32}
_MORE: Values = {"agent.n_envs": 256, "agent.batch_size": 4096}
_WIDE: Values = {**_STEADY, **_MORE}


def _steps(base: int) -> Values:
    return {BASE_STEPS: base, LEAST_STEPS: base // 5}


CANDIDATES: Mapping[str, Values] = MappingProxyType(
    {
        "old": _OLD,
        "old, clip .4": {**_OLD, "agent.clip_range": 0.4},
        "start": _START,
        "clip .2": {**_START, "agent.clip_range": 0.2},
        "entropy .03": {**_START, "agent.ent_coef": 0.03},
        "entropy .1": {**_START, "agent.ent_coef": 0.1},
        "LSTM 32": {**_START, "agent.lstm_hidden_size": 32},
        "LSTM 128": {**_START, "agent.lstm_hidden_size": 128},
        "rate 5e-4": {**_START, "agent.learning_rate": 5e-4},
        "2 epochs": {**_START, "agent.n_epochs": 2},
        "gamma .95": {**_START, "agent.gamma": 0.95},
        "critic without memory": {**_START, "agent.critic_lstm": "none"},
        "batch 2048": {**_START, "agent.batch_size": 2048},
        "128 envs x 32": {**_START, "agent.n_envs": 128, "agent.n_steps": 32},
        "128 envs, entropy .03": _STEADY,
        "patience 3": {**_START, PATIENCE: 3},
        "25,000 steps": {**_START, **_steps(25_000)},
        "50,000 steps": {**_START, **_steps(50_000)},
        "200,000 steps": {**_START, **_steps(200_000)},
        "128 envs, entropy .03, 25,000 steps": {**_STEADY, **_steps(25_000)},
        "128 envs, entropy .03, 50,000 steps": {**_STEADY, **_steps(50_000)},
        "128 envs, entropy .03, 200,000 steps": {**_STEADY, **_steps(200_000)},
        "128 envs, entropy .03, clip .8": {**_STEADY, "agent.clip_range": 0.8},
        "small": _SMALL,
        "small, 25,000 steps": {**_SMALL, **_steps(25_000)},
        "small, 50,000 steps": {**_SMALL, **_steps(50_000)},
        "small, 2 epochs": {**_SMALL, "agent.n_epochs": 2},
        "small, 2 epochs, 25,000 steps": {**_SMALL, **_steps(25_000), "agent.n_epochs": 2},
        "small, critic without memory": {**_SMALL, "agent.critic_lstm": "none"},
        "small, 256 envs": {**_SMALL, **_MORE},
        "small, 256 envs, 200,000 steps": {**_SMALL, **_MORE, **_steps(200_000)},
        "128 envs, entropy .03, 2 epochs": {**_STEADY, "agent.n_epochs": 2},
        "128 envs, entropy .03, critic without memory": {**_STEADY, "agent.critic_lstm": "none"},
        "256 envs, entropy .03": _WIDE,
        "256 envs, entropy .03, 200,000 steps": {**_WIDE, **_steps(200_000)},
        "episodes of 1,000 bars": {**_START, "env.episode_bars": 1_000},
    }
)
"""Candidates by name; all values are written out. What decision 108 ruled out is not repeated."""

ORIGINAL = "original"
PROFILE_PREFIX = "profile "


def candidate_config(name: str) -> RunConfig:
    """Return the settings of a candidate, of `original`, or of `profile NAME` as it is today.

    All train on one thread, so that CPU seconds can be compared. The original trains with the
    engine's `exact` loops, which give stock's updates sooner; its cost is `trial.original_pace`.

    Raises:
        UnknownNameError: If there is none of that name.
    """
    if name == ORIGINAL:
        return with_values(original_config(), {"agent.engine": "exact", "agent.n_threads": 1})
    if name.startswith(PROFILE_PREFIX):
        config = profile_config(profile_named(name.removeprefix(PROFILE_PREFIX)))
        return with_values(config, {"agent.n_threads": 1})
    if name not in CANDIDATES:
        raise UnknownNameError.of("candidate", name, [*CANDIDATES, ORIGINAL])
    config = with_values(RunConfig(), {**CANDIDATES[name], "agent.n_threads": 1})
    return replace(config, profile=name)
