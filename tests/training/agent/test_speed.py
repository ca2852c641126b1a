"""Timing rollouts and updates, with a clock that moves by one second when it is read."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from envs.config import EnvConfig
from envs.errors import ConfigError
from tests.training.small_market import SMALL_AGENT, small_tape
from training.agent.config import ORIGINAL_AGENT, AgentConfig
from training.agent.speed import N_ENVS, Round, Speed, SpeedTest, short_rounds, sizes_to_compare

DEFAULT = AgentConfig(n_envs=16, n_steps=128, batch_size=512)


def small_test() -> SpeedTest:
    ticks = count()
    env = EnvConfig(episode_bars=20)
    return SpeedTest(tape=small_tape(), env=env, device="cpu", clock=lambda: float(next(ticks)))


def speed(config: AgentConfig = SMALL_AGENT, *rounds: tuple[float, float]) -> Speed:
    timed = tuple(Round(*seconds) for seconds in rounds or [(1.0, 2.0)])
    return Speed(config=config, rounds=timed, mean_episode_bars=None)


def test_an_update_is_its_epochs_and_steps_are_counted_over_both() -> None:
    found = speed(replace(SMALL_AGENT, n_epochs=3), (2.0, 1.0))
    assert found.update_s == 3.0
    assert found.steps_per_s == 32 / 5.0  # 2 environments of 16 steps
    assert found.round_s_per_step == 3.0 / 32


def test_the_pace_is_that_of_the_median_round_and_its_ends_are_single_rounds() -> None:
    """Two epochs: rounds of 1 + 2 * 1, 2 + 2 * 3 and 1 + 2 * 2 seconds for 32 steps."""
    found = speed(SMALL_AGENT, (1.0, 1.0), (2.0, 3.0), (1.0, 2.0))
    assert found.steps_per_s == 32 / 5
    assert found.slowest_and_fastest == (32 / 8, 32 / 3)
    assert found.n_rounds == 3


def test_the_first_round_is_not_timed_and_an_update_is_what_lies_between_rollouts() -> None:
    """The clock is read at both ends of a rollout, and once more before the next one begins."""
    found = small_test().measure(SMALL_AGENT, at_least_s=0.0)
    assert (found.rollout_s, found.epoch_s, found.n_rounds) == (1.0, 1.0, 2)
    assert found.config == SMALL_AGENT


def test_rounds_are_repeated_until_they_took_their_time() -> None:
    assert small_test().measure(SMALL_AGENT, at_least_s=7.0).n_rounds == 4


def test_rounds_can_be_asked_for() -> None:
    assert small_test().measure(SMALL_AGENT, at_least_s=0.0, least_rounds=5).n_rounds == 5


def test_what_takes_too_long_ends_with_the_rounds_that_there_are() -> None:
    found = small_test().measure(SMALL_AGENT, least_rounds=1_000, most_s=300.0)
    assert 1 <= found.n_rounds < 20
    assert small_test().measure(SMALL_AGENT, most_s=0.5).rounds == ()


def test_stock_agents_are_timed_on_single_minibatches_and_ours_as_they_are() -> None:
    stock = replace(DEFAULT, engine="stock")  # 16 environments of 128 steps, minibatches of 512
    short = short_rounds(stock)
    assert (short.n_envs, short.n_steps, short.batch_size) == (4, 128, 512)
    assert (short_rounds(ORIGINAL_AGENT).n_envs, short_rounds(ORIGINAL_AGENT).n_steps) == (1, 256)
    assert short_rounds(DEFAULT) is DEFAULT


def test_the_train_slice_is_walked_whole_where_starts_are_not_random() -> None:
    """An episode of 30 bars: 33 steps of the only environment end one."""
    test = replace(small_test(), start=100, stop=130, random_starts=False, env=EnvConfig())
    found = test.measure(replace(SMALL_AGENT, n_envs=1), at_least_s=0.0)
    assert found.mean_episode_bars == 49


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
    test, first = small_test(), speed(SMALL_AGENT, (1.0, 1.0))
    sizes = [replace(SMALL_AGENT, n_envs=n) for n in (4, 8, 4_096)]
    measured = list(test.compare(sizes, first, within_s=60.0))
    assert [s.config.n_envs for s in measured] == [4, 8]
    assert list(test.compare(sizes, first, within_s=1.0)) == []
