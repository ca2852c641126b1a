"""`walkfast history`: the list at 80 columns and in a pipe, filters, mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.cli.commands import run
from bot.cli.history_page import lines
from tests.training.compare.made_up_runs import BARS, make_run, make_summary
from training.history import History, PastBenchmark, read_history


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A finished run, one that stopped, one of other bars, and a damaged one."""
    monkeypatch.chdir(tmp_path)
    results = tmp_path / "results"
    make_summary(make_run(results / "gold", step=5), completion_time="2026-11-20T10:00:00+00:00")
    make_summary(
        make_run(results / "bitcoin", step=5),
        completion_time="2026-11-19T10:00:00+00:00",
        data=BARS | {"symbol": "BTCUSDT", "path": "btc.csv"},
    )
    make_run(results / "stopped", step=5, returns=(0.1,), n_planned=6)
    make_summary(results / "torn")
    (results / "torn" / "training_performance_summary.json").write_text('{"a')
    (results / "notes").mkdir()
    (results / "file").write_text("")
    return tmp_path


def listed(text):
    return [line.split()[2] for line in text.splitlines() if line[:2] == "20"]


def test_runs_are_listed_latest_last_one_line_each_in_a_pipe(capsys):
    assert run(["history"]) == 0
    said = capsys.readouterr()
    assert listed(said.out) == ["bitcoin", "gold", "stopped"]
    line = next(line for line in said.out.splitlines() if " gold " in line)
    told = "+5.00%  -3.00%    1.50  8.0%    6/6  finished  1m 02s"
    assert " ".join(line.split()).endswith(" ".join(told.split()))
    assert line.startswith("2026-11-20 10:00  gold     MADEUP 1h   balanced    42")
    stopped = next(line for line in said.out.splitlines() if " stopped " in line)
    assert " 1/6 " in stopped
    assert " open " in stopped
    assert "open: not finished" in said.out
    assert "3 runs in results." in said.out
    assert "1 more cannot be read." in said.out
    assert said.err.startswith("warning: results/torn cannot be read: A results file must be JSON")


def test_a_narrow_terminal_gets_two_lines_a_run_and_every_figure():
    history = read_history(Path("results"))
    wide = "\n".join(lines(history, history, folder=Path("results")))
    narrow = list(lines(history, history, folder=Path("results"), width=80))
    assert max(map(len, narrow)) <= 80
    assert sorted("\n".join(narrow).split()) == sorted(wide.split())
    assert max(map(len, wide.splitlines())) > 80


LONG = PastBenchmark(
    name="a_name_of_my_own/benchmark",
    folder="results/a_name_of_my_own/benchmark",
    when="2026-11-21T09:00:00+00:00",
    symbol="XAUUSD",
    timeframe="15min",
    data_path=None,
    profile="ultra_fast",
    n_seeds=3,
    n_folds=12,
    n_runs_done=2,
    n_runs_planned=9,
    state="stopped",
    speed=125.4,
    speed_low=14.52,
    speed_high=1_079.3,
    test_return_frac=-0.1234,
    original_return_frac=-0.2345,
)


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_benchmark_has_every_figure_on_a_narrow_terminal(width):
    history = History(runs=(), benchmarks=(LONG,), damaged=())
    wide = "\n".join(lines(history, history, folder=Path("results")))
    narrow = list(lines(history, history, folder=Path("results"), width=width))
    assert max(map(len, narrow)) <= max(width, 44)  # time and name stay in one line
    assert sorted("\n".join(narrow).split()) == sorted(wide.split())
    assert "125 (14.5-1,079)" in wide
    assert "stopped: its own time was over; the same command goes on" in wide
    assert "open:" not in wide


@pytest.mark.parametrize(
    ("words", "names", "count"),
    [
        ("--last 1", ["stopped"], "1 of 3 runs"),
        ("--last 9", ["bitcoin", "gold", "stopped"], "3 runs"),
        ("--data btc", ["bitcoin"], "1 of 3 runs"),
        ("--data MADEUP --last 1", ["stopped"], "1 of 3 runs"),
        ("--data nothing", [], "0 of 3 runs"),
        ("--results-dir results", ["bitcoin", "gold", "stopped"], "3 runs"),
    ],
)
def test_filters(words, names, count, capsys):
    assert run(["history", *words.split()]) == 0
    said = capsys.readouterr().out
    assert listed(said) == names
    assert f"{count} in results." in said


def test_a_filter_that_leaves_nothing_says_what_there_is(capsys):
    assert run(["history", "--data", "nothing"]) == 0
    assert "None is of such data. There are: MADEUP 1h, BTCUSDT 1h." in capsys.readouterr().out


def test_a_finished_run_with_a_torn_configuration_is_marked(here, capsys):
    (here / "results" / "gold" / "config.json").write_text("{")
    assert run(["history"]) == 0
    page = capsys.readouterr().out
    assert "finished, damaged" in next(line for line in page.splitlines() if " gold " in line)
    assert "gold is damaged: config.json: A results file must be JSON" in page


def test_json_is_all_that_is_said(capsys):
    assert run(["history", "--json", "--last", "2"]) == 0
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert [item["name"] for item in told["runs"]] == ["gold", "stopped"]
    assert told["runs"][0]["test_return_frac"] == 0.05
    assert [Path(item["folder"]).name for item in told["damaged"]] == ["torn"]
    assert said.err == ""


def test_a_folder_without_runs_says_how_to_begin(here, capsys):
    assert run(["history", "--results_dir", "results/notes"]) == 0
    assert capsys.readouterr().out == (
        "0 runs in results/notes.\nwalkfast train makes the first one.\n"
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--results_dir missing", "nothing there"),
        ("--results_dir results/file", "a file"),
        ("--results_dir results/gold", "name the folder above it: results"),
        ("--last 0", "--last must be 1 or more"),
        ("--last soon", "--last must be a whole number"),
        ("gold", "gold"),
    ],
)
def test_a_mistake_is_code_2(words, says, capsys):
    assert run(["history", *words.split()]) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert "Traceback" not in said.err


def test_what_a_stranger_wrote_reaches_no_terminal(here, capsys):
    hostile = "\x1b[31mred\u202e"
    make_summary(here / "results" / "evil", profile=hostile, completion_time=hostile)
    (here / "results" / "torn\x1b[31m").mkdir()
    (here / "results" / "torn\x1b[31m" / "config.json").write_text("")
    assert run(["history"]) == 0
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
    assert "\u202e" not in said.out + said.err
