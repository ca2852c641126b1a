"""How much faster the batched evaluation is than stock `predict`, bar by bar, with equal results.

    python bench/evaluate.py [--n_bars 500] [--n_repeats 3]

Prints processor seconds, so that other work on the machine matters less, and ratios of one run on
one torch thread. Both ways walk the same windows with the same policies, and the actions are
compared.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
import torch
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

sys.path.insert(0, str(Path(__file__).parents[1]))

from envs.config import EnvConfig  # the repository has to be on the path first
from envs.features import FeatureConfig, build_features
from envs.market import Tape, make_tape
from envs.synthetic import sample_bars
from training.agent.config import ORIGINAL_AGENT, AgentConfig
from training.agent.network import Network, build_policy
from training.evaluate import evaluate_step_by_step, evaluate_windows
from training.folds import Range

CASES = ((1, 1), (5, 1), (1, 16), (1, 64), (4, 64))
"""Candidates and windows of each measurement."""
MAX_SLOW_WALKS = 4
"""The slow way is linear in walks: only so many are timed, and scaled."""


def main() -> None:
    """Measure every case for both networks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n_bars", type=int, default=500)
    parser.add_argument("--n_repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    bars = sample_bars()
    tape = make_tape(bars, build_features(bars, FeatureConfig()), EnvConfig().market)
    for label, agent in (("default agent", AgentConfig()), ("original agent", ORIGINAL_AGENT)):
        for n_policies, n_windows in CASES:
            first = len(bars) - 1 - n_windows * 100 - options.n_bars
            windows = [
                Range(first + 100 * i, first + 100 * i + options.n_bars) for i in range(n_windows)
            ]
            policies = [
                _policy(agent, tape.features.shape[1] + 4, seed) for seed in range(n_policies)
            ]
            print(label, _compare(policies, tape, windows, n_repeats=options.n_repeats), flush=True)


def _compare(
    policies: list[RecurrentActorCriticPolicy],
    tape: Tape,
    windows: list[Range],
    *,
    n_repeats: int,
) -> str:
    """Time both ways and say so in one line."""
    config = EnvConfig()
    fast = partial(evaluate_windows, policies, tape, config, windows)
    fast_s, table = min(_timed(fast) for _ in range(n_repeats)), fast()
    walks = [(p, w) for p in range(len(policies)) for w in range(len(windows))]
    timed = walks[:: max(1, len(walks) // MAX_SLOW_WALKS)]
    started = process_time()
    slow = [evaluate_step_by_step(policies[p], tape, config, windows[w]) for p, w in timed]
    slow_s = (process_time() - started) / len(timed) * len(walks)
    same = all(
        np.array_equal(table[p][w].actions, walked.actions)
        for (p, w), walked in zip(timed, slow, strict=True)
    )
    stepped = sum(evaluation.stepped for row in table for evaluation in row)
    return (
        f"{len(policies)} candidates x {len(windows)} windows of {windows[0].n_bars} bars: "
        f"slow {slow_s:.3f} s, fast {fast_s:.3f} s, {slow_s / fast_s:.1f}x; "
        f"same actions {same}; walked bar by bar {stepped} of {len(walks)}"
    )


def _policy(agent: AgentConfig, n_inputs: int, seed: int) -> RecurrentActorCriticPolicy:
    """A policy of this agent's sizes whose weights make it change its mind."""
    network = Network(
        n_inputs=n_inputs,
        n_actions=3,
        lstm_hidden_size=agent.lstm_hidden_size,
        n_lstm_layers=agent.n_lstm_layers,
        critic_lstm=agent.critic_lstm,
        actor_layers=agent.net_arch,
        critic_layers=agent.net_arch,
        activation=agent.activation,
    )
    policy = build_policy(network)
    source = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in policy.parameters():
            tensor.mul_(1.0 + torch.rand(1, generator=source))
    return policy


def _timed(run: Callable[[], object]) -> float:
    started = process_time()
    run()
    return process_time() - started


if __name__ == "__main__":
    main()
