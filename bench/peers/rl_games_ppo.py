"""rl-games' recurrent PPO (`a2c_discrete` with an LSTM) on the course.

    python bench/peers/rl_games_ppo.py --threads 1 [--variant compiled]

Timed by its own clock of rollouts and updates, which leaves its logging out. `--variant compiled`
is rl-games' default, `torch.compile`; without it the model runs as it is.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from typing import Any

import torch
from course import Clock, Course, MeteredEnv, run
from rl_games.common import env_configurations, vecenv
from rl_games.common.algo_observer import DefaultAlgoObserver
from rl_games.common.ivecenv import IVecEnv
from rl_games.torch_runner import Runner

NAME = "walkfast"


class ArrayVecEnv(IVecEnv):
    """Our vector environment as rl-games wants it; arrays become tensors without a copy."""

    def __init__(self, env: MeteredEnv) -> None:
        self._metered = env

    def reset(self) -> torch.Tensor:
        """Start every episode."""
        return torch.from_numpy(self._metered.reset())

    def step(self, actions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, Any]:
        """Play one bar; `time_outs` has rl-games add the value where an episode was cut."""
        seen, rewards, terminated, truncated = self._metered.step(actions.numpy())
        dones = torch.from_numpy(terminated | truncated)
        cuts = {"time_outs": torch.from_numpy(truncated)}
        return torch.from_numpy(seen), torch.from_numpy(rewards), dones, cuts

    def get_env_info(self) -> dict[str, Any]:
        """Tell the spaces of one env."""
        env = self._metered.env
        return {
            "observation_space": env.single_observation_space,
            "action_space": env.single_action_space,
        }


class TimedObserver(DefaultAlgoObserver):
    """Takes the seconds of rollouts and updates that rl-games measured."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock, self._latest_epoch = clock, 0

    def after_print_stats(self, frame: int, epoch_num: int, total_time: float) -> None:
        """Note an update, once: rl-games 1.6 calls this twice after each."""
        if epoch_num != self._latest_epoch:
            self._clock.mark_at(total_time)
        self._latest_epoch = epoch_num


def train(course: Course, env: MeteredEnv, clock: Clock) -> None:
    """Train for the course's iterations; rl-games talks, so its words go to stderr."""
    vecenv.register("ARRAYS", lambda config_name, num_actors, **kwargs: ArrayVecEnv(env))
    env_configurations.register(NAME, {"vecenv_type": "ARRAYS"})
    clock.mark_at(0.0)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        os.chdir(folder)
        runner = Runner(TimedObserver(clock))
        runner.load({"params": settings(course, folder)})
        runner.run({"train": True})
        os.chdir("/")


def settings(course: Course, folder: str) -> dict[str, Any]:
    """Translate the course to rl-games' settings."""
    return {
        "seed": 1,
        "torch_threads": course.threads,
        "algo": {"name": "a2c_discrete"},
        "model": {"name": "discrete_a2c"},
        "network": network(course),
        "config": training(course, folder),
    }


def network(course: Course) -> dict[str, Any]:
    """An LSTM, then one tanh layer, for actor and critic each."""
    return {
        "name": "actor_critic",
        "separate": True,
        "space": {"discrete": None},
        "mlp": {
            "units": [course.head],
            "activation": "tanh",
            "initializer": {"name": "default"},
            "regularizer": {"name": "None"},
        },
        "rnn": {"name": "lstm", "units": course.hidden, "layers": 1, "before_mlp": True},
    }


def training(course: Course, folder: str) -> dict[str, Any]:
    """PPO's numbers; its value loss is half of `critic_coef` times the square, as ours."""
    return {
        "name": NAME,
        "env_name": NAME,
        "train_dir": folder,
        "device": "cpu",
        "torch_compile": course.variant == "compiled",
        "num_actors": course.n_envs,
        "horizon_length": course.n_steps,
        "seq_length": course.n_steps,
        "minibatch_size": course.batch_size,
        "mini_epochs": course.n_epochs,
        "max_epochs": course.n_iterations,
        "gamma": 0.99,
        "tau": 0.95,
        "learning_rate": course.learning_rate,
        "lr_schedule": None,
        "e_clip": 0.2,
        "clip_value": False,
        "entropy_coef": course.ent_coef,
        "critic_coef": 1.0,
        "grad_norm": 0.5,
        "truncate_grads": True,
        "normalize_advantage": True,
        "normalize_input": False,
        "normalize_value": False,
        "value_bootstrap": True,
        "reward_shaper": {"scale_value": 1.0},
        "mixed_precision": False,
        "print_stats": False,
        "save_frequency": 0,
        "save_best_after": 10**9,
    }


if __name__ == "__main__":
    run("rl-games a2c_discrete", train)
