import numpy as np
import pandas as pd
import pytest

from bot.report.charts import equity_figure, folds_figure, trades_figure, validation_figure
from bot.report.curves import ValidationCurve
from bot.report.palette import LIGHT


def equity(n_points=3_000, **columns):
    times = pd.Series(pd.date_range("2021-01-01", periods=n_points, freq="1h", tz="UTC"))
    return pd.DataFrame({"time": times, **columns})


def test_the_equity_picture_draws_returns_from_zero_and_marks_every_fold_change():
    values = np.linspace(100.0, 150.0, 3_000)
    values[1_500] = 40.0
    table = equity(agent=values, fold_index=np.arange(3_000) // 1_000)
    above, below = equity_figure(table, LIGHT).axes
    curve = above.lines[0].get_ydata()
    assert (curve[0], curve[-1], curve.min()) == (0.0, pytest.approx(0.5), pytest.approx(-0.6))
    assert above.lines[0].get_label() == "Agent +50.00%"
    (marks,) = above.collections
    assert len(marks.get_segments()) == 2
    assert below.lines[0].get_ydata().min() == pytest.approx(40 / values[1_499] - 1)


def test_accounts_that_end_far_apart_are_drawn_as_multiples_on_a_logarithmic_axis():
    ruined = np.linspace(100.0, -50.0, 3_000)
    table = equity(agent=np.geomspace(100.0, 2_000.0, 3_000), random=ruined)
    above, below = equity_figure(table, LIGHT).axes
    assert (above.get_yscale(), below.get_yscale()) == ("log", "linear")
    curves = {line.get_label(): line.get_ydata() for line in above.lines[:2]}
    assert list(curves) == ["Random -150.00%", "Agent +1,900.00%"]
    assert curves["Agent +1,900.00%"][-1] == pytest.approx(20.0)
    assert curves["Random -150.00%"].min() == pytest.approx(0.001)
    low, high = above.get_ylim()
    assert low < 0.001
    assert high > 20


def test_without_fold_numbers_no_boundary_is_marked():
    table = equity(agent=np.linspace(1.0, 2.0, 3_000))
    (marks,) = equity_figure(table, LIGHT).axes[0].collections
    assert len(marks.get_segments()) == 0


def test_many_folds_are_not_all_labelled():
    figure = folds_figure(list(range(100)), [0.1] * 100, [0.2] * 100, LIGHT)
    labels = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert labels[:3] == ["0", "3", "6"]


def test_the_tested_model_is_marked_and_a_kept_incumbent_is_named():
    curves = [
        ValidationCurve(fold_index=0, steps=(1.0, 2.0), scores=(0.1, 0.3), chosen=1),
        ValidationCurve(fold_index=1, steps=(1.0, 2.0), scores=(0.1, 0.3), chosen=None),
    ]
    first, second, *rest = validation_figure(curves, LIGHT).axes
    assert first.lines[-1].get_xydata().tolist() == [[2.0, 0.3]]
    assert second.get_title(loc="left") == "fold 1 (another model tested)"
    assert [axes.get_visible() for axes in rest] == [False, False]


@pytest.mark.parametrize("net", [[5.0], [-1.0, -1.0], [-3.0, 4.0, 1e6]])
def test_every_trade_is_in_the_histogram(net):
    (axes,) = trades_figure(np.array(net), LIGHT).axes
    assert sum(bar.get_height() for bar in axes.patches) == len(net)


def test_no_bar_of_the_histogram_mixes_winners_and_losers():
    (axes,) = trades_figure(np.linspace(-7.3, 11.9, 200), LIGHT).axes
    edges = [bar.get_x() for bar in axes.patches]
    assert min(abs(edge) for edge in edges) == pytest.approx(0.0, abs=1e-9)
