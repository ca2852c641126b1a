"""`SB3TradingVecEnv`: our vector environment as stable-baselines3 wants it.

Only the form differs: one `done` flag instead of two, the last observation of an episode inside its
info, rewards in float32. Stepping is `envs.vector_env`. Infos of running episodes stay empty: a
dictionary per env and step costs more than the step itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import (
    VecEnvIndices,
    VecEnvObs,
    VecEnvStepReturn,
)

from envs.vector_env import TradingVectorEnv


class SB3TradingVecEnv(VecEnv):
    """A stable-baselines3 `VecEnv` over a `TradingVectorEnv` with NumPy arrays.

    Infos carry, where an episode ended: `terminal_observation`, `TimeLimit.truncated` and
    `episode` with return `r` (sum of rewards) and length `l` in bars, which stable-baselines3
    averages into its log. There is no Monitor and no time in them, so logs repeat.

    Args:
        env: The environment; stepping it elsewhere breaks both.
    """

    def __init__(self, env: TradingVectorEnv) -> None:
        self.env = env
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)
        self._actions: NDArray[np.int64] = np.zeros(env.num_envs, np.int64)
        self._returns = np.zeros(env.num_envs)
        self._lengths = np.zeros(env.num_envs, np.int64)

    def reset(self) -> VecEnvObs:
        """Start every episode anew; the seed given to `seed` is used once.

        Returns:
            `(n_envs, n_columns) float32`.
        """
        observations, _ = self.env.reset(seed=self._seeds[0])
        self._reset_seeds()
        self._reset_options()
        self._returns[:] = 0.0
        self._lengths[:] = 0
        return np.asarray(observations)

    def step_async(self, actions: NDArray[np.int64]) -> None:
        """Note `(n_envs,)` actions for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Play one bar.

        Returns:
            Observations and rewards, both float32, done flags, and one info per environment.
        """
        played = self.env.play(self._actions)
        dones = played.terminated | played.truncated
        self._returns += played.rewards
        self._lengths += 1
        endings: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for index in np.flatnonzero(dones):
            assert played.last_observations is not None, "some episode has just ended"
            endings[index] = {
                "terminal_observation": played.last_observations[index],
                "TimeLimit.truncated": bool(played.truncated[index]),
                "episode": {"r": float(self._returns[index]), "l": int(self._lengths[index])},
            }
        self._returns[dones] = 0.0
        self._lengths[dones] = 0
        return played.observations, played.rewards.astype(np.float32), dones, endings

    def place_of(self, env_index: int) -> str:
        """Say on which bar of the tape an environment stands, for messages."""
        bar = int(self.env.get_state()["bar"][env_index])
        time = np.datetime64(int(self.env.world.tape.time_us[bar]), "us")
        return f", bar {bar} ({np.datetime_as_string(time, unit='m')} UTC)"

    def close(self) -> None:
        """Close the environment; closing twice does nothing."""
        self.env.close()

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """Return an attribute of the environment, once per index: all share one object."""
        value = getattr(self.env, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Refuse: the environments are rows of arrays and share their attributes."""
        raise NotImplementedError("environments of one vector cannot be set one by one")

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **kwargs: Any
    ) -> list[Any]:
        """Refuse: the environments are rows of arrays without methods of their own."""
        raise NotImplementedError("environments of one vector have no methods of their own")

    def env_is_wrapped(self, wrapper_class: type[Any], indices: VecEnvIndices = None) -> list[bool]:
        """Answer no: rows of arrays cannot be wrapped."""
        return [False for _ in self._get_indices(indices)]

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """Return no images: there is nothing to draw here."""
        return [None] * self.num_envs
