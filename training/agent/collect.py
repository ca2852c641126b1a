"""`RolloutCollector`: play one rollout and fill its tensors.

The loop that stock `RecurrentPPO.collect_rollouts` has, with the same calls to callbacks in the
same order and the same names in their `locals`. Values of truncated episodes' last observations,
which stock asks for one by one, are computed together at the end. Not here: the networks
(`training.agent.stepper`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from sb3_contrib import RecurrentPPO
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from sb3_contrib.common.recurrent.type_aliases import RNNStates
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import obs_as_tensor
from stable_baselines3.common.vec_env import VecEnv

from training.agent.finite import (
    Place,
    check_last_observation,
    check_observations,
    check_rewards,
    nowhere,
)
from training.agent.gae import advantages_of
from training.agent.rollout import Observations, Rollout
from training.agent.stepper import PolicyStepper
from training.agent.vec_env import SB3TradingVecEnv


class _Truncated(NamedTuple):
    """The end of an episode that was cut: where, what was seen last, the critic's memory then."""

    step: int
    env: int
    observation: Any
    hidden: torch.Tensor
    cells: torch.Tensor


@dataclass(kw_only=True)
class RolloutCollector:
    """One rollout being played.

    Attributes:
        agent: Whose policy acts; its counters and last observations move on as in stock.
        env: The environments.
        callback: Called at every step and at both ends.
        rollout: Filled here.
    """

    agent: RecurrentPPO
    env: VecEnv
    callback: BaseCallback
    rollout: Rollout
    _truncated: list[_Truncated] = field(default_factory=list)

    def collect(self) -> bool:
        """Play the rollout.

        Returns:
            False if a callback asked to stop; the rollout is then not complete.

        Raises:
            TrainingError: If an observation or a reward is NaN or infinite.
        """
        agent = self.agent
        if agent.use_sde:
            policy_of(agent).reset_noise(self.env.num_envs)
        self.callback.on_rollout_start()
        stepper = PolicyStepper(
            policy_of(agent), memory_of(agent), draws_as_stock=self.rollout.slot_steps == 1
        )
        is_complete = all(self._step(step, stepper) for step in range(self.rollout.n_steps))
        agent._last_lstm_states = stepper.states()  # type: ignore[assignment]  # inferred from None
        if not is_complete:
            return False
        self._finish()
        self.callback.on_rollout_end()
        return True

    def _step(self, step: int, stepper: PolicyStepper) -> bool:
        agent, rollout = self.agent, self.rollout
        if agent.use_sde and agent.sde_sample_freq > 0 and step % agent.sde_sample_freq == 0:
            policy_of(agent).reset_noise(self.env.num_envs)
        self._remember_starts(step, stepper)
        seen = obs_as_tensor(_last_observations(agent), agent.device)
        check_observations(agent._last_obs, n_timesteps=agent.num_timesteps, place=self._place)
        actions, values, log_probs = stepper.step(seen)
        played = actions.cpu().numpy()
        new_obs, rewards, dones, infos = self.env.step(self._clipped(played))
        agent.num_timesteps += self.env.num_envs
        if not self._called_back(step, locals()):
            # The memory has moved on, so what is seen next has to as well.
            agent._last_obs = new_obs  # type: ignore[assignment]  # tuples do not come
            agent._last_episode_starts = dones
            return False
        self._note_episodes(infos, dones)
        self._note_truncated(step, dones, infos, stepper)
        check_rewards(rewards, n_timesteps=agent.num_timesteps, place=self._place)
        _write(rollout.observations, step, seen)
        rollout.actions[step] = actions.view(self.env.num_envs, -1)
        rollout.values[step] = values
        rollout.log_probs[step] = log_probs
        rollout.rewards[step] = torch.as_tensor(rewards)
        agent._last_obs = new_obs  # type: ignore[assignment]  # tuples do not come
        agent._last_episode_starts = dones
        return True

    @property
    def _place(self) -> Place:
        return self.env.place_of if isinstance(self.env, SB3TradingVecEnv) else nowhere

    def _remember_starts(self, step: int, stepper: PolicyStepper) -> None:
        starts = np.asarray(self.agent._last_episode_starts, np.bool_)
        self.rollout.episode_starts[step] = starts
        if starts.any():
            stepper.forget(torch.from_numpy(np.flatnonzero(starts)).to(self.agent.device))
        slot, is_between = divmod(step, self.rollout.slot_steps)
        if not is_between:
            stepper.copy_memory(self.rollout.hidden[slot], self.rollout.cells[slot])

    def _clipped(self, actions: NDArray[Any]) -> NDArray[Any]:
        space = self.agent.action_space
        if isinstance(space, spaces.Box):
            return np.asarray(np.clip(actions, space.low, space.high))
        return actions

    def _called_back(self, step: int, played: dict[str, Any]) -> bool:
        """Show callbacks what stock shows under the same names; `lstm_states` are not among it."""
        shown = {name: played[name] for name in ("new_obs", "rewards", "dones", "infos", "values")}
        shown |= {
            "self": self.agent,
            "env": self.env,
            "callback": self.callback,
            "rollout_buffer": self.agent.rollout_buffer,
            "n_rollout_steps": self.rollout.n_steps,
            "n_steps": step,
            "obs_tensor": played["seen"],
            "actions": played["played"],
            "log_probs": played["log_probs"],
        }
        self.callback.update_locals(shown)
        return self.callback.on_step()

    def _note_episodes(self, infos: list[dict[str, Any]], dones: NDArray[np.bool_]) -> None:
        """Feed the log's averages; environments without news have empty infos or none."""
        if any(infos):
            self.agent._update_info_buffer(infos, dones)

    def _note_truncated(
        self,
        step: int,
        dones: NDArray[np.bool_],
        infos: list[dict[str, Any]],
        stepper: PolicyStepper,
    ) -> None:
        """Keep what bootstrapping needs of episodes that were cut in this step."""
        cut = [
            index
            for index in np.flatnonzero(dones)
            if infos[index].get("TimeLimit.truncated", False)
            and infos[index].get("terminal_observation") is not None
        ]
        if not cut:
            return
        for index in cut:
            observation = infos[index]["terminal_observation"]
            check_last_observation(observation, int(index), n_timesteps=self.agent.num_timesteps)
            memory = stepper.critic_memory(int(index))
            self._truncated.append(_Truncated(step, int(index), observation, *memory))

    @torch.no_grad()
    def _finish(self) -> None:
        """Bootstrap, then estimate advantages and returns."""
        agent = self.agent
        check_observations(agent._last_obs, n_timesteps=agent.num_timesteps, place=self._place)
        self._bootstrap()
        dones = torch.from_numpy(np.asarray(agent._last_episode_starts, np.bool_))
        seen = obs_as_tensor(_last_observations(agent), agent.device)
        estimate_advantages(agent, self.rollout, seen, dones.to(agent.device))

    def _bootstrap(self) -> None:
        """Add the discounted values of what cut episodes would have gone on from."""
        if not self._truncated:
            return
        steps, envs, observations, hidden, cells = zip(*self._truncated, strict=True)
        last_seen = self.agent.policy.obs_to_tensor(_stacked(observations))[0]
        memory = (torch.stack(hidden, 1), torch.stack(cells, 1))
        no_starts = torch.zeros(len(steps), device=self.agent.device)
        values = _values(self.agent, last_seen, memory, no_starts)
        self.rollout.rewards[list(steps), list(envs)] += self.agent.gamma * values


def estimate_advantages(
    agent: RecurrentPPO, rollout: Rollout, seen: Observations, dones: torch.Tensor
) -> None:
    """Fill a rollout's advantages and returns.

    Args:
        agent: Its memory is that before `seen`.
        rollout: Played; rewards of cut episodes are bootstrapped already.
        seen: `(n_envs, ...)` observations after the last step.
        dones: `(n_envs,) bool`, whether they begin an episode.
    """
    last_values = _values(agent, seen, memory_of(agent).vf, dones.float())
    starts = torch.from_numpy(rollout.episode_starts[1:]).to(dones.device)
    rollout.advantages[:] = advantages_of(
        rollout.rewards,
        rollout.values,
        torch.cat([starts, dones[None]]),
        last_values,
        gamma=agent.gamma,
        gae_lambda=agent.gae_lambda,
    )
    torch.add(rollout.advantages, rollout.values, out=rollout.returns)


def _values(
    agent: RecurrentPPO, seen: Observations, memory: tuple[torch.Tensor, ...], starts: torch.Tensor
) -> torch.Tensor:
    """Ask stock's own critic: `(n,)` values after one more step of memory."""
    predict: Any = agent.policy.predict_values  # annotated for tensors, takes dictionaries too
    values: torch.Tensor = predict(seen, memory, starts)
    return values.flatten()


def policy_of(agent: RecurrentPPO) -> RecurrentActorCriticPolicy:
    """Return the policy under its own type."""
    policy = agent.policy
    assert isinstance(policy, RecurrentActorCriticPolicy)
    return policy


def memory_of(agent: RecurrentPPO) -> RNNStates:
    """Return the memory of the agent's running episodes."""
    states: Any = agent._last_lstm_states
    assert isinstance(states, RNNStates), "stable-baselines3 makes them when it builds"
    return states


def _last_observations(agent: RecurrentPPO) -> NDArray[Any] | dict[str, NDArray[Any]]:
    assert agent._last_obs is not None, "`learn` resets the environments first"
    return agent._last_obs


def _write(observations: Observations, step: int, seen: Observations) -> None:
    if isinstance(observations, dict):
        assert isinstance(seen, dict)
        for name, tensor in observations.items():
            _write(tensor, step, seen[name])
        return
    assert isinstance(seen, torch.Tensor)
    observations[step] = seen.view(observations.shape[1:])


def _stacked(observations: tuple[Any, ...]) -> Any:
    if isinstance(observations[0], dict):
        return {name: np.stack([seen[name] for seen in observations]) for name in observations[0]}
    return np.stack(observations)
