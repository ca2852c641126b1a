"""The single environment: both checkers, seeds, and what it refuses."""

import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as sb3_check_env

from envs.config import EnvConfig
from envs.market import MarketConfig, make_tape
from envs.trading_env import TradingEnv
from tests.envs.slow_market import random_bars


def make_env(mode="target", **kwargs):
    config = EnvConfig(market=MarketConfig(), action_mode=mode, episode_bars=20)
    bars = random_bars(5, 80, volatility=1e-4)
    features = np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32)
    return TradingEnv(make_tape(bars, features, config.market), config, **kwargs)


@pytest.mark.parametrize("mode", ["target", "orders"])
@pytest.mark.parametrize("random_starts", [False, True])
def test_both_checkers_pass(mode, random_starts):
    check_env(make_env(mode, random_starts=random_starts), skip_render_check=True)
    sb3_check_env(make_env(mode, random_starts=random_starts), skip_render_check=True)


def test_random_starts_repeat_with_the_seed_and_vary_without():
    env = make_env(random_starts=True)
    bars = [env.reset(seed=3)[1]["bar_index"]] + [env.reset()[1]["bar_index"] for _ in range(20)]
    again = [env.reset(seed=3)[1]["bar_index"]] + [env.reset()[1]["bar_index"] for _ in range(20)]
    assert bars == again
    assert len(set(bars)) > 10


def test_an_episode_walks_the_slice_once_and_then_needs_a_reset():
    env = make_env(start=10, stop=15)
    env.reset(seed=0)
    bars = []
    truncated = False
    while not truncated:
        _, _, terminated, truncated, info = env.step(1)
        assert not terminated
        bars.append(info["bar_index"])
    assert bars == [11, 12, 13, 14, 15]
    with pytest.raises(ResetNeeded):
        env.step(1)


def test_actions_outside_the_space_are_refused():
    env = make_env()
    env.reset(seed=0)
    with pytest.raises(InvalidAction):
        env.step(3)


def test_the_info_holds_plain_numbers_and_a_mask():
    env = make_env("orders")
    _, info = env.reset(seed=0)
    assert info["action_mask"].tolist() == [1, 1, 1, 0]
    *_, info = env.step(1)
    assert info["action_mask"].tolist() == [1, 0, 0, 1]
    kinds = {name: type(value) for name, value in info.items() if name != "action_mask"}
    assert kinds == {
        "bar_index": int,
        "equity": float,
        "balance": float,
        "position": float,
        "invalid_action": bool,
        "refused": bool,
        "margin_call": bool,
    }


def test_layout_and_space_agree():
    env = make_env()
    assert env.observation_space.shape == (len(env.layout.names),)
