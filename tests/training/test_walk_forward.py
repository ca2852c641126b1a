import dataclasses
import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from envs.array_cache import ArrayCache
from envs.errors import ConfigError
from tests.training.small_runs import loaded, run, small_bars, tiny_config
from training.agent.checkpoint import load_model
from training.config import OutputConfig
from training.errors import ModelError, StoreError
from training.events import (
    Decided,
    Evaluated,
    FoldFinished,
    FoldStarted,
    Noticed,
    RunFinished,
    RunStarted,
)
from training.walk_forward import walk_forward

# Everything that a run writes and that must be equal bit for bit when the run is repeated.
SAME = (
    "best_model_optimized.zip",
    "model_final_optimized.zip",
    "stitched_equity.csv",
    "stitched_ledger.csv",
    *(
        f"folds/{index:03d}/{name}"
        for index in range(3)
        for name in ("model.zip", "test_equity.csv", "test_ledger.csv")
    ),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    events = []
    run(folder, listener=events.append)
    return folder / "42", events


def read(path):
    return json.loads(path.read_text())


def assert_same_results(one, other):
    for name in SAME:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_a_run_writes_every_file_it_promises(finished):
    folder, _ = finished
    written = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert written >= {
        "config.json",
        "optimization_config.json",
        "training_state_optimized.json",
        "optimization_summary.json",
        "training_performance_summary.json",
        "events.jsonl",
        "folds/002/fold.json",
        *SAME,
    }


def test_historical_keys_stay(finished):
    folder, _ = finished
    assert read(folder / "optimization_config.json").keys() >= {
        "adaptive_timesteps",
        "warm_start",
        "early_stopping_patience",
        "progressive_training",
        "cache_environments",
        "base_timesteps",
        "min_timesteps",
        "eval_freq",
        "timestamp",
    }
    state = read(folder / "training_state_optimized.json")
    assert state.keys() >= {
        "training_start",
        "model_path",
        "timestamp",
        "iteration_times",
        "avg_iteration_time",
        "total_iterations",
        "completed_iterations",
        "optimization_stats",
    }
    assert (state["completed_iterations"], state["total_iterations"]) == (3, 3)
    assert read(folder / "optimization_summary.json").keys() >= {
        "optimization_completed",
        "total_speedup_achieved",
        "total_timesteps_saved",
        "early_stops",
        "warm_starts",
        "avg_iteration_time_minutes",
        "estimated_time_saved_hours",
        "completion_timestamp",
    }
    assert read(folder / "training_performance_summary.json").keys() >= {
        "training_method",
        "completion_time",
        "configuration",
        "final_model_path",
    }


def test_no_speed_up_is_claimed_without_a_baseline(finished):
    summary = read(finished[0] / "optimization_summary.json")
    assert summary["total_speedup_achieved"] is None
    assert summary["estimated_time_saved_hours"] is None
    assert summary["rules"]["fast_evaluation"]["saved"] is None


def test_only_steps_that_were_not_trained_are_claimed_as_saved(tmp_path):
    """Budgets 384, 307, 307 come to 384 trained steps each, as PPO trains whole rollouts."""
    run(tmp_path, tiny_config(rules__adaptive_timesteps__mode="geometric"))
    outcomes = [read(tmp_path / f"42/folds/{i:03d}/fold.json")["outcome"] for i in range(3)]
    assert [outcome["budget_steps"] for outcome in outcomes] == [384, 307, 307]
    assert [outcome["steps_trained"] for outcome in outcomes] == [384, 384, 384]
    assert read(tmp_path / "42/optimization_summary.json")["total_timesteps_saved"] == 0


def test_steps_saved_by_budget_and_by_stopping_add_up(tmp_path):
    config = tiny_config(
        rules__adaptive_timesteps__mode="geometric",
        rules__adaptive_timesteps__base_timesteps=1280,
        rules__early_stopping__mode="patience",
        rules__early_stopping__patience_evaluations=1,
        rules__early_stopping__min_delta=10.0,
    )
    run(tmp_path, config)
    summary = read(tmp_path / "42/optimization_summary.json")
    # budgets 1280, 1024, 1024; each fold stops at its second evaluation, after 256 steps
    assert summary["rules"]["adaptive_timesteps"]["saved"] == 2 * 256
    assert summary["rules"]["early_stopping"]["saved"] == 1024 + 2 * 768
    assert summary["total_timesteps_saved"] == 3 * 1280 - 3 * 256
    assert summary["early_stops"] == 3


def test_events_tell_the_run_in_order(finished):
    folder, events = finished
    kinds = [type(event) for event in events]
    assert kinds[0] is RunStarted
    assert kinds[-1] is RunFinished
    assert [e.fold_index for e in events if isinstance(e, FoldStarted)] == [0, 1, 2]
    assert [e.fold_index for e in events if isinstance(e, FoldFinished)] == [0, 1, 2]
    assert {e.rule for e in events if isinstance(e, Decided)} >= {
        "adaptive_timesteps",
        "warm_start",
    }
    lines = (folder / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines] == [kind.__name__ for kind in kinds]


def test_test_slices_are_stitched_without_gap_or_overlap(finished):
    folder, _ = finished
    table = pd.read_csv(folder / "stitched_equity.csv")
    first = read(folder / "folds/000/fold.json")["fold"]["test"]["start"]
    np.testing.assert_array_equal(table["bar_index"], np.arange(first, first + 301))
    parts = [pd.read_csv(folder / f"folds/{index:03d}/test_equity.csv") for index in range(3)]
    growth = np.prod([part["agent"].iloc[-1] / part["agent"].iloc[0] for part in parts])
    np.testing.assert_allclose(table["agent"].iloc[-1] / table["agent"].iloc[0], growth, rtol=1e-12)


def test_the_summary_reports_the_stitched_test_slices(finished):
    folder, _ = finished
    table = pd.read_csv(folder / "stitched_equity.csv")
    summary = read(folder / "training_performance_summary.json")
    total = table["agent"].iloc[-1] / table["agent"].iloc[0] - 1
    np.testing.assert_allclose(summary["out_of_sample"]["total_return_frac"], total, rtol=1e-12)
    assert summary["baselines"]["flat"]["total_return_frac"] == 0
    close = small_bars().close[table["bar_index"].to_numpy()]
    assert summary["price_change_frac"] == pytest.approx(close[-1] / close[0] - 1)
    assert summary["baselines"].keys() == {"flat", "buy_and_hold", "random"}
    trades = pd.read_csv(folder / "stitched_ledger.csv")
    assert summary["out_of_sample"]["n_trades"] == len(trades)
    scaled = (trades["net"] * trades["account_scale"]).sum()
    np.testing.assert_allclose(scaled, table["agent"].iloc[-1] - table["agent"].iloc[0], rtol=1e-9)


def test_the_summary_says_whether_the_run_beats_chance_as_one_trial(finished):
    folder, _ = finished
    chance = read(folder / "training_performance_summary.json")["chance"]
    assert chance["deflated"]["n_trials"] == 1
    assert list(chance["against"]) == ["flat", "buy_and_hold", "random"]
    equity = pd.read_csv(folder / "stitched_equity.csv")
    returns = np.diff(equity["agent"]) / equity["agent"].to_numpy()[:-1]
    hold = np.diff(equity["buy_and_hold"]) / equity["buy_and_hold"].to_numpy()[:-1]
    for name, expected in (("flat", returns.sum()), ("buy_and_hold", (returns - hold).sum())):
        earned = chance["against"][name]["return_difference"]
        assert earned["value"] == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert "tried before count as well" in chance["line"]


@pytest.mark.slow
def test_the_same_run_twice_is_bit_identical(finished, tmp_path):
    torch.rand(17)
    np.random.default_rng().random(5)
    run(tmp_path)
    assert_same_results(finished[0], tmp_path / "42")


@pytest.mark.slow
def test_another_seed_gives_another_model(finished, tmp_path):
    run(tmp_path, tiny_config(seed=7, folds__max_folds=1))
    name = "folds/000/model.zip"
    assert (tmp_path / "7" / name).read_bytes() != (finished[0] / name).read_bytes()


@pytest.mark.parametrize("fatal", [FoldStarted, Evaluated])
@pytest.mark.parametrize("fold_index", [0, 1, 2])
@pytest.mark.slow
def test_an_interrupted_run_goes_on_to_the_same_results(finished, tmp_path, fatal, fold_index):
    def interrupt(event):
        if isinstance(event, fatal) and event.fold_index == fold_index:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, listener=interrupt)
    events = []
    run(tmp_path, listener=events.append)
    assert events[0].first_fold_index == fold_index
    assert_same_results(finished[0], tmp_path / "42")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyboardInterrupt(), {"reason": "interrupted", "error": None}),
        (OSError("the disk\nis gone"), {"reason": "failed", "error": "OSError: the disk is gone"}),
    ],
)
def test_a_run_that_stops_writes_down_why(tmp_path, error, told):
    def stop(event):
        if isinstance(event, FoldStarted):
            raise error

    with pytest.raises(type(error)):
        run(tmp_path, listener=stop)
    last = (tmp_path / "42" / "events.jsonl").read_text().splitlines()[-1]
    assert json.loads(last) == {"event": "RunStopped", **told}


def test_a_refused_run_writes_nothing_into_the_log_of_the_one_before(finished, tmp_path):
    shutil.copytree(finished[0], tmp_path / "42")
    with pytest.raises(StoreError):
        run(tmp_path, tiny_config(agent__n_epochs=2))
    log = "42/events.jsonl"
    assert (tmp_path / log).read_bytes() == (finished[0] / "events.jsonl").read_bytes()


def test_a_finished_run_is_not_trained_again(finished, tmp_path):
    shutil.copytree(finished[0], tmp_path / "42")
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.zip")}
    events = []
    result = run(tmp_path, listener=events.append)
    assert not any(isinstance(event, FoldStarted | Decided) for event in events)
    assert [event for event in events if isinstance(event, RunFinished)] == [result]
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.zip")} == before
    assert result.summary == read(tmp_path / "42" / "training_performance_summary.json")


@pytest.mark.slow
def test_fresh_starts_anew_beside_the_old_run_and_deletes_nothing(finished, tmp_path):
    shutil.copytree(finished[0], tmp_path / "42")
    run(tmp_path, tiny_config(folds__max_folds=1), fresh=True)
    assert (tmp_path / "42-2" / "folds" / "000" / "model.zip").exists()
    assert_same_results(finished[0], tmp_path / "42")


def test_a_run_of_other_settings_is_refused_with_the_difference(finished, tmp_path):
    shutil.copytree(finished[0], tmp_path / "42")
    with pytest.raises(StoreError, match=r"agent\.n_epochs was 1, now 2"):
        run(tmp_path, tiny_config(agent__n_epochs=2))
    assert_same_results(finished[0], tmp_path / "42")


@pytest.mark.parametrize(("n_threads", "is_same"), [(1, True), (3, True), (4, False)])
def test_threads_that_change_no_bit_make_no_other_run(finished, tmp_path, n_threads, is_same):
    """Two threads train side by side; from four on, single operations are split."""
    shutil.copytree(finished[0], tmp_path / "42")
    config = tiny_config(agent__n_threads=n_threads)
    if is_same:
        assert run(tmp_path, config).summary["out_of_sample"]
        return
    with pytest.raises(StoreError, match=r"agent\.n_threads was 2, now 4"):
        run(tmp_path, config)


def test_a_run_of_other_bars_is_refused(finished, tmp_path):
    shutil.copytree(finished[0], tmp_path / "42")
    with pytest.raises(StoreError, match="other bars"):
        run(tmp_path, bars=small_bars(seed=4))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"folds__initial_window_bars": 5000}, "bars"),
        ({"device": "cuda"}, "CUDA"),
        ({"env__market__leverage": 0.001}, "able to trade on some bar"),
    ],
)
def test_wrong_settings_leave_nothing_behind(tmp_path, change, what):
    if change.get("device") == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(ConfigError, match=what):
        run(tmp_path / "results", tiny_config(**change))
    assert list(tmp_path.iterdir()) == []


def test_bars_that_earn_another_currency_are_refused_without_a_conversion(tmp_path):
    yen = dataclasses.replace(small_bars(), symbol="USDJPY")
    with pytest.raises(ConfigError, match="--currency_conversion"):
        run(tmp_path / "results", bars=yen)
    assert list(tmp_path.iterdir()) == []


def test_an_account_that_cannot_trade_on_some_bars_is_warned_of(finished, tmp_path):
    """At a leverage of 1.7189 no bar would let it trade, which is refused."""
    events = []
    config = tiny_config(env__market__leverage=1.75, folds__max_folds=1)
    run(tmp_path, config, listener=events.append)
    warned = [e.message for e in events if isinstance(e, Noticed) and e.level == "warning"]
    assert any("nothing can trade" in message for message in warned)
    assert not [e for e in finished[1] if isinstance(e, Noticed) and "can trade" in e.message]


def test_the_conversion_and_its_reason_are_recorded(finished):
    data = read(finished[0] / "config.json")["data"]
    assert data["currency_conversion"] == 1.0
    assert "taken for USD" in data["currency_conversion_reason"]


def test_bars_after_a_fold_change_nothing_in_it(finished, tmp_path):
    """The past cannot see the future: fold 0 ends the same whatever comes after its test slice."""
    test_stop = read(finished[0] / "folds/000/fold.json")["fold"]["test"]["stop"]
    run(tmp_path, tiny_config(folds__max_folds=1), bars=small_bars().slice(0, test_stop + 1))
    for name in ("model.zip", "test_equity.csv", "test_ledger.csv"):
        one, other = (f / "folds/000" / name for f in (finished[0], tmp_path / "42"))
        if name == "model.zip":  # its card names the bars of the whole run
            assert load_model(one).weights_sha256 == load_model(other).weights_sha256
        else:
            assert one.read_bytes() == other.read_bytes()


@pytest.mark.slow
def test_the_cache_and_fast_evaluation_change_no_result(finished, tmp_path):
    cache = ArrayCache(tmp_path / "cache")
    for _ in range(2):
        shutil.rmtree(tmp_path / "42", ignore_errors=True)
        config = tiny_config(rules__fast_evaluation__enabled=False)
        run(tmp_path, config, cache=cache)
        for name in SAME:
            assert (finished[0] / name).read_bytes() == (tmp_path / "42" / name).read_bytes(), name
    info = cache.info()
    assert (info.builds, info.hits) == (1, 1)
    assert (
        read(tmp_path / "42" / "optimization_summary.json")["rules"]["preprocessing_cache"]["saved"]
        == 1
    )


@pytest.mark.slow
def test_without_warm_start_every_fold_starts_fresh(tmp_path):
    events = []
    run(tmp_path, tiny_config(rules__warm_start__mode="off"), listener=events.append)
    assert [e.warm_start_from for e in events if isinstance(e, FoldStarted)] == [None] * 3
    assert read(tmp_path / "42" / "optimization_summary.json")["warm_starts"] == 0


def test_a_fold_never_ends_worse_than_the_model_it_started_from(finished):
    folder, _ = finished
    for index in (1, 2):
        record = read(folder / f"folds/{index:03d}/fold.json")
        keep = [d for d in record["decisions"] if "incumbent_score" in d["inputs"]][-1]
        assert record["validation_score"] >= keep["inputs"]["incumbent_score"]


@pytest.mark.slow
def test_an_initial_model_starts_fold_0(finished, tmp_path):
    model = finished[0] / "model_final_optimized.zip"
    events = []
    config = tiny_config(initial_model=str(model), folds__max_folds=1)
    run(tmp_path, config, listener=events.append)
    record = read(tmp_path / "42" / "folds/000/fold.json")
    assert any("incumbent_score" in decision["inputs"] for decision in record["decisions"])


def test_an_initial_model_of_another_layout_is_refused(finished, tmp_path):
    model = finished[0] / "model_final_optimized.zip"
    config = tiny_config(initial_model=str(model), features__names=("return_1", "rsi_14"))
    with pytest.raises((ConfigError, ModelError)):
        run(tmp_path / "results", config)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_scaling_fitted_on_each_train_slice_travels_with_the_model(tmp_path):
    run(tmp_path, tiny_config(features__scaling="fitted", folds__max_folds=2))
    cards = [load_model(tmp_path / f"42/folds/{i:03d}/model.zip").card for i in range(2)]
    assert cards[0].scaler != cards[1].scaler
    assert cards[0].scaler is not None


@pytest.mark.slow
def test_tensorboard_scalars_are_written(tmp_path):
    walk_forward(
        tiny_config(folds__max_folds=1),
        loaded(small_bars()),
        OutputConfig(results_dir=tmp_path),
        provenance={},
        listener=lambda event: None,
    )
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (folder,) = (tmp_path / "42" / "tensorboard").iterdir()
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    tags = set(accumulator.Tags()["scalars"])
    assert tags >= {
        "validation/score",
        "validation/best_score",
        "schedule/learning_rate",
        "schedule/clip_range",
        "rules/next_evaluation_steps",
        "train/approx_kl",
    }
    steps = [event.step for event in accumulator.Scalars("validation/score")]
    assert steps[-1] == 384


def test_stock_sb3_loads_what_a_run_saved(finished):
    from sb3_contrib import RecurrentPPO

    stock = RecurrentPPO.load(finished[0] / "model_final_optimized.zip", device="cpu")
    ours = load_model(finished[0] / "model_final_optimized.zip").policy
    for name, tensor in stock.policy.state_dict().items():
        assert torch.equal(tensor, ours.state_dict()[name]), name


@pytest.mark.slow
def test_a_run_that_goes_on_keeps_its_counts(finished, tmp_path):
    def interrupt(event):
        if isinstance(event, FoldStarted) and event.fold_index == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, listener=interrupt)
    run(tmp_path)
    counts = [
        read(folder / "optimization_summary.json")["rules"]
        for folder in (finished[0], tmp_path / "42")
    ]
    for rules in counts:
        for count in rules.values():
            del count["cost_s"]  # seconds differ between any two runs
    assert counts[0] == counts[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("victim", "nth"), [("model.zip", 2), ("fold.json", 2), ("training_state_optimized.json", 3)]
)
def test_a_full_disk_while_a_fold_is_saved_costs_that_fold_only(
    finished, tmp_path, monkeypatch, victim, nth
):
    import envs.atomic
    import training.agent.checkpoint

    written, stock_write = [], envs.atomic.write_bytes

    def write(path, content):
        written.append(path.name)
        if path.name == victim and written.count(victim) == nth:
            raise OSError(28, "No space left on device")
        stock_write(path, content)

    for module in (envs.atomic, training.agent.checkpoint):
        monkeypatch.setattr(module, "write_bytes", write)
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path)
    monkeypatch.undo()
    run(tmp_path)
    assert_same_results(finished[0], tmp_path / "42")


def test_another_initial_model_is_another_run(finished, tmp_path):
    model = str(finished[0] / "model_final_optimized.zip")
    run(tmp_path, tiny_config(folds__max_folds=1))
    with pytest.raises(StoreError, match="another initial model"):
        run(tmp_path, tiny_config(folds__max_folds=1, initial_model=model))


@pytest.mark.parametrize(
    "change", [{"agent__lstm_hidden_size": 16}, {"env__action_mode": "orders"}]
)
def test_an_initial_model_of_another_network_is_refused_before_anything_starts(
    finished, tmp_path, change
):
    model = str(finished[0] / "model_final_optimized.zip")
    with pytest.raises(ModelError, match="of this run"):
        run(tmp_path / "results", tiny_config(initial_model=model, **change))
    assert list(tmp_path.iterdir()) == []


def test_going_on_with_other_versions_is_told(tmp_path, monkeypatch):
    import training.identity

    def interrupt(event):
        if isinstance(event, FoldStarted) and event.fold_index == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, tiny_config(folds__max_folds=2), listener=interrupt)
    now = training.identity.versions()
    monkeypatch.setattr(training.identity, "versions", lambda: now | {"torch": "9.9.9"})
    events = []
    run(tmp_path, tiny_config(folds__max_folds=2), listener=events.append)
    messages = [event.message for event in events if isinstance(event, Noticed)]
    assert any(f"torch {now['torch']} and goes on with 9.9.9" in message for message in messages)
    sessions = read(tmp_path / "42" / "training_state_optimized.json")["sessions"]
    assert [(s["first_fold"], s["versions"]["torch"]) for s in sessions] == [
        (0, now["torch"]),
        (1, "9.9.9"),
    ]


@pytest.mark.slow
def test_the_best_model_is_scored_with_its_own_scaler(tmp_path, monkeypatch):
    import training.run
    from training.prepare import prepare, scaled_market

    config = tiny_config(features__scaling="fitted")
    run(tmp_path, config)
    prepared = prepare(config, small_bars(), cache=None, clock=training.run.StageClock())
    scores = []
    for index in range(3):
        model = load_model(tmp_path / f"42/folds/{index:03d}/model.zip")
        tape = scaled_market(prepared, model.card.scaler)
        window = prepared.folds[-1].validation
        scores.append(training.run.evaluate(model.policy, tape, config.env, window).score)
    best = max(range(3), key=lambda index: (scores[index], index))
    copied = (tmp_path / "42" / "best_model_optimized.zip").read_bytes()
    assert copied == (tmp_path / f"42/folds/{best:03d}/model.zip").read_bytes()
