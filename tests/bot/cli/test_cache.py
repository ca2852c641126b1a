"""`walkfast cache`: what is there, and emptying it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bot.cli.commands import run
from envs.array_cache import ArrayCache


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("WALKFAST_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def fill(folder):
    ArrayCache(folder).put("a" * 64, {"values": np.arange(1000.0)}, {})


def test_info_of_nothing_makes_nothing(folder, capsys):
    assert run(["cache", "info"]) == 0
    assert "Entries   0" in capsys.readouterr().out
    assert not folder.exists()


def test_info_counts_what_is_there(folder, capsys):
    fill(folder)
    assert run(["cache", "info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["entries"], facts["folder"]) == (1, str(folder))
    assert facts["bytes"] >= 8_000


def test_clear_removes_it_and_says_how_much(folder, capsys):
    fill(folder)
    assert run(["cache", "clear"]) == 0
    assert capsys.readouterr().out.startswith("1 entries removed, ")
    assert ArrayCache(folder).info().entries == 0


@pytest.mark.parametrize(
    ("words", "says"), [([], "What to do must be said"), (["cler"], "did you mean 'clear'")]
)
def test_what_to_do_must_be_known(folder, words, says, capsys):
    assert run(["cache", *words]) == 2
    assert says in capsys.readouterr().err
