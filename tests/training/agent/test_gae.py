"""Advantages, by hand and against stable-baselines3's own loop."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import RolloutBuffer

from training.agent.gae import advantages_of


def test_two_steps_worked_by_hand() -> None:
    advantages = advantages_of(
        torch.tensor([[1.0], [2.0]]),
        torch.tensor([[0.5], [1.0]]),
        torch.tensor([[False], [False]]),
        torch.tensor([4.0]),
        gamma=0.5,
        gae_lambda=0.5,
    )
    last = 2.0 + 0.5 * 4.0 - 1.0
    assert advantages.tolist() == [[1.0 + 0.5 * 1.0 - 0.5 + 0.25 * last], [last]]


def test_nothing_comes_back_over_an_episodes_end() -> None:
    advantages = advantages_of(
        torch.tensor([[1.0], [2.0]]),
        torch.tensor([[0.5], [1.0]]),
        torch.tensor([[True], [True]]),
        torch.tensor([4.0]),
        gamma=0.5,
        gae_lambda=0.5,
    )
    assert advantages.tolist() == [[0.5], [1.0]]


@pytest.mark.parity
@pytest.mark.parametrize("gae_lambda", [0.0, 0.9, 1.0])
def test_it_is_stable_baselines3s_loop(gae_lambda: float) -> None:
    generator = np.random.default_rng(0)
    n_steps, n_envs = 50, 4
    space = spaces.Box(-1, 1, (1,))
    buffer = RolloutBuffer(
        n_steps, space, spaces.Discrete(2), "cpu", gae_lambda, gamma=0.97, n_envs=n_envs
    )
    buffer.rewards, buffer.values = generator.standard_normal((2, n_steps, n_envs), np.float32)
    buffer.episode_starts = (generator.random((n_steps, n_envs)) < 0.1).astype(np.float32)
    last_values = torch.from_numpy(generator.standard_normal(n_envs, np.float32))
    dones = np.array([True, False, False, True])
    buffer.compute_returns_and_advantage(last_values, dones)
    ours = advantages_of(
        torch.from_numpy(buffer.rewards),
        torch.from_numpy(buffer.values),
        torch.from_numpy(np.concatenate([buffer.episode_starts[1:] > 0, dones[None]])),
        last_values,
        gamma=0.97,
        gae_lambda=gae_lambda,
    )
    np.testing.assert_allclose(ours.numpy(), buffer.advantages, rtol=1e-5, atol=1e-6)
