"""The `exact` engine: from equal weights and rollouts, stock's very weights after many updates."""

import dataclasses

import numpy as np
import pytest
import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.utils import FloatSchedule

from tests.training.agent.engine_twins import Case, difference, fill, starts_for
from tests.training.agent.stock_rollout import rollout_of

pytestmark = pytest.mark.parity
N_UPDATES = 20
A_FEW_NETWORKS = [
    Case(clip_range_vf=0.3),
    Case(n_layers=2, critic="shared"),
    Case(critic="none", clip_range_vf=0.3),
]
EVERY_NETWORK = [
    Case(n_layers=n_layers, critic=critic, clip_range_vf=clip_range_vf)
    for n_layers in (1, 2)
    for critic in ("separate", "shared", "none")
    for clip_range_vf in (None, 0.3)
]


def train_seeded(agent: RecurrentPPO, seed: int) -> None:
    """Train with the draws that stock takes from NumPy's global generator."""
    np.random.seed(seed)  # noqa: NPY002  # stock's own generator
    agent.train()


def trained_apart(case: Case, n_updates: int = N_UPDATES) -> float:
    """Train twins on the same rollouts and say how far apart their weights are."""
    stock, ours = case.twins(engine="exact")
    before = {name: weight.clone() for name, weight in ours.policy.state_dict().items()}
    for index in range(n_updates):
        fill(stock.rollout_buffer, starts_for(case, index), index, double=case.double)
        ours._rollout = rollout_of(
            stock.rollout_buffer, has_critic_lstm=ours.policy.lstm_critic is not None
        )
        for agent in (ours, stock):
            train_seeded(agent, index)
    after = ours.policy.state_dict()
    moved = [name for name in after if not torch.equal(after[name], before[name])]
    assert len(moved) == len(after), "training has to move every weight to compare anything"
    return difference(stock, ours)


@pytest.mark.parametrize("case", A_FEW_NETWORKS, ids=str)
def test_float64_weights_are_stocks_to_nine_digits_after_updates(case: Case) -> None:
    assert trained_apart(case, n_updates=3) < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("case", EVERY_NETWORK, ids=str)
def test_every_network_is_stocks_to_nine_digits_after_twenty_updates(case: Case) -> None:
    assert trained_apart(case) < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("critic", ["separate", "shared", "none"])
def test_float32_weights_are_stocks_to_five_digits(critic: str) -> None:
    case = Case(critic=critic, n_layers=2, double=False, clip_range_vf=0.3)
    assert trained_apart(case) < 1e-5


@pytest.mark.parametrize("acted", ["box", "multi_discrete"])
def test_other_action_spaces_learn_the_same(acted: str) -> None:
    assert trained_apart(Case(acted=acted), n_updates=2) < 1e-9


def test_exploration_by_state_learns_the_same() -> None:
    """Generalized state dependent exploration (Raffin et al. 2021, arXiv 2005.05719)."""
    assert trained_apart(Case(acted="box", by_state=True), n_updates=3) < 1e-9


@pytest.mark.parametrize("n_envs", [1, 5])
def test_any_number_of_environments_learns_the_same(n_envs: int) -> None:
    assert trained_apart(Case(n_envs=n_envs, batch_size=5), n_updates=2) < 1e-9


def test_a_last_minibatch_of_one_transition_learns_the_same() -> None:
    case = Case(batch_size=23, normalize_advantage=False)
    assert case.n_steps * case.n_envs % case.batch_size == 1
    assert trained_apart(case, n_updates=3) < 1e-9


def test_one_transition_is_not_normalized_where_stock_comes_to_nan() -> None:
    case = Case(batch_size=23, n_epochs=1)
    stock, ours = case.twins(engine="exact")
    fill(stock.rollout_buffer, starts_for(case, 0), 0, double=True)
    ours._rollout = rollout_of(stock.rollout_buffer, has_critic_lstm=True)
    with pytest.warns(UserWarning, match="degrees of freedom"):
        stock.train()
    ours.train()
    assert all(weight.isnan().all() for weight in stock.policy.parameters())
    assert all(weight.isfinite().all() for weight in ours.policy.parameters())


@pytest.mark.parametrize(("target_kl", "n_epochs_done"), [(None, 4), (0.02, 1)])
def test_logs_and_the_kl_stop_are_stocks(target_kl: float | None, n_epochs_done: int) -> None:
    case = Case(target_kl=target_kl, n_epochs=4)
    stock, ours = case.twins(engine="exact")
    fill(stock.rollout_buffer, starts_for(case, 1), 1, double=True)
    ours._rollout = rollout_of(stock.rollout_buffer, has_critic_lstm=True)
    for agent in (ours, stock):
        train_seeded(agent, 0)
    logged = [dict(agent.logger.name_to_value) for agent in (stock, ours)]
    assert logged[0].keys() == logged[1].keys()
    assert logged[1] == pytest.approx(logged[0], rel=1e-6)
    assert ours._n_updates == stock._n_updates == n_epochs_done


def test_schedules_reach_the_update() -> None:
    case = dataclasses.replace(Case(), clip_range_vf=0.3)
    stock, ours = case.twins(engine="exact")
    for agent in (stock, ours):
        agent.clip_range = FloatSchedule(lambda left: 0.01 + 0.1 * left)
        agent.lr_schedule = FloatSchedule(lambda left: 1e-3 * left)
        agent._current_progress_remaining = 0.5
    fill(stock.rollout_buffer, starts_for(case, 2), 2, double=True)
    ours._rollout = rollout_of(stock.rollout_buffer, has_critic_lstm=True)
    for agent in (ours, stock):
        train_seeded(agent, 0)
    assert ours.policy.optimizer.param_groups[0]["lr"] == 5e-4
    assert ours.logger.name_to_value["train/clip_range"] == pytest.approx(0.06)
    assert difference(stock, ours) < 1e-9
