import dataclasses

import numpy as np
import pandas as pd
import pytest

from training.metrics import EquityPath, Trades, performance
from training.tables import averaged, iso_times, returns_track

DAY_US = 86_400_000_000


def measured(equity, *, step_days=30):
    times = np.arange(len(equity), dtype=np.int64) * DAY_US * step_days
    return performance(EquityPath(equity=np.array(equity), time_us=times, trades=Trades.none()))


def test_one_draw_is_its_own_average():
    only = measured([100.0, 110.0])
    assert averaged([only]) is only


def test_measures_are_averaged_over_draws():
    one, other = measured([100.0, 110.0, 99.0]), measured([100.0, 90.0, 108.0])
    mean = averaged([one, other])
    assert mean.total_return_frac == pytest.approx((-0.01 + 0.08) / 2)
    assert mean.max_drawdown_frac == pytest.approx((0.1 + 0.1) / 2)
    assert mean.sharpe == pytest.approx((one.sharpe + other.sharpe) / 2)
    assert mean.n_bars == 2
    assert isinstance(mean.max_drawdown_bars, int)


def test_a_measure_that_one_draw_lacks_is_undefined():
    mean = averaged([measured([100.0, 110.0, 99.0]), measured([100.0, 100.0, 100.0])])
    assert mean.sharpe is None
    assert mean.total_return_frac is not None


def test_every_field_is_averaged():
    mean = averaged([measured([100.0, 110.0, 99.0]), measured([100.0, 90.0, 108.0])])
    missing = [
        field.name
        for field in dataclasses.fields(mean)
        if getattr(mean, field.name) is None and getattr(measured([100.0, 110.0, 99.0]), field.name)
    ]
    assert missing == []


def test_times_are_iso_in_utc():
    texts = iso_times(np.array([0, 1_700_000_000_000_000], dtype=np.int64))
    assert texts.tolist() == ["1970-01-01T00:00:00+00:00", "2023-11-14T22:13:20+00:00"]


def test_the_average_of_the_draws_compounds_as_one_account():
    one = measured([100.0, *[100.0] * 363, 200.0, 300.0], step_days=1)
    other = measured([100.0, *[100.0] * 363, 50.0, 20.0], step_days=1)
    mean = averaged([one, other])
    assert mean.total_return_frac == pytest.approx(0.6)
    assert mean.annualized_return_frac == pytest.approx(1.6 ** (365.25 / 365) - 1)
    assert mean.calmar == pytest.approx(mean.annualized_return_frac / mean.max_drawdown_frac)


def test_the_returns_of_two_stitched_runs_by_hand():
    days = np.array([0, 20, 40, 60]) * DAY_US
    first = pd.DataFrame(
        {
            "time": iso_times(days),
            "bar_index": [9, 10, 11, 12],
            "fold_index": [0, 0, 1, 1],  # the first row is where the first fold begins
            "agent": [100.0, 110.0, 99.0, 99.0],
            "buy_and_hold": [100.0, 100.0, 120.0, 60.0],
            "random": [100.0, 90.0, 90.0, 90.0],
        }
    )
    second = first.assign(agent=[100.0, 50.0, -5.0, 0.0], random=[100.0, 100.0, 100.0, 110.0])
    track = returns_track([first, second])
    np.testing.assert_allclose(track.runs, [[0.1, -0.5], [-0.1, -1.1], [0.0, 0.0]], atol=1e-15)
    np.testing.assert_allclose(track.baselines["buy_and_hold"], [0.0, 0.2, -0.5])
    np.testing.assert_allclose(track.baselines["random"], [-0.05, 0.0, 0.05])
    assert track.fold_index.tolist() == [0, 1, 1]
    assert track.bars_per_year == pytest.approx(3 / (60 / 365.25))
    assert returns_track([first.iloc[:2]]).bars_per_year is None  # twenty days are no year
