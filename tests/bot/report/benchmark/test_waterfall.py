import pytest

from bot.report.benchmark.read import benchmark_of
from bot.report.benchmark.waterfall import steps_of, waterfall_figure
from bot.report.palette import LIGHT
from tests.bot.report.benchmark.made_up_benchmark import estimate
from training.benchmark.arms import SWITCHES


def row(switch, how, speed):
    return {"switch": switch, "how": how, "speed": speed}


def benchmark(*rows, whole=None):
    against = {"optimized": {"speed": whole}} if whole else {}
    arms = {"original": {}, "optimized": {}}
    content = {"arms": arms, "against_original": against, "worth": list(rows)}
    return benchmark_of("42", content)


def test_each_step_begins_where_the_one_before_ended():
    steps = steps_of(
        benchmark(
            row("engine", "added", estimate(8.0, 1.0)),
            row("warm_start", "added", estimate(0.5, 0.1)),
            row("engine", "left out", estimate(5.0, 1.0)),
            whole=estimate(40.0, 2.0),
        )
    )
    assert [(step.label, step.before, step.after) for step in steps] == [
        ("engine", 1.0, 8.0),
        ("warm start", 8.0, 4.0),
        ("all the rest", 4.0, 40.0),
        ("the whole", 1.0, 40.0),
    ]
    assert steps[0].left_out.value == 5.0
    assert steps[1].left_out is None
    assert steps[2].added.value == pytest.approx(10.0)
    assert steps[2].added.low is None


def test_a_switch_that_was_not_measured_leaves_the_chain_where_it_is():
    steps = steps_of(
        benchmark(
            row("engine", "added", estimate(8.0, 1.0)), row("cache", "added", {"value": None})
        )
    )
    assert [(step.before, step.after) for step in steps] == [(1.0, 8.0), (8.0, 8.0)]
    (axes,) = waterfall_figure(steps, LIGHT).axes
    assert [text.get_text() for text in axes.texts] == ["8", "7-9", "not measured"]


def test_without_an_ablation_there_are_no_steps():
    assert steps_of(benchmark(whole=estimate(40.0, 2.0))) == []


def test_bars_say_by_their_look_what_they_show():
    steps = steps_of(
        benchmark(
            row("engine", "added", estimate(8.0, 1.0)),
            row("cache", "added", estimate(1.01, 0.1)),
            row("warm_start", "added", estimate(0.5, 0.1)),
        )
    )
    (axes,) = waterfall_figure(steps, LIGHT).axes
    faster, nothing, slower = axes.patches
    assert faster.get_facecolor()[3] > 0.5
    assert nothing.get_facecolor()[3] == 0
    assert (slower.get_x(), slower.get_width()) == pytest.approx((8.08, -4.04))
    assert slower.get_facecolor() != faster.get_facecolor()
    assert "0.91-1.11, includes 1" in [text.get_text() for text in axes.texts]


def test_what_was_left_out_stands_beside_it():
    steps = steps_of(
        benchmark(
            row("engine", "added", estimate(8.0, 1.0)),
            row("cache", "left out", estimate(1.0, 0.1)),
        )
    )
    chain, beside = waterfall_figure(steps, LIGHT).axes
    assert [text.get_text() for text in beside.texts] == ["1", "0.9-1.1, includes 1"]
    assert [text.get_text() for text in chain.texts][-1] == "not measured"


def test_twenty_optimizations_fit_below_each_other():
    names = [*SWITCHES, *(f"switch_{index}" for index in range(12))]
    rows = [row(name, how, estimate(1.2, 0.1)) for how in ("added", "left out") for name in names]
    figure = waterfall_figure(steps_of(benchmark(*rows, whole=estimate(90.0, 1.0))), LIGHT)
    assert len(figure.axes[0].patches) == 22
    assert figure.get_figheight() > 8


@pytest.mark.parametrize("value", [0.0, -1.0, 1e-300])
def test_factors_that_no_chain_can_be_made_of_break_nothing(value):
    rows = [row("engine", "added", {"value": value})]
    waterfall_figure(steps_of(benchmark(*rows, whole={"value": value})), LIGHT)
