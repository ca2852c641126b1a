import io
import subprocess
import sys

import pytest
from rich.console import Console
from rich.panel import Panel

from bot.live.sink import LineSink, TerminalStream


class Gone(io.StringIO):
    def write(self, text):
        raise BrokenPipeError


def test_a_line_is_written_whole_with_its_end():
    stream = io.StringIO()
    LineSink(stream).write("fold 0")
    assert stream.getvalue() == "fold 0\n"


def test_what_the_stream_cannot_encode_becomes_a_question_mark():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    LineSink(stream).write("gold é ◆")
    assert raw.getvalue() == b"gold ? ?\n"


def test_a_reader_that_has_gone_turns_the_sink_off_and_raises_nothing():
    sink = LineSink(Gone())
    sink.write("one")
    assert not sink.is_open
    sink.write("two")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX pipe")
def test_a_program_whose_pipe_was_closed_goes_on_and_ends_well():
    code = (
        "import sys, time; from bot.live.sink import LineSink; sink = LineSink()\n"
        "for n in range(200): sink.write('x' * 1000)\n"
        "print('went on', sink.is_open, file=sys.stderr)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        told = process.stderr.read()
    assert (process.returncode, told) == (0, "went on False\n")


@pytest.mark.parametrize("errors", [False, True])
def test_without_a_standard_stream_the_sink_is_closed(errors, monkeypatch):
    monkeypatch.setattr(sys, "stderr" if errors else "stdout", None)
    sink = LineSink(errors=errors)
    sink.write("one")
    assert not sink.is_open


def test_a_console_on_a_terminal_of_few_characters_draws_what_it_can():
    raw = io.BytesIO()
    stream = TerminalStream(io.TextIOWrapper(raw, encoding="ascii"))
    Console(file=stream, width=40).print(Panel("gold é"))
    assert raw.getvalue().startswith(b"+--")
    assert b"gold ?" in raw.getvalue()


def test_a_console_on_a_terminal_that_has_gone_raises_nothing():
    stream = TerminalStream(Gone())
    Console(file=stream).print("one")
    assert not stream.isatty()


def test_without_standard_output_there_is_no_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    stream = TerminalStream()
    Console(file=stream).print("one")
    assert (stream.encoding, stream.isatty()) == ("utf-8", False)
    with pytest.raises(OSError, match="no standard output"):
        stream.fileno()
