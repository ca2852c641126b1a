import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from bot.live.panels import compose
from bot.live.progress import RunProgress
from tests.bot.calibrated import ORIGINAL
from training.events import RunFinished, RunStarted

HOSTILE = "EVIL[/][bold]\x1b[2J\u202e漢字" * 4


def screen(progress, width, height, encoding="utf-8"):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    console = Console(file=stream, width=width, height=height, color_system=None)
    console.print(compose(progress, console, width=width - 1, height=height - 1))
    stream.flush()
    return raw.getvalue().decode(encoding).splitlines()


def progress_of(events, *, n_seen):
    progress = RunProgress(clock=lambda: 0.0)
    for event in events[:n_seen]:
        progress(event)
    return progress


@pytest.mark.parametrize("width", [20, 60, 80, 140, 220])
@pytest.mark.parametrize("n_seen", [0, 1, 3, 8, 40, 90])
def test_the_screen_stays_within_its_width_whatever_the_names(fake_events, width, n_seen):
    events = fake_events(n_folds=9, symbol=HOSTILE, reason=HOSTILE)
    lines = screen(progress_of(events, n_seen=n_seen), width, 40)
    assert all(cell_len(line) < width for line in lines)
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("height", [24, 30, 50])
def test_the_screen_stays_within_its_height_and_keeps_the_last_folds(fake_events, height):
    events = fake_events(n_folds=60)
    lines = screen(progress_of(events, n_seen=len(events) - 20), 80, height)
    shown = [line.split()[0] for line in lines if line.strip().endswith(" s")]
    assert len(lines) <= height
    assert "57" in shown


def test_the_screen_names_everything_that_a_reader_needs(fake_events):
    text = "\n".join(screen(progress_of(fake_events(n_folds=9), n_seen=60), 140, 45))
    for part in (
        "folds 3/9",
        "ETA",
        "steps/s",
        "lr 0.001",
        "epochs 4",
        "Speed-up n/a: --calibrate",
        "◆ best",
    ):
        assert part in text
    assert "fold 2: 3 evaluations without a gain" in text
    assert "* stopped early" in text


def test_the_speed_up_is_said_of_finished_folds_and_of_the_pace(fake_events):
    """Folds took 12.5, 12 and 11.5 s, the original's takes 1,200; its pace is 5.124 steps/s."""
    progress = progress_of(fake_events(n_folds=9), n_seen=60)
    assert progress.mean_fold_s == 12.0
    progress(ORIGINAL)
    text = "\n".join(screen(progress, 100, 45))
    assert "Speed-up 100x a fold (80.0x to 125x over 5 timed updates)" in text
    progress = progress_of(fake_events(n_folds=9), n_seen=8)
    progress(ORIGINAL)
    text = "\n".join(screen(progress, 100, 45))
    assert "Speed-up n/a until a fold is done; 100x the original's 5.124 steps/s" in text


def test_what_was_not_measured_yet_says_so(fake_events):
    text = "\n".join(screen(progress_of(fake_events(), n_seen=2), 80, 30))
    assert "ETA n/a" in text
    assert "n/a: no evaluation yet" in text
    assert "n/a: no update yet" in text
    assert "none yet" in text
    assert "cache hits n/a" in text


def test_a_terminal_without_unicode_gets_a_plain_chart(fake_events):
    text = "\n".join(screen(progress_of(fake_events(), n_seen=14), 80, 40, encoding="ascii"))
    assert "* best" in text


def test_a_screen_is_drawn_for_every_event_of_a_run(fake_events):
    progress = RunProgress(clock=lambda: 0.0)
    for event in fake_events(n_folds=2, n_updates=2):
        progress(event)
        assert screen(progress, 80, 24)
    assert isinstance(progress.ended, RunFinished)
    assert isinstance(progress.run, RunStarted)
