import math

import pytest

from bot.report.benchmark.forest import Panel, factors_figure, quality_figure, returns_figure
from bot.report.benchmark.lanes import CHANCES, DIFFERENCES, FACTORS, RETURNS, factor_limits
from bot.report.benchmark.read import Measure, benchmark_of
from bot.report.palette import LIGHT
from tests.bot.report.benchmark import made_up_benchmark as made

NONE = Measure()
ALONE = Measure(value=3.0)
OPEN = Measure(value=1.02, low=0.95, high=1.1)
CLEAR = Measure(value=125.0, low=120.0, high=131.0)


@pytest.fixture(scope="module")
def arms():
    return benchmark_of("42", made.timed_content()).others


def written(axes):
    return [text.get_text() for text in axes.texts]


def points(axes):
    return [line for line in axes.lines if line.get_marker() == "o"]


def test_an_interval_that_includes_1_is_grey_and_named(arms):
    (axes,) = factors_figure(arms, [Panel(title="t", measures=(OPEN, CLEAR))], LIGHT).axes
    assert written(axes) == ["1.02", "0.95-1.1, includes 1", "125", "120-131"]
    colours = [point.get_markeredgecolor() for point in points(axes)]
    assert colours == [LIGHT.muted, LIGHT.agent]


def test_what_was_extrapolated_is_hollow_and_what_was_measured_is_filled(arms):
    panel = Panel(title="t", measures=(CLEAR, CLEAR), hollow=(False, True))
    (axes,) = factors_figure(arms, [panel], LIGHT).axes
    fills = [point.get_markerfacecolor() for point in points(axes)]
    assert fills == [LIGHT.many, LIGHT.paper]


def test_what_was_not_measured_has_a_row_without_a_point(arms):
    (axes,) = factors_figure(arms, [Panel(title="t", measures=(NONE, ALONE))], LIGHT).axes
    assert written(axes) == ["not measured", "3", "no interval"]
    assert [point.get_ydata()[0] for point in points(axes)] == [1]


def test_all_panels_share_one_logarithmic_axis_that_holds_1(arms):
    panels = [
        Panel(title="a", measures=(CLEAR, OPEN)),
        Panel(title="b", measures=(Measure(value=0.2), NONE)),
    ]
    first, second = factors_figure(arms, panels, LIGHT).axes
    assert first.get_xscale() == "log"
    assert first.get_xlim() == second.get_xlim()
    low, high = first.get_xlim()
    assert low < 0.2
    assert high > 131


def test_an_endless_interval_is_cut_with_an_arrow(arms):
    endless = Measure(value=2.0, low=1e-300, high=1e300)
    assert factor_limits([endless]) == pytest.approx((2 / 30, 60))
    (axes,) = factors_figure(arms, [Panel(title="t", measures=(endless, NONE))], LIGHT).axes
    assert {line.get_marker() for line in axes.lines} >= {"<", ">"}
    assert written(axes)[1] == "1e-300-1.0e+300, includes 1"


def test_the_margin_is_drawn_in_every_row_that_has_one(arms):
    difference = Panel(title="d", measures=(ALONE, OPEN), margins=(0.5, None))
    improvement = Panel(title="i", measures=(Measure(value=0.5), NONE))
    left, right = quality_figure(arms, difference, improvement, LIGHT).axes
    dashed = [line for line in left.lines if line.get_linestyle() == "--"]
    assert [line.get_xdata()[0] for line in dashed] == [-0.5]
    assert len(left.collections) == 1
    assert left.get_xlim()[0] < -0.5
    assert right.get_xlim() == (-0.02, 1.02)


def test_nothing_but_zeros_still_has_an_axis():
    (axes,) = returns_figure([("a", "optimized", Measure(value=0.0))], "return", LIGHT).axes
    low, high = axes.get_xlim()
    assert low < 0 < high


@pytest.mark.parametrize(
    ("scale", "value", "lines"),
    [
        (FACTORS, 0.5, ("0.5", "0.4-0.6")),
        (FACTORS, 1_500.0, ("1,500", "1,500-1,500")),
        (DIFFERENCES, -0.0123, ("-0.0123", "-0.112 to +0.0877, includes 0")),
        (CHANCES, 0.55, ("55%", "45% to 65%, includes 50%")),
        (RETURNS, -1.5, ("-150.0%", "-160.0% to -140.0%")),
    ],
)
def test_values_are_written_with_their_interval(scale, value, lines):
    measure = Measure.of(made.estimate(value, 0.1))
    assert scale.lines(measure) == lines


def test_limits_of_nothing_are_the_reference_alone():
    assert factor_limits([NONE]) == (1.0, 1.0)
    assert math.isclose(*factor_limits([]))
