"""Planted markets: the bars hold what was planted, and the market's rules charge what is said."""

from __future__ import annotations

import numpy as np
import pytest

from envs.config import EnvConfig
from envs.errors import ConfigError, UnknownNameError
from envs.market import MarketConfig, make_tape
from envs.synthetic import (
    DIFFICULTIES,
    PlantedConfig,
    ThresholdPolicy,
    bayes_filter,
    leaked_future_market,
    net_return_per_bar,
    noise_market,
    planted_market,
    reference_observations,
    sample_bars,
    threshold_positions,
)
from envs.synthetic.markets import UNIT_LOG_RETURN, simulate
from envs.vector_env import TradingVectorEnv

MARKETS = {
    "planted": planted_market(n_bars=5_000, seed=3),
    "noise": noise_market(n_bars=5_000, seed=3),
    "leaked": leaked_future_market(n_bars=5_000, seed=3),
    "easy": planted_market(n_bars=5_000, seed=4, difficulty="easy"),
}


@pytest.mark.parametrize("name", MARKETS)
def test_each_bar_opens_at_the_last_close_and_earns_the_planted_return(name):
    market = MARKETS[name]
    bars = market.bars
    assert (bars.open[1:] == bars.close[:-1]).all()
    earned = np.log(bars.close / bars.open) / UNIT_LOG_RETURN
    assert np.abs(earned - market.returns).max() < 1e-3  # rounding to points
    assert (earned - market.returns).mean() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", MARKETS)
def test_bars_obey_every_rule_of_a_good_bar(name):
    bars = MARKETS[name].bars
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.low > 0).all()
    assert (bars.volume >= 1).all()
    assert (np.diff(bars.time_us) == bars.timeframe.step_us).all()
    for column in (bars.open, bars.high, bars.low, bars.close):
        assert (column == np.round(column, 2)).all()
    assert (bars.spread_points == np.rint(bars.spread_points)).all()


@pytest.mark.parametrize("name", ["planted", "easy"])
def test_the_spread_follows_the_price_at_two_sides(name):
    market = MARKETS[name]
    spread = market.bars.spread_points * market.bars.point_size / market.bars.open
    sides = spread / UNIT_LOG_RETURN / market.config.cost_per_side
    assert sides == pytest.approx(np.full(len(sides), 2.0), rel=1e-3)


def test_the_same_seed_gives_the_same_market_and_another_seed_another():
    again = planted_market(n_bars=5_000, seed=3)
    assert again.bars.fingerprint == MARKETS["planted"].bars.fingerprint
    assert (again.states == MARKETS["planted"].states).all()
    other = planted_market(n_bars=5_000, seed=5)
    assert other.bars.fingerprint != again.bars.fingerprint


def test_states_switch_at_the_planted_rate_and_drift_has_the_planted_size():
    config = PlantedConfig(drift=0.15, p_switch=1 / 150)
    returns, states = simulate(config, n_bars=300_000, rng=np.random.default_rng(1))
    assert set(np.unique(states)) == {-1, 1}
    assert (np.diff(states) != 0).mean() == pytest.approx(1 / 150, rel=0.07)
    noise = returns - 0.15 * states
    assert noise.mean() == pytest.approx(0, abs=0.006)
    assert noise.std() == pytest.approx(1, abs=0.005)


def test_the_first_state_is_even_odds():
    firsts = [planted_market(n_bars=2, seed=seed).states[0] for seed in range(200)]
    assert 70 <= firsts.count(1) <= 130


def test_the_leak_is_the_return_of_the_next_bar():
    market = MARKETS["leaked"]
    leak = market.bars.extra["leak"]
    assert (leak[:-1] == market.returns[1:]).all()
    assert leak[-1] == 0
    assert market.bars.symbol == "LEAKED"


def test_reading_the_leak_earns_more_than_any_honest_policy_could():
    market = MARKETS["leaked"]
    positions = np.sign(market.bars.extra["leak"]).astype(np.int64)
    earned = net_return_per_bar(positions, market.returns, cost_per_side=0.15)
    # E|r| = sqrt(2 / pi) = 0.798, less a reversal, two sides of 0.15, on every other bar
    assert earned == pytest.approx(0.798 - 0.15, abs=0.03)


def test_noise_has_nothing_to_learn():
    market = MARKETS["noise"]
    posterior = bayes_filter(market.returns, drift=0.0, p_switch=1 / 150)
    assert (posterior == 0.5).all()
    policy = ThresholdPolicy(enter_at=0.6, exit_below=0.4)
    assert not threshold_positions(posterior, policy).any()


def test_the_sample_is_small_fixed_and_cheap():
    bars = sample_bars()
    assert (len(bars), bars.symbol, bars.timeframe.name) == (20_000, "PLANTED", "1h")
    assert bars.time_us[0] == 1_420_070_400_000_000  # 2015-01-01T00:00Z
    assert sample_bars() is bars
    assert bars.open[0] == 100_000.0
    assert bars.close[[0, 1, -1]].tolist() == [99831.75, 99736.17, 44778.77]


def test_observations_are_causal_sums_over_the_root_of_their_length():
    returns = np.arange(1.0, 8.0)
    got = reference_observations(returns)
    assert got.shape == (7, 6)
    assert got.dtype == np.float32
    assert got[:, 0].tolist() == returns.tolist()
    assert got[:, 1].tolist() == [0.5, 1.5, 3.0, 5.0, 7.0, 9.0, 11.0]  # sums of up to 4, over 2
    assert got[6, 5] == pytest.approx(28 / np.sqrt(192))
    changed = returns.copy()
    changed[4:] = 99.0
    assert (reference_observations(changed)[:4] == got[:4]).all()


@pytest.mark.parametrize("difficulty", ["easy", "reference"])
def test_the_environment_pays_what_the_plan_says(difficulty):
    """Walk the market's own env with the Bayes policy; compare with the plan, trade for trade."""
    market = planted_market(n_bars=1_500, seed=8, difficulty=difficulty)
    config = market.config
    posterior = bayes_filter(market.returns, drift=config.drift, p_switch=config.p_switch)
    positions = threshold_positions(posterior, ThresholdPolicy(enter_at=0.6, exit_below=0.5))
    env_config = EnvConfig(market=MarketConfig(max_drawdown_frac=None), action_mode="target")
    features = np.zeros((len(market.bars), 1), dtype=np.float32)
    tape = make_tape(market.bars, features, env_config.market)
    env = TradingVectorEnv(tape, env_config, n_envs=1, record=True)
    env.reset(seed=0)
    for position in positions[:-1]:
        env.step(np.array([position + 1]))
    ledger = env.ledger()
    # In units of the trade's own notional, so that sizing does not matter.
    notional = ledger.lots * market.bars.open[ledger.entry_bar] * UNIT_LOG_RETURN
    n_sides = np.abs(np.diff(positions[:-1], prepend=0)).sum() + abs(int(positions[-2]))
    charged = (ledger.spread_cost / notional).sum()
    assert charged == pytest.approx(config.cost_per_side * n_sides, rel=0.01)
    gross = net_return_per_bar(positions, market.returns, cost_per_side=0.0) * 1_499
    assert (ledger.gross / notional).sum() == pytest.approx(gross, abs=0.02 * abs(gross))


def test_a_reversal_from_long_to_short_costs_nothing_and_back_two_spreads():
    market = planted_market(n_bars=12, seed=1)
    env_config = EnvConfig(market=MarketConfig(max_drawdown_frac=None), action_mode="target")
    tape = make_tape(market.bars, np.zeros((12, 1), dtype=np.float32), env_config.market)
    env = TradingVectorEnv(tape, env_config, n_envs=1, record=True)
    env.reset(seed=0)
    for action in [2, 2, 0, 0, 2, 2, 1, 1, 1, 1, 1]:  # long, short, long, flat
        env.step(np.array([action]))
    ledger = env.ledger()
    notional = ledger.lots * market.bars.open[ledger.entry_bar] * UNIT_LOG_RETURN
    assert ledger.spread_cost / notional == pytest.approx([0.3, 0.3, 0.3], rel=0.01)
    assert ledger.direction.tolist() == [1, -1, 1]
    # The second reversal (short out, long in) carries the short's and the last long's spread.
    assert ledger.exit_bar[1] == ledger.entry_bar[2]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"drift": -0.1}, "drift must be at least 0"),
        ({"drift": float("nan")}, "drift must be at least 0"),
        ({"p_switch": 0.0}, "p_switch must be in"),
        ({"p_switch": 0.6}, "p_switch must be in"),
        ({"cost_per_side": -0.1}, "cost_per_side must be at least 0"),
    ],
)
def test_a_market_out_of_range_is_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        PlantedConfig(**wrong)


def test_an_unknown_difficulty_gets_the_nearest_match_and_one_bar_is_too_few():
    with pytest.raises(UnknownNameError, match="did you mean 'medium'"):
        planted_market(n_bars=10, seed=0, difficulty="middium")
    with pytest.raises(ConfigError, match="at least 2 bars"):
        noise_market(n_bars=1, seed=0)
    assert DIFFICULTIES["medium"] is DIFFICULTIES["reference"]
