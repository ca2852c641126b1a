"""The user's self-check: says what works, and fails where something does not."""

from __future__ import annotations

import pytest

from bot.cli import selfcheck
from bot.test_training_optimization import main


@pytest.mark.slow
def test_a_sound_installation_passes_and_leaves_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["--quick"]) == 0
    said = capsys.readouterr().out
    assert "trained steps/s" in said
    assert said.endswith("Everything works.\n")
    assert not any(tmp_path.iterdir())


def test_a_check_that_does_not_hold_is_code_1(monkeypatch, capsys):
    def broken(*_args, **_options):
        raise RuntimeError("no training today")

    monkeypatch.setattr(selfcheck, "walk_forward", broken)
    assert selfcheck.main(["--quick"]) == 1
    said = capsys.readouterr().out
    assert "FAILED  training: RuntimeError: no training today" in said
    assert "ok      rules" in said


def test_a_wrong_rule_is_found(monkeypatch, capsys):
    monkeypatch.setattr(selfcheck, "walk_forward", lambda *_a, **_o: None)
    monkeypatch.setattr(selfcheck, "decide_budget", lambda *_a: type("Wrong", (), {"value": 1})())
    assert selfcheck.main(["--quick"]) == 1
    assert "FAILED  rules" in capsys.readouterr().out


def test_an_unknown_flag_is_code_2(capsys):
    assert selfcheck.main(["--quik"]) == 2
    assert "did you mean --quick?" in capsys.readouterr().err
