"""What a fold may not see: each slice is changed in turn, and what came before must not move."""

import dataclasses
import json

import numpy as np
import pytest

from tests.training.small_runs import run, small_bars, tiny_config
from training.agent.checkpoint import load_model
from training.clock import StageClock
from training.evaluate import evaluate
from training.prepare import prepare


def changed_from(bars, start):
    """The same bars, but for prices from `start` on: another level, and every move turned round."""
    prices = {}
    for name in ("open", "high", "low", "close"):
        column = getattr(bars, name).copy()
        column[start:] = 3.0 * bars.close[start - 1] ** 2 / column[start:]
        prices[name] = column
    prices["high"][start:], prices["low"][start:] = (
        prices["low"][start:].copy(),
        prices["high"][start:].copy(),
    )
    return dataclasses.replace(bars, **prices)


def trained(folder, config, *, bars=None, fold_index=0):
    run(folder, config, bars=bars)
    return json.loads((folder / f"42/folds/{fold_index:03d}/fold.json").read_text())


def first_bar(config, fold_index, slice_name):
    prepared = prepare(config, small_bars(), cache=None, clock=StageClock())
    return getattr(prepared.folds[fold_index], slice_name).start


@pytest.mark.parametrize("fold_index", [0, 1])
def test_test_bars_move_no_start_no_score_no_stop_and_no_weight(tmp_path, fold_index):
    config = tiny_config(folds__max_folds=fold_index + 1)
    bars = changed_from(small_bars(), first_bar(config, fold_index, "test"))
    one = trained(tmp_path / "a", config, fold_index=fold_index)
    other = trained(tmp_path / "b", config, bars=bars, fold_index=fold_index)
    for name in ("decisions", "evaluations", "chosen", "validation_score", "weights_sha256"):
        assert one[name] == other[name], name
    assert one["test"] != other["test"]


def test_validation_bars_move_no_weight_of_a_single_update(tmp_path):
    """One env walks the whole train slice, so that a slice too long by one bar would show."""
    config = tiny_config(
        folds__max_folds=1,
        random_starts=False,
        agent__n_envs=1,
        agent__n_steps=512,
        rules__adaptive_timesteps__base_timesteps=512,
        rules__adaptive_timesteps__min_timesteps=512,
        rules__evaluation_schedule__every_steps=512,
        env__market__max_drawdown_frac=None,
        env__market__stop_out_frac=0.0,
    )
    bars = changed_from(small_bars(), first_bar(config, 0, "validation"))
    one = trained(tmp_path / "a", config)
    other = trained(tmp_path / "b", config, bars=bars)
    assert one["weights_sha256"] == other["weights_sha256"]
    assert one["evaluations"] != other["evaluations"]


def test_bars_after_the_train_slice_move_no_fitted_scaler(tmp_path):
    config = tiny_config(folds__max_folds=1, features__scaling="fitted")
    bars = changed_from(small_bars(), first_bar(config, 0, "embargo_train"))
    trained(tmp_path / "a", config)
    trained(tmp_path / "b", config, bars=bars)
    one, other = (load_model(tmp_path / f"{n}/42/folds/000/model.zip").card.scaler for n in "ab")
    assert one == other


def test_candidates_and_incumbent_are_scored_on_the_bars_of_the_fold_that_they_start(tmp_path):
    config = tiny_config()
    run(tmp_path, config)
    prepared = prepare(config, small_bars(), cache=None, clock=StageClock())

    def score_here(model_fold, fold):
        policy = load_model(tmp_path / f"42/folds/{model_fold:03d}/model.zip").policy
        window = prepared.folds[fold].validation
        return evaluate(policy, prepared.tape, config.env, window).score

    record = json.loads((tmp_path / "42/folds/002/fold.json").read_text())
    start, *_, keep = [d for d in record["decisions"] if d["rule"] == "warm_start"]
    for model_fold, score in zip(
        start["inputs"]["fold_indices"], start["inputs"]["scores_here"], strict=True
    ):
        assert score == score_here(model_fold, 2)
    assert keep["inputs"]["incumbent_score"] == score_here(start["value"], 2)


def test_random_starts_scatter_the_training_episodes_and_off_walks_from_the_first_bar(monkeypatch):
    from envs.vector_env import TradingVectorEnv
    from training.train_fold import FoldJob, train_fold

    seen, play = [], TradingVectorEnv.play

    def spy(env, actions):
        result = play(env, actions)
        seen.append(env.get_state()["bar"])
        return result

    def first_bars(**values):
        config = tiny_config(**values)
        prepared = prepare(config, small_bars(), cache=None, clock=StageClock())
        fold = prepared.folds[0]
        seen.clear()
        job = FoldJob(fold=fold, tape=prepared.tape, budget_steps=128)
        train_fold(job, config, emit=lambda event: None, clock=StageClock())
        return fold, seen[0]

    monkeypatch.setattr(TradingVectorEnv, "play", spy)
    fold, bars = first_bars(random_starts=True)
    assert len(set(bars.tolist())) > 1
    fold, bars = first_bars(random_starts=False)
    np.testing.assert_array_equal(bars, fold.train.start + 1)
