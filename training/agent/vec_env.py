"""`SB3TradingVecEnv`: our vector environment as stable-baselines3 wants it.

Only the form differs: one `done` flag instead of two, the last observation of an episode inside its
info, rewards in float32. Stepping is `envs.vector_env`. Infos of running episodes stay empty: a
dictionary per env and step costs more than the step itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import (
    VecEnvIndices,
    VecEnvObs,
    VecEnvStepReturn,
)

from envs.config import EnvConfig
from envs.market import Tape
from envs.vector_env import Play, TradingVectorEnv


def training_env(
    tape: Tape, config: EnvConfig, device: torch.device, **settings: Any
) -> SB3TradingVecEnv:
    """Make the environments of a training by our engines, on the device that it learns on.

    Args:
        tape: What is traded, NumPy arrays; copied to a GPU.
        config: How.
        device: Of the agent.
        **settings: Further arguments of `TradingVectorEnv`.
    """
    if device.type == "cpu":
        return SB3TradingVecEnv(TradingVectorEnv(tape, config, **settings))
    tape = tape.to(partial(torch.as_tensor, device=device))
    return TensorTradingVecEnv(TradingVectorEnv(tape, config, **settings))


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
        return np.asarray(self._reset())

    def _reset(self) -> Any:
        observations, _ = self.env.reset(seed=self._seeds[0])
        self._reset_seeds()
        self._reset_options()
        self._returns[:] = 0.0
        self._lengths[:] = 0
        return observations

    def step_async(self, actions: NDArray[np.int64]) -> None:
        """Note `(n_envs,)` actions for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Play one bar.

        Returns:
            Observations and rewards, both float32, done flags, and one info per environment.
        """
        played = self.env.play(self.env.checked_actions(self._actions))
        dones = played.terminated | played.truncated
        self._returns += played.rewards
        self._lengths += 1
        endings: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for index in map(int, np.flatnonzero(dones)):
            assert played.last_observations is not None, "some episode has just ended"
            endings[index] = {
                "terminal_observation": played.last_observations[index],
                "TimeLimit.truncated": bool(played.truncated[index]),
                "episode": self._episode(index),
            }
        self._returns[dones] = 0.0
        self._lengths[dones] = 0
        return played.observations, played.rewards.astype(np.float32), dones, endings

    def _episode(self, env_index: int) -> dict[str, float]:
        return {"r": float(self._returns[env_index]), "l": int(self._lengths[env_index])}

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


class TensorTradingVecEnv(SB3TradingVecEnv):
    """A `VecEnv` over a market of torch tensors, which `FastRecurrentPPO` plays without waiting.

    Observations are tensors of the market's device. stable-baselines3's own loops cannot step it.
    """

    def reset(self) -> VecEnvObs:
        """Start every episode anew: `(n_envs, n_columns) float32` tensor."""
        observations: VecEnvObs = self._reset()
        return observations

    def prepare(self, n_steps: int) -> None:
        """Draw ahead the episodes that the next `n_steps` may begin."""
        self.env.prepare(n_steps)

    def play(self, actions: torch.Tensor) -> Play:
        """Play one bar with `(n_envs,) int64` actions, without asking the device anything."""
        return self.env.play(actions)

    def step_wait(self) -> VecEnvStepReturn:
        """Refuse: a step that answers in NumPy would wait for the device each time."""
        raise NotImplementedError("a market of tensors is played by FastRecurrentPPO only")

    def endings(
        self, rewards: NDArray[np.float32], ends: NDArray[np.bool_]
    ) -> list[dict[str, Any]]:
        """List what stable-baselines3 logs of the episodes that ended in a rollout.

        Args:
            rewards: `(n_steps, n_envs)` as the market gave them.
            ends: `(n_steps, n_envs)`, whether an episode ended with that step.
        """
        infos = []
        for row, ended in zip(rewards, ends, strict=True):
            self._returns += row
            self._lengths += 1
            infos += [{"episode": self._episode(int(index))} for index in np.flatnonzero(ended)]
            self._returns[ended] = 0.0
            self._lengths[ended] = 0
        return infos
