"""Rewards by hand, and the differential ratios against a direct numerical derivative."""

import itertools
import math

import numpy as np
import pytest

from envs.errors import UnknownNameError
from envs.market import scalar
from envs.rewards import LARGEST_RATIO, REWARDS, RewardScale, reward_named

SCALE = RewardScale(initial_balance_usd=1_000.0, decay=0.1)


def reward(name, before, after, memory=(0.0, 0.0)):
    return REWARDS[name](scalar, before, after, memory=memory, scale=SCALE)


def test_log_equity_is_percent_of_log_growth():
    assert reward("log_equity", 1_000.0, 1_010.0)[0] == pytest.approx(100 * math.log(1.01))


@pytest.mark.parametrize("after", [10.0, 9.0, 0.0, -500.0])
def test_log_equity_is_floored_at_a_hundredth(after):
    assert reward("log_equity", 1_000.0, after)[0] == pytest.approx(100 * math.log(0.01))


def test_log_equity_adds_up_over_an_episode():
    path = [1_000.0, 1_100.0, 900.0, 1_300.0]
    total = sum(reward("log_equity", *pair)[0] for pair in itertools.pairwise(path))
    assert total == pytest.approx(100 * math.log(1.3))


def test_pnl_is_percent_of_the_initial_balance():
    assert reward("pnl", 2_000.0, 2_005.0)[0] == pytest.approx(0.5)
    assert reward("pnl", 2_000.0, -1_000.0)[0] == pytest.approx(-300.0)


def sharpe(mean, square):
    return mean / math.sqrt(square - mean * mean)


def test_differential_sharpe_is_the_derivative_of_the_weighted_sharpe_ratio():
    mean, square, value, step = 0.001, 0.0004, 0.03, 1e-7
    moved = sharpe(mean + step * (value - mean), square + step * (value**2 - square))
    slope = (moved - sharpe(mean, square)) / step
    ours, memory = reward("differential_sharpe", 100.0, 103.0, (mean, square))
    assert ours == pytest.approx(slope, rel=1e-4)
    assert memory == pytest.approx((0.001 + 0.1 * 0.029, 0.0004 + 0.1 * (0.0009 - 0.0004)))


@pytest.mark.parametrize("value", [0.03, -0.03])
def test_sortino_is_the_derivative_of_the_weighted_downside_ratio(value):
    mean, downside, step = 0.001, 0.0004, 1e-7
    loss = min(value, 0.0) ** 2

    def ratio(weight):
        return (mean + weight * (value - mean)) / math.sqrt(downside + weight * (loss - downside))

    slope = (ratio(step) - ratio(0.0)) / step
    ours, memory = reward("sortino", 100.0, 100.0 * (1 + value), (mean, downside))
    assert ours == pytest.approx(slope, rel=1e-4)
    assert memory == pytest.approx(
        (mean + 0.1 * (value - mean), downside + 0.1 * (loss - downside))
    )


@pytest.mark.parametrize("name", ["differential_sharpe", "sortino"])
def test_differential_rewards_start_at_zero_and_stay_within_bounds(name):
    first, memory = reward(name, 100.0, 101.0)
    assert first == 0.0
    for after in (-50.0, 0.0, 1e6):
        value, _ = reward(name, 100.0, after, memory)
        assert -LARGEST_RATIO <= value <= LARGEST_RATIO


@pytest.mark.parametrize("name", REWARDS)
def test_arrays_and_numbers_give_the_same(name):
    before = np.array([100.0, 100.0, 100.0, 100.0])
    after = np.array([101.0, 99.0, 100.0, -5.0])
    memory = (np.full(4, 0.001), np.full(4, 0.0004))
    together, moved = REWARDS[name](np, before, after, memory=memory, scale=SCALE)
    for row in range(4):
        alone, memory_alone = reward(name, 100.0, float(after[row]), (0.001, 0.0004))
        assert together[row] == pytest.approx(alone, rel=1e-12)
        assert (moved[0][row], moved[1][row]) == pytest.approx(memory_alone, rel=1e-12)


def test_an_unknown_reward_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'sortino'"):
        reward_named("sortinos")
