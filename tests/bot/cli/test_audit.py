"""`walkfast audit`: code 0 where nothing looks ahead, 1 where something does."""

from __future__ import annotations

import json

import pytest

from bot.cli.commands import run

OWN = """
import numpy as np

def leaking(bars):
    ahead = np.zeros(len(bars))
    ahead[:-1] = np.diff(np.log(bars.close))
    return {"next_return": ahead}

def sound(bars):
    behind = np.zeros(len(bars))
    behind[1:] = np.diff(np.log(bars.close))
    return {"last_return": behind}
"""
SMALL = ["--cuts", "2", "--features", "return_1"]


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return path


@pytest.mark.slow
def test_sound_features_pass_and_a_leak_is_named(own, capsys):
    sound = [*SMALL, "last_return", "--feature_function", f"{own}:sound"]
    assert run(["audit", *sound]) == 0
    assert "No look-ahead was found" in capsys.readouterr().out
    leaking = [*SMALL, "next_return", "--feature_function", f"{own}:leaking", "--json"]
    assert run(["audit", *leaking]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert facts["passed"] is False
    failed = {result["name"] for result in facts["results"] if not result["passed"]}
    assert "next_return" in failed
    assert "return_1" not in failed


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--cuts", "0"], "--cuts"),
        (["--timezone", "UTC"], "--timezone only acts with --data_path"),
        (["--scaling", "none", "--scaling_window", "9"], "--scaling_window only acts"),
        (["--feature_function", "no_such_module:f"], "no_such_module"),
        (["--data_path", "missing.csv"], "missing.csv"),
    ],
)
def test_an_audit_that_cannot_be_is_code_2(words, says, capsys):
    assert run(["audit", *words]) == 2
    assert says in capsys.readouterr().err
