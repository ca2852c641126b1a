import contextlib
import errno
import io
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from bot.live import JsonLines, LiveView, PlainLines, Quiet, choose_display
from bot.live import view as view_module
from training.events import Noticed

ROOT = Path(__file__).parents[3]


def terminal(width=80, height=30):
    return Console(
        file=io.StringIO(), force_terminal=True, width=width, height=height, color_system=None
    )


def written(console):
    return console.file.getvalue()


def test_a_complete_run_leaves_its_folds_and_its_summary_on_the_screen(fake_events):
    console = terminal()
    with LiveView(console) as view:
        for event in fake_events(n_folds=2):
            view(event)
        view.refresh()
    left = written(console).rpartition("\x1b[2K")[2]  # what follows the erased view
    assert "OUT OF SAMPLE" in left
    assert "report.html" in left
    assert "done; loading and folds took 1m 22s" in left
    assert "Validation  " not in left


def test_an_incomplete_run_says_how_far_it_came(fake_events):
    console = terminal()
    events = fake_events(n_folds=3)
    with pytest.raises(KeyboardInterrupt), LiveView(console) as view:
        for event in events[:20]:
            view(event)
        raise KeyboardInterrupt
    assert "Stopped with 1 of 3 folds done, after" in written(console)
    assert "OUT OF SAMPLE" not in written(console)


def test_a_run_that_never_began_leaves_nothing():
    console = terminal()
    with LiveView(console):
        pass
    assert "Stopped" not in written(console)


def test_the_cursor_is_shown_again_at_the_end(fake_events):
    console = terminal()
    with LiveView(console) as view:
        for event in fake_events(n_folds=1):
            view(event)
    text = written(console)
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_warnings_stay_above_the_view_without_their_control_characters():
    console = terminal()
    with LiveView(console) as view:
        view(Noticed(level="warning", message="bad\x1b[31m [/] name"))
    assert "warning: bad�[31m [/] name" in written(console)


def test_after_a_resize_the_screen_is_cleared_and_drawn_for_the_new_size(fake_events):
    console = terminal(width=120)
    with LiveView(console) as view:
        for event in fake_events(n_folds=1)[:8]:
            view(event)
        view.refresh()
        before = len(written(console))
        console.size = (60, 24)
        view.refresh()
        after = written(console)[before:]
    assert "\x1b[2J" in after
    assert "warning: --point_value" in after
    assert "Validation  " in after


def test_the_screen_is_drawn_by_the_clock_and_not_by_events(fake_events, monkeypatch):
    monkeypatch.setattr(view_module, "REFRESH_S", 0.02)
    console = terminal()
    with LiveView(console) as view:
        for event in fake_events(n_folds=1)[:8]:
            view(event)
        deadline_s = time.perf_counter() + 5
        while "Validation  " not in written(console) and time.perf_counter() < deadline_s:
            time.sleep(0.01)
    assert "Validation  " in written(console)


@pytest.mark.parametrize(("form", "kind"), [("json", JsonLines), ("quiet", Quiet)])
def test_a_chosen_form_wins_over_the_terminal(form, kind):
    with choose_display(form, console=terminal()) as display:
        assert isinstance(display, kind)


def test_a_terminal_gets_the_live_view_and_a_file_plain_lines():
    with choose_display(console=terminal()) as display:
        assert isinstance(display, LiveView)
    with choose_display(console=Console(file=io.StringIO())) as display:
        assert isinstance(display, PlainLines)


def test_a_dumb_terminal_gets_plain_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    with choose_display(console=terminal()) as display:
        assert isinstance(display, PlainLines)


class Hung(io.StringIO):
    """A terminal that hangs up after some writes."""

    def __init__(self, n_writes):
        super().__init__()
        self.n_left = n_writes

    def write(self, text):
        self.n_left -= 1
        if self.n_left < 0:
            raise OSError(errno.EIO, "Input/output error")
        return super().write(text)


class Poor(io.StringIO):
    """A terminal that can show ASCII only, and says otherwise."""

    def write(self, text):
        text.encode("ascii")
        return super().write(text)


@pytest.mark.parametrize("stream", [Hung(0), Hung(1), Hung(6), Poor()])
def test_a_terminal_that_refuses_never_ends_a_training(stream, fake_events, monkeypatch):
    monkeypatch.setattr(view_module, "REFRESH_S", 0.01)
    console = Console(file=stream, force_terminal=True, width=60, height=24)
    with LiveView(console) as view:
        for event in fake_events(n_folds=2):
            view(event)
        time.sleep(0.05)
    assert view._is_dark
    assert view.picture.progress.n_folds_done == 2


POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX terminal")
TRAINING = """
import sys
sys.path.insert(0, {tests!r})
from conftest import make_events
from bot.live import choose_display
with choose_display() as display:
    print(type(display).__name__, file=sys.__stderr__)
    for event in make_events(n_folds=1, symbol="Göld"):
        display(event)
    {meanwhile}
    if hasattr(display, "refresh"):
        display.refresh()
"""


def train_on(meanwhile="pass", **options):
    code = TRAINING.format(tests=str(Path(__file__).parents[1]), meanwhile=meanwhile)
    env = os.environ | {"TERM": "xterm", "COLUMNS": "60", "PYTHONPATH": str(ROOT)}
    env |= options.pop("env", {})
    return subprocess.Popen(
        [sys.executable, "-c", code], env=env, stderr=subprocess.PIPE, text=True, **options
    )


@POSIX
def test_a_terminal_of_ascii_gets_a_view_in_ascii():
    ours, theirs = os.openpty()
    ascii_only = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    with train_on(stdin=theirs, stdout=theirs, env=ascii_only) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # Linux: the other end was closed
            while piece := os.read(ours, 65_536):
                shown += piece
        told = process.stderr.read()
    os.close(ours)
    assert (process.returncode, told) == (0, "LiveView\n")
    assert b"OUT OF SAMPLE" in shown
    assert shown.isascii()


@POSIX
def test_a_terminal_that_hangs_up_does_not_end_the_training():
    ours, theirs = os.openpty()
    with train_on("sys.stdin.readline()", stdin=subprocess.PIPE, stdout=theirs) as process:
        os.close(theirs)
        os.read(ours, 1)
        os.close(ours)
        told = process.communicate("go on\n")[1]
    assert (process.returncode, told) == (0, "LiveView\n")


@POSIX
def test_a_closed_standard_output_does_not_end_the_training():
    with train_on(stdout=None, preexec_fn=lambda: os.close(1)) as process:
        told = process.stderr.read()
    assert (process.returncode, told) == (0, "PlainLines\n")
