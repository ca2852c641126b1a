import numpy as np
import pytest
from matplotlib.figure import Figure

from bot.report.axes import (
    drawn_growth,
    log_scale,
    log_ticks,
    log_time_scale,
    multiple_tick,
    needs_log,
    percent_tick,
    steps_tick,
    time_tick,
)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.5, 200, [1, 10, 100]),
        (0.9, 40, [1, 3, 10, 30]),
        (0.8, 6, [1, 2, 5]),
        (1.2, 1.9, [1.2, 1.35, 1.5, 1.65, 1.8]),
        (1, 1e12, [1, 1e2, 1e4, 1e6, 1e8, 1e10, 1e12]),
    ],
)
def test_a_logarithmic_axis_has_a_few_round_ticks(low, high, ticks):
    assert log_ticks(low, high) == pytest.approx(ticks)


@pytest.mark.parametrize("high", np.geomspace(1.001, 1e300, 40))
def test_no_range_is_without_ticks_or_crowded(high):
    assert 2 <= len(log_ticks(1.0, high)) <= 8


def test_a_single_value_has_a_logarithmic_axis_too():
    axes = Figure().subplots()
    log_scale(axes, "x", 3.0, 3.0)
    log_time_scale(axes, 7.0, 7.0)
    low, high = axes.get_xlim()
    assert low < 7 < high
    assert len(axes.get_xticks()) >= 1


def test_ticks_read_as_people_write():
    multiples = [multiple_tick(value) for value in (0.5, 12, 1_500, 2e7)]
    assert multiples == [
        f"{number}\N{MULTIPLICATION SIGN}" for number in ("0.5", "12", "1,500", "2e+07")
    ]
    assert [time_tick(value) for value in (0.003, 0.3, 30, 90, 5_400, 172_800)] == [
        "3 ms", "0.3 s", "30 s", "1.5 min", "1.5 h", "2 d",
    ]  # fmt: skip
    assert [steps_tick(value) for value in (500, 2_000, 3e6)] == ["500", "2k", "3M"]
    assert [percent_tick(value) for value in (0.1, -0.005, 0.0123456)] == ["10%", "-0.5%", "+1.23%"]


def test_growth_stays_above_zero_and_counts_from_the_start():
    assert drawn_growth(np.array([200.0, 500.0, -3.0])).tolist() == [1.0, 2.5, 0.001]


def test_a_logarithmic_axis_is_for_accounts_that_end_far_apart():
    flat, tenfold = np.ones(3), np.array([1.0, 4.0, 10.0])
    assert needs_log([flat, tenfold])
    assert not needs_log([flat, tenfold[:2]])
