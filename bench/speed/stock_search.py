"""Where stock sb3-contrib is fastest: environments, minibatch and threads, searched.

Every combination plays one rollout and learns one epoch from it; one rollout and all epochs of it
then take rollout + epochs * epoch. The best few are timed again in full, in turns.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bench.speed.arms import Arm, race
from training.agent.config import AgentConfig

N_ENVS = (1, 4, 8, 16, 32, 64, 128, 256)
BATCH_SIZES = (256, 512, 1024, 2048, 4096)
THREADS = (1, 2)
ROLLOUT_STEPS, LEAST_STEPS = 4096, 32
N_FINALISTS, N_FINAL_ROUNDS = 4, 3


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Settings and the env steps a second that they promise."""

    config: AgentConfig
    steps_per_s: float

    @property
    def words(self) -> str:
        """The settings that were searched."""
        return settings_words(self.config)


def settings_words(config: AgentConfig) -> str:
    """Name environments, steps, minibatch and cores."""
    return (
        f"{config.n_envs} x {config.n_steps}, batch {config.batch_size:,}, "
        f"{config.n_threads} core{'s' if config.n_threads > 1 else ''}"
    )


def combinations(config: AgentConfig) -> Iterator[AgentConfig]:
    """Yield every combination: rollouts of 4,096 env steps, no fewer than 32 of each env."""
    for n_threads, n_envs, batch in itertools.product(THREADS, N_ENVS, BATCH_SIZES):
        n_steps = max(LEAST_STEPS, ROLLOUT_STEPS // n_envs)
        yield replace(
            config,
            engine="stock",
            n_envs=n_envs,
            n_steps=n_steps,
            batch_size=batch,
            n_threads=n_threads,
        )


def search_stock(config: AgentConfig, *, episode_bars: int) -> tuple[list[Candidate], list[Arm]]:
    """Search.

    Returns:
        Every combination timed shortly, fastest first, and the finalists after their full turns,
        fastest first.
    """
    short = sorted(
        (_shortly_timed(one, episode_bars) for one in combinations(config)),
        key=lambda candidate: -candidate.steps_per_s,
    )
    finalists = [
        Arm(label=one.words, config=one.config, episode_bars=episode_bars)
        for one in short[:N_FINALISTS]
    ]
    race(finalists, seconds=0.0, n_rounds=N_FINAL_ROUNDS)
    return short, sorted(finalists, key=lambda arm: -arm.steps_per_s)


def _shortly_timed(config: AgentConfig, episode_bars: int) -> Candidate:
    arm = Arm(label="", config=replace(config, n_epochs=1), episode_bars=episode_bars)
    arm.take_turn(0.0)
    turn = arm.turns[0]
    whole_s = turn.rollout_s + config.n_epochs * turn.update_s
    return Candidate(config=config, steps_per_s=turn.n_steps / whole_s)
