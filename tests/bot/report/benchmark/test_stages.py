import pytest

from bot.report.benchmark.read import benchmark_of
from bot.report.benchmark.stages import grouped, spent_by, stages_figure
from bot.report.palette import LIGHT

WALL = {"load": 1.0, "rollout": 2.0, "update": 6.0, "evaluation": 0.5, "saving": 0.5}


def arms(**stages):
    return benchmark_of("42", {"arms": {"original": stages}}).arms


def test_the_small_stages_are_one():
    assert grouped(WALL) == {"rollout": 2.0, "update": 6.0, "evaluation": 0.5, "all else": 1.5}


def test_cpu_time_is_drawn_on_the_scale_of_wall_time():
    spent = spent_by(arms(stage_s=WALL, stage_cpu_s={"update": 12.0}))
    (axes,) = stages_figure(spent, LIGHT).axes
    ends = {round(bar.get_x() + bar.get_width(), 6) for bar in axes.patches}
    assert ends >= {1.0, 1.2}
    assert [text.get_text() for text in axes.texts] == ["10.0 s wall", "12.0 s CPU"]
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["rollout", "update", "evaluation", "all else"]


@pytest.mark.parametrize("cpu", [None, {}, "x", {"update": None}])
def test_cpu_time_that_was_not_measured_is_said(cpu):
    (axes,) = stages_figure(spent_by(arms(stage_s=WALL, stage_cpu_s=cpu)), LIGHT).axes
    assert axes.texts[-1].get_text() == "CPU not measured"


@pytest.mark.parametrize("wall", [None, {}, {"update": 0.0}, {"update": None}, [1]])
def test_an_arm_without_any_time_has_no_row(wall):
    assert spent_by(arms(stage_s=wall)) == []
