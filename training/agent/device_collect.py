"""`DeviceCollector`: play a rollout whose market, networks and buffers are tensors of one device.

The twin of `training.agent.collect` for markets made of tensors (`Tape.to`). Nothing inside a
rollout waits for the device: no number is read, no branch depends on one. What the host wants to
know, it reads once at the end: where episodes began, what they earned, whether all is finite.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.callbacks import BaseCallback

from envs.vector_env import Play
from training.agent.collect import estimate_advantages, memory_of, policy_of
from training.agent.finite import check_rollout
from training.agent.rollout import Rollout
from training.agent.stepper import PolicyStepper
from training.agent.vec_env import TensorTradingVecEnv


@dataclass(kw_only=True)
class DeviceCollector:
    """One rollout being played.

    Attributes:
        agent: Whose policy acts; its counters and last observations move on as in stock.
        env: The environments, on the agent's device.
        callback: Called at every step and at both ends; what it sees are tensors.
        rollout: Filled here.
    """

    agent: RecurrentPPO
    env: TensorTradingVecEnv
    callback: BaseCallback
    rollout: Rollout
    _starts: torch.Tensor = field(init=False)
    _rewards: torch.Tensor = field(init=False)
    _no_news: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self._starts = torch.zeros_like(self.rollout.values, dtype=torch.bool)
        self._rewards = torch.zeros_like(self.rollout.rewards)
        self._no_news = [{} for _ in range(self.env.num_envs)]

    def collect(self) -> bool:
        """Play the rollout.

        Returns:
            False if a callback asked to stop; the rollout is then not complete.

        Raises:
            TrainingError: If an observation or a reward is NaN or infinite.
        """
        agent = self.agent
        self.callback.on_rollout_start()
        self.env.prepare(self.rollout.n_steps)
        stepper = PolicyStepper(policy_of(agent), memory_of(agent), draws_as_stock=False)
        seen, starts = self._begin()
        for step in range(self.rollout.n_steps):
            played = self._step(step, seen, starts, stepper)
            seen, starts = played.observations, played.terminated | played.truncated
            if not self._called_back(step, played, starts):
                self._leave(stepper, seen, starts)
                return False
        self._leave(stepper, seen, starts)
        self._finish(seen, starts)
        self.callback.on_rollout_end()
        return True

    @property
    def _observations(self) -> torch.Tensor:
        observations = self.rollout.observations
        assert isinstance(observations, torch.Tensor), "the observation is one box"
        return observations

    def _leave(self, stepper: PolicyStepper, seen: torch.Tensor, starts: torch.Tensor) -> None:
        agent = self.agent
        agent._last_lstm_states = stepper.states()  # type: ignore[assignment]  # inferred from None
        agent._last_obs = seen  # type: ignore[assignment]  # annotated for NumPy
        agent._last_episode_starts = starts  # type: ignore[assignment]  # annotated for NumPy

    def _begin(self) -> tuple[torch.Tensor, torch.Tensor]:
        seen: Any = self.agent._last_obs  # annotated for NumPy; a market of tensors gives tensors
        starts = self.agent._last_episode_starts
        return seen, torch.as_tensor(starts, device=seen.device)

    @torch.no_grad()
    def _step(
        self, step: int, seen: torch.Tensor, starts: torch.Tensor, stepper: PolicyStepper
    ) -> Play:
        rollout = self.rollout
        stepper.forget_where(starts)
        slot, is_between = divmod(step, rollout.slot_steps)
        if not is_between:
            stepper.copy_memory(rollout.hidden[slot], rollout.cells[slot])
        actions, values, log_probs = stepper.step(seen)
        played = self.env.play(actions)
        self._starts[step].copy_(starts)
        self._observations[step].copy_(seen)
        rollout.actions[step].copy_(actions[:, None])
        rollout.values[step].copy_(values)
        rollout.log_probs[step].copy_(log_probs)
        self._rewards[step].copy_(played.rewards)
        rollout.rewards[step].copy_(played.rewards)
        if played.last_observations is not None:
            beyond = stepper.peek_values(played.last_observations)
            rollout.rewards[step].add_(beyond * played.truncated, alpha=self.agent.gamma)
        return played

    def _called_back(self, step: int, played: Play, dones: torch.Tensor) -> bool:
        self.agent.num_timesteps += self.env.num_envs
        shown = {
            "self": self.agent,
            "env": self.env,
            "callback": self.callback,
            "rollout_buffer": self.agent.rollout_buffer,
            "n_rollout_steps": self.rollout.n_steps,
            "n_steps": step,
            "new_obs": played.observations,
            "rewards": played.rewards,
            "dones": dones,
            "infos": self._no_news,
            "obs_tensor": self._observations[step],
            "actions": self.rollout.actions[step],
            "values": self.rollout.values[step],
            "log_probs": self.rollout.log_probs[step],
        }
        self.callback.update_locals(shown)
        return self.callback.on_step()

    @torch.no_grad()
    def _finish(self, seen: torch.Tensor, starts: torch.Tensor) -> None:
        """Let the host see what it needs, then estimate advantages and returns."""
        agent, rollout = self.agent, self.rollout
        rollout.episode_starts[:] = self._starts.cpu().numpy()
        seen_all = torch.cat([self._observations, seen[None]])
        check_rollout(seen_all, self._rewards, rollout.rewards, n_timesteps=agent.num_timesteps)
        ends = torch.cat([self._starts[1:], starts[None]])
        infos = self.env.endings(self._rewards.cpu().numpy(), ends.cpu().numpy())
        agent._update_info_buffer(infos)
        estimate_advantages(agent, rollout, seen, starts)
