"""Every way a command can end has its exit code and its words."""

from __future__ import annotations

import errno
import sys

import pytest

from bot.cli.boundary import complain, guarded, wants_tracebacks
from envs.errors import ConfigError


def raising(error):
    def command():
        raise error

    return command


def test_a_command_that_ends_keeps_its_code():
    assert guarded(lambda: 0) == 0
    assert guarded(lambda: 1) == 1


def test_a_mistake_of_the_user_is_a_message_and_code_2(capsys):
    error = ConfigError("The seed must be 0 or more", came="-1", where="--seed")
    assert guarded(raising(error)) == 2
    assert capsys.readouterr().err == ("The seed must be 0 or more.\nFound: -1.\nWhere: --seed.\n")


def test_a_mistake_shows_its_traceback_when_asked(capsys):
    assert guarded(raising(ConfigError("It must hold", came="not")), tracebacks=True) == 2
    assert "Traceback" in capsys.readouterr().err


def test_a_defect_shows_its_traceback_and_code_1(capsys):
    assert guarded(raising(ZeroDivisionError("x"))) == 1
    said = capsys.readouterr().err
    assert "ZeroDivisionError" in said
    assert "defect of walkfast" in said


def test_an_interrupt_is_code_130():
    assert guarded(raising(KeyboardInterrupt())) == 130


@pytest.mark.parametrize(("code", "came"), [(0, 0), (2, 2), (None, 1), ("no", 1)])
def test_an_exit_becomes_a_code(code, came):
    assert guarded(raising(SystemExit(code))) == came


def test_a_message_cannot_steer_the_terminal(capsys):
    complain("a\x1b[2Jb\nc")
    assert capsys.readouterr().err == "a\N{REPLACEMENT CHARACTER}[2Jb\nc\n"


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("--verbose 2", True),
        ("--verbose", True),
        ("--verbose=2", True),
        ("--verbose --seed 3", True),
        ("--verbose 1", False),
        ("--verbose 0", False),
        ("--seed 2", False),
        ("", False),
    ],
)
def test_tracebacks_are_wanted_at_verbosity_2(words, wanted):
    assert wants_tracebacks(words.split()) == wanted


def test_a_full_disk_is_one_message_and_code_2(capsys):
    assert guarded(raising(OSError(errno.ENOSPC, "No space left on device"))) == 2
    said = capsys.readouterr().err
    assert said == (
        "Writing must be possible.\nFound: No space left on device.\nWhere: the output.\n"
    )


def test_another_error_of_the_system_is_a_defect(capsys):
    assert guarded(raising(FileNotFoundError(errno.ENOENT, "No such file"))) == 1
    assert "defect of walkfast" in capsys.readouterr().err


def test_without_standard_streams_every_end_keeps_its_code(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert guarded(lambda: 0) == 0
    assert guarded(raising(BrokenPipeError())) == 141
    assert guarded(raising(ConfigError("It must hold", came="not"))) == 2
