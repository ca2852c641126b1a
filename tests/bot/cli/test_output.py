"""What is said reaches standard output as it can, or fails where it can be told."""

from __future__ import annotations

import io
import sys

import pytest
from rich.table import Table

from bot.cli.output import output_encoding, say, show


class Gone(io.StringIO):
    def write(self, text):
        raise BrokenPipeError


def test_what_cannot_be_encoded_becomes_a_question_mark(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    say("gold é")
    show(Table("Fold é"))
    assert raw.getvalue().startswith(b"gold ?\n+")
    assert b"Fold ?" in raw.getvalue()


def test_a_text_is_shown_with_one_end(capsys):
    show("[/] one")
    say()
    assert capsys.readouterr().out == "[/] one\n\n"


def test_a_closed_pipe_is_raised_also_under_a_table(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Gone())
    with pytest.raises(BrokenPipeError):
        say("one")
    with pytest.raises(BrokenPipeError):
        show(Table("one"))


def test_without_standard_output_nothing_is_said(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    say("one")
    show("two")
    assert output_encoding() == "utf-8"
