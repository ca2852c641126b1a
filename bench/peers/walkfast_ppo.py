"""Our engine on the course.

    python bench/peers/walkfast_ppo.py --threads 2 [--variant bf16|fp32|exact|stock]

`--threads` are cores: workers of one torch thread each. `--variant stock` is sb3-contrib's
`RecurrentPPO` with as many torch threads. The default is fp32, as peers run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from course import Clock, Course, MeteredEnv, run  # puts the repository on the path
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback

from bench.speed.arms import with_engine
from training.agent.build import build_agent
from training.agent.config import AgentConfig
from training.agent.vec_env import SB3TradingVecEnv

ENGINES = {"": "chunked", "fp32": "chunked", "bf16": "chunked", "exact": "exact", "stock": "stock"}


class Marks(BaseCallback):
    """Marks the clock after every update and meters rewards."""

    def __init__(self, env: MeteredEnv, clock: Clock) -> None:
        super().__init__()
        self._env, self._clock = env, clock

    def _on_rollout_start(self) -> None:
        self._clock.mark()

    def _on_step(self) -> bool:
        rewards: NDArray[Any] = self.locals["rewards"]
        self._env.note(rewards, np.asarray(self.locals["dones"]))
        return True

    def _on_training_end(self) -> None:
        self._clock.mark()


def train(course: Course, env: MeteredEnv, clock: Clock) -> None:
    """Train for the course's iterations."""
    config = AgentConfig(
        lstm_hidden_size=course.hidden,
        net_arch=(course.head,),
        learning_rate=course.learning_rate,
        n_envs=course.n_envs,
        n_steps=course.n_steps,
        batch_size=course.batch_size,
        n_epochs=course.n_epochs,
        ent_coef=course.ent_coef,
    )
    precision = "bf16" if course.variant == "bf16" else "fp32"
    config = with_engine(config, ENGINES[course.variant], course.threads, precision)
    agent = build_agent(SB3TradingVecEnv(env.env), config, seed=0, device="cpu")
    agent.learn(course.rollout_steps * course.n_iterations, callback=Marks(env, clock))


if __name__ == "__main__":
    run("walkfast", train)
