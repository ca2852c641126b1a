"""The Bayes filter against brute force, the threshold policy against a loop, and the optimum."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.synthetic import (
    DIFFICULTIES,
    ThresholdPolicy,
    bayes_filter,
    bayes_share,
    net_return_per_bar,
    optimum_of,
    planted_market,
    threshold_policy_return,
    threshold_positions,
)
from envs.synthetic.markets import PlantedConfig, simulate


def posterior_by_enumeration(returns, *, drift, p_switch):
    """Sum the probability of every path of hidden states; exponential, no recursion shared."""
    up = total = 0.0
    for states in itertools.product((-1, 1), repeat=len(returns)):
        weight = 0.5
        for before, after in itertools.pairwise(states):
            weight *= (1 - p_switch) if before == after else p_switch
        for state, value in zip(states, returns, strict=True):
            weight *= math.exp(-((value - drift * state) ** 2) / 2)
        total += weight
        up += weight if states[-1] == 1 else 0.0
    return up / total


@given(
    st.lists(st.floats(-4, 4), min_size=1, max_size=7),
    st.floats(0, 1),
    st.floats(0.001, 0.5),
)
def test_the_filter_equals_the_sum_over_all_state_paths(returns, drift, p_switch):
    got = bayes_filter(np.array(returns), drift=drift, p_switch=p_switch)
    expected = [
        posterior_by_enumeration(returns[: n + 1], drift=drift, p_switch=p_switch)
        for n in range(len(returns))
    ]
    assert got == pytest.approx(expected, abs=1e-12)


def test_the_first_two_posteriors_by_hand():
    got = bayes_filter(np.array([1.0, -1.0]), drift=0.5, p_switch=0.1)
    first = math.e / (math.e + 1)
    prior = first * 0.9 + (1 - first) * 0.1
    second = prior / math.e / (prior / math.e + 1 - prior)
    assert got == pytest.approx([first, second], rel=1e-14)


def test_the_filter_never_sees_the_future():
    returns = np.random.default_rng(0).standard_normal(200)
    changed = returns.copy()
    changed[120:] += 5
    kept, moved = (bayes_filter(r, drift=0.15, p_switch=1 / 150) for r in (returns, changed))
    assert (kept[:120] == moved[:120]).all()
    assert (kept[120:] != moved[120:]).all()


def test_the_filter_means_what_it_says():
    """Of the bars where it says 70 to 80 %, 70 to 80 % are in the state +1."""
    config = PlantedConfig()
    returns, states = simulate(config, n_bars=200_000, rng=np.random.default_rng(5))
    posterior = bayes_filter(returns, drift=config.drift, p_switch=config.p_switch)
    for low in np.arange(0.1, 0.9, 0.1):
        rows = (posterior >= low) & (posterior < low + 0.1)
        assert (states[rows] == 1).mean() == pytest.approx(posterior[rows].mean(), abs=0.03)


def positions_by_loop(posterior, policy):
    """The policy as one would say it: a state machine, bar by bar."""
    position, positions = 0, []
    for up in posterior:
        down = 1 - up
        if up >= policy.enter_at:
            position = 1
        elif down >= policy.enter_at:
            position = -1
        elif (position == 1 and up < policy.exit_below) or (
            position == -1 and down < policy.exit_below
        ):
            position = 0
        positions.append(position)
    return positions


@st.composite
def policies(draw):
    enter_at = draw(st.floats(0.51, 0.95))
    return ThresholdPolicy(enter_at=enter_at, exit_below=draw(st.floats(1 - enter_at, enter_at)))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), policies())
def test_threshold_positions_equal_the_state_machine(posterior, policy):
    got = threshold_positions(np.array(posterior), policy)
    assert got.tolist() == positions_by_loop(posterior, policy)


def test_threshold_positions_by_hand():
    posterior = np.array([0.5, 0.65, 0.55, 0.45, 0.35, 0.45, 0.55, 0.7])
    reverses = ThresholdPolicy(enter_at=0.6, exit_below=0.4)
    assert threshold_positions(posterior, reverses).tolist() == [0, 1, 1, 1, -1, -1, -1, 1]
    rests = ThresholdPolicy(enter_at=0.6, exit_below=0.5)
    assert threshold_positions(posterior, rests).tolist() == [0, 1, 1, 0, -1, -1, 0, 1]


@pytest.mark.parametrize(
    ("enter_at", "exit_below"), [(0.5, 0.5), (1.0, 0.5), (0.6, 0.7), (0.6, 0.3)]
)
def test_thresholds_out_of_order_are_our_mistake(enter_at, exit_below):
    with pytest.raises(AssertionError):
        ThresholdPolicy(enter_at=enter_at, exit_below=exit_below)


def test_net_return_by_hand():
    # long for two bars, then short for one, then flat; the last position is never rewarded
    positions = np.array([1, 1, -1, 0, 1])
    returns = np.array([9.0, 1.0, 2.0, -4.0, 7.0])
    earned = 1 + 2 + 4 + 0 - 0.15 * (1 + 0 + 2 + 1)
    assert net_return_per_bar(positions, returns, cost_per_side=0.15) == pytest.approx(earned / 4)


def test_the_reference_optimum_is_the_known_one():
    optimum = optimum_of(DIFFICULTIES["reference"])
    assert optimum.net_per_bar == pytest.approx(0.079, abs=0.002)
    assert optimum.policy.enter_at == pytest.approx(0.6, abs=0.06)
    assert optimum.policy.exit_below == pytest.approx(1 - optimum.policy.enter_at)
    assert optimum.clairvoyant_per_bar == 0.15


def test_always_being_right_earns_the_drift():
    returns, states = simulate(PlantedConfig(), n_bars=400_000, rng=np.random.default_rng(2))
    next_states = np.append(states[1:], 1)
    earned = net_return_per_bar(next_states, returns, cost_per_side=0.0)
    assert earned == pytest.approx(0.15, abs=0.006)


def test_expected_and_realized_earnings_agree_on_fresh_bars():
    market = planted_market(n_bars=300_000, seed=77)
    optimum = optimum_of(market.config)
    realized = threshold_policy_return(market, optimum.policy)
    assert realized == pytest.approx(optimum.net_per_bar, abs=0.006)


@pytest.mark.slow
@pytest.mark.parametrize(("difficulty", "value"), [("easy", 0.240), ("hard", 0.033)])
def test_difficulties_are_worth_what_the_docs_say(difficulty, value):
    assert optimum_of(DIFFICULTIES[difficulty]).net_per_bar == pytest.approx(value, abs=0.002)


def test_the_share_of_the_best_policy_is_one_for_itself_and_zero_for_flat():
    market = planted_market(n_bars=20_000, seed=6)
    config, policy = market.config, optimum_of(market.config).policy
    posterior = bayes_filter(market.returns, drift=config.drift, p_switch=config.p_switch)
    positions = threshold_positions(posterior, policy)
    assert bayes_share(market, positions) == 1.0
    assert bayes_share(market, np.zeros_like(positions)) == 0.0
    assert bayes_share(market, -positions) < 0


def test_there_is_no_share_of_nothing():
    market = planted_market(n_bars=2, seed=6)  # one decision at even odds: the best is flat
    assert bayes_share(market, np.array([1, 0])) is None
