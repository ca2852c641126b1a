"""`walkfast train` through its real door: messages, exit codes, what is left behind, a tiny run."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli.commands import run
from bot.cli.train import Progress, how_to_go_on
from training.events import FoldFinished, RunStarted

ROOT = Path(__file__).parents[3]
TINY = [
    *("--initial_window", "400", "--step_size", "100", "--max_folds", "2"),
    *("--n_envs", "4", "--n_steps", "64", "--batch_size", "128", "--n_epochs", "1"),
    *("--lstm_hidden_size", "8", "--net_arch", "8", "--scaling_window", "50"),
    *("--total_timesteps", "512", "--device", "cpu", "--no-tensorboard"),
]


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """Run in an empty folder with a cache of its own."""
    monkeypatch.setenv("WALKFAST_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--seed -1", "--seed"),
        ("--learning_rate 7", "--learning_rate"),
        ("--profile turbo", "The profile must be a known one"),
        ("--lerning_rate 1", "did you mean --learning_rate?"),
        ("--data_path missing.csv", "missing.csv"),
        ("--benchmark_minutes 5", "only acts in a benchmark"),
        ("--benchmark_mode --seeds 0", "--seeds"),
        ("--resume", "needs a run that was begun"),
        ("--initial_model missing.zip", "missing.zip"),
        ("--features no_such_feature", "no_such_feature"),
        ("--initial_window 19900", "bars"),
        ("--results_dir a_file", "results folder must be writable"),
    ],
)
def test_a_mistake_is_code_2_before_any_training_and_leaves_nothing(words, says, alone, capsys):
    (alone / "a_file").write_text("in the way")
    assert run(["train", *words.split()]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "Traceback" not in said
    assert [path.name for path in alone.iterdir()] == ["a_file"]


def test_cuda_that_is_not_there_is_a_mistake(alone, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert run(["train", "--device", "cuda"]) == 2
    assert "torch sees no CUDA device" in capsys.readouterr().err
    assert not any(alone.iterdir())


def test_an_empty_file_is_a_mistake(alone, capsys):
    (alone / "empty.csv").touch()
    assert run(["train", "--data_path", "empty.csv"]) == 2
    assert "empty" in capsys.readouterr().err
    assert [path.name for path in alone.iterdir()] == ["empty.csv"]


def test_verbosity_2_shows_where_a_mistake_was_found(capsys):
    assert run(["train", "--seed", "-1", "--verbose", "2"]) == 2
    assert "Traceback" in capsys.readouterr().err


def started(**changes):
    values = {
        "run_folder": "results/42",
        "method": "optimized",
        "profile": "balanced",
        "symbol": "X",
        "timeframe": "1h",
        "n_bars": 10,
        "n_features": 3,
        "n_folds": 12,
        "first_fold_index": 0,
        "device": "cpu",
    }
    return RunStarted(**(values | changes))


def finished(fold_index):
    return FoldFinished(
        fold_index=fold_index,
        n_steps=1,
        stopped_early=False,
        validation_score=0.0,
        test_return_frac=0.0,
        test_buy_and_hold_frac=0.0,
        n_test_trades=0,
        duration_s=1.0,
    )


def test_an_interrupted_run_says_what_is_saved_and_how_to_go_on():
    progress = Progress()
    progress(started(first_fold_index=2))
    progress(finished(2))
    assert how_to_go_on(progress, fresh=False) == (
        f"Interrupted: 3 of 12 folds saved in {Path('results/42')}; "
        "the same command goes on from there."
    )


def test_a_fresh_run_goes_on_under_its_own_name():
    progress = Progress()
    progress(started(run_folder="results/42-2"))
    assert "--run_name 42-2 instead of --fresh" in how_to_go_on(progress, fresh=True)


def test_before_the_first_event_nothing_is_saved():
    assert how_to_go_on(Progress(), fresh=False).endswith("nothing was saved.")


def test_an_interrupt_while_loading_is_code_130(monkeypatch, capsys):
    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("bot.cli.train.load_bars", interrupted)
    assert run(["train"]) == 130
    assert capsys.readouterr().err == "Interrupted before training began; nothing was saved.\n"


@pytest.mark.slow
def test_a_tiny_run_writes_its_files_records_who_set_what_and_goes_on(alone, capsys):
    assert run(["train", *TINY, "--seed", "7", "--profile", "aggressive", "--json"]) == 0
    said = capsys.readouterr()
    events = [json.loads(text) for text in said.out.splitlines()]
    assert "RunFinished" in [event["event"] for event in events[-3:]]
    assert any("embedded sample" in event.get("message", "") for event in events)
    folder = alone / "results" / "7"
    for name in ("best_model_optimized.zip", "optimization_summary.json", "report.html"):
        assert (folder / name).is_file()
    config = json.loads((folder / "config.json").read_text())
    found = {
        path: config["provenance"].get(path, "default")
        for path in ("seed", "rules.early_stopping.patience_evaluations", "agent.gamma")
    }
    assert list(found.values()) == ["flag", "profile:aggressive", "default"]
    assert (
        run(["train", *TINY, "--seed", "7", "--profile", "aggressive", "--resume", "--quiet"]) == 0
    )
    assert run(["train", *TINY, "--seed", "7", "--profile", "aggressive", "--max_folds", "1"]) == 2
    assert "--fresh" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_a_run_that_is_interrupted_is_code_130_and_goes_on(alone, capsys):
    words = ["train", *TINY, "--max_folds", "12"]
    with subprocess.Popen(
        [sys.executable, "-m", "bot", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert any("done in" in said for said in process.stdout)  # fold 0 is saved
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.search(r"Interrupted: \d+ of 12 folds saved in .*42", complaint)
    assert "Traceback" not in complaint
    assert run([*words, "--resume", "--quiet"]) == 0
    assert len(list((alone / "results/42/folds").iterdir())) == 12


@pytest.mark.slow
def test_a_saved_model_is_evaluated_as_it_was_trained(alone, capsys):
    assert run(["train", *TINY, "--quiet", "--no-report"]) == 0
    model = str(alone / "results" / "42" / "folds" / "000" / "model.zip")
    fold = json.loads((alone / "results/42/folds/000/fold.json").read_text())["fold"]["test"]
    window = ["--start", str(fold["start"]), "--stop", str(fold["stop"])]
    capsys.readouterr()
    assert run(["evaluate", model, *window, "--json", "--output", "out"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["ground"], facts["warnings"]) == ("out_of_sample", [])
    ours = (alone / "out" / "equity.csv").read_text()
    theirs = (alone / "results/42/folds/000/test_equity.csv").read_text()
    assert [row.split(",")[1:] for row in ours.splitlines()[1:]] == [
        row.split(",")[1:] for row in theirs.splitlines()[1:]
    ]
    assert (alone / "out" / "ledger.csv").is_file()

    assert run(["evaluate", model, "--stop", "600"]) == 0
    said = capsys.readouterr()
    assert "in-sample" in said.err
    assert said.out.startswith("IN-SAMPLE: ")
    assert "Net return" in said.out
    assert run(["evaluate", model, *window, "--commission", "1000", "--json"]) == 0
    dearer = json.loads(capsys.readouterr().out)
    if facts["performance"]["n_trades"]:
        assert dearer["performance"]["net_pnl"] < facts["performance"]["net_pnl"]
    assert run(["evaluate", model, *window, "--leverage", "0.01", "--json"]) == 0
    poor = json.loads(capsys.readouterr().out)
    assert facts["n_refused_orders"] == 0 == poor["performance"]["n_trades"]
    assert any("nothing can trade" in warning for warning in poor["warnings"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["no.zip"], "no.zip"),
        (["no.zip", "--symbol", "X"], "--symbol only acts with --data_path"),
        ([], "MODEL"),
    ],
)
def test_an_evaluation_that_cannot_be_is_refused(words, says, capsys):
    assert run(["evaluate", *words]) == 2
    assert says in capsys.readouterr().err
