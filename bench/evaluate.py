"""How much faster evaluation is than a loop over stock `predict`, bar by bar, with equal actions.

    OMP_NUM_THREADS=1 python bench/evaluate.py [--n_bars 1000] [--n_repeats 3]

Prints processor microseconds a bar, so that other work on the machine matters less, and ratios of
one run on one thread: the two ways take turns, and the median ratio of the turns is shown. Both
walk the same windows with the same policies, and the actions are compared. `asked`: walks in which
a near tie made the fast way ask the policy itself.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time
from typing import TypeVar

import numpy as np
import torch
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

sys.path.insert(0, str(Path(__file__).parents[1]))

from envs.config import EnvConfig  # the repository has to be on the path first
from envs.features import FeatureConfig, build_features
from envs.market import Tape, make_tape
from envs.observations import ACCOUNT_NAMES
from envs.synthetic import sample_bars
from envs.trading_env import TradingEnv
from training.agent.config import ORIGINAL_AGENT, AgentConfig
from training.agent.network import Network, build_policy
from training.evaluate import Evaluation, evaluate_windows
from training.folds import Range

T = TypeVar("T")
CASES = ((1, 1), (5, 1), (1, 64), (5, 64))
"""Candidates and windows of each measurement."""
MAX_SLOW_WALKS = 4
"""The slow way is linear in walks: only so many are timed, and scaled."""
PROBE_BARS = 2_000


def main() -> None:
    """Measure every case for both networks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n_bars", type=int, default=1000)
    parser.add_argument("--n_repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    bars = sample_bars()
    tape = make_tape(bars, build_features(bars, FeatureConfig()), EnvConfig().market)
    networks = (
        ("LSTM 64x1", AgentConfig(lstm_hidden_size=64, n_lstm_layers=1, net_arch=(64,))),
        ("LSTM 256x2", ORIGINAL_AGENT),
    )
    for label, agent in networks:
        for n_policies, n_windows in CASES:
            first = len(bars) - 1 - n_windows * 100 - options.n_bars
            windows = [
                Range(first + 100 * i, first + 100 * i + options.n_bars) for i in range(n_windows)
            ]
            policies = [_policy(agent, tape, seed) for seed in range(n_policies)]
            print(label, _compare(policies, tape, windows, n_repeats=options.n_repeats), flush=True)


def _compare(
    policies: list[RecurrentActorCriticPolicy],
    tape: Tape,
    windows: list[Range],
    *,
    n_repeats: int,
) -> str:
    """Time both ways in turns and say so in one line."""
    walks = [(p, w) for p in range(len(policies)) for w in range(len(windows))]
    timed = walks[:: max(1, len(walks) // MAX_SLOW_WALKS)]
    per_bar = 1e6 / len(walks) / windows[0].n_bars
    turns: list[tuple[float, float]] = []
    table: list[list[Evaluation]] = []
    slow: list[list[int]] = []
    for _ in range(n_repeats):
        slow_s, slow = _timed(
            lambda: [_by_predict(policies[p], tape, windows[w]) for p, w in timed]
        )
        fast_s, table = _timed(lambda: evaluate_windows(policies, tape, EnvConfig(), windows))
        turns.append((slow_s * len(walks) / len(timed), fast_s))
    same = all(
        np.array_equal(table[p][w].actions, actions)
        for (p, w), actions in zip(timed, slow, strict=True)
    )
    rows = [evaluation for row in table for evaluation in row]
    slow_us, fast_us = (median(turn[i] for turn in turns) * per_bar for i in range(2))
    changes = sum(np.count_nonzero(np.diff(row.actions)) for row in rows)
    return (
        f"{len(policies)} candidates x {len(windows)} windows of {windows[0].n_bars} bars: "
        f"predict {slow_us:.0f} us a bar, fast {fast_us:.1f}, "
        f"{median(slow / fast for slow, fast in turns):.1f}x; same actions {same}; "
        f"asked {sum(row.stepped for row in rows)} of {len(rows)}; "
        f"{changes / sum(row.n_bars for row in rows):.3f} changes a bar"
    )


def _by_predict(policy: RecurrentActorCriticPolicy, tape: Tape, window: Range) -> list[int]:
    """The loop that a user of stable-baselines3 writes."""
    env = TradingEnv(tape, EnvConfig(), start=window.start, stop=window.stop)
    observation, _ = env.reset(seed=0)
    actions: list[int] = []
    memory, over = None, False
    while not over:
        start = np.array([not actions])
        action, memory = policy.predict(observation, memory, start, deterministic=True)
        actions.append(int(action))
        observation, _, terminated, truncated, _ = env.step(actions[-1])
        over = terminated or truncated
    return actions


def _policy(agent: AgentConfig, tape: Tape, seed: int) -> RecurrentActorCriticPolicy:
    """A policy of this agent's sizes that takes all of its actions, one about as often."""
    n_inputs = tape.features.shape[1] + len(ACCOUNT_NAMES)
    policy = build_policy(Network.of_config(agent, n_inputs=n_inputs, n_actions=3))
    source = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in policy.parameters():
            drawn = torch.randn(tensor.shape, generator=source)
            tensor.copy_(drawn / tensor.shape[-1] ** 0.5)
        seen = torch.from_numpy(tape.features[-PROBE_BARS:].copy())
        seen = torch.nn.functional.pad(seen, (0, len(ACCOUNT_NAMES)))
        latent = policy.mlp_extractor.policy_net(policy.lstm_actor(seen)[0])
        policy.action_net.bias -= policy.action_net(latent).median(dim=0).values
    return policy


def _timed(run: Callable[[], T]) -> tuple[float, T]:
    started = process_time()
    result = run()
    return process_time() - started, result


if __name__ == "__main__":
    main()
