import pickle

import numpy as np
import pytest

from envs.bars import COLUMNS, Bars
from envs.errors import DataError
from envs.timeframe import Timeframe

N_BARS = 6


def make(**changes):
    columns = {name: np.arange(N_BARS) + index + 1.0 for index, name in enumerate(COLUMNS)}
    fields = {
        "symbol": "TEST",
        "timeframe": Timeframe.parse("1h"),
        "point_size": 0.01,
        "time_us": np.arange(N_BARS) * 3_600_000_000,
        **columns,
    }
    return Bars(**(fields | changes))


def test_columns_are_read_only_and_the_callers_arrays_stay_writable():
    close = np.ones(N_BARS)
    bars = make(close=close)
    with pytest.raises(ValueError, match="read-only"):
        bars.close[0] = 2.0
    close[0] = 3.0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", [*COLUMNS, "funding"])
def test_values_that_are_not_finite_are_refused_with_their_place(name, value):
    column = np.ones(N_BARS)
    column[4] = value
    changes = {"extra": {name: column}} if name == "funding" else {name: column}
    with pytest.raises(DataError, match=rf"{name}\[4\]"):
        make(**changes)


def test_a_short_column_is_refused():
    with pytest.raises(DataError, match="one value a bar"):
        make(volume=np.ones(N_BARS - 1))


@pytest.mark.parametrize("times", [[0, 1, 1, 2, 3, 4], [0, 2, 1, 3, 4, 5]])
def test_times_that_do_not_increase_are_refused(times):
    with pytest.raises(DataError, match="increase strictly"):
        make(time_us=np.array(times))


@pytest.mark.parametrize("size", [0.0, -0.01, np.nan, np.inf])
def test_a_point_size_that_is_not_positive_is_refused(size):
    with pytest.raises(DataError, match="point size"):
        make(point_size=size)


def test_a_slice_is_a_view_with_the_same_properties():
    bars = make(extra={"funding": np.arange(N_BARS) * 1.0})
    part = bars.slice(2, 5)
    assert len(part) == 3
    assert np.shares_memory(part.close, bars.close)
    np.testing.assert_array_equal(part.extra["funding"], [2.0, 3.0, 4.0])
    assert (part.symbol, part.point_size) == (bars.symbol, bars.point_size)


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "OTHER"},
        {"point_size": 0.1},
        {"timeframe": Timeframe.parse("1d")},
        {"close": np.zeros(N_BARS)},
        {"extra": {"funding": np.zeros(N_BARS)}},
    ],
)
def test_the_fingerprint_follows_every_part(changes):
    assert make(**changes).fingerprint != make().fingerprint


def test_equal_bars_share_a_fingerprint_also_after_pickling():
    bars = make(extra={"funding": np.ones(N_BARS)})
    copy = pickle.loads(pickle.dumps(bars))
    assert copy.fingerprint == bars.fingerprint == make(extra=dict(bars.extra)).fingerprint
