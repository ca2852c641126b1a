"""The page for a README: its columns, its sentences, and what it leaves out."""

from __future__ import annotations

import pytest

from tests.training.benchmark import made_up
from training.benchmark.config import BenchmarkConfig
from training.benchmark.results import conclude
from training.benchmark.table import HEADINGS, NARROW, cells, difference, markdown, sentences

WHOLE = {"original": "whole", "optimized": "whole"}


def concluded(units, *, kinds=WHOLE, ablation=False, n_again=None):
    return conclude(
        made_up.arms(ablation=ablation),
        made_up.plan(kinds=kinds, n_again=n_again),
        units,
        config=BenchmarkConfig(ablation=ablation),
        data=made_up.DATA,
    )


def runs(name, wall_s, *, first=42, **values):
    return [
        made_up.unit(name, first + seed, wall_s=wall_s * (1 + seed / 100), **values)
        for seed in range(3)
    ]


def row(content, name):
    return next(
        dict(zip(HEADINGS, cell, strict=True)) for cell in cells(content) if cell[0] == name
    )


def test_a_row_has_speed_time_to_quality_quality_and_verdict():
    content = concluded([*runs("original", 60.0), *runs("optimized", 3.0)])
    ours = row(content, "optimized")
    assert ours["Times as fast"] == "20 (20-20)"
    assert ours["Time to quality"] == "20 (20-20), 6 of 6"
    assert ours["Test return"] == "+1.50%"
    assert ours["Score difference"] == "+0 (+0 to +0)"
    assert ours["Verdict"] == "faster and not worse"
    original = row(content, "original")
    assert (original["Times as fast"], original["Verdict"]) == ("1", "")
    assert row(content, "buy and hold")["Test return"] == "+3.00%"


def test_the_original_with_16_environments_has_a_column_where_it_ran():
    kinds = {"original": "timed", "original_16_envs": "whole", "optimized": "whole"}
    timed = [made_up.unit("original", 42 + seed, "timed") for seed in range(3)]
    units = [*timed, *runs("original_16_envs", 30.0), *runs("optimized", 3.0)]
    content = concluded(units, kinds=kinds)
    page = markdown(content).splitlines()
    assert "| Times as fast | Times as fast as 16 envs |" in page[0]
    ours = next(line for line in page if line.startswith("| optimized"))
    assert ours.split("|")[4].strip().startswith("~331")  # 100,352 steps at 100 a second by 3.03 s
    assert ours.split("|")[5].strip() == "10 (10-10)"
    original = next(line for line in page if line.startswith("| original |"))
    assert original.split("|")[5].strip().startswith("~0.0302")
    said = list(sentences(content))
    assert any("A fold of ours is 10 (10-10) times as fast as one of" in text for text in said)
    assert any(text.startswith("optimized: ") and "about 331" in text for text in said)
    assert "threads: original 1, original 16 envs 1, optimized 1" in page[-1]
    assert "16 envs" not in markdown(concluded([*runs("original", 60.0), *runs("optimized", 3.0)]))


def test_folds_that_never_got_there_are_in_the_cell_and_in_the_words():
    units = [*runs("original", 60.0), *runs("optimized", 3.0)]
    for fold in units[-1]["folds"]:
        fold["validation_curve"] = made_up.curve(3.0, 0.1, 0.1)
    content = concluded(units)
    assert row(content, "optimized")["Time to quality"] == "20 (0-20), 4 of 6"
    said = " ".join(sentences(content))
    assert "in 4 of 6 folds ours reached" in said
    assert "in the median 20 (0-20) times as soon" in said
    for unit in units[3:]:
        for fold in unit["folds"]:
            fold["validation_curve"] = made_up.curve(3.0, 0.1, 0.1)
    content = concluded(units)
    assert row(content, "optimized")["Time to quality"] == "not reached, 0 of 6"
    assert "times as soon" not in " ".join(sentences(content))


def test_a_timed_original_leaves_time_to_quality_open():
    units = [made_up.unit("original", 42 + seed, "timed") for seed in range(3)]
    content = concluded(
        [*units, *runs("optimized", 3.0)], kinds={"original": "timed", "optimized": "whole"}
    )
    assert row(content, "optimized")["Time to quality"] == "n/a"
    assert row(content, "optimized")["Score difference"] == "n/a"


def test_an_ablation_has_its_own_table_and_says_what_pays_and_what_is_not_shown_to():
    seconds = dict.fromkeys((arm.name for arm in made_up.arms(ablation=True)), 10.0)
    seconds |= {"original": 60.0, "without_engine": 40.0}
    arms = [arm.name for arm in made_up.arms(ablation=True)]
    units = [unit for name in arms for unit in runs(name, seconds[name])]
    content = concluded(units, kinds=dict.fromkeys(arms, "whole"), ablation=True)
    names = [cell[0] for cell in cells(content)]
    arms = ["original", "original 16 envs", "original exact", "optimized"]
    assert names == [*arms, "flat", "buy and hold", "random"]
    page = markdown(content)
    assert "| the engine | left out | 4 (4-4) | +0 (+0 to +0) | pays |" in page
    assert "| preprocessing cache | added | 1 (1-1) | +0 (+0 to +0) | not shown to pay |" in page
    assert "- Pays, added and left out alike: the engine." in page
    not_shown = next(line for line in page.splitlines() if line.startswith("- Not shown to pay"))
    assert "preprocessing cache" in not_shown
    assert "the engine" not in not_shown


@pytest.mark.parametrize("word", ["slower", "not measured", "faster, quality unresolved"])
def test_only_an_interval_that_includes_1_is_told_as_not_shown_to_pay(word):
    content = concluded([*runs("original", 60.0), *runs("optimized", 3.0)])
    content["worth"] = [{"switch": "cache", "word": word}]
    said = " ".join(sentences(content))
    assert f"{word[:1].upper()}{word[1:]}: preprocessing cache." in said
    assert "includes 1" not in said


@pytest.mark.parametrize(("again_s", "says"), [(60.0, False), (90.0, True)])
def test_an_original_that_is_not_as_fast_as_itself_is_told(again_s, says):
    kinds = {"original": "whole", "original_again": "whole", "optimized": "whole"}
    units = [*runs("original", 60.0), *runs("original_again", again_s, first=1_042)]
    content = concluded([*units, *runs("optimized", 3.0)], kinds=kinds, n_again=3)
    said = " ".join(sentences(content))
    assert ("as fast as itself" in said) == says
    assert "original again: " not in said  # it is judged by nobody


def test_the_page_ends_with_the_command_that_makes_it():
    content = concluded([*runs("original", 60.0), *runs("optimized", 3.0)])
    assert "walkfast benchmark" not in markdown(content)
    content["command"] = "walkfast benchmark --profile fast"
    assert markdown(content).endswith("\n\n    walkfast benchmark --profile fast\n")


def test_the_screen_shows_some_of_the_columns():
    content = concluded([*runs("original", 60.0), *runs("optimized", 3.0)])
    assert set(NARROW) < set(HEADINGS)
    assert {len(cell) for cell in cells(content, NARROW)} == {len(NARROW)}
    assert "optimized: faster and not worse." in list(sentences(content))
    assert "optimized: faster and not worse." not in markdown(content)  # it is in the table


def test_a_difference_without_an_interval_is_marked():
    assert difference({"value": -0.0123, "interval": None}) == "-0.0123 (?)"
    assert difference({"value": None, "interval": None}) == "n/a"
