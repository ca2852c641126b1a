"""Timing the original before a run: what ratio it is, and that the run does not notice."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.training.small_runs import run, small_bars, tiny_config
from training import calibration
from training.agent.config import AgentConfig
from training.agent.speed import Round, Speed, SpeedTest
from training.calibration import Calibration, against_original, calibrate, measure_pace
from training.clock import StageClock
from training.config import original_config, with_values
from training.events import FoldStarted, OriginalTimed
from training.machine import Limit
from training.prepare import fold_market, prepare

SMALL_ORIGINAL = AgentConfig(
    lstm_hidden_size=8, net_arch=(8,), n_envs=1, n_steps=64, batch_size=32, engine="stock",
    n_threads=1, n_epochs=2,
)  # fmt: skip
FOUND = Calibration(
    steps_per_s=50.0,
    slowest_steps_per_s=40.0,
    fastest_steps_per_s=80.0,
    n_rounds=5,
    n_threads=2,
    tried_threads=(1, 2),
    budget_steps=100_000,
    fold_index=0,
    took_s=6.0,
    warm_up_s=2.0,
    core_frac=0.97,
)


def small_original():
    return replace(original_config(), agent=SMALL_ORIGINAL)


@pytest.fixture
def small(monkeypatch):
    """A small agent stands for the original's, or timing it would take seconds."""
    monkeypatch.setattr(calibration, "original_config", small_original)
    monkeypatch.setattr(calibration, "LEAST_S", 0.0)
    monkeypatch.setattr(calibration, "usable_cores", lambda: Limit(1.9, None))


@pytest.fixture
def timings(monkeypatch):
    """Agents and markets that were timed: rounds of 1 to 3 s, half of that on two threads."""
    seen = []

    def measure(test, config, *, at_least_s, least_rounds, most_s):
        seen.append((test, config, least_rounds, most_s))
        times_s = [1.0, 3.0, 2.0, 2.0, 2.0] if len(seen) < 3 else [0.1] * 4  # the third gave up
        rounds = tuple(Round(seconds / config.n_threads, 0.0) for seconds in times_s)
        return Speed(config=config, rounds=rounds, mean_episode_bars=None)

    monkeypatch.setattr(SpeedTest, "measure", measure)
    monkeypatch.setattr(calibration, "usable_cores", lambda: Limit(2.0, None))
    monkeypatch.setattr(calibration, "OWN_CORE", 0.0)
    return seen


def prepared(config):
    return prepare(config, small_bars(), cache=None, clock=StageClock())


def test_the_speed_up_is_the_originals_fold_by_ours_and_its_ends_are_single_rounds():
    """100,000 steps at 50, 80 and 40 a second are 2,000, 1,250 and 2,500 s; ours took 20."""
    found = against_original(FOUND, mean_fold_s=20.0, steps_per_s=5_000.0)
    assert (found.low, found.value, found.high) == (62.5, 100.0, 125.0)
    assert (found.original_fold_s, found.mean_fold_s, found.steps_ratio) == (2_000.0, 20.0, 100.0)
    event = FOUND.event(was_before=True)
    assert (event.shortest_fold_s, event.fold_s, event.longest_fold_s) == (1_250, 2_000, 2_500)
    assert event.was_before


def test_it_survives_the_state_of_a_run():
    assert Calibration.from_json(json.loads(json.dumps(FOUND.to_json()))) == FOUND


@pytest.mark.usefixtures("small")
def test_the_original_is_timed_on_the_folds_own_bars_at_its_best_number_of_threads(timings):
    """Rounds of one minibatch, 32 steps in 1 to 3 s and mostly 2, on two threads in half of it."""
    config = tiny_config(folds__max_folds=2, env__market__slippage_points=3.0)
    bars = prepared(config)
    found = calibrate(config, bars, bars.folds[1], budget_steps=None)
    assert [item[1].n_threads for item in timings] == [1, 2]
    test, agent, least_rounds, _ = timings[0]
    assert (test.start, test.stop) == (bars.folds[1].train.start, bars.folds[1].train.stop)
    assert (test.random_starts, test.env.action_mode) == (False, "orders")
    assert test.env.market == config.env.market
    assert (agent.n_steps, agent.batch_size, agent.engine) == (32, 32, "stock")
    assert least_rounds == 5
    assert (found.steps_per_s, found.n_threads, found.tried_threads) == (32.0, 2, (1, 2))
    assert (found.slowest_steps_per_s, found.fastest_steps_per_s) == (32 / 1.5, 64.0)
    assert (found.fold_index, found.budget_steps) == (1, 100_032)  # whole rollouts of 64


@pytest.mark.usefixtures("small")
def test_threads_that_are_far_slower_are_given_up(timings):
    config = tiny_config(folds__max_folds=1)
    bars = prepared(config)
    timings += [None]  # so that two threads are the third to be timed
    found = calibrate(config, bars, bars.folds[0], budget_steps=None)
    assert [most_s is None for *_, most_s in timings[1:]] == [True, False]
    assert (found.steps_per_s, found.n_threads, found.tried_threads) == (16.0, 1, (1, 2))


@pytest.mark.usefixtures("small")
def test_several_threads_are_not_tried_where_one_had_no_core_to_itself(timings, monkeypatch):
    monkeypatch.setattr(calibration, "OWN_CORE", 1.1)
    config = tiny_config(folds__max_folds=1)
    bars = prepared(config)
    found = calibrate(config, bars, bars.folds[0], budget_steps=None)
    assert (found.n_threads, found.tried_threads, len(timings)) == (1, (1,), 1)


@pytest.mark.usefixtures("small")
def test_a_budget_that_was_typed_holds_for_the_original_too(timings):
    config = tiny_config(folds__max_folds=1)
    bars = prepared(config)
    assert calibrate(config, bars, bars.folds[0], budget_steps=384).budget_steps == 384
    assert len(timings) == 2


def test_fitted_features_are_played_scaled(timings):
    config = with_values(small_original(), {"folds": tiny_config().folds, "device": "cpu"})
    config = with_values(config, {"features.scaling": "fitted"})
    bars = prepared(config)
    measure_pace(config, bars, bars.folds[0])
    expected, _ = fold_market(bars, bars.folds[0], config)
    played = timings[0][0].tape.features
    np.testing.assert_array_equal(played, expected.features)
    assert (played != bars.features.values).any()


def results_of(folder):
    files = [*folder.rglob("*.zip"), *folder.rglob("*.csv")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def summary_of(folder):
    return json.loads((folder / "42" / "optimization_summary.json").read_bytes())


@pytest.mark.usefixtures("small")
def test_a_run_that_times_the_original_trains_to_the_same_bits(tmp_path):
    events, config = [], tiny_config(folds__max_folds=1)
    run(tmp_path / "without", config)
    run(tmp_path / "with", config, listener=events.append, calibrate=True)
    one, other = results_of(tmp_path / "without"), results_of(tmp_path / "with")
    assert len(one) >= 5
    assert one == other
    kinds = [type(event) for event in events]
    assert kinds.index(OriginalTimed) < kinds.index(FoldStarted)
    summary = summary_of(tmp_path / "with")
    found = summary["calibration"]
    measured = found["speed_up"]
    assert summary["total_speedup_achieved"] == measured["value"] > 0
    assert measured["low"] <= measured["value"] <= measured["high"]
    assert found["n_rounds"] >= 5
    assert measured["value"] == pytest.approx(
        found["budget_steps"] / found["steps_per_s"] / measured["mean_fold_s"]
    )
    saved_s = measured["original_fold_s"] - measured["mean_fold_s"]
    assert summary["estimated_time_saved_hours"] == pytest.approx(saved_s / 3600)
    performance = json.loads(
        (tmp_path / "with" / "42" / "training_performance_summary.json").read_bytes()
    )
    assert performance["total_speedup_achieved"] == measured["value"]
    assert performance["stage_s"]["calibration"] == pytest.approx(found["took_s"], rel=0.5)
    assert 0 < found["core_frac"] <= 1
    assert summary_of(tmp_path / "without")["calibration"] is None


def interrupted_in_fold_1(tmp_path, config, **output):
    def interrupt(event):
        if isinstance(event, FoldStarted) and event.fold_index == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, config, listener=interrupt, **output)


@pytest.mark.usefixtures("small")
def test_a_run_that_goes_on_keeps_what_it_measured_first_and_says_so(tmp_path, monkeypatch):
    config = tiny_config(folds__max_folds=2)
    interrupted_in_fold_1(tmp_path, config, calibrate=True)
    monkeypatch.setattr(calibration, "measure_pace", None)  # it is not called again
    events = []
    run(tmp_path, config, listener=events.append, calibrate=True)
    (told,) = [event for event in events if isinstance(event, OriginalTimed)]
    assert told.was_before
    assert summary_of(tmp_path)["calibration"]["steps_per_s"] == told.steps_per_s
    assert summary_of(tmp_path)["calibration"]["fold_index"] == 0


@pytest.mark.usefixtures("small")
def test_a_run_that_was_begun_without_times_the_original_when_it_goes_on_with_it(tmp_path):
    config = tiny_config(folds__max_folds=2)
    interrupted_in_fold_1(tmp_path, config)
    events = []
    run(tmp_path, config, listener=events.append, calibrate=True)
    (told,) = [event for event in events if isinstance(event, OriginalTimed)]
    assert not told.was_before
    assert summary_of(tmp_path)["calibration"]["fold_index"] == 1
