"""The course that every library runs: market, settings, and how a run is timed and told.

Needs NumPy, gymnasium and walkfast's `envs` only, so that each library keeps its own packages. The
repository is found beside this file; nothing is installed. Read next: `bench/peers/README.md`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from envs.config import EnvConfig  # the repository has to be on the path first
from envs.features import FeatureConfig, build_features
from envs.market import make_tape
from envs.synthetic import planted_market
from envs.vector_env import TradingVectorEnv

N_BARS, FIRST_BAR = 20_000, 1_000
WARM_UP_ITERATIONS = 2
LEARNED_SHARE = 5
"""A fifth of the iterations at each end tells whether the mean reward has risen."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """What is trained, the same for all; each field is also a flag."""

    n_envs: int = 64
    n_steps: int = 64
    """Steps of each env between two updates, and of a sequence that an LSTM learns from."""
    batch_size: int = 1024
    n_epochs: int = 6
    hidden: int = 128
    """Units of the actor's LSTM and of the critic's, one layer each."""
    head: int = 64
    """Units of the one tanh layer after each LSTM."""
    learning_rate: float = 1e-3
    ent_coef: float = 0.01
    episode_bars: int = 1000
    difficulty: str = "reference"
    """Planted market: `reference`, or `easy` to see that a library learns."""
    threads: int = 1
    n_iterations: int = 12
    """Rollouts and updates; the first two warm up and do not count."""
    variant: str = ""
    """Library's own switch: see each script."""

    @property
    def rollout_steps(self) -> int:
        """Env steps of a rollout."""
        return self.n_envs * self.n_steps

    @property
    def n_minibatches(self) -> int:
        """Minibatches of an epoch."""
        return self.rollout_steps // self.batch_size


class MeteredEnv:
    """The environment as arrays: steps `TradingVectorEnv` and notes rewards and episodes."""

    def __init__(self, course: Course) -> None:
        market = planted_market(n_bars=N_BARS, seed=0, difficulty=course.difficulty)
        config = EnvConfig(episode_bars=course.episode_bars)
        tape = make_tape(market.bars, build_features(market.bars, FeatureConfig()), config.market)
        self.env = TradingVectorEnv(
            tape, config, n_envs=course.n_envs, start=FIRST_BAR, random_starts=True
        )
        self.mean_rewards: list[float] = []
        self.n_episodes = 0

    def reset(self) -> NDArray[np.float32]:
        """Start every episode: `(n_envs, n_columns)`."""
        observations: NDArray[np.float32] = self.env.reset(seed=0)[0]
        return observations

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
        """Play one bar: observations, rewards, terminated, truncated; ended episodes restart."""
        observations, rewards, terminated, truncated, _ = self.env.step(actions)
        self.note(rewards, terminated | truncated)
        return observations, rewards.astype(np.float32), terminated, truncated

    def note(self, rewards: NDArray[Any], dones: NDArray[np.bool_]) -> None:
        """Keep what the report needs of a step."""
        self.mean_rewards.append(float(rewards.mean()))
        self.n_episodes += int(np.count_nonzero(dones))


class Clock:
    """Marks the start of the first iteration and the end of every one."""

    def __init__(self) -> None:
        self._marks_s: list[float] = []

    def mark(self) -> None:
        """Note the time."""
        self.mark_at(perf_counter())

    def mark_at(self, seconds: float) -> None:
        """Note a time that the library itself tells."""
        self._marks_s.append(seconds)

    @property
    def seconds(self) -> list[float]:
        """Duration of each iteration."""
        return [after - before for before, after in pairwise(self._marks_s)]


def course_of_flags(argv: Sequence[str] | None = None) -> Course:
    """Read a course from the command line."""
    parser = argparse.ArgumentParser(description=Course.__doc__)
    for field in fields(Course):
        parser.add_argument(f"--{field.name}", type=type(field.default), default=field.default)
    return Course(**vars(parser.parse_args(argv)))


def tell(library: str, course: Course, clock: Clock, env: MeteredEnv) -> None:
    """Print one JSON line that `bench/peers/compare.py` reads."""
    assert len(clock.seconds) == course.n_iterations, f"{len(clock.seconds)} updates were timed"
    assert len(env.mean_rewards) == course.n_iterations * course.n_steps, "steps are missing"
    seconds = clock.seconds[WARM_UP_ITERATIONS:]
    rewards = np.array(env.mean_rewards)
    end = max(1, len(rewards) // LEARNED_SHARE)
    found = {
        "library": library,
        "steps_per_s": course.rollout_steps * len(seconds) / sum(seconds),
        "mean_episode_bars": len(rewards) * course.n_envs / max(env.n_episodes, 1),
        "first_reward": float(rewards[:end].mean()),
        "last_reward": float(rewards[-end:].mean()),
        "course": asdict(course),
    }
    sys.stdout.write(json.dumps(found) + "\n")


def run(library: str, train: Callable[[Course, MeteredEnv, Clock], None]) -> None:
    """Train as the flags say and tell how it went."""
    course = course_of_flags()
    env, clock = MeteredEnv(course), Clock()
    train(course, env, clock)
    tell(library, course, clock, env)
