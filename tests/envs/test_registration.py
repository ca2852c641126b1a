"""`gymnasium.make` and `make_vec` find the environment, and registering imports nothing heavy."""

import subprocess
import sys

import gymnasium
import numpy as np
from gymnasium.utils.env_checker import check_env

from envs.config import EnvConfig
from envs.market import make_tape
from envs.registration import ENV_ID, register_walkfast
from envs.trading_env import TradingEnv
from envs.vector_env import TradingVectorEnv
from tests.envs.slow_market import random_bars


def make_small_tape(config):
    features = np.zeros((30, 2), np.float32)
    return make_tape(random_bars(0, 30, volatility=1e-4), features, config.market)


def test_make_returns_the_single_environment():
    config = EnvConfig()
    env = gymnasium.make(ENV_ID, tape=make_small_tape(config), config=config)
    assert isinstance(env.unwrapped, TradingEnv)
    check_env(env.unwrapped, skip_render_check=True)


def test_make_vec_returns_the_vector_environment():
    config = EnvConfig()
    env = gymnasium.make_vec(ENV_ID, num_envs=3, tape=make_small_tape(config), config=config)
    assert isinstance(env.unwrapped, TradingVectorEnv)
    observations, _ = env.reset(seed=0)
    assert observations.shape == (3, 6)


def test_registering_twice_changes_nothing():
    before = gymnasium.spec(ENV_ID)
    register_walkfast()
    assert gymnasium.spec(ENV_ID) is before


def test_registering_imports_neither_features_nor_torch():
    code = (
        "import sys, envs.registration;"
        "print([m for m in ('torch', 'pandas', 'talib', 'envs.market') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_a_tape_the_embedded_sample_is_traded():
    env = gymnasium.make(ENV_ID)
    observation, info = env.reset(seed=0)
    assert observation.shape == env.observation_space.shape
    assert info["bar_index"] > 0, "rows of the features' warm-up are not traded"
    env.step(env.action_space.sample())
    many = gymnasium.make_vec(ENV_ID, num_envs=2)
    assert many.reset(seed=0)[0].shape == (2, *env.observation_space.shape)
