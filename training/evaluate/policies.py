"""Score policies: one bar by bar with stock `predict`, or many windows and candidates at once.

The two ways give the same actions and the same ledger; tests hold them together. Where the fast
way meets two logits so close that the order of a sum could decide between them, it asks the policy
itself. Both work on the CPU: a policy that is elsewhere is copied. Read next:
`training.evaluate.alone`, `training.agent.stacked`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

from envs.config import EnvConfig
from envs.market import Tape
from envs.trading_env import TradingEnv
from training.agent.network import Network, network_of
from training.agent.stacked import StackedActors
from training.errors import TrainingError
from training.evaluate.alone import walk_alone
from training.evaluate.result import Evaluation
from training.evaluate.walk import finished, walk
from training.folds import Range
from training.seeds import torch_state_kept

MAX_ALONE = 6
"""Up to so many walks go one after another sooner than side by side (decision 111)."""
_Walked = tuple[Evaluation, NDArray[Any]]
_Memory = tuple[torch.Tensor, torch.Tensor]


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
    policy = _on_cpu(policy)
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

    A few walks go one after another. Of more, candidates of equal networks share one batch, which
    takes as long as its longest window; windows may overlap.

    Returns:
        `result[p][w]` for `policies[p]` on `windows[w]`.

    Raises:
        As `evaluate`.
    """
    policies = [_on_cpu(policy) for policy in policies]
    _check_finite(policies)
    results: dict[int, list[Evaluation]] = {}
    for members in _by_network(policies):
        batch = [policies[index] for index in members]
        with _undisturbed(batch):
            rows = _walked(batch, tape, config, windows, score=score)
        for place, index in enumerate(members):
            mine = rows[place * len(windows) : (place + 1) * len(windows)]
            results[index] = [_settled(row, policies[index], tape, config) for row in mine]
    return [results[index] for index in range(len(policies))]


def _walked(
    policies: Sequence[RecurrentActorCriticPolicy],
    tape: Tape,
    config: EnvConfig,
    windows: Sequence[Range],
    *,
    score: str,
) -> list[_Walked]:
    """Walk every policy over every window, ordered by policy, then window."""
    if len(policies) * len(windows) <= MAX_ALONE:
        return [
            walk_alone(policy, tape, config, window, score=score)
            for policy in policies
            for window in windows
        ]
    actor = StackedActors(policies, len(windows))
    rows = walk(actor, tape, config, list(windows) * len(policies), score=score)
    return list(zip(rows, actor.nearness().T, strict=True))


def _settled(
    row: _Walked, policy: RecurrentActorCriticPolicy, tape: Tape, config: EnvConfig
) -> Evaluation:
    """Let the policy itself decide where rounding could have; a wrong walk is walked again."""
    walked, nearness = row[0], row[1][: row[0].n_bars]
    if np.isnan(nearness).any():
        raise _not_finite("logits that are NaN or infinite")
    near = np.flatnonzero(nearness < 1.0)
    if not near.size:
        return walked
    if _agrees(policy, tape, config, walked, bars=near):
        return replace(walked, stepped=True)
    return evaluate_step_by_step(policy, tape, config, walked.window, score=walked.score_name)


def _agrees(
    policy: RecurrentActorCriticPolicy,
    tape: Tape,
    config: EnvConfig,
    walked: Evaluation,
    *,
    bars: NDArray[np.intp],
) -> bool:
    """Whether the policy itself takes the actions of a walk up to the last of these bars.

    At these bars `predict` is asked. Between them its own modules are called, one bar at a time as
    it does, for torch's sums may run in another order over many.
    """
    env = TradingEnv(tape, config, start=walked.window.start, stop=walked.window.stop)
    observation, _ = env.reset(seed=0)
    nothing = torch.zeros(policy.lstm_hidden_state_shape)
    memory = nothing, nothing
    doubtful = set(bars.tolist())
    with _undisturbed([policy]), torch.no_grad():
        policy.set_training_mode(False)
        for bar, action in enumerate(walked.actions[: bars[-1] + 1].tolist()):
            if bar in doubtful:
                own, memory = _predicted(policy, observation, memory, is_first=bar == 0)
            else:
                seen = torch.from_numpy(observation)[None, None]
                output, memory = policy.lstm_actor(seen, memory)
                latent = policy.mlp_extractor.forward_actor(output[0])
                own = int(policy.action_net(latent).argmax())
            if own != action:
                return False
            if bar != bars[-1]:
                observation = env.step(action)[0]
    return True


def _predicted(
    policy: RecurrentActorCriticPolicy,
    observation: NDArray[np.float32],
    memory: _Memory,
    *,
    is_first: bool,
) -> tuple[int, _Memory]:
    action, state = policy.predict(
        observation,
        state=(memory[0].numpy(), memory[1].numpy()),
        episode_start=np.array([is_first]),
        deterministic=True,
    )
    assert state is not None, "a recurrent policy has a memory"
    return int(action), (torch.from_numpy(state[0]), torch.from_numpy(state[1]))


def _by_network(policies: Sequence[RecurrentActorCriticPolicy]) -> list[list[int]]:
    groups: dict[Network, list[int]] = {}
    for index, policy in enumerate(policies):
        name = type(policy.activation_fn()).__name__.lower()
        network = network_of(policy.state_dict(), activation=name)
        groups.setdefault(network, []).append(index)
    return list(groups.values())


def _on_cpu(policy: RecurrentActorCriticPolicy) -> RecurrentActorCriticPolicy:
    """Return the policy, or its copy if it is elsewhere: devices round differently."""
    if policy.device.type == "cpu":
        return policy
    without_optimizer = {id(policy.optimizer): None}
    return copy.deepcopy(policy, without_optimizer).cpu()


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
