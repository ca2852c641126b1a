"""How much faster our engine trains than stock sb3-contrib, in one run on one machine.

    python bench/engine.py [--n_threads 1] [--seconds 4] [--size small] [--episode_bars 1000]

Trains stock, `exact` and `chunked` on the planted reference market for about `--seconds` each and
prints env steps a second end to end (rollout and update), their ratios, the padding and the useful
flops of the updates as a share of the matrix-product rate measured in the same run. Alternates the
engines, so that load from elsewhere meets all of them. Results do not go anywhere: paste them.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.callbacks import BaseCallback

sys.path.insert(0, str(Path(__file__).parents[1]))

from envs.config import EnvConfig  # the repository has to be on the path first
from envs.features import FeatureConfig, build_features
from envs.market import Tape, make_tape
from envs.synthetic import planted_market
from envs.vector_env import TradingVectorEnv
from training.agent.build import policy_arguments
from training.agent.config import ORIGINAL_AGENT, AgentConfig
from training.agent.minibatches import chunked_minibatches, exact_minibatches
from training.agent.recurrent_ppo import FastRecurrentPPO
from training.agent.vec_env import SB3TradingVecEnv


@dataclass(frozen=True, kw_only=True)
class Line:
    """One agent to time: a label, its engine (`stock`, `exact`, `chunked`) and its settings."""

    label: str
    engine: str
    agent: AgentConfig


@dataclass(kw_only=True)
class Timing:
    """Seconds spent, and env steps and episodes seen."""

    rollout_s: float = 0.0
    update_s: float = 0.0
    n_steps: int = 0
    n_episodes: int = 0

    @property
    def steps_per_s(self) -> float:
        """Env steps a second, rollout and update together."""
        return self.n_steps / (self.rollout_s + self.update_s)


SMALL = AgentConfig(lstm_hidden_size=128, net_arch=(64,), n_epochs=6)
SIZES: dict[str, tuple[Line, ...]] = {
    "small": (
        Line(label="LSTM 128 x 1, 16 envs", engine="stock", agent=SMALL),
        Line(label="LSTM 128 x 1, 16 envs", engine="exact", agent=SMALL),
        Line(label="LSTM 128 x 1, 16 envs", engine="chunked", agent=SMALL),
        Line(
            label="LSTM 128 x 1, 64 envs x 64 steps",
            engine="chunked",
            agent=replace(SMALL, n_envs=64, n_steps=64, batch_size=1024),
        ),
    ),
    "original": (
        Line(label="original, 1 env", engine="stock", agent=ORIGINAL_AGENT),
        Line(label="original, 1 env", engine="exact", agent=ORIGINAL_AGENT),
        Line(
            label="original, 128 envs x 32 steps",
            engine="stock",
            agent=replace(ORIGINAL_AGENT, n_envs=128, n_steps=32, batch_size=1024),
        ),
        Line(
            label="original, 128 envs x 32 steps",
            engine="exact",
            agent=replace(ORIGINAL_AGENT, n_envs=128, n_steps=32, batch_size=1024),
        ),
        Line(
            label="original, 128 envs x 32 steps",
            engine="chunked",
            agent=replace(ORIGINAL_AGENT, n_envs=128, n_steps=32, batch_size=1024),
        ),
    ),
}


class StageWatch(BaseCallback):
    """Times rollouts and updates of any engine, and counts episodes."""

    def __init__(self, timing: Timing) -> None:
        super().__init__()
        self._timing, self._mark_s = timing, perf_counter()

    def _on_rollout_start(self) -> None:
        now_s = perf_counter()
        if self._timing.n_steps:
            self._timing.update_s += now_s - self._mark_s
        self._mark_s = now_s

    def _on_step(self) -> bool:
        self._timing.n_steps += self.training_env.num_envs
        self._timing.n_episodes += int(np.sum(self.locals["dones"]))
        return True

    def _on_rollout_end(self) -> None:
        now_s = perf_counter()
        self._timing.rollout_s += now_s - self._mark_s
        self._mark_s = now_s

    def _on_training_end(self) -> None:
        self._timing.update_s += perf_counter() - self._mark_s


def main() -> None:
    """Time every line of the sizes asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n_threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--size", choices=(*SIZES, "all"), default="small")
    parser.add_argument("--episode_bars", type=int, nargs="*", default=[1000, 250])
    options = parser.parse_args()
    torch.set_num_threads(options.n_threads)
    print(
        f"{platform.processor() or platform.machine()}, torch {torch.__version__}, "
        f"{options.n_threads} threads, Python {platform.python_version()}"
    )
    for size in SIZES if options.size == "all" else [options.size]:
        for episode_bars in options.episode_bars:
            _compare(SIZES[size], episode_bars, options.seconds)


def _compare(lines: Sequence[Line], episode_bars: int, seconds: float) -> None:
    bars = planted_market(n_bars=20_000, seed=0).bars
    env = EnvConfig(episode_bars=episode_bars)
    tape = make_tape(bars, build_features(bars, FeatureConfig()), env.market)
    hidden = lines[0].agent.lstm_hidden_size
    peaks = [_matmul_flops_per_s(hidden)]
    timings = []
    for line in lines:
        timings.append(_timed(_built(line, tape, env), seconds))
        peaks.append(_matmul_flops_per_s(hidden))
    print(f"\nepisodes of {episode_bars} bars; matrix products {max(peaks) / 1e9:.0f} Gflop/s")
    for line, (timing, agent) in zip(lines, timings, strict=True):
        _report(line, timing, agent, stock=timings[0][0], peak=max(peaks))


def _timed(agent: RecurrentPPO, seconds: float) -> tuple[Timing, RecurrentPPO]:
    """Train for about so long; the first rollout and update warm up, unless they take that long."""
    rollout_steps = agent.n_steps * agent.n_envs
    first, timing = Timing(), Timing()
    agent.learn(rollout_steps, callback=StageWatch(first))
    first_s = first.rollout_s + first.update_s
    if first_s >= seconds:
        return first, agent
    n_steps = max(1, round(seconds / first_s)) * rollout_steps
    agent.learn(n_steps, callback=StageWatch(timing), reset_num_timesteps=False)
    return timing, agent


def _built(line: Line, tape: Tape, env: EnvConfig) -> RecurrentPPO:
    config = line.agent
    vec_env = SB3TradingVecEnv(
        TradingVectorEnv(tape, env, n_envs=config.n_envs, start=1000, random_starts=True)
    )
    settings = {
        "learning_rate": config.learning_rate,
        "n_steps": config.n_steps,
        "batch_size": config.batch_size,
        "n_epochs": config.n_epochs,
        "gae_lambda": config.gae_lambda,
        "clip_range_vf": config.clip_range_vf,
        "ent_coef": config.ent_coef,
        "vf_coef": config.vf_coef,
        "policy_kwargs": policy_arguments(config),
        "seed": 0,
        "device": "cpu",
    }
    if line.engine == "stock":
        return RecurrentPPO("MlpLstmPolicy", vec_env, **settings)
    return FastRecurrentPPO("MlpLstmPolicy", vec_env, engine=line.engine, **settings)


def _report(line: Line, timing: Timing, agent: RecurrentPPO, *, stock: Timing, peak: float) -> None:
    useful = 3.0 * _forward_flops(agent) * line.agent.n_epochs * timing.n_steps
    achieved = useful / timing.update_s / peak
    episode = timing.n_steps / timing.n_episodes if timing.n_episodes else float("nan")
    print(
        f"{line.engine:>8} {line.label:32} {timing.steps_per_s:8.0f} steps/s "
        f"({timing.steps_per_s / stock.steps_per_s:5.1f}x), rollout "
        f"{timing.n_steps / timing.rollout_s:8.0f} steps/s, update "
        f"{timing.n_steps / timing.update_s:7.0f} steps/s = {achieved:4.0%} of matrix products, "
        f"padding {_padding(agent):4.0%}, mean episode {episode:5.0f} bars"
    )


def _forward_flops(agent: RecurrentPPO) -> float:
    """Flops of the matrix products of one forward pass over one env step, actor and critic."""
    weights = [weight for weight in agent.policy.parameters() if weight.ndim == 2]
    return 2.0 * sum(weight.numel() for weight in weights)


def _padding(agent: RecurrentPPO) -> float:
    """Cells the LSTM computes beyond the transitions, as a share of them, in one epoch."""
    rollout = getattr(agent, "_rollout", None)
    if rollout is None:
        return float("nan")
    starts, size = rollout.episode_starts, agent.batch_size
    if rollout.slot_steps == 1:
        batches = exact_minibatches(starts, size, split_index=starts.size // 3)
    else:
        order = np.random.default_rng(0).permutation(starts.size // rollout.slot_steps)
        batches = chunked_minibatches(
            starts,
            order,
            chunk_steps=rollout.slot_steps,
            n_sequences=size // rollout.slot_steps,
        )
    return sum(batch.n_cells for batch in batches) / starts.size - 1.0


def _matmul_flops_per_s(hidden: int) -> float:
    """Best rate of a product in the shape class of an LSTM step: 256 rows by 4 x hidden."""
    left, right = torch.randn(256, hidden), torch.randn(hidden, 4 * hidden)
    out, best_s = torch.empty(256, 4 * hidden), float("inf")
    for _ in range(30):
        started_s = perf_counter()
        torch.mm(left, right, out=out)
        best_s = min(best_s, perf_counter() - started_s)
    return 2.0 * 256 * hidden * 4 * hidden / best_s


if __name__ == "__main__":
    main()
