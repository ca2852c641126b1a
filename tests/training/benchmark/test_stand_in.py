"""The stand-in for the original trains what the original does: from one seed, the same model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.training.small_runs import TINY, small_bars
from training.benchmark.arms import ORIGINAL, ORIGINAL_EXACT, make_arms
from training.clock import StageClock
from training.config import RunConfig, with_values
from training.events import Progressed
from training.prepare import prepare
from training.scene import Scene
from training.train_fold import FoldJob, train_fold

SMALL = {
    **{name: value for name, value in TINY.items() if name.startswith("folds.")},
    "agent.lstm_hidden_size": 8,
    "agent.net_arch": (8,),
    "agent.n_steps": 64,
    "agent.batch_size": 32,
    "agent.n_epochs": 3,
    "rules.evaluation_schedule.every_steps": 128,
}
N_STEPS = 512
"""More than an episode of 320 train bars, so that the memory is reset inside a rollout."""


def trained(name, *, seed):
    """Train an arm and return its validation scores, weights and rollouts."""
    chosen = RunConfig(seed=seed, device="cpu")
    arms = {arm.name: arm for arm in make_arms(chosen)}
    config = with_values(arms[name].config, {**SMALL, "agent.n_threads": 1})
    prepared = prepare(config, small_bars(), cache=None, clock=StageClock())
    events = []
    scene = Scene.open(prepared.folds[0], config, prepared, events.append)
    assert scene.fold.train.n_bars < N_STEPS
    job = FoldJob(fold=scene.fold, tape=scene.tape, budget_steps=N_STEPS)
    training = train_fold(job, config, emit=events.append, clock=scene.clock)
    assert sum(isinstance(event, Progressed) for event in events) == 8
    weights = {key: value.numpy() for key, value in training.policy.state_dict().items()}
    return [(point.step, point.score) for point in training.evaluations], weights


@pytest.mark.slow
@pytest.mark.parity
@pytest.mark.parametrize("seed", [42, 1_042])
def test_original_and_stand_in_come_to_the_same_model_through_resets(seed):
    n_threads = torch.get_num_threads()
    try:
        scores, weights = trained(ORIGINAL, seed=seed)
        stand_in_scores, stand_in_weights = trained(ORIGINAL_EXACT, seed=seed)
    finally:
        torch.set_num_threads(n_threads)
    assert len(scores) == 4
    np.testing.assert_allclose(stand_in_scores, scores, rtol=1e-6, atol=1e-9)
    assert any(score != 0 for _, score in scores), "agents that do nothing would agree, too"
    assert weights.keys() == stand_in_weights.keys()
    for name, values in weights.items():
        np.testing.assert_allclose(stand_in_weights[name], values, rtol=0, atol=1e-6, err_msg=name)


@pytest.mark.slow
def test_another_seed_comes_to_another_model():
    _, weights = trained(ORIGINAL_EXACT, seed=42)
    _, others = trained(ORIGINAL_EXACT, seed=43)
    assert max(np.abs(weights[name] - others[name]).max() for name in weights) > 1e-2
