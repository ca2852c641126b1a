"""`walkfast benchmark` and `--benchmark_mode`: mistakes, the screen, and one real run, tiny."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bot.cli.benchmark import _beside, _command, _interrupted, _print, _runner, _Screen
from bot.cli.commands import run
from tests.training.benchmark import made_up
from training.benchmark import margin, plan
from training.benchmark.arms import make_arms
from training.benchmark.config import BenchmarkConfig
from training.benchmark.events import Calibrated, Planned, UnitFinished, UnitStarted
from training.benchmark.results import conclude
from training.benchmark.session import Session, Subject
from training.config import RunConfig, with_values
from training.significance import margins
from training.store import RunStore


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """Run in an empty folder with a cache of its own."""
    monkeypatch.setenv("WALKFAST_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.mark.parametrize("door", ["benchmark", "train --benchmark_mode"])
@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--benchmark_minutes 0", "needs some time"),
        ("--benchmark_minutes soon", "--benchmark_minutes must be a number"),
        ("--seeds 0", "number of seeds"),
        ("--data_path missing.csv", "missing.csv"),
        ("--initial_model m.zip", "fresh weights"),
        ("--use_original_training", "with a profile"),
        ("--resume", "needs a benchmark that was begun"),
        ("--initial_window 19900", "bars"),
    ],
)
def test_a_mistake_is_code_2_before_anything_runs_and_leaves_nothing(
    door, words, says, alone, capsys
):
    assert run([*door.split(), *words.split()]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "Traceback" not in said
    assert not any(alone.iterdir())


def test_a_benchmark_in_the_folder_of_a_training_run_says_so_once(alone):
    folder = alone / "tiny" / "benchmark"
    assert list(_beside(folder)) == []
    folder.mkdir(parents=True)
    (alone / "tiny" / "config.json").write_text("{}")
    (told,) = _beside(folder)
    assert "tiny holds a training run, which is left alone" in told.message
    (folder / "plan.json").write_text("{}")
    assert list(_beside(folder)) == []


def test_what_is_said_while_it_runs_fits_80_columns(capsys):
    kinds = {"original": "timed", "original_again": "timed", "optimized": "whole"}
    plan = made_up.plan(kinds=kinds, n_again=2)
    screen = _Screen(shows=True)
    for event in (
        Calibrated(steps_per_s=83.4, n_threads=1, took_s=12.0, warm_up_s=3.0),
        Planned(plan=plan.to_json(), n_done=2, notes=("A note " * 30,)),
        UnitStarted(name="original-0", number=3, n_units=6, planned_s=20.0),
        UnitFinished(name="x", arm="x", kind="timed", steps_per_s=83.4, process_s=19.0, error=None),
        UnitFinished(
            name="x", arm="x", kind="timed", steps_per_s=None, process_s=1.0, error="a\n\x1b[31mb"
        ),
    ):
        screen(event)
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    assert "Timed only, 3 seeds, env steps: original 1,024, original_again 1,024." in said
    assert "8 runs, 2 of them done before" in said
    assert re.search(r"    3/6  original-0 \(about 20\.0 s from \d\d:\d\d:\d\d on\) \.\.\.", said)
    assert "at most" not in said
    assert "\x1b" not in said


@pytest.mark.parametrize("ablation", [False, True])
def test_the_table_fits_80_columns(capsys, ablation):
    arms = made_up.arms(ablation=ablation)
    kinds = {arm.name: "timed" if arm.is_stock else "whole" for arm in arms}
    units = [
        made_up.unit(name, 42 + seed, kind, wall_s=9.0 + seed, scores=(-0.1234, 0.2))
        for name, kind in kinds.items()
        for seed in range(3)
    ]
    plan = made_up.plan(kinds=kinds)
    content = conclude(arms, plan, units, config=BenchmarkConfig(), data=made_up.DATA)
    _print(content, Path("results/42/benchmark"))
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    assert ("Optimization" in said) == ablation
    assert "buy and hold" in said


def test_the_command_is_told_without_where_files_lie(tmp_path):
    words = ["--benchmark-mode", "--data_path", str(tmp_path / "my bars.csv"), "--seeds", "3"]
    assert _command(words) == "walkfast benchmark --data_path 'my bars.csv' --seeds 3"


def test_an_interruption_says_what_is_saved(tmp_path):
    assert "nothing was saved" in _interrupted(tmp_path)
    (tmp_path / "plan.json").touch()
    assert "the plan is kept" in _interrupted(tmp_path)
    (tmp_path / "units").mkdir()
    (tmp_path / "units" / "original-0.json").touch()
    said = _interrupted(tmp_path)
    assert "Interrupted: 1 run saved in" in said
    assert "table.md" in said


TINY = {
    "agent.lstm_hidden_size": 8,
    "agent.net_arch": (8,),
    "agent.n_envs": 4,
    "agent.n_steps": 32,
    "agent.batch_size": 64,
    "agent.n_epochs": 1,
    "rules.adaptive_timesteps.base_timesteps": 512,
    "rules.adaptive_timesteps.min_timesteps": 256,
    "folds.initial_window_bars": 400,
    "folds.step_bars": 100,
    "folds.max_folds": 2,
    "device": "cpu",
}


@pytest.mark.slow
def test_a_real_benchmark_of_tiny_agents_runs_resumes_and_judges(alone, tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "LEAST_CALIBRATION_PAIRS", 5)
    monkeypatch.setattr(margin, "LEAST_CALIBRATION_PAIRS", 5)
    monkeypatch.setattr(margins, "LEAST_CALIBRATION_PAIRS", 5)
    stock = {"agent.engine": "stock", "agent.n_threads": 1, "rules.adaptive_timesteps.mode": "off"}
    original = with_values(RunConfig(), {**TINY, **stock})
    arms = make_arms(with_values(RunConfig(), TINY), original=original)
    subject = Subject(
        arms=tuple(arm for arm in arms if arm.name in ("original", "optimized")),
        n_folds=5,
        bars_fingerprint="b" * 64,
        data=made_up.DATA,
        n_cores=1,
    )
    (tmp_path / "jobs").mkdir()
    started = []
    for _ in range(2):
        events = []
        with RunStore(alone / "benchmark") as store:
            content = Session(
                subject=subject,
                config=BenchmarkConfig(minutes=20, n_seeds=1),
                store=store,
                runner=_runner(str(tmp_path / "jobs")),
                emit=events.append,
            ).run()
        started.append([event.name for event in events if isinstance(event, UnitStarted)])
    assert started == [["original-0", "original_again-0", "optimized-0"], []]
    assert [unit["status"] for unit in content["units"]] == ["done"] * 3
    assert content["chance"].keys() == {"original", "original_again", "optimized"}
    assert content["overfitting"]["n_configurations"] == 3
    for judged in content["chance"].values():
        assert judged["deflated"]["n_trials"] == 3
        assert judged["stress"]["slippage"]["slippage_points"] > 0
    ours = content["arms"]["optimized"]
    assert ours["fold_s_is"] == "measured"
    assert ours["bayes_share"] is not None
    assert ours["stage_cpu_s"]["update"] > 0
    assert len(content["units"][0]["equity"]["agent"]) == 500
    compared = content["against_original"]["optimized"]
    assert compared["speed"]["value"] > 0
    assert compared["quality"]["n_values"] == 5
    assert compared["margin"]["source"] == content["calibration"]["fixed"]["source"]
    assert content["calibration"]["fixed"]["source"] == "calibration"
    assert compared["verdict"]["text"] == "no verdict: no interval"
    reached = content["time_to_quality"]["optimized"]
    assert reached["n_rows"] + reached["n_still"] == 5
    stored = json.loads((alone / "benchmark" / "benchmark.json").read_text())
    assert stored["versions"]["torch"]
    assert (alone / "benchmark" / "table.md").read_text().count("\n| ") >= 6
