"""One optimizer step: on one thread or two, in float32 or bfloat16, whatever the networks share."""

import copy
import os
import signal
import time
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.torch_layers import FlattenExtractor
from torch import nn

from envs.errors import ConfigError
from tests.training.agent.engine_twins import (
    SETTINGS,
    Case,
    difference,
    fill,
    noisy_vec_env,
    starts_for,
)
from tests.training.agent.stock_rollout import rollout_of
from training.agent import update
from training.agent.forward import are_independent
from training.agent.recurrent_ppo import FastRecurrentPPO
from training.agent.update import fuse


class Learned(FlattenExtractor):
    """An extractor with weights, which actor and critic may share."""

    def __init__(self, space: Any) -> None:
        super().__init__(space)
        self.linear = nn.Linear(self.features_dim, self.features_dim)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        return self.linear(super().forward(observations))


def trained(*, n_updates: int = 3, policy: dict[str, Any] | None = None, **settings: Any) -> Any:
    agent = FastRecurrentPPO(
        "MlpLstmPolicy",
        noisy_vec_env(4),
        n_steps=8,
        batch_size=16,
        n_epochs=2,
        policy_kwargs={"lstm_hidden_size": 16, "net_arch": [8], **(policy or {})},
        **SETTINGS,
        **settings,
    )
    return agent.learn(n_updates * 32)


def weights(agent: FastRecurrentPPO) -> torch.Tensor:
    return nn.utils.parameters_to_vector(agent.policy.parameters()).detach()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("engine", ["exact", "chunked"])
def test_two_workers_give_the_bits_of_one(engine: Any, precision: Any) -> None:
    one, two = (trained(engine=engine, precision=precision, n_workers=n) for n in (1, 2))
    assert torch.equal(weights(one), weights(two))


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({}, True),
        ({"enable_critic_lstm": False}, True),
        ({"enable_critic_lstm": False, "shared_lstm": True}, False),
        ({"features_extractor_class": Learned}, False),
        ({"features_extractor_class": Learned, "share_features_extractor": False}, True),
    ],
    ids=str,
)
def test_halves_learn_apart_only_where_they_share_nothing(
    policy: dict[str, Any], expected: bool
) -> None:
    assert are_independent(trained(policy=policy).policy) is expected


@pytest.mark.parametrize("critic", ["separate", "none"])
def test_learning_apart_is_learning_jointly(critic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(critic=critic, clip_range_vf=0.3)
    apart, jointly = (case.agent(FastRecurrentPPO, engine="exact") for _ in range(2))
    jointly.policy.load_state_dict(apart.policy.state_dict())
    for agent in (apart, jointly):
        if agent is jointly:
            monkeypatch.setattr(update, "are_independent", lambda _policy: False)
        fill(agent.rollout_buffer, starts_for(case, 1), 1, double=True)
        agent._rollout = rollout_of(agent.rollout_buffer, has_critic_lstm=critic == "separate")
        np.random.seed(1)  # noqa: NPY002  # where stock's minibatches are drawn from
        agent.train()
    assert difference(apart, jointly) < 1e-12


def test_bfloat16_moves_float32_weights_to_nearly_the_same_place() -> None:
    start, full, half = trained(n_updates=0), trained(), trained(precision="bf16")
    assert {weight.dtype for weight in half.policy.parameters()} == {torch.float32}
    moved, apart = weights(full) - weights(start), weights(half) - weights(full)
    assert 0.0 < apart.norm() < 0.2 * moved.norm()


def test_the_optimizer_steps_fused_even_after_stocks_state_was_loaded() -> None:
    agent = trained()
    state = agent.policy.optimizer.state_dict()
    for group in state["param_groups"]:
        group["fused"] = None
    agent.policy.optimizer.load_state_dict(state)
    agent.learn(32)
    assert all(group["fused"] for group in agent.policy.optimizer.param_groups)


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW])
def test_a_fused_step_is_the_plain_one(kind: type[torch.optim.Adam]) -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(50, dtype=torch.float64, generator=generator)
    ours, plain = (nn.Parameter(start.clone()) for _ in range(2))
    optimizers = [kind([weight], lr=0.1, eps=1e-5) for weight in (ours, plain)]
    fuse(optimizers[0])
    for _ in range(5):
        gradient = torch.randn(50, dtype=torch.float64, generator=generator)
        for weight, optimizer in zip((ours, plain), optimizers, strict=True):
            weight.grad = gradient.clone()
            optimizer.step()
    assert torch.allclose(ours, plain, rtol=1e-12, atol=1e-15)


def test_an_optimizer_of_another_kind_is_left_alone() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    before = dict(optimizer.param_groups[0])
    fuse(optimizer)
    assert optimizer.param_groups[0] == before


@pytest.mark.parametrize("name", ["engine", "precision"])
def test_an_unknown_choice_is_refused(name: str) -> None:
    with pytest.raises(Exception, match=f"{name}.*\n.*nonsense"):
        trained(**{name: "nonsense"})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_goes_on_training_with_two_workers() -> None:
    agent = trained(n_workers=2)
    child = os.fork()
    if not child:
        agent.learn(32)
        os._exit(0)
    deadline_s = time.monotonic() + 30.0
    while time.monotonic() < deadline_s:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert status == 0
            return
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    pytest.fail("the child waits for a thread that only its parent has")


def test_an_agent_can_be_copied_after_two_workers_trained_it() -> None:
    agent = trained(n_workers=2)
    assert torch.equal(weights(copy.deepcopy(agent)), weights(agent))
    assert not [value for value in vars(agent).values() if isinstance(value, update.Updater)]


def test_another_policy_is_learned_from_the_next_update_on() -> None:
    agent, other = trained(), trained()
    agent.policy = other.policy
    before = weights(other).clone()
    agent.train()
    assert not torch.equal(weights(other), before)


def test_a_helper_that_is_still_learning_is_waited_for_when_the_actor_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent, ended = trained(n_workers=2), []
    critic_loss = update.critic_loss

    def slow(*arguments: Any) -> Any:
        time.sleep(0.2)
        ended.append(True)
        return critic_loss(*arguments)

    def fails(*_arguments: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(update, "critic_loss", slow)
    monkeypatch.setattr(update, "actor_loss", fails)
    with pytest.raises(KeyboardInterrupt):
        agent.train()
    assert ended, "a late gradient would land in the next update"


@pytest.mark.parametrize("n_workers", [0, 3])
def test_a_number_of_workers_that_cannot_be_is_refused(n_workers: int) -> None:
    with pytest.raises(ConfigError, match="one worker or two"):
        trained(n_workers=n_workers)


def test_the_agent_runs_on_its_own_threads_and_gives_torchs_back() -> None:
    seen, before = [], torch.get_num_threads()

    class Watch(BaseCallback):
        def _on_step(self) -> bool:
            seen.append(torch.get_num_threads())
            return True

    torch.set_num_threads(2)
    try:
        for n_torch_threads in (1, None):
            trained(n_updates=0, n_torch_threads=n_torch_threads).learn(32, callback=Watch())
        assert seen == [1] * 8 + [2] * 8
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
