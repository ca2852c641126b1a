"""The look-ahead audit of a whole run: features, scaling, observations, actions and equity.

Each is computed again on bars whose future was changed; no row before the change may move. The
changes and the comparison are `envs.features.audit`; here is what gets compared: a walk through the
environment by a fixed policy, over the same code that training and evaluation use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

from envs.actions import action_mode
from envs.bars import COLUMNS, Bars
from envs.config import EnvConfig
from envs.errors import ConfigError
from envs.features import FeatureConfig, FeatureMatrix, FittedScaler, build_features
from envs.features.audit import AuditResult, audit_causality, audit_features
from envs.market import Tape, make_tape
from envs.market.currency import with_nominal_conversion
from envs.observations import ACCOUNT_NAMES
from training.agent.network import Network, build_policy
from training.agent.stacked import StackedActors
from training.evaluate.walk import Actor, walk
from training.folds import Range
from training.seeds import generator

MAX_BARS = 3_000
"""Of a longer series the latest so many are audited: the walk is repeated dozens of times."""
_NO_ACTION = -1.0


def audit_all(
    bars: Bars,
    feature_config: FeatureConfig,
    env_config: EnvConfig,
    policy: RecurrentActorCriticPolicy | None = None,
    *,
    n_cuts: int = 6,
    seed: int = 0,
) -> tuple[AuditResult, ...]:
    """Audit everything that stands between bars and a score, on the latest `MAX_BARS`.

    Returns:
        One result for each feature, then those of `audit_learning`.

    Raises:
        As `audit_learning`.
    """
    bars = bars.slice(max(0, len(bars) - MAX_BARS), len(bars))
    features = audit_features(bars, feature_config, n_cuts=n_cuts, seed=seed)
    learning = audit_learning(bars, feature_config, env_config, policy, n_cuts=n_cuts, seed=seed)
    return (*features, *learning)


def audit_learning(
    bars: Bars,
    feature_config: FeatureConfig,
    env_config: EnvConfig,
    policy: RecurrentActorCriticPolicy | None = None,
    *,
    n_cuts: int = 6,
    seed: int = 0,
) -> tuple[AuditResult, ...]:
    """Audit what is made of the features: scaling, observations, actions and equity.

    Args:
        bars: All of them are walked, five times a cut: a few thousand are enough.
        feature_config: Features to build, the user's own included. With `fitted` scaling a scaler
            is fitted on the first half, and the walk stays in the second.
        env_config: The environment.
        policy: Whose actions are audited; None takes a small one with random weights, whose every
            action depends on all columns.
        n_cuts: Places after which the future is changed.
        seed: Of those places, the changes and the random policy.

    Returns:
        Results `scaling` (only if fitted), `observations`, `actions` and `equity`.

    Raises:
        ConfigError: If half of the bars are still warming up, or the policy does not fit the
            observations.
        FeatureError: If the features cannot be built.
    """
    walks = _Walks(bars, feature_config, env_config, policy=policy, seed=seed)
    parts: dict[str, Callable[[Bars], NDArray[np.float64]]] = {
        "observations": lambda changed: walks.of(changed).observations,
        "actions": lambda changed: walks.of(changed).actions,
        "equity": lambda changed: walks.of(changed).equity,
    }
    if feature_config.scaling == "fitted":
        parts = {"scaling": walks.scaled_features, **parts}
    return tuple(
        audit_causality(compute, bars, n_cuts=n_cuts, seed=seed, name=name)
        for name, compute in parts.items()
    )


@dataclass(frozen=True, kw_only=True)
class _WalkedRows:
    """What a walk saw, did and had; row t is known at the close of bar t.

    Attributes:
        observations: `(n_bars, n_columns)`; zeros where there was no decision.
        actions: `(n_bars,)`; -1 where there was none.
        equity: `(n_bars,)`; 0 before the walk, its last value after it.
    """

    observations: NDArray[np.float64]
    actions: NDArray[np.float64]
    equity: NDArray[np.float64]


@dataclass(kw_only=True)
class _Watched:
    """An actor that keeps what it saw."""

    actor: Actor
    seen: list[NDArray[np.float32]] = field(default_factory=list)

    def act(self, observations: NDArray[np.float32]) -> NDArray[np.int64]:
        self.seen.append(observations[0].copy())
        return self.actor.act(observations)


class _Walks:
    """Walks of one policy over changed bars, each done once however many audits ask for it."""

    def __init__(
        self,
        bars: Bars,
        feature_config: FeatureConfig,
        env_config: EnvConfig,
        *,
        policy: RecurrentActorCriticPolicy | None,
        seed: int,
    ) -> None:
        market = with_nominal_conversion(env_config.market, bars)
        env_config = replace(env_config, market=market)
        self._feature_config, self._env_config = feature_config, env_config
        self._half = len(bars) // 2
        features = build_features(bars, feature_config)
        self._start = self._half if feature_config.scaling == "fitted" else features.warmup_bars
        if features.warmup_bars >= self._half:
            raise ConfigError(
                "An audit needs features that are warm before half of the bars",
                came=f"{len(bars)} bars and {features.warmup_bars} to warm up",
                mend="give it more bars",
            )
        tape = make_tape(bars, features, env_config.market)
        self._policy = policy or _random_policy(tape, env_config, seed)
        _check_fits(self._policy, tape)
        self._done: dict[str, _WalkedRows] = {}

    def of(self, bars: Bars) -> _WalkedRows:
        """Walk from the first warm bar to the last one, deciding on each."""
        if bars.fingerprint not in self._done:
            self._done[bars.fingerprint] = self._walk(bars)
        return self._done[bars.fingerprint]

    def scaled_features(self, bars: Bars) -> NDArray[np.float64]:
        """Features scaled by what was fitted on the first half; its own rows are left out."""
        values = self._features(bars).values.astype(np.float64)
        values[: self._half] = 0.0
        return values

    def _features(self, bars: Bars) -> FeatureMatrix:
        features = build_features(bars, self._feature_config)
        if self._feature_config.scaling != "fitted":
            return features
        scaler = FittedScaler.fit(
            features.values[: self._half],
            clip=self._feature_config.clip,
            is_scaled=features.is_scaled,
        )
        return replace(features, values=scaler.transform(features.values))

    def _walk(self, bars: Bars) -> _WalkedRows:
        n_bars, features = len(bars), self._features(bars)
        values = np.concatenate([features.values, features.values[-1:]])
        # One bar more, so that the last real one is a bar to decide on and not a forced close.
        tape = make_tape(
            _with_a_bar_more(bars), replace(features, values=values), self._env_config.market
        )
        watched = _Watched(actor=StackedActors([self._policy], 1))
        window = Range(self._start, n_bars)
        walked = walk(watched, tape, self._env_config, [window])[0]
        decided = slice(self._start, self._start + walked.n_bars)
        rows = _WalkedRows(
            observations=np.zeros((n_bars, len(watched.seen[0]))),
            actions=np.full(n_bars, _NO_ACTION),
            equity=np.zeros(n_bars),
        )
        rows.observations[decided] = watched.seen
        rows.actions[decided] = walked.actions
        rows.equity[self._start :] = walked.window_equity[:-1]
        return rows


def _with_a_bar_more(bars: Bars) -> Bars:
    """Repeat the last bar once."""
    times = np.append(bars.time_us, bars.time_us[-1] + bars.timeframe.step_us)
    columns: dict[str, Any] = {
        name: np.append(getattr(bars, name), getattr(bars, name)[-1]) for name in COLUMNS
    }
    return replace(bars, time_us=times, extra={}, **columns)


def _random_policy(tape: Tape, config: EnvConfig, seed: int) -> RecurrentActorCriticPolicy:
    """A policy with weights large enough that every column can turn an action."""
    network = Network(
        n_inputs=len(tape.feature_names) + len(ACCOUNT_NAMES),
        n_actions=len(action_mode(config.action_mode).labels),
        lstm_hidden_size=16,
        n_lstm_layers=1,
        critic_lstm="none",
        actor_layers=(16,),
        critic_layers=(),
        activation="tanh",
    )
    policy = build_policy(network)
    source = generator(seed, "audit-policy")
    state = policy.state_dict()
    for tensor in state.values():
        tensor.numpy()[...] = source.normal(0.0, 0.5, tuple(tensor.shape))
    policy.load_state_dict(state)
    return policy


def _check_fits(policy: RecurrentActorCriticPolicy, tape: Tape) -> None:
    wanted, there = policy.lstm_actor.input_size, len(tape.feature_names) + len(ACCOUNT_NAMES)
    if wanted != there:
        raise ConfigError(
            "The policy must fit the observations to be audited with them",
            came=f"{there} columns for a policy of {wanted}",
            mend="use the features of the model's own run",
        )
