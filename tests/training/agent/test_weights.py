"""Weights in memory: copies stand still, go back exactly, and mix as the paper says."""

import dataclasses

import numpy as np
import pytest
import torch

from envs.errors import ConfigError
from tests.training.small_market import SMALL_AGENT, small_agent
from training.agent.weights import (
    restore_weights,
    shrink_and_perturb,
    snapshot_weights,
    weights_sha256,
)
from training.errors import ModelError

W = {"a": torch.tensor([1.0, -2.0]), "b": torch.tensor([[4.0]])}
FRESH = {"a": torch.tensor([3.0, -1.0]), "b": torch.tensor([[0.0]])}


def test_a_snapshot_stands_still_while_training_goes_on_and_goes_back_exactly() -> None:
    agent = small_agent(n_updates=1)
    snapshot = snapshot_weights(agent)
    name_before = weights_sha256(snapshot)
    agent.learn(SMALL_AGENT.rollout_steps)
    assert weights_sha256(agent.policy.state_dict()) != name_before
    assert weights_sha256(snapshot) == name_before
    restore_weights(agent, snapshot)
    assert weights_sha256(agent.policy.state_dict()) == name_before


def test_restored_weights_are_those_that_the_optimizer_moves() -> None:
    agent = small_agent(n_updates=1)
    restore_weights(agent, snapshot_weights(small_agent(seed=1)))
    before = weights_sha256(agent.policy.state_dict())
    agent.learn(SMALL_AGENT.rollout_steps)
    assert weights_sha256(agent.policy.state_dict()) != before


def test_weights_of_another_network_are_refused() -> None:
    wider = dataclasses.replace(SMALL_AGENT, lstm_hidden_size=9)
    with pytest.raises(ModelError, match="same layers"):
        restore_weights(small_agent(), snapshot_weights(small_agent(wider)))


def test_shrinking_keeps_a_share_of_every_weight() -> None:
    mixed = shrink_and_perturb(
        W, FRESH, shrink_frac=0.25, perturb_frac=None, generator=np.random.default_rng(0)
    )
    assert mixed["a"].tolist() == [0.25, -0.5]
    assert mixed["b"].tolist() == [[1.0]]


def test_perturbing_adds_noise_at_the_scale_of_the_fresh_layer() -> None:
    mixed = shrink_and_perturb(
        W, FRESH, shrink_frac=None, perturb_frac=0.5, generator=np.random.default_rng(0)
    )
    noise = np.random.default_rng(0).standard_normal(2)
    # The fresh layer [3, -1] has mean 1 and deviation 2; a single number has deviation 0.
    np.testing.assert_allclose(
        mixed["a"].numpy(), [1.0 + 0.5 * 2.0 * noise[0], -2.0 + 0.5 * 2.0 * noise[1]], rtol=1e-6
    )
    assert mixed["b"].tolist() == [[4.0]]


def test_mixing_changes_neither_input_and_repeats_with_its_generator() -> None:
    first, again = (
        shrink_and_perturb(
            W, FRESH, shrink_frac=0.5, perturb_frac=0.1, generator=np.random.default_rng(7)
        )
        for _ in range(2)
    )
    assert weights_sha256(first) == weights_sha256(again)
    assert W["a"].tolist() == [1.0, -2.0]
    assert FRESH["a"].tolist() == [3.0, -1.0]


@pytest.mark.parametrize("name", ["shrink_frac", "perturb_frac"])
@pytest.mark.parametrize("value", [0.0, 1.5, float("nan")])
def test_a_fraction_out_of_range_is_refused(name: str, value: float) -> None:
    fractions = {"shrink_frac": None, "perturb_frac": None, name: value}
    with pytest.raises(ConfigError, match=name):
        shrink_and_perturb(W, FRESH, **fractions, generator=np.random.default_rng(0))


def test_the_hash_names_content_and_not_order() -> None:
    assert weights_sha256(W) == weights_sha256(dict(reversed(W.items())))
    changed = {**W, "b": torch.tensor([[4.0000005]])}
    assert weights_sha256(W) != weights_sha256(changed)
