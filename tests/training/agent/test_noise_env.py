"""Noise in the form of an environment."""

import numpy as np
import pytest

from training.agent.noise_env import NoiseVecEnv


def test_observations_are_the_same_noise_every_time_and_nothing_ends() -> None:
    first, again = (NoiseVecEnv(n_envs=3, n_inputs=5, n_actions=2) for _ in range(2))
    assert np.array_equal(first.reset(), again.reset())
    for env in (first, again):
        env.step_async(np.zeros(3, np.int64))
    seen, rewards, dones, infos = first.step_wait()
    assert isinstance(seen, np.ndarray)
    assert (seen.shape, seen.dtype, rewards.shape) == ((3, 5), np.float32, (3,))
    assert not dones.any()
    assert infos == [{}, {}, {}]
    assert np.array_equal(seen, again.step_wait()[0])
    first.close()


def test_it_has_what_stable_baselines3_asks_for_and_no_more() -> None:
    env = NoiseVecEnv(n_envs=2, n_inputs=1, n_actions=2)
    assert env.get_attr("render_mode") == [None, None]
    assert env.env_is_wrapped(object) == [False, False]
    assert env.get_images() == [None, None]
    with pytest.raises(NotImplementedError):
        env.set_attr("render_mode", "human")
    with pytest.raises(NotImplementedError):
        env.env_method("render")
