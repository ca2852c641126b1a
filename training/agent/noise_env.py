"""`NoiseVecEnv`: observations that mean nothing, to time learning where there is no market."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn


class NoiseVecEnv(VecEnv):
    """Standard normal observations and rewards for discrete actions, the same numbers every time.

    Args:
        n_envs: Environments side by side.
        n_inputs: Length of an observation.
        n_actions: Number of actions; what they are changes nothing.
    """

    def __init__(self, *, n_envs: int, n_inputs: int, n_actions: int) -> None:
        self.render_mode = None  # which stable-baselines3 warns about otherwise
        seen = spaces.Box(-np.inf, np.inf, (n_inputs,), np.float32)
        super().__init__(n_envs, seen, spaces.Discrete(n_actions))
        self._random = np.random.default_rng(0)

    def reset(self) -> NDArray[np.float32]:
        """Return `(n_envs, n_inputs) float32`."""
        return self._noise(self.num_envs, *(self.observation_space.shape or ()))

    def step_async(self, actions: NDArray[np.int64]) -> None:
        """Take no notice."""

    def step_wait(self) -> VecEnvStepReturn:
        """Return new noise; no episode ends."""
        dones = np.zeros(self.num_envs, np.bool_)
        return self.reset(), self._noise(self.num_envs), dones, [{} for _ in dones]

    def close(self) -> None:
        """Do nothing."""

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """Return an attribute once per index."""
        value = getattr(self, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Refuse: there is nothing to set."""
        raise NotImplementedError("noise has no attributes to set")

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **kwargs: Any
    ) -> list[Any]:
        """Refuse: there is nothing to call."""
        raise NotImplementedError("noise has no methods to call")

    def env_is_wrapped(self, wrapper_class: type[Any], indices: VecEnvIndices = None) -> list[bool]:
        """Answer no."""
        return [False for _ in self._get_indices(indices)]

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """Return no images."""
        return [None] * self.num_envs

    def _noise(self, *shape: int) -> NDArray[np.float32]:
        return self._random.standard_normal(shape, np.float32)
