import dataclasses

import numpy as np
import pytest
import torch
from sb3_contrib import RecurrentPPO

from tests.training.small_runs import small_bars, tiny_config
from training.agent.hyperparameters import read_hyperparameters
from training.agent.recurrent_ppo import FastRecurrentPPO
from training.agent.weights import snapshot_weights
from training.clock import StageClock
from training.config import original_config, with_values
from training.events import Evaluated, FirstPlayed, Progressed
from training.prepare import prepare
from training.train_fold import FoldJob, train_fold


def train(config, *, budget_steps=384, weights=None, listener=None):
    prepared = prepare(config, small_bars(), cache=None, clock=StageClock())
    job = FoldJob(
        fold=prepared.folds[0],
        tape=prepared.tape,
        budget_steps=budget_steps,
        initial_weights=weights,
    )
    clock = StageClock()
    training = train_fold(job, config, emit=listener or (lambda event: None), clock=clock)
    return training, clock


def test_a_fold_trains_whole_rollouts_up_to_its_budget_and_says_so():
    events = []
    training, clock = train(tiny_config(), budget_steps=300, listener=events.append)
    assert (training.n_steps, training.n_updates) == (384, 3)
    assert {event.budget_steps for event in events if isinstance(event, Progressed)} == {384}
    (played,) = [event for event in events if isinstance(event, FirstPlayed)]
    assert (played.n_steps, events.index(played) < len(events) - 3) == (128, True)
    assert training.agent.num_timesteps == 384
    assert {"env", "rollout", "update", "evaluation"} <= clock.to_json().keys()


def test_a_fold_ends_with_its_best_weights():
    training, _ = train(tiny_config())
    assert [point.step for point in training.evaluations] == [128, 256, 384]
    assert training.best.score == max(point.score for point in training.evaluations)
    final = snapshot_weights(training.agent)
    assert all(torch.equal(final[name], tensor) for name, tensor in training.best_weights.items())


def test_evaluating_more_often_does_not_move_the_training():
    dense, _ = train(tiny_config())
    sparse, _ = train(tiny_config(rules__evaluation_schedule__every_steps=100_000))
    assert [point.step for point in sparse.evaluations] == [384]
    assert sparse.evaluations[-1] == dense.evaluations[-1]


def test_early_stopping_ends_the_fold_and_counts_only_what_was_trained():
    config = tiny_config(
        rules__early_stopping__mode="patience",
        rules__early_stopping__patience_evaluations=1,
        rules__early_stopping__min_delta=10.0,
    )
    training, _ = train(config, budget_steps=1280)
    assert training.stopped_early
    assert training.n_steps == 256
    assert [point.step for point in training.evaluations] == [128, 256]
    assert training.decisions[-1].rule == "early_stopping"
    whole, _ = train(tiny_config(rules__early_stopping__mode="off"), budget_steps=1280)
    assert not whole.stopped_early
    assert whole.n_steps == 1280


PHASES = [(2e-3, 4, 0.05, 0.2), (1e-3, 6, 0.02, 0.15), (5e-4, 8, 0.01, 0.1)]


@pytest.mark.parametrize("engine", ["stock", "chunked"])
def test_the_phase_schedule_reaches_the_optimizer_and_the_clip_range_during_learn(
    monkeypatch, engine
):
    """Read at the moment PPO updates: optimizer, epochs, entropy and clip range it really uses."""
    trainer = {"stock": RecurrentPPO, "chunked": FastRecurrentPPO}[engine]
    used, train_once = [], trainer.train

    def spy(agent):
        train_once(agent)
        used.append(dataclasses.astuple(read_hyperparameters(agent)))
        assert agent.policy.optimizer.param_groups[0]["lr"] == used[-1][0]
        assert agent.logger.name_to_value["train/clip_range"] == used[-1][3]

    monkeypatch.setattr(trainer, "train", spy)
    config = tiny_config(
        agent__engine=engine,
        rules__schedule__kind="phases",
        rules__early_stopping__mode="off",
    )
    training, _ = train(config, budget_steps=1280)
    # ten rollouts of 128 steps: progress 0, .1, .2 | .3 .. .6 | .7, .8, .9
    assert used == [PHASES[0]] * 3 + [PHASES[1]] * 4 + [PHASES[2]] * 3
    recorded = [dataclasses.astuple(item.values) for item in training.hyperparameters]
    assert recorded == PHASES
    assert [item.n_steps for item in training.hyperparameters] == [0, 384, 896]


@pytest.mark.parametrize("kind", ["linear", "cosine", "one_cycle", "kl_adaptive"])
def test_every_schedule_moves_the_learning_rate(kind):
    rates = []

    def listen(event):
        if isinstance(event, Progressed):
            rates.append(event.learning_rate)

    config = tiny_config(rules__schedule__kind=kind, rules__early_stopping__mode="off")
    train(config, budget_steps=640, listener=listen)
    assert len(rates) == 5
    assert len(set(rates)) > 1


def test_without_a_schedule_the_learning_rate_stays():
    training, _ = train(tiny_config(rules__schedule__kind="constant"))
    assert len(training.hyperparameters) == 1
    assert training.hyperparameters[0].values.learning_rate == tiny_config().agent.learning_rate


def test_a_fold_starts_from_the_weights_it_is_given():
    first, _ = train(tiny_config())
    config = tiny_config(agent__learning_rate=1e-9, rules__schedule__kind="constant")
    again, _ = train(config, weights=first.best_weights, budget_steps=128)
    for name, tensor in first.best_weights.items():
        torch.testing.assert_close(again.best_weights[name], tensor, atol=1e-5, rtol=0)


def test_shrink_and_perturb_moves_the_start():
    first, _ = train(tiny_config())
    config = tiny_config(
        agent__learning_rate=1e-9,
        rules__schedule__kind="constant",
        rules__warm_start__shrink_frac=0.5,
        rules__warm_start__perturb_frac=0.01,
    )
    again, _ = train(config, weights=first.best_weights, budget_steps=128)
    name = "lstm_actor.weight_ih_l0"
    half = 0.5 * first.best_weights[name].numpy()
    np.testing.assert_allclose(again.best_weights[name].numpy(), half, atol=0.05)
    assert not np.array_equal(again.best_weights[name].numpy(), half)


def test_events_carry_steps_speed_and_the_best_score():
    events = []
    train(tiny_config(), listener=events.append)
    progress = [event for event in events if isinstance(event, Progressed)]
    assert [event.n_steps for event in progress] == [128, 256, 384]
    assert all(event.steps_per_s > 0 for event in progress)
    scores = [event for event in events if isinstance(event, Evaluated)]
    best = -np.inf
    for event in scores:
        assert event.is_best == (event.score > best)
        best = max(best, event.score)
        assert event.best_score == best


def test_the_original_training_has_one_env_that_walks_its_slice_and_no_rule_but_selection():
    config = original_config()
    assert config.agent.n_envs == 1
    assert not config.random_starts
    assert config.rules.switches() == {
        "adaptive_timesteps": "off",
        "warm_start": "off",
        "early_stopping": "off",
        "phase_schedule": "constant",
        "evaluation_schedule": "fixed",
        "preprocessing_cache": "off",
        "fast_evaluation": "off",
    }
    small = with_values(
        config,
        {
            "agent.lstm_hidden_size": 8,
            "agent.n_steps": 64,
            "agent.batch_size": 32,
            "agent.n_epochs": 1,
            "folds.initial_window_bars": 400,
            "folds.step_bars": 100,
            "rules.evaluation_schedule.every_steps": 100,
        },
    )
    training, _ = train(small, budget_steps=256)
    assert [point.step for point in training.evaluations] == [128, 256]
