"""One ledger for slow twin, single env, NumPy and torch vector envs, action by action, to ruin."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.config import EnvConfig
from envs.market import make_tape
from envs.trading_env import TradingEnv
from envs.vector_env import TradingVectorEnv
from tests.envs.slow_market import SlowMarket, random_bars, random_config

N_ENVS = 3
N_ACTIONS = {"target": 3, "orders": 4}


def make_case(seed, mode):
    generator = np.random.default_rng(seed)
    market = random_config(seed)
    bars = random_bars(seed, 24, volatility=float(generator.choice([1e-4, 0.01, 0.1])))
    features = generator.normal(size=(len(bars), 2)).astype(np.float32)
    config = EnvConfig(market=market, action_mode=mode)
    actions = generator.integers(0, N_ACTIONS[mode], (len(bars) - 1, N_ENVS))
    actions[:, 1] = np.repeat(actions[::6, 1], 6)[: len(actions)]  # one env holds for longer
    return bars, make_tape(bars, features, market), config, actions


def walk_slowly(bars, config, actions):
    """Play every env to the end of its first episode."""
    markets = []
    for env in range(N_ENVS):
        market = SlowMarket(bars, config.market, config.action_mode, 0, len(bars) - 1)
        path = [(market.equity, False, False, False)]
        for action in actions[:, env]:
            market.step(int(action))
            path.append((market.equity, market.invalid, market.refused, market.margin_call))
            if market.terminated or market.truncated:
                break
        markets.append((market, path))
    return markets


def walk_fast(tape, config, actions, convert=None):
    """Play all envs together to the end; only each one's first episode is compared."""
    env = TradingVectorEnv(
        tape if convert is None else tape.to(convert), config, n_envs=N_ENVS, record=True
    )
    env.reset(seed=0)
    steps = [env.step(row if convert is None else convert(row)) for row in actions]
    return env, steps


def walk_single(tape, config, actions):
    env = TradingEnv(tape, config, record=True)
    env.reset(seed=0)
    steps = []
    for action in actions:
        steps.append(env.step(int(action)))
        if steps[-1][2] or steps[-1][3]:
            break
    return env, steps


def first_trades(ledger, n_trades):
    """The first trades as plain columns without the env's index."""
    return {f.name: getattr(ledger, f.name)[:n_trades] for f in fields(ledger) if f.name != "env"}


def assert_close(ours, twin):
    np.testing.assert_allclose(ours, twin, rtol=1e-9, atol=1e-9)


def assert_equals_slow_twin(env, steps, markets):
    for index, (market, path) in enumerate(markets):
        assert_close(env.equity_path()[: len(path), index], [equity for equity, *_ in path])
        last = steps[len(path) - 2]
        for step, (_, *flags) in zip(steps, path[1:-1], strict=False):
            names = ("invalid_action", "refused", "margin_call")
            assert [bool(step[4][name][index]) for name in names] == flags
        assert (bool(last[2][index]), bool(last[3][index])) == (
            market.terminated,
            market.truncated,
        )
        ledger = env.ledger().of_env(index)
        rows = first_trades(ledger, len(market.closed))
        for name in ("entry_bar", "exit_bar", "direction", "reason"):
            assert rows[name].tolist() == [getattr(trade, name) for trade in market.closed]
        money = "lots entry_price exit_price spread_cost slippage_cost commission swap net"
        for name in money.split():
            assert_close(rows[name], [getattr(trade, name) for trade in market.closed])


def check_all_walks(seed, mode):
    bars, tape, config, actions = make_case(seed, mode)
    markets = walk_slowly(bars, config, actions)
    env, steps = walk_fast(tape, config, actions)
    assert_equals_slow_twin(env, steps, markets)
    on_torch, torch_steps = walk_fast(tape, config, actions, torch.as_tensor)
    for field in fields(env.ledger()):
        ours, theirs = (getattr(e.ledger(), field.name) for e in (env, on_torch))
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(env.equity_path(), on_torch.equity_path())
    for ours, theirs in zip(steps, torch_steps, strict=True):
        np.testing.assert_allclose(ours[0], theirs[0].numpy(), rtol=1e-6)
        np.testing.assert_allclose(ours[1], theirs[1].numpy(), rtol=1e-12)
    for index in range(N_ENVS):
        check_single(index, tape, config, actions[:, index], env, steps)
    return {str(reason) for reason in env.ledger().reason}


def check_single(index, tape, config, actions, env, steps):
    """The single env's first episode is that of env `index`, to the last bit."""
    single, single_steps = walk_single(tape, config, actions)
    n_steps, ledger = len(single_steps), single.ledger()
    np.testing.assert_array_equal(
        single.equity_path()[:, 0], env.equity_path()[: n_steps + 1, index]
    )
    for name, column in first_trades(env.ledger().of_env(index), len(ledger)).items():
        np.testing.assert_array_equal(getattr(ledger, name), column)
    for ours, theirs in zip(single_steps[:-1], steps, strict=False):
        np.testing.assert_array_equal(ours[0], theirs[0][index])
        np.testing.assert_allclose(ours[1], theirs[1][index], rtol=1e-12)
        for name, value in ours[4].items():
            np.testing.assert_array_equal(value, theirs[4][name][index])
    last, of_env = single_steps[-1], steps[n_steps - 1]
    np.testing.assert_array_equal(last[0], of_env[4]["final_obs"][index])
    for name, value in last[4].items():
        np.testing.assert_array_equal(value, of_env[4]["final_info"][name][index])


@pytest.mark.parity
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), mode=st.sampled_from(["target", "orders"]))
def test_slow_twin_single_numpy_and_torch_envs_keep_the_same_ledger(seed, mode):
    check_all_walks(seed, mode)


@pytest.mark.slow
@pytest.mark.parity
def test_many_random_markets_agree_and_reach_every_way_to_end():
    reasons = set()
    for seed in range(60):
        reasons |= check_all_walks(seed, "target") | check_all_walks(seed, "orders")
    assert reasons == {"close", "reversal", "end", "drawdown", "stop_out", "ruin"}


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31), mode=st.sampled_from(["target", "orders"]))
def test_balance_is_initial_balance_plus_net_and_gross_less_costs_is_net(seed, mode):
    _, tape, config, actions = make_case(seed, mode)
    env = TradingEnv(tape, config, record=True)
    env.reset(seed=0)
    for action in actions[:, 0]:
        *_, terminated, truncated, info = env.step(int(action))
        ledger = env.ledger()
        np.testing.assert_allclose(ledger.gross - ledger.costs, ledger.net, rtol=1e-9, atol=1e-9)
        assert_close(info["balance"], config.market.initial_balance_usd + ledger.net.sum())
        if terminated or truncated:
            break
    assert terminated != truncated
    assert info["equity"] == info["balance"]
    assert info["position"] == 0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), cut=st.integers(0, 22))
def test_bars_after_the_next_one_change_nothing_so_far(seed, cut):
    """The decision on bar `cut` fills and is marked on cut + 1; later bars are free to change."""
    bars, tape, config, actions = make_case(seed, "target")
    changed = tape.to(lambda array: array)
    generator = np.random.default_rng(seed + 1)
    for name in ("open", "close", "spread_points", "nights"):
        getattr(changed, name)[cut + 2 :] = generator.uniform(1, 5_000, len(bars) - cut - 2)
    changed.features[cut + 2 :] = 9
    _, ours = walk_fast(tape, config, actions[: cut + 1])
    _, theirs = walk_fast(changed, config, actions[: cut + 1])
    for step, other in zip(ours, theirs, strict=True):
        for array, other_array in zip(step[:4], other[:4], strict=True):
            np.testing.assert_array_equal(array, other_array)
