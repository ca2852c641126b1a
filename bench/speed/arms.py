"""Arms: agents that take turns at training, timed by stage.

Every arm plays whole rollouts and updates, in turns (A B A B), so that load from elsewhere meets
all of them; medians over turns count. Not here: what an arm's update is worth in flops
(`bench.speed.rates`).
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from time import perf_counter

import numpy as np
import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from envs.config import EnvConfig
from envs.features import FeatureConfig, build_features
from envs.market import Tape, make_tape
from envs.synthetic import planted_market
from envs.vector_env import TradingVectorEnv
from training.agent.build import build_agent
from training.agent.config import AgentConfig
from training.agent.vec_env import SB3TradingVecEnv

N_BARS = 20_000
FIRST_BAR = 1_000
LONG_ITERATION_S = 2.0


@dataclass(kw_only=True)
class Timing:
    """Seconds spent, and env steps and episodes seen."""

    rollout_s: float = 0.0
    update_s: float = 0.0
    n_steps: int = 0
    n_episodes: int = 0

    @property
    def total_s(self) -> float:
        """Rollout and update together."""
        return self.rollout_s + self.update_s


@dataclass(kw_only=True)
class Arm:
    """An agent in the race.

    Attributes:
        label: Its settings in words.
        config: Its settings; `n_threads` are stock's torch threads, or the engine's workers.
        episode_bars: Longest episode.
        agent: Built at its first turn.
        turns: One timing a turn, without the warm-up.
    """

    label: str
    config: AgentConfig
    episode_bars: int
    agent: RecurrentPPO | None = None
    turns: list[Timing] = field(default_factory=list)
    _n_iterations: int = 1
    _torch_threads: int = 1

    def median(self, rate: Callable[[Timing], float]) -> float:
        """Median over turns of a figure of each turn."""
        return statistics.median(rate(turn) for turn in self.turns)

    @property
    def steps_per_s(self) -> float:
        """Env steps a second end to end, median of turns."""
        return self.median(lambda turn: turn.n_steps / turn.total_s)

    @property
    def mean_episode_bars(self) -> float:
        """Env steps seen by episodes ended, over all turns."""
        n_episodes = sum(turn.n_episodes for turn in self.turns)
        return sum(turn.n_steps for turn in self.turns) / n_episodes if n_episodes else float("nan")

    def take_turn(self, seconds: float) -> None:
        """Train for about so long; the first turn warms up before, unless one iteration is long."""
        if self.agent is None:
            self.agent = built(self.config, self.episode_bars)
            self._torch_threads = torch.get_num_threads()  # global, and other arms choose others
            first = self._train(1)
            self._n_iterations = max(1, round(seconds / first.total_s))
            if first.total_s > max(seconds, LONG_ITERATION_S):
                self.turns.append(first)
                return
        self.turns.append(self._train(self._n_iterations))

    def _train(self, n_iterations: int) -> Timing:
        assert self.agent is not None
        torch.set_num_threads(self._torch_threads)
        timing = Timing()
        n_steps = n_iterations * self.config.rollout_steps
        self.agent.learn(n_steps, callback=StageWatch(timing), reset_num_timesteps=False)
        return timing


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


def race(arms: Sequence[Arm], *, seconds: float, n_rounds: int) -> None:
    """Let the arms take turns, `seconds` each in all over the rounds."""
    for round_index in range(n_rounds):
        for arm in arms:
            arm.take_turn(seconds / n_rounds)
            turn, config = arm.turns[-1], arm.config
            sys.stderr.write(
                f"round {round_index + 1} of {n_rounds}, {config.engine} {config.precision}, "
                f"{arm.label}, {config.n_threads} cores: {turn.n_steps / turn.total_s:,.0f} "
                f"steps/s, {turn.total_s:.1f} s\n"
            )


def built(config: AgentConfig, episode_bars: int, vec_env: VecEnv | None = None) -> RecurrentPPO:
    """Build an untrained agent on the planted market, through the door that runs use."""
    return build_agent(
        vec_env or array_env(config.n_envs, episode_bars), config, seed=0, device="cpu"
    )


def array_env(n_envs: int, episode_bars: int) -> SB3TradingVecEnv:
    """Make our vector environment as stable-baselines3 wants it."""
    tape, env = market(episode_bars)
    return SB3TradingVecEnv(
        TradingVectorEnv(tape, env, n_envs=n_envs, start=FIRST_BAR, random_starts=True)
    )


@lru_cache(maxsize=4)
def market(episode_bars: int) -> tuple[Tape, EnvConfig]:
    """Make the planted reference market with the default features."""
    bars = planted_market(n_bars=N_BARS, seed=0).bars
    env = EnvConfig(episode_bars=episode_bars)
    return make_tape(bars, build_features(bars, FeatureConfig()), env.market), env


def with_engine(config: AgentConfig, engine: str, n_cores: int, precision: str) -> AgentConfig:
    """Choose loops, cores and precision of otherwise equal settings."""
    return replace(config, engine=engine, n_threads=n_cores, precision=precision)
