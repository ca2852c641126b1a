"""`start.py`: what it runs, from where, and which build of torch it takes. Nothing is installed."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def start():
    spec = importlib.util.spec_from_file_location("walkfast_start", ROOT / "start.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pip(start, monkeypatch):
    """Let no pip run: the list of what it was asked for, and it always succeeds."""
    asked = []
    monkeypatch.setattr(start, "_pip", lambda python, *words, quiet=False: asked.append(words) or 0)
    monkeypatch.setattr(sys, "platform", "linux")
    return asked


def builds(start, monkeypatch, *answers):
    left = list(answers)
    monkeypatch.setattr(start, "_torch_build", lambda python: left.pop(0))


def test_a_foreign_bot_where_the_user_stands_is_not_run(start, tmp_path):
    for name in ("bot", "envs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('foreign')")
    (tmp_path / "bot" / "__main__.py").write_text("raise SystemExit('foreign')")
    done = subprocess.run(
        [sys.executable, *start._module("walkfast", ["--help"])],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "foreign" in done.stderr) == (0, False)
    assert "walkfast" in done.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--torch", "gpu", "train"], "--torch takes auto, cpu, cuda; found gpu"),
        (["--torch=gpu", "train"], "found gpu"),
        (["--torch"], "found nothing"),
        (["train", "--torch", "cuda"], "--torch goes first: python start.py --torch cuda train"),
        (["train", "--torch=cuda"], "--torch goes first"),
    ],
)
def test_a_build_that_cannot_be_meant_is_refused_before_anything_starts(
    start, monkeypatch, capsys, words, says
):
    monkeypatch.setattr(start, "_environment", lambda: pytest.fail("something started"))
    assert start.main(words) == 2
    assert says in capsys.readouterr().err


def test_the_build_that_is_there_is_kept(start, monkeypatch, pip):
    for asked, present in [("auto", "cpu"), ("auto", "cuda"), ("cpu", "cpu"), ("cuda", "cuda")]:
        builds(start, monkeypatch, present)
        assert start._install_torch(Path("python"), asked)
    assert pip == []


def test_another_build_is_replaced_where_it_is_asked_for(start, monkeypatch, pip):
    pin = start._torch_pin()
    replacing = ("--force-reinstall", "--no-deps")
    builds(start, monkeypatch, "cuda")
    assert start._install_torch(Path("python"), "cpu")
    assert pip == [("-c", "constraints.txt", *replacing, f"{pin}+cpu")]
    pip.clear()
    builds(start, monkeypatch, "cpu", "cuda")
    assert start._install_torch(Path("python"), "cuda")
    assert pip == [(*replacing, "-c", "constraints.txt", pin), ("-c", "constraints.txt", pin)]


def test_a_cuda_build_that_did_not_come_is_told_with_the_way_out(start, monkeypatch, pip, capsys):
    builds(start, monkeypatch, "cpu", "cpu")
    assert not start._install_torch(Path("python"), "cuda")
    assert "--index-url INDEX" in capsys.readouterr().err


def test_an_explicit_build_is_looked_at_after_the_first_installation(
    start, monkeypatch, pip, tmp_path
):
    python = tmp_path / "python"
    builds(start, monkeypatch, "cpu", "cpu", "cuda")
    assert start._install(python, extras="", build="cpu")
    n_asked = len(pip)
    assert start._install(python, extras="", build="auto")
    assert len(pip) == n_asked
    assert start._install(python, extras="", build="cuda")
    assert len(pip) == n_asked + 2
