"""Several runs on one screen: lines with names, a row each, failures in words, one summary."""

import io

import pytest
from rich.console import Console

from bot.live import LiveView
from bot.live.chains import ChainsProgress, PlainChains, QuietChains
from bot.live.chains_view import ChainsPicture
from bot.live.seeds_summary import render_seeds
from training.events import Noticed
from training.over_seeds import SeedRun, SeedsFinished, over_seeds
from training.parallel.events import FromJob, JobFailed, JobFinished, JobStarted

KILLED = JobFailed(
    job="seed_2",
    attempt=1,
    error="its worker was killed",
    last_lines=("earlier", "about [/] to \x1b die"),
    gives_up=False,
)


@pytest.fixture
def side_by_side(fake_events):
    """The events of two seeds, of which one dies once; not the end of all."""

    def make():
        events = fake_events(n_folds=2)
        told = [JobStarted(job="seed_1", attempt=1), JobStarted(job="seed_2", attempt=1)]
        half = len(events) // 2
        for event in events[:half]:
            told += [FromJob(job=job, event=event) for job in ("seed_1", "seed_2")]
        told += [KILLED, JobStarted(job="seed_2", attempt=2)]
        told += [FromJob(job="seed_1", event=event) for event in events[half:]]
        told.append(JobFinished(job="seed_1", attempt=1, was_done=False, duration_s=3.0))
        told += [FromJob(job="seed_2", event=event) for event in events[:half]]
        return told

    return make


@pytest.fixture
def ended(fake_events):
    summary = {**fake_events(n_folds=2)[-1].summary, "data": {"symbol": "X"}}
    content = over_seeds(
        [
            SeedRun(seed=1, run_folder="r/1", summary=summary),
            SeedRun(seed=2, run_folder="r/2", error="its worker was\nkilled"),
        ]
    )
    return SeedsFinished(folder="results/both", content=content)


def lines(display_class, events):
    stream = io.StringIO()
    display = display_class(stream)
    for event in events:
        display(event)
    return stream.getvalue().splitlines()


def test_every_line_names_its_seed_and_runs_end_in_one_line(side_by_side, ended):
    said = lines(PlainChains, [*side_by_side(), ended])
    of_one = [line for line in said if line.startswith("seed 1: ")]
    assert any("fold 1: done" in line for line in of_one)
    assert sum("files in results" in line for line in of_one) == 1
    assert sum("OUT OF SAMPLE" in line for line in said) == 1
    assert said[-1].startswith("1 of 2 seeds done, 1 failed: out of sample ")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_figure_over_seeds_loses_a_digit(fake_events, width):
    """At 80 columns six numbers a row were cut."""
    summary = {**fake_events(n_folds=2)[-1].summary, "data": {"symbol": "X"}}
    gains = [-0.1234, -0.0571, -0.0832, 0.0215, 0.1049, 0.0333]
    runs = [
        SeedRun(
            seed=seed,
            run_folder="r",
            summary={
                **summary,
                "out_of_sample": {
                    **summary["out_of_sample"],
                    "total_return_frac": gain,
                    "max_drawdown_frac": 0.05 + abs(gain),
                },
            },
        )
        for seed, gain in enumerate(gains)
    ]
    console = Console(width=width, file=io.StringIO())
    console.print(render_seeds(SeedsFinished(folder="results/both", content=over_seeds(runs))))
    page = console.file.getvalue()
    assert "..." not in page
    assert "\N{HORIZONTAL ELLIPSIS}" not in page
    rows = [line.split() for line in page.splitlines()]
    spread = {row[0]: row for row in rows if row and row[0] in ("Least", "Most", "90%", "to")}
    assert spread["Least"][1] == "-12.34%"
    assert spread["Most"][1] == "+10.49%"
    if width >= 80:
        assert spread["90%"][:3] == ["90%", "interval:", "from"]
        assert all(cell.endswith("%") for cell in (spread["90%"][3], spread["to"][1]))


def test_a_death_is_told_with_its_last_lines_made_harmless(side_by_side):
    (told,) = [line for line in lines(PlainChains, side_by_side()) if "attempt 1" in line]
    assert told == (
        "warning: seed 2, attempt 1: its worker was killed; it last said: earlier | about [/] to "
        "\N{REPLACEMENT CHARACTER} die; tried once more, from its last finished fold"
    )


def test_quiet_says_warnings_and_the_end(side_by_side, ended):
    out, warnings = io.StringIO(), io.StringIO()
    display = QuietChains(out, warnings=warnings)
    for event in (*side_by_side(), ended):
        display(event)
    assert out.getvalue().startswith("1 of 2 seeds done, 1 failed: ")
    assert out.getvalue().count("\n") == 1
    assert "seed 2, attempt 1: its worker was killed" in warnings.getvalue()
    assert "seed 1: --point_value 0.01 contradicts" in warnings.getvalue()


def test_progress_begins_anew_with_another_attempt(side_by_side):
    progress = ChainsProgress()
    for event in side_by_side():
        progress(event)
    assert [(c.state, c.attempt) for c in progress.chains.values()] == [("done", 1), ("trains", 2)]
    assert progress.chains["seed_1"].run.n_folds_done == 2
    before = JobFinished(job="seed_3", attempt=1, was_done=True, duration_s=61.0)
    progress(before)
    assert progress.chains["seed_3"].was_done
    assert progress.notices[-1] == Noticed(
        level="info", message="seed 3: was done before, in 1m 01s"
    )


@pytest.mark.parametrize(("width", "height"), [(50, 12), (73, 24), (101, 24), (160, 50)])
def test_the_screen_has_a_row_for_each_and_stays_within_it(side_by_side, width, height):
    picture, console = ChainsPicture(), Console(width=width, height=height, file=io.StringIO())
    for event in side_by_side():
        picture(event)
    console.print(picture.compose(console, width=width - 1, height=height - 1))
    drawn = console.file.getvalue().splitlines()
    assert len(drawn) < height
    (one,) = [line for line in drawn if line.startswith("seed 1")]
    (two,) = [line for line in drawn if line.startswith("seed 2")]
    assert "done" in one
    assert "2/2" in one
    assert "trains (2.)" in two


def test_a_run_whose_folds_are_done_reports_and_has_no_time_to_go(fake_events):
    picture, console = ChainsPicture(), Console(width=120, height=12, file=io.StringIO())
    picture(JobStarted(job="seed_1", attempt=1))
    for event in fake_events(n_folds=2)[:-1]:
        picture(FromJob(job="seed_1", event=event))
    console.print(picture.compose(console, width=119, height=11))
    drawn = console.file.getvalue().splitlines()
    heading = next(line for line in drawn if line.startswith("Run "))
    (row,) = [line for line in drawn if line.startswith("seed 1")]
    assert "Last fold's test" in heading
    assert row.split()[2:4] == ["reports", "2/2"]
    assert row.split()[-1] == "-"


def test_more_runs_than_rows_are_counted():
    picture, console = ChainsPicture(), Console(width=80, height=12, file=io.StringIO())
    for seed in range(20):
        picture(JobStarted(job=f"seed_{seed}", attempt=1))
    console.print(picture.compose(console, width=79, height=11))
    drawn = console.file.getvalue()
    assert "and 14 more" in drawn
    assert len(drawn.splitlines()) <= 11


def test_the_live_view_ends_with_the_summary_or_with_how_far_each_came(side_by_side, ended):
    def shown(events):
        console = Console(
            file=io.StringIO(), force_terminal=True, width=100, height=30, color_system=None
        )
        with LiveView(console, picture=ChainsPicture()) as view:
            for event in events:
                view(event)
            view.refresh()
        return console.file.getvalue().rpartition("\x1b[2K")[2]

    whole = shown([*side_by_side(), ended])
    assert "OUT OF SAMPLE" in whole
    assert "Seed 2 failed: its worker was killed" in whole
    assert "1 of 2 seeds done, 1 failed" in whole
    part = shown(side_by_side())
    assert "OUT OF SAMPLE" not in part
    assert "Stopped with 1 of 2 runs complete." in part
