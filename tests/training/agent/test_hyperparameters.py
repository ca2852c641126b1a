"""Schedules reach the optimizer and PPO's clip range, seen from inside `learn`."""

import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback

from tests.training.small_market import SMALL_AGENT, small_agent
from training.agent.hyperparameters import apply_hyperparameters, read_hyperparameters
from training.rules.schedules import Hyperparameters, ScheduleConfig, hyperparameters_at

BASE = Hyperparameters(learning_rate=1e-3, n_epochs=2, ent_coef=0.03, clip_range=0.4)
N_UPDATES = 4


class Scheduled(BaseCallback):
    """Applies a schedule before each rollout and notes what the update after it really used."""

    def __init__(self, schedule: ScheduleConfig) -> None:
        super().__init__()
        self.schedule = schedule
        self.wanted: list[Hyperparameters] = []
        self.read: list[Hyperparameters] = []
        self.logged: list[tuple[float, float]] = []
        self.stepped_with: list[set[float]] = []
        self._rates: set[float] = set()

    def _on_training_start(self) -> None:
        self.model.policy.optimizer.register_step_pre_hook(
            lambda optimizer, *_: self._rates.update(g["lr"] for g in optimizer.param_groups)
        )

    def _on_rollout_start(self) -> None:
        if self.wanted:
            self._note()
        progress = self.num_timesteps / (N_UPDATES * SMALL_AGENT.rollout_steps)
        previous = read_hyperparameters(self.model)
        kl = self.logger.name_to_value.get("train/approx_kl") if self.wanted else None
        self.wanted.append(
            hyperparameters_at(self.schedule, BASE, progress, previous=previous, last_kl=kl)
        )
        apply_hyperparameters(self.model, self.wanted[-1])

    def _on_step(self) -> bool:
        return True

    def _on_training_end(self) -> None:
        self._note()

    def _note(self) -> None:
        self.read.append(read_hyperparameters(self.model))
        values = self.logger.name_to_value
        self.logged.append((values["train/learning_rate"], values["train/clip_range"]))
        self.stepped_with.append(set(self._rates))
        self._rates.clear()


@pytest.mark.parametrize(
    "kind", ["constant", "linear", "cosine", "one_cycle", "phases", "kl_adaptive"]
)
def test_every_update_runs_with_what_the_schedule_says(kind: str) -> None:
    agent, callback = small_agent(), Scheduled(ScheduleConfig(kind=kind))
    agent.learn(N_UPDATES * SMALL_AGENT.rollout_steps, callback=callback)
    assert len(callback.wanted) == N_UPDATES
    assert callback.read == callback.wanted
    rates = [values.learning_rate for values in callback.wanted]
    assert callback.stepped_with == [{rate} for rate in rates]
    assert callback.logged == [(v.learning_rate, v.clip_range) for v in callback.wanted]
    if kind in {"linear", "cosine", "one_cycle", "phases"}:
        assert len(set(rates)) > 1


def test_epochs_and_entropy_reach_the_update() -> None:
    agent = small_agent()
    apply_hyperparameters(
        agent, Hyperparameters(learning_rate=1e-3, n_epochs=5, ent_coef=0.3, clip_range=0.1)
    )
    before = agent._n_updates
    agent.learn(SMALL_AGENT.rollout_steps)
    assert agent._n_updates - before == 5
    assert agent.ent_coef == 0.3


def test_a_learning_rate_of_almost_nothing_moves_no_weight() -> None:
    agent = small_agent()
    apply_hyperparameters(
        agent, Hyperparameters(learning_rate=1e-30, n_epochs=2, ent_coef=0.0, clip_range=0.1)
    )
    before = {name: tensor.clone() for name, tensor in agent.policy.state_dict().items()}
    agent.learn(SMALL_AGENT.rollout_steps)
    after = agent.policy.state_dict()
    for name, tensor in before.items():
        torch.testing.assert_close(after[name], tensor, rtol=0.0, atol=1e-20)


def test_what_was_built_is_what_is_read() -> None:
    values = read_hyperparameters(small_agent())
    assert values == Hyperparameters(learning_rate=1e-3, n_epochs=2, ent_coef=0.03, clip_range=0.4)
