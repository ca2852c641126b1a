"""Score policies: one bar by bar with stock `predict`, or many windows and candidates at once.

The two ways give the same actions and the same ledger; tests hold them together. Where the fast
way meets two logits so close that the order of a sum could decide between them, it asks the slow
one. Read next: `training.agent.stacked`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

from envs.config import EnvConfig
from envs.market import Tape
from envs.trading_env import TradingEnv
from training.agent.network import Network, network_of
from training.agent.stacked import StackedActors
from training.errors import TrainingError
from training.evaluate.result import Evaluation
from training.evaluate.walk import finished, walk
from training.folds import Range
from training.seeds import torch_state_kept


def evaluate(
    policy: RecurrentActorCriticPolicy,
    tape: Tape,
    config: EnvConfig,
    window: Range,
    *,
    score: str = "log_return",
    fast: bool = True,
) -> Evaluation:
    """Score one policy on one window, the fast way or bar by bar; the result is the same.

    Raises:
        ConfigError: If the window is empty or leaves the tape.
        UnknownNameError: If there is no such score.
        TrainingError: If weights or results are not finite.
    """
    if not fast:
        return evaluate_step_by_step(policy, tape, config, window, score=score)
    return evaluate_windows([policy], tape, config, [window], score=score)[0][0]


def evaluate_step_by_step(
    policy: RecurrentActorCriticPolicy,
    tape: Tape,
    config: EnvConfig,
    window: Range,
    *,
    score: str = "log_return",
) -> Evaluation:
    """Walk a window bar by bar with the policy's own `predict`: slow and plain.

    Raises:
        As `evaluate`.
    """
    _check_finite([policy])
    env = TradingEnv(tape, config, start=window.start, stop=window.stop, record=True)
    observation, _ = env.reset(seed=0)
    actions: list[int] = []
    memory, over, terminated = None, False, False
    with _undisturbed([policy]):
        while not over:
            action, memory = policy.predict(
                observation,
                state=memory,
                episode_start=np.array([not actions]),
                deterministic=True,
            )
            actions.append(int(action))
            observation, _, terminated, truncated, _ = env.step(actions[-1])
            over = terminated or truncated
    if not all(np.isfinite(part).all() for part in memory or ()):
        raise _not_finite("memory that is NaN or infinite after the walk")
    evaluation = finished(
        tape,
        window,
        actions=np.array(actions, np.int64),
        equity=env.equity_path()[:, 0],
        ledger=env.ledger(),
        terminated=terminated,
        score=score,
    )
    assert env.recorder is not None, "made with record=True"
    return replace(evaluation, stepped=True, n_refused=int(env.recorder.n_refused[0]))


def evaluate_windows(
    policies: Sequence[RecurrentActorCriticPolicy],
    tape: Tape,
    config: EnvConfig,
    windows: Sequence[Range],
    *,
    score: str = "log_return",
) -> list[list[Evaluation]]:
    """Score every policy on every window at once: the fast way.

    Candidates of equal networks share one batch; windows may overlap and differ in length, and a
    batch takes as long as its longest.

    Returns:
        `result[p][w]` for `policies[p]` on `windows[w]`.

    Raises:
        As `evaluate`.
    """
    _check_finite(policies)
    results: dict[int, list[Evaluation]] = {}
    for members in _by_network(policies):
        batch = [policies[index] for index in members]
        actor = StackedActors(batch, len(windows))
        with _undisturbed(batch):
            rows = walk(actor, tape, config, list(windows) * len(batch), score=score)
        if bool(torch.isnan(actor.nearest_tie).any()):
            raise _not_finite("logits that are NaN or infinite")
        for place, index in enumerate(members):
            mine = rows[place * len(windows) : (place + 1) * len(windows)]
            for number in np.flatnonzero(actor.nearest_tie[place] < 1.0).tolist():
                mine[number] = evaluate_step_by_step(
                    policies[index], tape, config, windows[number], score=score
                )
            results[index] = mine
    return [results[index] for index in range(len(policies))]


def _by_network(policies: Sequence[RecurrentActorCriticPolicy]) -> list[list[int]]:
    groups: dict[Network, list[int]] = {}
    for index, policy in enumerate(policies):
        name = type(policy.activation_fn()).__name__.lower()
        network = network_of(policy.state_dict(), activation=name)
        groups.setdefault(network, []).append(index)
    return list(groups.values())


@contextmanager
def _undisturbed(policies: Sequence[RecurrentActorCriticPolicy]) -> Iterator[None]:
    """Put back torch's random state and each policy's training mode, which `predict` switches."""
    modes = [policy.training for policy in policies]
    try:
        with torch_state_kept():
            yield
    finally:
        for policy, mode in zip(policies, modes, strict=True):
            policy.set_training_mode(mode)


def _check_finite(policies: Sequence[RecurrentActorCriticPolicy]) -> None:
    for policy in policies:
        for name, tensor in policy.state_dict().items():
            if not bool(torch.isfinite(tensor).all()):
                raise _not_finite(f"NaN or infinity in the weights {name}")


def _not_finite(came: str) -> TrainingError:
    return TrainingError(
        "A policy must compute finite numbers to be evaluated",
        came=came,
        mend="lower the learning rate or the gradient norm; a failed evaluation is never a score",
    )
