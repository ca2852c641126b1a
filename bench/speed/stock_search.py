"""Where stock sb3-contrib is fastest: environments, minibatch and threads, searched.

First environments and threads with the middle minibatch, from many environments to few until one is
less than half as fast as the best; then all minibatches at the best two places. Each is timed over
one rollout and one epoch of it: one rollout and all epochs then take rollout + epochs * epoch. The
best few are timed again in full, in turns.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

from bench.speed.arms import Arm, race
from training.agent.config import AgentConfig

N_ENVS = (256, 128, 64, 32, 16, 8, 4, 1)
BATCH_SIZES = (256, 512, 1024, 2048, 4096)
MIDDLE_BATCH = 1024
THREADS = (1, 2)
N_PLACES = 2
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


def search_stock(config: AgentConfig, *, episode_bars: int) -> tuple[list[Candidate], list[Arm]]:
    """Search.

    Returns:
        Every combination timed shortly, fastest first, and the finalists after their full turns,
        fastest first.
    """
    short = _fastest_first(searched(config, lambda one: _shortly_timed(one, episode_bars)))
    finalists = [
        Arm(label=one.words, config=one.config, episode_bars=episode_bars)
        for one in short[:N_FINALISTS]
    ]
    race(finalists, seconds=0.0, n_rounds=N_FINAL_ROUNDS)
    return short, sorted(finalists, key=lambda arm: -arm.steps_per_s)


def searched(config: AgentConfig, timed: Callable[[AgentConfig], Candidate]) -> list[Candidate]:
    """Time places, then minibatches at the best of them; in the order of timing."""
    places: list[Candidate] = []
    for n_threads in THREADS:
        best = 0.0
        for n_envs in N_ENVS:
            places.append(timed(placed(config, n_envs, n_threads, MIDDLE_BATCH)))
            if places[-1].steps_per_s < best / 2:
                break
            best = max(best, places[-1].steps_per_s)
    batches = [batch for batch in BATCH_SIZES if batch != MIDDLE_BATCH]
    return places + [
        timed(replace(place.config, batch_size=batch))
        for place in _fastest_first(places)[:N_PLACES]
        for batch in batches
    ]


def placed(config: AgentConfig, n_envs: int, n_threads: int, batch_size: int) -> AgentConfig:
    """Return stock settings: rollouts of 4,096 env steps, no fewer than 32 of each env."""
    return replace(
        config,
        engine="stock",
        n_envs=n_envs,
        n_steps=max(LEAST_STEPS, ROLLOUT_STEPS // n_envs),
        batch_size=batch_size,
        n_threads=n_threads,
    )


def _fastest_first(candidates: list[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda candidate: -candidate.steps_per_s)


def _shortly_timed(config: AgentConfig, episode_bars: int) -> Candidate:
    arm = Arm(label="", config=replace(config, n_epochs=1), episode_bars=episode_bars)
    arm.take_turn(0.0)
    turn = arm.turns[0]
    whole_s = turn.rollout_s + config.n_epochs * turn.update_s
    found = Candidate(config=config, steps_per_s=turn.n_steps / whole_s)
    sys.stderr.write(f"stock {found.words}: {found.steps_per_s:,.0f} steps/s, from one epoch\n")
    return found
