"""Rollouts alone: what acting costs, with the same number of environments.

Stock with a `DummyVecEnv` of single environments (what a user of stable-baselines3 has), stock on
our vector environment, and our engine on it. Not here: updates (`bench.speed.arms`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import perf_counter

import numpy as np
import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from bench.speed.arms import FIRST_BAR, array_env, built, market, with_engine
from envs.trading_env import TradingEnv
from training.agent.config import AgentConfig


@dataclass(kw_only=True)
class RolloutArm:
    """An agent that only plays.

    Attributes:
        words: What it is.
        n_envs: Environments side by side.
        agent: Set up to play.
        rates: Env steps a second of each turn.
    """

    words: str
    n_envs: int
    agent: RecurrentPPO
    rates: list[float] = field(default_factory=list)
    _n_steps: int = 0
    _counter: EpisodeCounter | None = None
    _callback: BaseCallback | None = None

    @property
    def mean_episode_words(self) -> str:
        """Env steps by episodes ended; only their number where too few ended to tell."""
        assert self._counter is not None
        n_episodes = self._counter.n_episodes
        if n_episodes < self.n_envs:
            return f"{n_episodes} ended"
        return f"{self._n_steps / n_episodes:,.0f}"

    def take_turn(self, seconds: float) -> None:
        """Play whole rollouts for about so long; the first one of all warms up."""
        torch.set_num_threads(1)
        if self._counter is None:
            self._counter = EpisodeCounter()
            _, self._callback = self.agent._setup_learn(10**12, self._counter)
            self._play()
        begin_s, n_steps = perf_counter(), 0
        while perf_counter() - begin_s < seconds:
            n_steps += self._play()
        self.rates.append(n_steps / (perf_counter() - begin_s))

    def _play(self) -> int:
        agent, n_steps = self.agent, self.agent.n_steps
        assert agent.env is not None
        assert self._callback is not None
        agent.collect_rollouts(agent.env, self._callback, agent.rollout_buffer, n_steps)
        self._n_steps += n_steps * self.n_envs
        return n_steps * self.n_envs


class EpisodeCounter(BaseCallback):
    """Counts episodes that ended."""

    n_episodes = 0

    def _on_step(self) -> bool:
        self.n_episodes += int(np.count_nonzero(self.locals["dones"]))
        return True


def rollout_arms(config: AgentConfig, *, n_envs: int, episode_bars: int) -> list[RolloutArm]:
    """Build stock on single environments, stock on arrays, and ours."""
    sized = replace(config, n_envs=n_envs, batch_size=config.n_steps)
    rows: list[tuple[str, str, VecEnv]] = [
        ("stock, DummyVecEnv of TradingEnv", "stock", single_envs(n_envs, episode_bars)),
        ("stock, our vector env", "stock", array_env(n_envs, episode_bars)),
        ("chunked, our vector env", "chunked", array_env(n_envs, episode_bars)),
    ]
    return [
        RolloutArm(
            words=words,
            n_envs=n_envs,
            agent=built(with_engine(sized, engine, 1, "fp32"), episode_bars, vec_env),
        )
        for words, engine, vec_env in rows
    ]


def single_envs(n_envs: int, episode_bars: int) -> DummyVecEnv:
    """Make single environments as `make_vec_env` of stable-baselines3 would."""
    tape, env = market(episode_bars)

    def make() -> Monitor:
        return Monitor(TradingEnv(tape, env, start=FIRST_BAR, random_starts=True))

    return DummyVecEnv([make] * n_envs)
