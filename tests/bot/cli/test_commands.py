"""The way in: which command, and what happens where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from bot.cli.commands import COMMANDS, run
from bot.cli.script import run_script

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_help_lists_every_command(words, capsys):
    assert run(words) == 0
    page = capsys.readouterr().out
    assert all(f"  {name} " in page for name in COMMANDS)
    assert max(map(len, page.splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_page_of_help(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert run([name, "--help"]) == 0
    page = capsys.readouterr().out
    assert page.startswith(f"usage: walkfast {name} ")
    assert max(map(len, page.splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_refuses_an_unknown_flag(name, capsys):
    assert run([name, "x", "--no_such_flag"]) == 2
    assert "--no_such_flag" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("trian", "did you mean 'train'?"),
        (
            "bench",
            "benchmark, compare, history, data, audit, cache, doctor.",
        ),
        ("study", "Choose from: train"),
        ("--seed", "a command comes first"),
        ("", "Choose from: train"),
    ],
)
def test_an_unknown_command_is_code_2_with_the_list(word, says, capsys):
    assert run([word]) == 2
    assert says in capsys.readouterr().err


def test_the_version_is_one_line(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("walkfast ")


def test_nothing_in_bot_hides_another_module():
    """Scripts run from `bot/`, so its names come before those of installed packages."""
    ours = {path.stem for path in (ROOT / "bot").iterdir() if not path.name.startswith("_")}
    assert not ours & set(sys.stdlib_module_names)
    assert not ours & set(packages_distributions())


@pytest.mark.slow
@pytest.mark.parametrize("script", ["train_ppo.py", "train_ppo_optimized.py"])
def test_a_script_runs_from_its_own_folder_without_being_installed(script):
    done = _script(script, "--parallel_candidates", "2")
    assert done.returncode == 2
    assert "Parallel candidates are not available yet" in done.stderr


def test_the_historical_import_path_works_from_bot(tmp_path):
    code = (
        "from utils.training_utils_optimized import get_optimization_info, "
        "clear_optimization_cache; "
        "print(get_optimization_info()['cache_entries'], clear_optimization_cache())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / "bot",
        env=_alone() | {"WALKFAST_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("0 0\n", 0), done.stderr


def _script(name, *flags):
    return subprocess.run(
        [sys.executable, name, *flags],
        cwd=ROOT / "bot",
        env=_alone(),
        capture_output=True,
        text=True,
        check=False,
    )


def _alone():
    """An environment in which only the script itself can find the repository."""
    return {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "WALKFAST_CACHE_DIR")}


def test_an_interrupt_while_a_command_is_imported_is_one_line(monkeypatch, capsys):
    def interrupted(_name):
        raise KeyboardInterrupt

    monkeypatch.setattr("importlib.import_module", interrupted)
    assert run(["train"]) == 130
    assert run_script([], ROOT / "bot" / "train_ppo.py") == 130
    assert capsys.readouterr().err == "Interrupted.\nInterrupted.\n"


POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX pipes and devices")


@POSIX
@pytest.mark.parametrize("words", [["--help"], ["data", "--help"], ["cache", "info"]])
def test_a_reader_that_goes_away_is_neither_a_leak_nor_a_defect(words):
    reading, writing = os.pipe()
    os.close(reading)
    done = _walkfast(words, stdout=writing)
    os.close(writing)
    assert done.returncode in (0, 141)  # argparse itself swallows it under the help of a command
    assert done.stderr == ""


@POSIX
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no device that is always full")
def test_a_full_disk_under_the_output_is_code_2_and_no_defect():
    with Path("/dev/full").open("w") as full:
        done = _walkfast(["cache", "info"], stdout=full)
    assert done.returncode == 2
    assert done.stderr.startswith("Writing must be possible.\n")
    assert "Traceback" not in done.stderr


def _walkfast(words, **options):
    return subprocess.run(
        [sys.executable, "-m", "bot", *words],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        **options,
    )
