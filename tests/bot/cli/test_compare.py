"""`walkfast compare`: which runs are meant, mistakes, and the page."""

from __future__ import annotations

import json

import pytest

from bot.cli.commands import run
from tests.training.compare.made_up_runs import make_run

FAST = {"agent__learning_rate": 2e-3, "times_s": [3.0, 3.1, 3.2, 3.0, 3.1, 3.3]}

SLIPPAGE = {"slippage_points": 2.0}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Two trainings of two seeds each in `results`, and some folders that are no runs."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    results = tmp_path / "results"
    for seed in (1, 2):
        make_run(results / f"slow-{seed}", seed=seed, step=50)
        make_run(results / f"fast-{seed}", seed=seed, step=50, **FAST)
    (results / "bench" / "benchmark").mkdir(parents=True)
    (results / "bench" / "benchmark" / "plan.json").write_text("{}")
    (results / "notes").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        "slow-1 fast-1",
        "results/slow-1 results/fast-1/",
        "--a slow-1 --b fast-1",
        "--a=slow-1 --b=fast-1 --results-dir results",
    ],
)
def test_two_runs_are_found_by_name_or_path(words, capsys):
    assert run(["compare", *words.split()]) == 0
    page = capsys.readouterr().out
    assert page.startswith("A  slow-1: profile balanced, seed 1\nB  fast-1: ")
    assert "agent.learning_rate" in page
    assert "B against A: no verdict: one seed a side does not show how times vary." in page
    assert "The whole interval is above minus the margin: not worse." in page
    assert page.count("3.209 times as fast") == 2  # one figure, spelled one way
    assert "too few runs to say" in page
    assert "chosen on their test bars" in page
    assert max(map(len, page.splitlines())) <= 80


def test_more_runs_are_sorted_into_sides(capsys):
    assert run(["compare", "slow-1", "slow-2", "fast-1", "fast-2"]) == 0
    page = capsys.readouterr().out
    assert "A  slow-1, slow-2 (2 runs): profile balanced, seeds 1, 2" in page
    assert "B  fast-1, fast-2 (2 runs)" in page


def test_a_folder_of_seeds_stands_for_all_of_them(here, capsys):
    for name, options in (("slow", {}), ("fast", FAST)):
        for seed in (2, 1, 10):
            make_run(here / "results" / name / str(seed), seed=seed, step=50, **options)
        (here / "results" / name / "seeds.json").write_text("{}")
    make_run(here / "results" / "fast" / "3", seed=3, returns=(), n_planned=6)
    assert run(["compare", "slow", "fast"]) == 0
    said = capsys.readouterr()
    assert "A  slow/1, slow/2, slow/10 (3 runs): profile balanced, seeds 1, 2, 10" in said.out
    assert "B  fast/1, fast/2, fast/10 (3 runs)" in said.out
    assert "side by side" in said.out
    assert said.err == "warning: results/fast/3 has no whole fold and is left out\n"
    assert run(["compare", "--a", "slow", "--b", "fast/1", "fast/10"]) == 0
    assert "1 run has no partner" in " ".join(capsys.readouterr().out.split())
    assert run(["compare", "slow", "slow/1"]) == 2
    assert "the same run twice" in capsys.readouterr().err


def test_seeds_that_saved_nothing_say_how_they_go_on(here, capsys):
    make_run(here / "results" / "new" / "1", returns=(), n_planned=6)
    (here / "results" / "new" / "jobs").mkdir()
    assert run(["compare", "slow-1", "new"]) == 2
    assert "the same walkfast train command" in capsys.readouterr().err


def test_a_third_training_is_another_comparison(here, capsys):
    make_run(here / "results" / "slip", step=50, times_s=FAST["times_s"], env__market=SLIPPAGE)
    assert run(["compare", "slow-1", "fast-1", "slip"]) == 0
    page = capsys.readouterr().out
    assert page.index("B against A:") < page.index("C against A:")
    assert "other costs or account rules: slippage_points" in " ".join(page.split())
    assert "2 comparisons were made" in page


def test_json_is_all_that_is_said(capsys):
    assert run(["compare", "slow-1", "fast-1", "--json"]) == 0
    said = capsys.readouterr()
    (told,) = json.loads(said.out)["comparisons"]
    assert told["verdict"]["text"].startswith("no verdict: one seed a side")
    assert told["settings"] == [{"name": "agent.learning_rate", "a": 1e-3, "b": 2e-3}]
    assert said.err == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "Two runs, or --a RUN"),
        ("slow-1", "one run, slow-1"),
        ("--a slow-1", "one side only"),
        ("slow-1 --a slow-2 --b fast-1", "beside it"),
        ("--a --b fast-1", "--a"),
        ("slow-1 fsat-1", "did you mean 'fast-1'?"),
        ("slow-1 fast-1 --results_dir elsewhere", "To mend: no run is in elsewhere: train first"),
        ("slow-1 slow-1", "the same run twice"),
        ("slow-1 results/slow-1", "the same run twice"),
        ("--a slow-1 --b results/slow-1", "the same run twice"),
        ("--a slow-1 fast-2 --b fast-1", "may differ in their seeds only"),
        ("slow-1 bench", "the folder of a benchmark"),
        ("slow-1 notes", "without the configuration"),
        ("slow-1 results", "a folder of several runs"),
        ("slow-1 results/slow-1/config.json", "a file"),
    ],
)
def test_a_mistake_is_code_2_with_a_way_out(words, says, capsys):
    assert run(["compare", *words.split()]) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


def test_what_a_stranger_wrote_reaches_no_terminal(here, capsys):
    hostile = "\x1b[31mred\u202e"
    make_run(here / "results" / "evil", step=50, profile=hostile, versions={"torch": hostile})
    assert run(["compare", "slow-1", "evil"]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\u202e" not in said
