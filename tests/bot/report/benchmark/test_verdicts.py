import pytest

from bot.report.benchmark.read import benchmark_of
from bot.report.benchmark.verdicts import ablation_part, quality_part, speed_part
from bot.report.palette import LIGHT
from tests.bot.report.benchmark import made_up_benchmark as made


def fills(axes):
    return [line.get_markerfacecolor() for line in axes.lines if line.get_marker() == "o"]


def drawn(part):
    return part.picture.draw(LIGHT).axes


def test_a_pace_is_measured_where_a_fold_is_extrapolated():
    pace, fold = drawn(speed_part(benchmark_of("42", made.timed_content(n_folds=1))))
    assert [axes.get_title(loc="left") for axes in (pace, fold)] == [
        "Pace: env steps a second",
        "A fold's time",
    ]
    assert fills(pace) == [LIGHT.many, LIGHT.agent]
    assert fills(fold) == [LIGHT.paper, LIGHT.paper]


def test_what_was_trained_whole_is_measured_in_all_three_ways():
    content = made.content(dict.fromkeys(("original", "optimized"), "whole"), n_seeds=2)
    row = {"n_reached": 1, "n_rows": 4, "rows": [], "speed": made.estimate(9.0, 1.0)}
    content["time_to_quality"] = {"optimized": row}
    part = speed_part(benchmark_of("42", content))
    assert [fills(axes) for axes in drawn(part)] == [[LIGHT.agent]] * 3
    assert '<td class="number">1</td><td class="number">4</td>' in part.html


def test_a_fold_that_never_got_there_is_longer_than_any():
    content = made.content(dict.fromkeys(("original", "optimized"), "whole"), n_seeds=2)
    rows = [
        {"fold_index": 0, "seed": seed, "target": 1, "original_wall_s": 90.0, "wall_s": wall_s}
        for seed, wall_s in enumerate((None, 4.0, None))
    ]
    content["time_to_quality"] = {"optimized": {"rows": rows, "n_reached": 1, "n_rows": 3}}
    content["time_to_quality"]["optimized"]["speed"] = made.estimate(9.0, 1.0)
    part = speed_part(benchmark_of("42", content))
    html = part.html
    assert [text.get_text() for text in drawn(part)[-1].texts] == ["9", "8-10"]
    assert '<td class="number">1 min 30 s</td><td class="number">never</td>' in html


def test_an_arm_that_never_gets_there_is_not_called_unmeasured():
    kinds = dict.fromkeys(("original", "original_16_envs", "optimized"), "whole")
    content = made.content(kinds, n_seeds=1, n_folds=1)
    never = {"rows": [], "n_reached": 0, "n_rows": 1, "speed": {"value": None}}
    reached = {"rows": [], "n_reached": 1, "n_rows": 1, "speed": {"value": 9.0}}
    content["time_to_quality"] = {"original_16_envs": never, "optimized": reached}
    last = drawn(speed_part(benchmark_of("42", content)))[-1]
    assert [text.get_text() for text in last.texts] == ["never reached", "9", "no interval"]


@pytest.mark.parametrize("margin", [0.0155, None])
def test_quality_is_drawn_with_its_own_margin(margin):
    content = made.content(dict.fromkeys(("original", "optimized"), "whole"), n_seeds=5)
    content["against_original"]["optimized"]["margin"]["value"] = margin
    left, _ = drawn(quality_part(benchmark_of("42", content)))
    borders = [line.get_xdata()[0] for line in left.lines if line.get_linestyle() == "--"]
    assert borders == ([] if margin is None else [-margin])


def test_an_ablation_of_which_nothing_was_measured_is_a_table_without_a_picture():
    names = ("original", "plus_engine", "without_engine", "optimized")
    content = made.content(dict.fromkeys(names, "timed"), n_seeds=1)
    for row in content["worth"]:
        row["speed"] = {"value": None, "interval": None}
    part = ablation_part(benchmark_of("42", content))
    assert part.picture is None
    assert "<table>" in part.html
