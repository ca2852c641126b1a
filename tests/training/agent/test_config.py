"""AgentConfig: what is refused, and that the original agent is the one on the design page."""

import math
from dataclasses import fields, replace

import pytest

from envs.errors import ConfigError, UnknownNameError
from training.agent.config import ORIGINAL_AGENT, AgentConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lstm_hidden_size", 0),
        ("n_lstm_layers", 0),
        ("optimizer_eps", 0.0),
        ("weight_decay", -1e-6),
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("learning_rate", math.inf),
        ("n_envs", 0),
        ("n_steps", 0),
        ("batch_size", 1),
        ("n_epochs", 0),
        ("gamma", 1.01),
        ("gae_lambda", -0.1),
        ("clip_range", 0.0),
        ("clip_range_vf", 0.0),
        ("ent_coef", -0.1),
        ("vf_coef", -0.1),
        ("max_grad_norm", 0.0),
        ("target_kl", 0.0),
        ("n_threads", 0),
        ("net_arch", (64, 0)),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=name):
        replace(AgentConfig(), **{name: value})


@pytest.mark.parametrize("name", ["critic_lstm", "activation", "optimizer"])
def test_an_unknown_name_gets_the_valid_ones(name: str) -> None:
    with pytest.raises(UnknownNameError, match="Choose from"):
        replace(AgentConfig(), **{name: "adamx"})


def test_a_batch_that_does_not_divide_the_rollout_is_refused_with_the_numbers() -> None:
    with pytest.raises(ConfigError, match=r"16 \* 3 = 48 steps a rollout and batches of 32"):
        AgentConfig(n_steps=16, n_envs=3, batch_size=32)


def test_off_is_none() -> None:
    config = AgentConfig(clip_range_vf=None, target_kl=None)
    assert config.clip_range_vf is None
    assert config.target_kl is None


def test_counts_of_a_rollout() -> None:
    config = AgentConfig(n_steps=16, n_envs=4, batch_size=32)
    assert config.rollout_steps == 64
    assert config.n_minibatches == 2


def test_the_original_agent_is_the_design_pages() -> None:
    expected = {
        "lstm_hidden_size": 256,
        "n_lstm_layers": 2,
        "critic_lstm": "separate",
        "net_arch": (128, 64),
        "activation": "mish",
        "optimizer": "adamw",
        "optimizer_eps": 1e-5,
        "weight_decay": 1e-6,
        "learning_rate": 5e-4,
        "n_envs": 1,
        "n_steps": 512,
        "batch_size": 256,
        "n_epochs": 12,
        "gamma": 0.99,
        "gae_lambda": 0.98,
        "clip_range": 0.1,
        "clip_range_vf": 0.1,
        "ent_coef": 0.05,
        "vf_coef": 1.0,
        "max_grad_norm": 0.5,
        "target_kl": None,
        "engine": "stock",
        "chunk_steps": None,
        "precision": "fp32",
        "n_threads": 1,
    }
    assert {f.name: getattr(ORIGINAL_AGENT, f.name) for f in fields(AgentConfig)} == expected


def test_a_chunk_that_does_not_divide_is_refused_before_anything_starts() -> None:
    with pytest.raises(ConfigError, match="chunk_steps must divide n_steps and batch_size"):
        AgentConfig(chunk_steps=48)
    assert AgentConfig(chunk_steps=48, engine="exact").chunk_steps == 48  # it is not used there
