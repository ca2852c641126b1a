"""The way in: which command, and what happens where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from bot.cli.commands import COMMANDS, run

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
        ("benchmark", "Choose from: train, evaluate, data, audit, cache."),
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
