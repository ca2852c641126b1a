"""Oracles worked by hand for what the bench weighs updates with."""

from dataclasses import replace

import pytest
from sb3_contrib import RecurrentPPO

from bench.speed.arms import built
from bench.speed.rates import epoch_flops, forward_flops, update_shapes, useful_flops_per_step
from training.agent.config import AgentConfig

TINY = AgentConfig(
    lstm_hidden_size=3,
    n_lstm_layers=2,
    net_arch=(2,),
    n_envs=4,
    n_steps=8,
    batch_size=16,
    n_epochs=5,
    n_threads=1,
)


@pytest.fixture(scope="module")
def agent() -> RecurrentPPO:
    return built(TINY, episode_bars=50)


def test_flops_of_a_forward_pass_are_twice_the_weights_of_both_networks(agent: RecurrentPPO):
    n_inputs, n_actions = agent.observation_space.shape[0], agent.action_space.n
    lstm = 12 * (n_inputs + 3) + 12 * (3 + 3)
    assert forward_flops(agent) == 2 * (2 * lstm + 2 * 3 * 2 + 2 * n_actions + 2 * 1)


def test_learning_leaves_out_the_gradient_of_the_observations(agent: RecurrentPPO):
    n_inputs = agent.observation_space.shape[0]
    assert epoch_flops(agent) == 3 * forward_flops(agent) - 2 * (2 * 12 * n_inputs)
    assert useful_flops_per_step(agent) == forward_flops(agent) + 5 * epoch_flops(agent)


def test_products_of_an_update_are_the_flops_of_its_lstm(agent: RecurrentPPO):
    n_inputs = agent.observation_space.shape[0]
    shapes = update_shapes(TINY, n_inputs=n_inputs)
    flops = sum(2 * rows * inner * columns * n for (rows, inner, columns), n in shapes.items())
    one_lstm = 2 * (12 * (n_inputs + 3) + 12 * (3 + 3))
    assert flops == 16 * (3 * one_lstm - 2 * 12 * n_inputs)


def test_the_recurrence_takes_a_step_of_all_sequences_at_a_time():
    shapes = update_shapes(replace(TINY, n_lstm_layers=1, chunk_steps=4), n_inputs=7)
    assert shapes[(4, 3, 12)] == 4
    assert shapes[(4, 12, 3)] == 4
