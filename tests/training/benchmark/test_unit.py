"""What a child measures: paces by events on a clock of our own, and one real training."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from tests.training.small_runs import loaded, small_bars, tiny_config
from training.benchmark.equity import MOST_POINTS, thinned_equity
from training.benchmark.unit import PaceListener, read_config, run_job
from training.clock import Instant
from training.config import RunConfig, original_config, to_json
from training.events import Evaluated, Progressed


class Clock:
    now_s = 0.0

    def __call__(self):
        return Instant(wall_s=self.now_s, cpu_s=2 * self.now_s)


def progressed(n_steps):
    return Progressed(
        fold_index=0,
        n_steps=n_steps,
        budget_steps=1_000,
        steps_per_s=1.0,
        learning_rate=1e-3,
        n_epochs=1,
        ent_coef=0.0,
        clip_range=0.2,
    )


def evaluated(n_steps, score, cost_s):
    return Evaluated(
        fold_index=0, n_steps=n_steps, score=score, best_score=score, is_best=True, cost_s=cost_s
    )


def test_the_pace_leaves_out_warm_up_and_evaluations():
    clock = Clock()
    listener = PaceListener(clock)
    listener.begin(0)
    for at_s, event in [
        (10.0, progressed(100)),  # warms up
        (12.0, progressed(200)),
        (17.0, evaluated(200, 0.5, 5.0)),
        (20.0, progressed(300)),
    ]:
        clock.now_s = at_s
        listener(event)
    listener.end()
    assert listener.warm_up_s == 10
    assert listener.steps_per_s == pytest.approx(200 / 5)
    assert listener.folds[0].curve == [{"n_steps": 200, "wall_s": 17.0, "score": 0.5}]
    assert (listener.folds[0].wall_s, listener.folds[0].cpu_s) == (20, 40)


def test_a_single_update_has_no_pace():
    listener = PaceListener()
    assert listener.steps_per_s is None
    listener.begin(0)
    listener(progressed(100))
    assert listener.steps_per_s is None


@pytest.mark.parametrize("config", [RunConfig(), original_config(), tiny_config()])
def test_settings_survive_the_way_to_a_child(config):
    assert read_config(to_json(config)) == config


@pytest.mark.parametrize("n_rows", [2, 500, 501, 12_345])
def test_thinned_equity_has_its_first_and_last_bar_and_few_between(tmp_path, n_rows):
    numbers = list(range(n_rows))
    table = {"time": [f"bar {i}" for i in numbers], "bar_index": numbers, "fold_index": 0}
    table |= {"agent": numbers, "buy_and_hold": 1.5, "random": 2.5}
    pd.DataFrame(table).to_csv(tmp_path / "stitched_equity.csv", index=False)
    equity = thinned_equity(tmp_path)
    assert list(equity) == ["time", "fold_index", "agent", "buy_and_hold", "random"]
    agent = equity["agent"]
    assert (agent[0], agent[-1]) == (0, n_rows - 1)
    assert len(agent) == len(set(agent)) == min(n_rows, MOST_POINTS)
    assert equity["time"] == [f"bar {i}" for i in agent]
    json.dumps(equity, allow_nan=False)


def load(_config, _cache):
    return loaded(small_bars())


@pytest.mark.slow
def test_a_whole_unit_has_times_and_test_scores_of_every_fold_and_keeps_no_model(tmp_path):
    config = tiny_config(folds__max_folds=2, rules__cache__enabled=False)
    folder = tmp_path / "run"
    (folder / "folds").mkdir(parents=True)
    (folder / "folds" / "stale").touch()
    job = {"kind": "whole", "config": to_json(config), "run_folder": str(folder)}
    unit = run_job(job, load)
    assert [fold["fold_index"] for fold in unit["folds"]] == [0, 1]
    assert unit["n_steps"] == sum(fold["n_steps"] for fold in unit["folds"])
    assert unit["steps_per_s"] > 0
    assert {"rollout", "update", "evaluation", "load"} <= set(unit["stage_s"])
    assert unit["stage_cpu_s"].keys() == unit["stage_s"].keys()
    assert unit["stage_cpu_s"]["update"] > 0
    assert unit["setup_cpu_s"].keys() == unit["setup_s"].keys()
    assert len(unit["equity"]["agent"]) == 201
    for fold in unit["folds"]:
        assert fold["wall_s"] > 0
        assert [point["score"] for point in fold["validation_curve"]]
        assert fold["test"]["total_return_frac"] > -1
        assert fold["stress"]["slippage"]["slippage_points"] > 0
        for stressed in fold["stress"].values():
            if fold["test"]["n_trades"]:  # it pays more for what it does at first
                assert stressed["test_score"] != fold["test_score"]
    assert not list(folder.rglob("*.zip"))
    assert not (folder / "folds" / "stale").exists()
    assert (folder / "stitched_equity.csv").exists()


@pytest.mark.slow
def test_a_stress_test_that_fails_throws_no_run_away(tmp_path, monkeypatch):
    def fails(*_):
        raise ValueError("no such market")

    monkeypatch.setattr("training.benchmark.unit.stress_tests", fails)
    config = tiny_config(folds__max_folds=1, rules__cache__enabled=False)
    folder = tmp_path / "run"
    unit = run_job({"kind": "whole", "config": to_json(config), "run_folder": str(folder)}, load)
    assert unit["stress_error"] == "ValueError: no such market"
    (fold,) = unit["folds"]
    assert fold["stress"] is None
    assert fold["test"]["total_return_frac"] > -1
    assert len(unit["ground"]["code"]) == 64
    assert not list(folder.rglob("*.zip"))


@pytest.mark.slow
def test_a_timed_unit_has_a_pace_and_no_score_of_test_bars():
    config = tiny_config(rules__cache__enabled=False)
    unit = run_job({"kind": "timed", "config": to_json(config), "n_steps": 384}, load)
    assert unit["n_steps"] == 384
    assert unit["n_updates"] == 3
    assert unit["n_evaluations"] == 3
    assert unit["steps_per_s"] > 0
    assert unit["folds"] == []
    assert "out_of_sample" not in unit


@pytest.mark.slow
def test_the_pace_of_stock_agents_is_measured_on_short_rounds():
    config = tiny_config(agent__engine="stock", rules__cache__enabled=False)
    answer = run_job(
        {"kind": "calibrate", "configs": [to_json(config)] * 2, "most_s": [None, 0.0]}, load
    )
    assert answer["speeds"][0]["steps_per_s"] > 0
    assert answer["speeds"][0]["took_s"] >= answer["speeds"][0]["warm_up_s"] > 0
    assert answer["speeds"][1] is None  # given up at once
