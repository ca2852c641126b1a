"""Timing rollouts and updates, with a clock that moves by one second when it is read."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from envs.config import EnvConfig
from envs.errors import ConfigError
from tests.training.small_market import SMALL_AGENT, small_tape
from training.agent.config import AgentConfig
from training.agent.speed import N_ENVS, Speed, SpeedTest, sizes_to_compare

DEFAULT = AgentConfig()


def small_test() -> SpeedTest:
    ticks = count()
    env = EnvConfig(episode_bars=20)
    return SpeedTest(tape=small_tape(), env=env, device="cpu", clock=lambda: float(next(ticks)))


def speed(config: AgentConfig = SMALL_AGENT, **values: float) -> Speed:
    measured = {"rollout_s": 1.0, "epoch_s": 2.0, "mean_episode_bars": None, "n_rounds": 2}
    return Speed(config=config, **(measured | values))


def test_an_update_is_its_epochs_and_steps_are_counted_over_both() -> None:
    found = speed(replace(SMALL_AGENT, n_epochs=3), rollout_s=2.0, epoch_s=1.0)
    assert found.update_s == 3.0
    assert found.steps_per_s == 32 / 5.0  # 2 environments of 16 steps
    assert found.round_s_per_step == 3.0 / 32


def test_the_first_round_is_not_timed_and_an_update_is_what_lies_between_rollouts() -> None:
    """The clock is read at both ends of a rollout, and once more before the next one begins."""
    found = small_test().measure(SMALL_AGENT, at_least_s=0.0)
    assert (found.rollout_s, found.epoch_s, found.n_rounds) == (1.0, 1.0, 2)
    assert found.config == SMALL_AGENT


def test_rounds_are_repeated_until_they_took_their_time() -> None:
    assert small_test().measure(SMALL_AGENT, at_least_s=7.0).n_rounds == 4


def test_ends_of_episodes_are_counted() -> None:
    """Episodes of 20 bars, in 3 rollouts of 16 steps and one step more: 49 of 2 environments."""
    found = small_test().measure(SMALL_AGENT, at_least_s=0.0)
    assert found.mean_episode_bars is not None
    assert 98 / 6 <= found.mean_episode_bars <= 98 / 2


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="chunk_steps must divide"):
        small_test().measure(replace(SMALL_AGENT, chunk_steps=5))


def test_the_rollout_keeps_its_size_until_steps_would_be_too_few() -> None:
    sizes = [(c.n_envs, c.n_steps, c.rollout_steps) for c in sizes_to_compare(DEFAULT)]
    assert sizes == [(32, 64, 2048), (64, 32, 2048), (128, 32, 4096), (256, 32, 8192)]


def test_an_agent_with_fewer_steps_keeps_them() -> None:
    short = replace(DEFAULT, n_envs=64, n_steps=8)
    sizes = [(c.n_envs, c.n_steps) for c in sizes_to_compare(short)]
    assert sizes == [(16, 32), (32, 16), (128, 8), (256, 8)]


def test_sizes_that_chunk_or_minibatch_do_not_fit_are_left_out() -> None:
    long_chunk = replace(DEFAULT, chunk_steps=64)
    assert [c.n_envs for c in sizes_to_compare(long_chunk)] == [32]
    odd_batch = replace(DEFAULT, n_envs=3, n_steps=128, batch_size=384)
    assert all(c.rollout_steps % 384 == 0 for c in sizes_to_compare(odd_batch))


def test_a_gpu_is_offered_more_environments() -> None:
    assert [c.n_envs for c in sizes_to_compare(DEFAULT, device="cuda")] == list(N_ENVS["cuda"])


def test_comparing_ends_before_what_would_take_too_long() -> None:
    """By the first one, 96 and 192 steps in three rounds take 18 s and, at the same pace, more."""
    test, first = small_test(), speed(rollout_s=1.0, epoch_s=1.0)
    sizes = [replace(SMALL_AGENT, n_envs=n) for n in (4, 8, 4_096)]
    measured = list(test.compare(sizes, first, within_s=60.0))
    assert [s.config.n_envs for s in measured] == [4, 8]
    assert list(test.compare(sizes, first, within_s=1.0)) == []
