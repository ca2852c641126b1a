"""Listing runs and benchmarks: states, damage, and what is merely odd."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.training.compare.made_up_runs import BARS, make_run, make_summary
from training.history import is_matching, read_history


def write(path, **content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"format_version": 1, **content}))


def only_run(folder):
    (found,) = read_history(folder).runs
    return found


def test_a_finished_run_has_its_headline(tmp_path):
    make_summary(make_run(tmp_path / "42", step=5))
    found = only_run(tmp_path)
    assert (found.name, found.symbol, found.timeframe, found.seed) == ("42", "MADEUP", "1h", 42)
    assert (found.n_folds_done, found.n_folds_planned, found.state) == (6, 6, "finished")
    assert (found.test_return_frac, found.hold_return_frac) == (0.05, -0.03)
    assert (found.sharpe, found.max_drawdown_frac, found.duration_s) == (1.5, 0.08, 61.5)
    assert found.when == "2026-11-21T04:00:00+00:00"


def test_a_finished_run_whose_configuration_is_torn_keeps_its_headline_and_is_marked(tmp_path):
    make_summary(make_run(tmp_path / "42", step=5))
    assert only_run(tmp_path).damage is None
    (tmp_path / "42" / "config.json").write_text('{"torn')
    found = only_run(tmp_path)
    assert (found.state, found.test_return_frac) == ("finished", 0.05)
    assert found.damage.startswith("config.json: A results file must be JSON")


@pytest.mark.parametrize(
    ("last", "state", "error"),
    [
        ({"event": "RunStopped", "reason": "interrupted", "error": None}, "interrupted", None),
        ({"event": "RunStopped", "reason": "failed", "error": "E: x"}, "failed", "E: x"),
        ({"event": "Progressed", "n_steps": 3}, "open", None),
        ({"event": "RunStopped"}, "open", None),
    ],
)
def test_an_unfinished_run_says_how_it_ended_where_it_could(tmp_path, last, state, error):
    folder = make_run(tmp_path / "42", step=5, returns=(0.1, 0.2), n_planned=5)
    (folder / "events.jsonl").write_text('{"event": "RunStarted"}\n' + json.dumps(last) + "\n")
    found = only_run(tmp_path)
    assert (found.state, found.error) == (state, error)
    assert (found.n_folds_done, found.n_folds_planned, found.duration_s) == (2, 5, 20.0)
    assert found.test_return_frac is None


@pytest.mark.parametrize("log", [None, "", "{", '"text"\n', "x" * 10_000])
def test_a_log_that_tells_nothing_leaves_a_run_open(tmp_path, log):
    folder = make_run(tmp_path / "42", step=5, n_planned=9)
    if log is not None:
        (folder / "events.jsonl").write_text(log)
    assert only_run(tmp_path).state == "open"


def test_runs_come_oldest_first(tmp_path):
    for name, when in (("a", "2026-03-01"), ("b", "2026-01-01"), ("c", "2026-02-01")):
        make_summary(tmp_path / name, completion_time=when)
    assert [run.name for run in read_history(tmp_path).runs] == ["b", "c", "a"]


def test_other_folders_and_files_are_passed_over(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "a.txt").write_text("")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    history = read_history(tmp_path)
    assert (history.runs, history.benchmarks, history.damaged) == ((), (), ())


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format_version": 99}'])
def test_a_damaged_run_is_named_and_ends_nothing(tmp_path, text):
    make_summary(tmp_path / "good")
    make_summary(tmp_path / "bad")
    (tmp_path / "bad" / "training_performance_summary.json").write_text(text)
    history = read_history(tmp_path)
    assert [run.name for run in history.runs] == ["good"]
    (damaged,) = history.damaged
    assert damaged.folder == str(tmp_path / "bad")
    assert "results file must" in damaged.error


@pytest.mark.parametrize("odd", [None, "x", [], {}, True, {"mode": 1}])
def test_values_of_other_kinds_are_none_not_an_error(tmp_path, odd):
    names = ("completion_time", "profile", "seed", "out_of_sample", "baselines", "folds")
    make_summary(tmp_path / "42", **dict.fromkeys((*names, "duration_s", "data"), odd))
    found = only_run(tmp_path)
    assert found.test_return_frac is None
    assert found.seed is None
    write(tmp_path / "43/config.json", config=odd, data=odd)
    write(tmp_path / "43/training_state_optimized.json", iteration_times=odd, timestamp=odd)
    assert len(read_history(tmp_path).runs) == 2


def units(*statuses):
    return [{"status": status} for status in statuses]


def plan(n_seeds, *, n_again=None):
    arms = [{"name": "original"}, {"name": "optimized"}]
    if n_again is not None:
        arms.append({"name": "original_again", "n_seeds": n_again})
    return {"n_seeds": n_seeds, "arms": arms}


def benchmark(folder, *, statuses, n_seeds=2, **more):
    write(
        folder / "benchmark" / "benchmark.json",
        created="2026-11-21T05:00:00+00:00",
        profile="fast",
        data=BARS,
        n_seeds=n_seeds,
        planned={"plan": more.pop("plan", plan(n_seeds))},
        n_folds=3,
        units=units(*statuses),
        arms={
            "original": {"test_return": {"value": 0.01}},
            "original_exact": {"test_return": {"value": 0.03}},
            "optimized": {"test_return": {"value": 0.02}},
        },
        against_original={
            "optimized": {
                "speed": {"value": 120.0, "interval": {"low": 110.0, "high": 130.0}},
                "verdict": {"text": "faster and not worse"},
                **more.pop("compared", {}),
            }
        },
        **more,
    )


@pytest.mark.parametrize(
    ("statuses", "state", "n_done"),
    [
        (("done",) * 4, "finished", 4),
        (("done",) * 3 + ("failed",), "failed", 3),
        (("done",) * 2, "interrupted", 2),
    ],
)
def test_a_benchmark_has_its_verdict(tmp_path, statuses, state, n_done):
    benchmark(tmp_path / "42", statuses=statuses)
    (found,) = read_history(tmp_path).benchmarks
    assert (found.name, found.state) == ("42/benchmark", state)
    assert (found.n_runs_done, found.n_runs_planned) == (n_done, 4)
    assert (found.speed, found.speed_low, found.speed_high) == (120.0, 110.0, 130.0)
    assert (found.test_return_frac, found.original_return_frac) == (0.02, 0.01)
    assert found.verdict == "faster and not worse"


def test_a_benchmark_whose_own_time_was_over_was_stopped(tmp_path):
    benchmark(tmp_path / "42", statuses=("done",) * 2, n_left_out=2)
    (found,) = read_history(tmp_path).benchmarks
    assert (found.state, found.n_runs_done, found.n_runs_planned) == ("stopped", 2, 4)


def test_an_arm_with_fewer_seeds_leaves_no_benchmark_open(tmp_path):
    benchmark(tmp_path / "42", statuses=("done",) * 13, n_seeds=5, plan=plan(5, n_again=3))
    (found,) = read_history(tmp_path).benchmarks
    assert (found.state, found.n_runs_done, found.n_runs_planned) == ("finished", 13, 13)


def test_the_stand_in_has_the_test_return_of_an_original_that_was_timed(tmp_path):
    scored = {"quality_of": "original_exact"}
    benchmark(tmp_path / "42", statuses=("done",) * 4, compared=scored)
    (found,) = read_history(tmp_path).benchmarks
    assert found.original_return_frac == 0.03


def test_a_benchmark_that_was_begun_is_listed_from_its_plan(tmp_path):
    folder = tmp_path / "42" / "benchmark"
    write(
        folder / "plan.json",
        plan={"n_seeds": 3, "n_folds": 2, "arms": [{}, {}]},
        configs={"optimized": {"data_path": "x/gold.csv", "profile": "fast"}},
        begun="2026-11-21T05:00:00+00:00",
    )
    write(folder / "units" / "original-0.json")
    (found,) = read_history(tmp_path).benchmarks
    assert (found.n_runs_done, found.n_runs_planned, found.state) == (1, 6, "open")
    assert is_matching(found, "GOLD")
    assert not is_matching(found, "silver")


@pytest.mark.parametrize("marker", ["seeds.json", "jobs/1.json"])
def test_seeds_that_were_trained_together_are_listed_one_by_one(tmp_path, marker):
    write(tmp_path / "gold" / marker)
    for seed in ("1", "2"):
        make_summary(tmp_path / "gold" / seed)
    (tmp_path / "gold" / "3").mkdir()
    (tmp_path / "gold" / "3" / "config.json").write_text("")
    history = read_history(tmp_path)
    assert [run.name for run in history.runs] == ["gold/1", "gold/2"]
    assert [item.folder for item in history.damaged] == [str(tmp_path / "gold" / "3")]


def test_a_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    make_summary(tmp_path / "good")
    (tmp_path / "locked").mkdir()
    read = Path.read_bytes

    def refusing(path):
        if path.parent.name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refusing)
    history = read_history(tmp_path)
    assert [run.name for run in history.runs] == ["good"]
    assert "Permission denied" in history.damaged[0].error


def test_runs_in_a_folder_of_another_kind_are_not_searched_for(tmp_path):
    make_summary(tmp_path / "archive" / "1")
    assert read_history(tmp_path).runs == ()


def test_a_run_and_its_benchmark_are_both_listed(tmp_path):
    make_summary(tmp_path / "42")
    benchmark(tmp_path / "42", statuses=("done",) * 4)
    history = read_history(tmp_path)
    assert (len(history.runs), len(history.benchmarks)) == (1, 1)
