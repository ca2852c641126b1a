"""Building the stock agent: every setting arrives, seeds repeat, devices are checked."""

import dataclasses

import gymnasium
import pytest
import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from envs.errors import ConfigError, UnknownNameError
from training.agent.build import build_agent, resolve_device
from training.agent.config import ORIGINAL_AGENT, AgentConfig
from training.agent.recurrent_ppo import FastRecurrentPPO

SMALL = AgentConfig(
    lstm_hidden_size=4, net_arch=(5,), n_envs=2, n_steps=8, batch_size=8, n_epochs=2
)


def vec_env(n_envs: int = 2) -> VecEnv:
    return DummyVecEnv([lambda: gymnasium.make("CartPole-v1")] * n_envs)


def test_the_original_agent_has_the_original_networks_and_settings() -> None:
    agent = build_agent(vec_env(1), ORIGINAL_AGENT, seed=0, device="cpu")
    policy = agent.policy
    assert (policy.lstm_actor.hidden_size, policy.lstm_actor.num_layers) == (256, 2)
    assert (policy.lstm_critic.hidden_size, policy.lstm_critic.num_layers) == (256, 2)
    heads = policy.mlp_extractor
    for head in (heads.policy_net, heads.value_net):
        kinds = [type(layer).__name__ for layer in head]
        assert kinds == ["Linear", "Mish", "Linear", "Mish"]
        assert [head[0].out_features, head[2].out_features] == [128, 64]
    assert type(policy.optimizer) is torch.optim.AdamW
    group = policy.optimizer.param_groups[0]
    assert (group["lr"], group["eps"], group["weight_decay"]) == (5e-4, 1e-5, 1e-6)
    assert (agent.n_steps, agent.batch_size, agent.n_epochs) == (512, 256, 12)
    assert (agent.gamma, agent.gae_lambda, agent.ent_coef) == (0.99, 0.98, 0.05)
    assert (agent.vf_coef, agent.max_grad_norm, agent.target_kl) == (1.0, 0.5, None)
    assert (agent.clip_range(1.0), agent.clip_range_vf(1.0)) == (0.1, 0.1)


@pytest.mark.parametrize(
    ("critic_lstm", "has_lstm", "has_linear"),
    [("separate", True, False), ("shared", False, False), ("none", False, True)],
)
def test_the_critics_memory_is_as_chosen(
    critic_lstm: str, has_lstm: bool, has_linear: bool
) -> None:
    config = dataclasses.replace(SMALL, critic_lstm=critic_lstm, optimizer="adam")
    policy = build_agent(vec_env(), config, seed=0, device="cpu").policy
    assert (policy.lstm_critic is not None) is has_lstm
    assert (policy.critic is not None) is has_linear
    assert policy.shared_lstm is (critic_lstm == "shared")
    assert type(policy.optimizer) is torch.optim.Adam


def trained(seed: int) -> dict[str, torch.Tensor]:
    agent = build_agent(vec_env(), SMALL, seed=seed, device="cpu")
    return dict(agent.learn(32).policy.state_dict())


def test_the_same_seed_trains_the_same_bits_and_another_does_not() -> None:
    first, again, other = trained(3), trained(3), trained(4)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["action_net.weight"], other["action_net.weight"])


def test_the_number_of_threads_is_pinned() -> None:
    before = torch.get_num_threads()
    try:
        stock = dataclasses.replace(SMALL, n_threads=2, engine="stock")
        build_agent(vec_env(), stock, seed=0, device="cpu")
        assert torch.get_num_threads() == 2
        ours = dataclasses.replace(SMALL, n_threads=2)  # two workers of one thread each
        build_agent(vec_env(), ours, seed=0, device="cpu")
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("given", "n_workers"), [("1", 1), ("2", 2), ("8", 2), ("", 2), ("0", 2), ("x", 2)]
)
def test_a_process_that_was_given_one_thread_learns_on_one(
    given: str, n_workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WALKFAST_THREADS", given)
    agent = build_agent(vec_env(), SMALL, seed=0, device="cpu")
    assert isinstance(agent, FastRecurrentPPO)
    assert agent.n_workers == n_workers
    assert SMALL.n_workers == 2  # what is recorded stays


def test_another_number_of_environments_than_configured_is_refused() -> None:
    with pytest.raises(ConfigError, match="3 environments and n_envs 2"):
        build_agent(vec_env(3), SMALL, seed=0, device="cpu")


def test_cuda_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="no CUDA device"):
        resolve_device("cuda")
    assert resolve_device("auto") == torch.device("cpu")


def test_auto_takes_cuda_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto") == torch.device("cuda")
    assert resolve_device("cpu") == torch.device("cpu")


def test_an_unknown_device_gets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'cuda'"):
        resolve_device("cuda0")


@pytest.mark.parametrize("engine", ["exact", "chunked"])
def test_an_engine_is_chosen_by_name_and_trains_the_same_bits_twice(engine: str) -> None:
    config = dataclasses.replace(SMALL, engine=engine, chunk_steps=4, n_epochs=3)

    def trained_by(config: AgentConfig) -> dict[str, torch.Tensor]:
        agent = build_agent(vec_env(), config, seed=3, device="cpu")
        assert (type(agent), agent.engine) == (FastRecurrentPPO, engine)
        return dict(agent.learn(64).policy.state_dict())

    first, again = trained_by(config), trained_by(config)
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_ours_is_the_default_and_stock_stays_to_be_had() -> None:
    stock = dataclasses.replace(SMALL, engine="stock")
    assert type(build_agent(vec_env(), stock, seed=0, device="cpu")) is RecurrentPPO
    agent = build_agent(vec_env(), SMALL, seed=0, device="cpu")
    assert isinstance(agent, FastRecurrentPPO)
    assert (agent.engine, agent.precision, agent.n_workers) == ("chunked", "fp32", 2)
