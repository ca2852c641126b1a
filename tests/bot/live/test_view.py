import io
import time

import pytest
from rich.console import Console

from bot.live import JsonLines, LiveView, PlainLines, Quiet, choose_display
from bot.live import view as view_module
from training.events import Noticed


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
    assert "done in 1m 22s" in left
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
