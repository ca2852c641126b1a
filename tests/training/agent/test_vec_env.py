"""The stable-baselines3 form of the vector environment."""

import numpy as np
import pytest
from stable_baselines3.common.vec_env import VecEnv

from envs.config import EnvConfig
from envs.vector_env import TradingVectorEnv
from tests.training.small_market import small_agent, small_env, small_tape
from training.agent.vec_env import SB3TradingVecEnv

LONG = np.array([2, 2])


def walked(env: VecEnv, n_steps: int, seed: int) -> list[np.ndarray]:
    env.seed(seed)
    seen = [env.reset()]
    for _ in range(n_steps):
        observations, rewards, dones, _ = env.step(LONG)
        seen += [observations, rewards, dones]
    return seen


def test_spaces_are_those_of_one_environment() -> None:
    env = small_env(small_tape())
    assert isinstance(env, VecEnv)
    assert env.num_envs == 2
    assert env.observation_space.shape == (7,)
    assert env.observation_space.dtype == np.float32
    assert env.action_space.n == 3


def test_the_form_is_stable_baselines3s() -> None:
    env = small_env(small_tape())
    env.seed(0)
    observations = env.reset()
    assert (observations.dtype, observations.shape) == (np.float32, (2, 7))
    observations, rewards, dones, infos = env.step(LONG)
    assert (observations.dtype, observations.shape) == (np.float32, (2, 7))
    assert (rewards.dtype, rewards.shape) == (np.float32, (2,))
    assert (dones.dtype, dones.shape) == (np.bool_, (2,))
    assert infos == [{}, {}]


def test_the_same_seed_gives_the_same_episodes_and_another_others() -> None:
    env = small_env(small_tape())
    first, again, other = (walked(env, 30, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_a_seed_is_used_once_so_that_later_resets_go_on() -> None:
    env = small_env(small_tape())
    env.seed(1)
    first, second = env.reset(), env.reset()
    assert not np.array_equal(first, second)


def test_the_end_of_a_window_is_a_truncation_with_the_last_observation() -> None:
    tape = small_tape()
    env = SB3TradingVecEnv(TradingVectorEnv(tape, EnvConfig(), n_envs=2, start=10, stop=13))
    env.reset()
    rewards = []
    for step in range(3):
        observations, reward, dones, infos = env.step(LONG)
        rewards.append(reward[0])
        assert dones.tolist() == [step == 2] * 2
    assert infos[0]["TimeLimit.truncated"] is True
    np.testing.assert_array_equal(infos[0]["terminal_observation"][:3], tape.features[13])
    np.testing.assert_array_equal(observations[0, :3], tape.features[10])
    assert infos[0]["episode"]["l"] == 3
    assert infos[0]["episode"]["r"] == pytest.approx(float(np.sum(rewards)), rel=1e-5)


def test_a_blow_up_is_a_termination_and_not_a_truncation() -> None:
    market = EnvConfig().market
    config = EnvConfig(market=type(market)(max_drawdown_frac=1e-9))
    env = SB3TradingVecEnv(TradingVectorEnv(small_tape(), config, n_envs=2))
    env.reset()
    _, _, dones, infos = env.step(LONG)  # the spread alone is a drawdown
    assert dones.all()
    assert [info["TimeLimit.truncated"] for info in infos] == [False, False]


def test_returns_and_lengths_start_again_with_each_episode() -> None:
    env = SB3TradingVecEnv(TradingVectorEnv(small_tape(), EnvConfig(), n_envs=1, start=10, stop=12))
    env.reset()
    lengths = [info["episode"]["l"] for _ in range(6) for info in env.step(LONG[:1])[3] if info]
    assert lengths == [2, 2, 2]


def test_an_agent_learns_on_it_and_sees_its_episodes() -> None:
    agent = small_agent(n_updates=2)
    assert agent.num_timesteps == 64
    assert agent.ep_info_buffer
    assert all(0 < episode["l"] <= 20 for episode in agent.ep_info_buffer)


def test_what_rows_of_arrays_cannot_do_is_refused() -> None:
    env = small_env(small_tape())
    assert env.get_attr("num_envs", [0]) == [2]
    assert env.env_is_wrapped(object) == [False, False]
    assert env.get_images() == [None, None]
    with pytest.raises(NotImplementedError):
        env.set_attr("num_envs", 3)
    with pytest.raises(NotImplementedError):
        env.env_method("reset")
    env.close()
    env.close()
