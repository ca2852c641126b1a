"""`walkfast doctor`: flags, exit codes, cache and screen; once for real."""

from __future__ import annotations

import io
import json
import os

import pytest

from bot.cli import doctor
from bot.cli.commands import run
from bot.flags.help_text import training_words
from bot.flags.resolve import resolve
from tests.bot.cli.examined import examination


@pytest.fixture
def asked(monkeypatch):
    """What examiners were asked, each of them answering the same."""
    examiners = []

    def examine(examiner):
        examiners.append(examiner)
        examiner.tell("timing this")
        return examination()

    monkeypatch.setattr(doctor.Examiner, "examine", examine)
    return examiners


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("WALKFAST_CACHE_DIR", str(tmp_path / "deep" / "cache"))
    return tmp_path / "deep" / "cache"


def test_the_page_ends_with_flags_to_copy(asked, capsys):
    assert run(["doctor"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1].startswith("  --engine chunked --n_envs 64 ")
    assert err == ""  # no terminal, no progress
    assert "\x1b" not in out


def test_flags_that_were_typed_are_among_those_to_copy(asked, capsys):
    words = "--lstm_hidden_size 96 --net_arch 32 16 --target_kl none --device cpu --n_envs 8"
    assert run(["doctor", "--profile", "quality", *words.split(), "--verbose", "1"]) == 0
    (last,) = capsys.readouterr().out.splitlines()[-1:]
    assert last == (
        "  --profile quality --engine chunked --n_envs 64 --n_steps 32 --precision bf16 "
        "--n_threads 2 --lstm_hidden_size 96 --net_arch 32 16 --target_kl none --device cpu"
    )
    assert resolve(training_words("x").read(last.split())).config.agent.lstm_hidden_size == 96


def test_json_is_one_object_and_nothing_else(asked, capsys):
    assert run(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["profile"] == "balanced"


def test_flags_of_train_and_profiles_say_what_is_examined(asked):
    words = "--profile quality --n-envs 512 --lstm_hidden_size 96 --net_arch 32 16 --device cpu"
    assert run(["doctor", *words.split()]) == 0
    agent = asked[0].agent
    assert (agent.n_envs, agent.lstm_hidden_size, agent.net_arch) == (512, 96, (32, 16))
    assert agent.batch_size == 4096  # of the profile
    assert asked[0].device == "cpu"


def test_precision_and_threads_are_free_unless_they_were_typed(asked):
    assert run(["doctor"]) == 0
    assert run(["doctor", "--precision", "fp32", "--n_threads", "1"]) == 0
    free, fixed = asked
    assert (free.agent.precision, free.threads_are_set) == ("auto", False)
    assert (fixed.agent.precision, fixed.agent.n_threads) == ("fp32", 1)
    assert fixed.threads_are_set


def test_our_engine_is_examined_unless_another_was_typed(asked):
    assert run(["doctor", "--profile", "legacy"]) == 0
    assert run(["doctor", "--engine", "stock"]) == 0
    assert [examiner.agent.engine for examiner in asked] == ["chunked", "stock"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--n_envs 7 --batch_size 512", "batch_size must divide n_steps * n_envs"),
        ("--lstm_hidden_sizes 7", "did you mean --lstm_hidden_size?"),
        ("--profile fats", "did you mean 'fast'?"),
        ("--engine stock --precision auto", "--precision only acts with"),
        ("--seed 3", "Every flag must be a known one"),
        ("7", "Every value must follow its flag"),
    ],
)
def test_bad_input_is_code_2(asked, words, says, capsys):
    assert run(["doctor", *words.split()]) == 2
    assert says in capsys.readouterr().err
    assert asked == []


def test_sizes_that_do_not_fit_each_other_are_code_2(capsys):
    assert run(["doctor", "--chunk_steps", "7", "--precision", "fp32", "--device", "cpu"]) == 2
    assert "chunk_steps must divide n_steps" in capsys.readouterr().err


def test_progress_is_one_line_that_goes_away(asked, monkeypatch, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    assert run(["doctor", "--json"]) == 0
    assert terminal.getvalue() == "\r\x1b[2Ktiming this ...\r\x1b[2K"
    json.loads(capsys.readouterr().out)


def test_looking_at_the_cache_makes_nothing(cache_folder):
    around = doctor.look_around()
    assert (around.cache_folder, around.cache_bytes) == (str(cache_folder), 0)
    assert around.cache_writable
    assert around.disk_free_bytes > 0
    assert not cache_folder.parent.exists()


def test_a_cache_folder_below_a_file_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WALKFAST_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert not doctor.look_around().cache_writable


def test_a_folder_of_others_cannot_be_written(monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert not doctor.look_around().cache_writable


def test_a_disk_that_cannot_be_asked_is_unknown(monkeypatch):
    def refuse(_path):
        raise OSError

    monkeypatch.setattr("shutil.disk_usage", refuse)
    assert doctor.look_around().disk_free_bytes is None


@pytest.mark.slow
def test_this_machine_is_examined_in_seconds(capsys):
    words = "--lstm_hidden_size 8 --net_arch 8 --n_epochs 1 --device cpu --json"
    assert run(["doctor", *words.split()]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["speed"]["steps_per_s"] > 0
    assert len(content["environments"]) + content["n_environments_left_out"] == 5
    assert content["precision"]["precision"] in ("fp32", "bf16")
