"""skrl's `PPO_RNN` on the course.

    python bench/peers/skrl_ppo.py --threads 1

Networks are written as skrl's documentation shows for LSTMs: one call a sequence, cut where an
episode of any row ends. Tensorboard, checkpoints and the progress bar are off.
"""

from __future__ import annotations

from typing import Any

import torch
from course import Clock, Course, MeteredEnv, run
from skrl.agents.torch.ppo import PPO_RNN
from skrl.envs.wrappers.torch import Wrapper
from skrl.memories.torch import RandomMemory
from skrl.models.torch import CategoricalMixin, DeterministicMixin, Model
from skrl.trainers.torch import SequentialTrainer
from torch import nn


class ArrayWrapper(Wrapper):
    """Our vector environment as skrl wants it; arrays become tensors without a copy."""

    def __init__(self, env: MeteredEnv) -> None:
        super().__init__(env.env)
        self._metered = env
        self._latest: torch.Tensor | None = None

    @property
    def observation_space(self) -> Any:
        """Of one env."""
        return self._env.single_observation_space

    @property
    def action_space(self) -> Any:
        """Of one env."""
        return self._env.single_action_space

    def reset(self) -> tuple[torch.Tensor, dict[str, Any]]:
        """Start every episode, once."""
        if self._latest is None:
            self._latest = torch.from_numpy(self._metered.reset())
        return self._latest, {}

    def step(self, actions: torch.Tensor) -> tuple[Any, ...]:
        """Play one bar.

        An episode that was cut counts as terminated too: skrl's advantages run on over cuts, and
        only its value at the cut (`time_limit_bootstrap`) asks for `truncated`.
        """
        seen, rewards, terminated, truncated = self._metered.step(actions.view(-1).numpy())
        self._latest = torch.from_numpy(seen)
        ended = torch.from_numpy(terminated | truncated).view(-1, 1)
        cut = torch.from_numpy(truncated).view(-1, 1)
        return self._latest, torch.from_numpy(rewards).view(-1, 1), ended, cut, {}

    def state(self) -> None:
        """Nothing beside the observations."""

    def render(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to draw."""

    def close(self) -> None:
        """Nothing to close."""


class Remembering(Model):
    """LSTM, one tanh layer, linear output."""

    def build(self, course: Course, n_outputs: int) -> None:
        """Make the layers."""
        self._course = course
        self.lstm = nn.LSTM(self.num_observations, course.hidden, batch_first=True)
        self.head = nn.Sequential(
            nn.Linear(course.hidden, course.head), nn.Tanh(), nn.Linear(course.head, n_outputs)
        )

    def get_specification(self) -> dict[str, Any]:
        """Tell skrl the shapes of the memory and how long sequences are."""
        size = (1, self._course.n_envs, self._course.hidden)
        return {"rnn": {"sequence_length": self._course.n_steps, "sizes": [size, size]}}

    def compute(
        self, inputs: dict[str, Any], role: str = ""
    ) -> tuple[torch.Tensor, dict[str, Any]]:
        """Run over one step of every env, or over the sequences of a minibatch."""
        seen, memory = inputs["observations"], tuple(inputs["rnn"])
        if not self.training:
            outputs, memory = self.lstm(seen.unsqueeze(1), memory)
        else:
            outputs, memory = self._sequences(seen, memory, inputs.get("terminated"))
        return self.head(outputs.flatten(0, 1)), {"rnn": list(memory)}

    def _sequences(
        self, seen: torch.Tensor, memory: Any, ended: torch.Tensor | None
    ) -> tuple[torch.Tensor, Any]:
        n_steps = self._course.n_steps
        rows = seen.view(-1, n_steps, seen.shape[-1])
        memory = tuple(
            part.view(1, -1, n_steps, part.shape[-1])[:, :, 0].contiguous() for part in memory
        )
        if ended is None or not bool(ended.any()):
            return self.lstm(rows, memory)
        ended = ended.view(-1, n_steps)
        cuts = (ended[:, :-1].any(0).nonzero().flatten() + 1).tolist()
        outputs = []
        for start, stop in zip([0, *cuts], [*cuts, n_steps], strict=True):
            output, memory = self.lstm(rows[:, start:stop], memory)
            keeps = (~ended[:, stop - 1]).view(1, -1, 1)
            memory = tuple(part * keeps for part in memory)
            outputs.append(output)
        return torch.cat(outputs, 1), memory


class Actor(CategoricalMixin, Remembering):
    """Logits of the actions."""

    def __init__(self, course: Course, spaces: dict[str, Any]) -> None:
        Model.__init__(self, **spaces)
        CategoricalMixin.__init__(self)
        self.build(course, self.num_actions)


class Critic(DeterministicMixin, Remembering):
    """The value."""

    def __init__(self, course: Course, spaces: dict[str, Any]) -> None:
        Model.__init__(self, **spaces)
        DeterministicMixin.__init__(self)
        self.build(course, 1)


class TimedPPO(PPO_RNN):
    """Marks the clock after every update."""

    clock: Clock

    def update(self, *, timestep: int, timesteps: int) -> None:
        """Update, then mark."""
        super().update(timestep=timestep, timesteps=timesteps)
        self.clock.mark()


def train(course: Course, env: MeteredEnv, clock: Clock) -> None:
    """Train for the course's iterations."""
    torch.set_num_threads(course.threads)
    torch.manual_seed(0)  # noqa: TID251  # a script of its own, with a library of its own
    wrapper = ArrayWrapper(env)
    spaces = {
        "observation_space": wrapper.observation_space,
        "action_space": wrapper.action_space,
        "device": "cpu",
    }
    agent = TimedPPO(
        models={"policy": Actor(course, spaces), "value": Critic(course, spaces)},
        memory=RandomMemory(memory_size=course.n_steps, num_envs=course.n_envs, device="cpu"),
        cfg=settings(course),
        **spaces,
    )
    agent.clock = clock
    trainer = SequentialTrainer(
        env=wrapper,
        agents=agent,
        cfg={
            "timesteps": course.n_steps * course.n_iterations,
            "headless": True,
            "disable_progressbar": True,
            "close_environment_at_exit": False,
        },
    )
    clock.mark()
    trainer.train()


def settings(course: Course) -> dict[str, Any]:
    """Translate the course to skrl's settings."""
    return {
        "rollouts": course.n_steps,
        "learning_epochs": course.n_epochs,
        "mini_batches": course.n_minibatches,
        "discount_factor": 0.99,
        "gae_lambda": 0.95,
        "learning_rate": course.learning_rate,
        "grad_norm_clip": 0.5,
        "ratio_clip": 0.2,
        "value_clip": 0.0,
        "entropy_loss_scale": course.ent_coef,
        "value_loss_scale": 0.5,
        "time_limit_bootstrap": True,
        "experiment": {"write_interval": 0, "checkpoint_interval": 0},
    }


if __name__ == "__main__":
    run("skrl PPO_RNN", train)
