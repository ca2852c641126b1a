"""`walkfast train --seeds`: the same files as each single run, side by side, whoever dies."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bot.cli import chain as chain_module
from bot.cli import seeds as seeds_module
from bot.cli.commands import run
from training.errors import TrainingError
from training.events import RunFinished
from training.machine import Limit
from training.over_seeds import MEASURES, SeedRun
from training.parallel.scheduler import Outcome

ROOT = Path(__file__).parents[3]
TINY = [
    *("--initial_window", "400", "--step_size", "100", "--max_folds", "2"),
    *("--n_envs", "4", "--n_steps", "64", "--batch_size", "128", "--n_epochs", "1"),
    *("--lstm_hidden_size", "8", "--net_arch", "8", "--scaling_window", "50"),
    *("--total_timesteps", "512", "--device", "cpu", "--no-tensorboard", "--no-report"),
]
_PATIENCE_S = 240  # a busy machine starts torch in half a minute
# Everything that must be equal bit for bit however a seed is trained.
SAME = (
    "best_model_optimized.zip",
    "model_final_optimized.zip",
    "stitched_equity.csv",
    "stitched_ledger.csv",
    *(
        f"folds/{index:03d}/{name}"
        for index in range(2)
        for name in ("model.zip", "test_equity.csv", "test_ledger.csv")
    ),
)


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """Run in an empty folder with a cache of its own."""
    monkeypatch.setenv("WALKFAST_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("WALKFAST_KERNEL", "0")  # an empty cache would compile one each time
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def read(path):
    return json.loads(Path(path).read_text())


def assert_same_results(one, other):
    for name in SAME:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--seeds 1,2,1", "Every seed must come once"),
        ("--seeds 5", "two seeds or more"),
        ("--seeds", "two seeds or more"),
        ("--seeds 1,-2", "0 or more"),
        ("--seeds 1,x", "whole number"),
        ("--seeds 1,2 --seed 3", "One seed or several"),
        ("--seeds 1,2 --calibrate", "needs the machine to itself"),
        ("--seeds 1,2 --workers 0", "one worker or more"),
        ("--seeds 1,2 --execution locky", "did you mean 'loky'?"),
        ("--seeds 1,2 --engine loky", "is a word of --execution"),
        ("--seeds 1,2 --execution sequential --workers 2", "One after the other"),
        ("--workers 2", "only acts with several seeds"),
        ("--execution loky", "only acts with several seeds"),
        ("--benchmark_mode --seeds 1,2", "how many"),
        ("--benchmark_mode --workers 2", "only acts with several seeds"),
        ("--seeds 1,2 --resume", "needs seeds that were begun"),
        ("--seeds 1,2 --initial_window 19900", "bars"),
        ("--seeds 1,2 --results_dir a_file", "results folder must be writable"),
    ],
)
def test_a_mistake_is_code_2_before_any_training_and_leaves_nothing(words, says, alone, capsys):
    (alone / "a_file").write_text("in the way")
    assert run(["train", *words.split()]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "Traceback" not in said
    assert [path.name for path in alone.iterdir()] == ["a_file"]


@pytest.mark.slow
def test_every_seed_writes_what_it_writes_alone(alone, capsys):
    assert run(["train", *TINY, "--seeds", "1,2", "--workers", "2", "--run_name", "both"]) == 0
    said = capsys.readouterr().out
    for seed in (1, 2):
        assert run(["train", *TINY, "--seed", str(seed)]) == 0
        one, other = alone / "results" / str(seed), alone / "results" / "both" / str(seed)
        assert_same_results(one, other)
        names = [{p.name for p in folder.iterdir()} for folder in (one, other)]
        assert names[0] == names[1]
        configs = [read(folder / "config.json") for folder in (one, other)]
        assert configs[0]["config"] == configs[1]["config"]
        assert configs[0]["provenance"] == configs[1]["provenance"]
    assert "seed 1: fold 1: done" in said
    assert "2 of 2 seeds done" in said
    content = read("results/both/seeds.json")
    alone_return = read("results/2/training_performance_summary.json")["out_of_sample"]
    assert content["seeds"][1]["total_return_frac"] == alone_return["total_return_frac"]
    assert content["n_done"] == 2


@pytest.mark.slow
def test_one_after_the_other_gives_the_same_and_more_seeds_are_added(alone, capsys):
    words = ["train", *TINY, "--run_name", "some", "--execution", "sequential"]
    assert run([*words, "--seeds", "1,2"]) == 0
    before = {p: p.stat().st_mtime_ns for p in Path("results/some/1").rglob("*") if p.is_file()}
    capsys.readouterr()
    assert run(["train", *TINY, "--run_name", "some", "--seeds", "2,1,3", "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {e["job"] for e in events if e["event"] == "FoldFinished"} == {"seed_3"}
    done = {e["job"]: e["was_done"] for e in events if e["event"] == "JobFinished"}
    assert done == {"seed_2": True, "seed_1": True, "seed_3": False}
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert events[-1]["event"] == "SeedsFinished"
    assert [row["seed"] for row in events[-1]["content"]["seeds"]] == [2, 1, 3]
    assert run(["train", *TINY, "--seed", "3", "--results_dir", "results/some", "--resume"]) == 0


def test_one_failed_seed_does_not_lose_the_others(alone, capsys, monkeypatch):
    whole = chain_module.walk_forward

    def fails_for_two(config, *given, **more):
        if config.seed == 2:
            raise ValueError("a defect")
        return whole(config, *given, **more)

    monkeypatch.setattr(chain_module, "walk_forward", fails_for_two)
    words = ["train", *TINY, "--seeds", "1,2", "--execution", "sequential", "--max_folds", "1"]
    assert run([*words, "--run_name", "one"]) == 1
    said = capsys.readouterr()
    assert "Seed 2 failed. Given up after 2 attempts: ValueError: a defect." in said.err
    assert "the same command tries them again" in said.err
    content = read("results/one/seeds.json")
    assert [row["state"] for row in content["seeds"]] == ["done", "failed"]


def test_other_settings_in_the_folder_are_refused_and_nothing_there_changes(
    alone, capsys, monkeypatch
):
    words = ["train", *TINY, "--seeds", "1,2", "--execution", "sequential", "--max_folds", "1"]
    monkeypatch.setattr(chain_module, "walk_forward", finishes_at_once)
    assert run(words) == 0
    kept = {path: path.read_bytes() for path in alone.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert run([*words, "--learning_rate", "0.5", "--seeds", "1,2"]) == 2
    said = capsys.readouterr().err
    assert "Seeds are added only to the training they were begun with" in said
    assert "agent.learning_rate was 0.001, now 0.5" in said
    assert {path: path.read_bytes() for path in alone.rglob("*") if path.is_file()} == kept


def test_a_seed_whose_run_was_removed_is_trained_again(alone, capsys, monkeypatch):
    words = ["train", *TINY, "--seeds", "1,2", "--execution", "sequential", "--json"]
    monkeypatch.setattr(chain_module, "walk_forward", finishes_at_once)
    assert run(words) == 0
    shutil.rmtree(alone / "results" / "seeds_1_2" / "2")
    capsys.readouterr()
    assert run(words) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    done = {e["job"]: e["was_done"] for e in events if e["event"] == "JobFinished"}
    assert done == {"seed_1": True, "seed_2": False}


@pytest.mark.parametrize(
    ("words", "memory", "says"),
    [
        ("", 1.5e9, "3 seeds, 2 at a time"),
        ("", 1e8, "3 seeds, 1 at a time"),
        ("", 1e12, "3 seeds, 3 at a time"),
        ("--workers 3", 1e8, "3 seeds, 3 at a time"),
        ("--workers 9", 1e12, "3 seeds, 3 at a time"),
    ],
)
def test_as_many_train_as_there_are_cores_and_room_for(words, memory, says, capsys, monkeypatch):
    monkeypatch.setattr(seeds_module, "usable_memory_bytes", lambda: Limit(memory, None))
    monkeypatch.setattr("training.parallel.config.usable_cores", lambda: Limit(4.0, None))
    monkeypatch.setattr(seeds_module, "run_jobs", lambda *jobs, **more: Outcome())
    monkeypatch.setattr(seeds_module, "_seed_run", lambda chain, outcome: lost(chain))
    assert run(["train", *TINY, "--seeds", "1,2,3", *words.split()]) == 0
    assert says in capsys.readouterr().out


def lost(chain):
    return SeedRun(seed=chain.seed, run_folder=str(chain.folder), error="not run")


def finishes_at_once(config, loaded, output, **more):
    """Stand in for a training: its summary is there, and there is nothing to learn."""
    folder = output.results_dir / str(config.seed)
    folder.mkdir(parents=True, exist_ok=True)
    performance = dict.fromkeys(MEASURES, 0.0)
    summary = {
        "out_of_sample": performance,
        "baselines": dict.fromkeys(("flat", "buy_and_hold", "random"), performance),
        "duration_s": 1.0,
        "data": {},
    }
    (folder / "training_performance_summary.json").write_text(json.dumps(summary))
    return RunFinished(run_folder=str(folder), summary=summary, optimization={})


def test_a_mistake_that_all_seeds_share_is_said_once_and_is_code_2(capsys, monkeypatch):
    def refuses(config, *given, **more):
        raise TrainingError("Weights must be finite", came="NaN")

    monkeypatch.setattr(chain_module, "walk_forward", refuses)
    words = ["train", *TINY, "--seeds", "1,2", "--execution", "sequential"]
    assert run(words) == 2
    said = capsys.readouterr().err
    assert said.count("Seeds 1, 2 failed. Weights must be finite") == 1
    assert "tries them again" not in said


def test_ctrl_c_says_what_is_saved_and_how_it_goes_on(alone, capsys, monkeypatch):
    def interrupted(chains, *, folder, **more):
        chains[0].run(lambda event: None)
        raise KeyboardInterrupt

    monkeypatch.setattr(seeds_module, "run_jobs", interrupted)
    words = ["train", *TINY, "--seeds", "1,2", "--max_folds", "1"]
    assert run([*words, "--fresh"]) == 130
    said = capsys.readouterr().err
    assert "seed 1: 1 of 1 folds; seed 2: nothing yet." in said
    assert "The same command with --run_name seeds_1_2 instead of --fresh goes on" in said


LONGER = [*TINY, "--seeds", "1,2", "--total_timesteps", "2048"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run folders of two seeds that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "here"
    folder.mkdir()
    started = start([*LONGER, "--execution", "sequential", "--run_name", "both"], cwd=folder)
    started.communicate(timeout=_PATIENCE_S)
    assert started.returncode == 0
    return folder / "results" / "both"


@pytest.mark.slow
@pytest.mark.parametrize("how", ["a worker", "the parent"])
def test_whoever_is_killed_the_same_command_ends_with_the_same_files(how, alone, whole):
    started = start(LONGER, cwd=alone)
    folder = alone / "results" / "seeds_1_2"
    wait_for(folder / "1" / "folds" / "000" / "fold.json", started)
    below = psutil.Process(started.pid).children(recursive=True)
    if how == "a worker":
        next(p for p in below if "LokyProcess" in " ".join(p.cmdline())).kill()
    else:
        started.kill()
    out, err = started.communicate(timeout=_PATIENCE_S)
    assert not psutil.wait_procs(below, timeout=20)[1]
    assert "Traceback" not in err
    if how == "a worker":
        assert started.returncode == 0
        assert "was killed (SIGKILL" in out
        assert "tried once more, from its last finished fold" in out
    else:
        assert started.returncode == -signal.SIGKILL
    again = start(LONGER, cwd=alone)
    again.communicate(timeout=_PATIENCE_S)
    assert again.returncode == 0
    for seed in ("1", "2"):
        assert_same_results(folder / seed, whole / seed)


def wait_for(path, process):
    until_s = time.monotonic() + _PATIENCE_S
    while not path.exists():
        assert process.poll() is None
        assert time.monotonic() < until_s
        time.sleep(0.01)


def start(words, *, cwd):
    own = {"WALKFAST_CACHE_DIR": str(cwd.parent / "cache"), "WALKFAST_KERNEL": "0"}
    return subprocess.Popen(
        [sys.executable, "-m", "bot", "train", *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
