"""Coarser bars, worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.bars import Bars
from envs.data.resample import resample
from envs.errors import ConfigError
from envs.timeframe import Timeframe


def bars(times, **columns) -> Bars:
    n = len(times)
    base = {name: np.arange(1.0, n + 1) for name in ("open", "high", "low", "close", "volume")}
    base["spread_points"] = np.arange(10.0, 10 + n)
    return Bars(
        symbol="X",
        timeframe=Timeframe.parse("1h"),
        point_size=0.01,
        time_us=np.array(times, dtype="datetime64[us]").astype(np.int64),
        extra={"mood": np.arange(n, dtype=float)},
        **(base | columns),
    )


def test_open_is_first_high_highest_low_lowest_close_last_volume_summed():
    fine = bars(
        ["2024-01-01T01:00", "2024-01-01T02:00", "2024-01-01T03:00", "2024-01-01T04:00"],
        open=np.array([5.0, 6, 7, 8]),
        high=np.array([9.0, 12, 10, 9]),
        low=np.array([4.0, 5, 3, 7]),
        close=np.array([6.0, 7, 8, 9]),
        volume=np.array([1.0, 2, 4, 8]),
    )
    coarse = resample(fine, "4h")
    expected_times = np.array(["2024-01-01T00:00", "2024-01-01T04:00"], dtype="datetime64[us]")
    assert coarse.time_us.tolist() == expected_times.astype(np.int64).tolist()
    assert coarse.open.tolist() == [5, 8]
    assert coarse.high.tolist() == [12, 9]
    assert coarse.low.tolist() == [3, 7]
    assert coarse.close.tolist() == [8, 9]
    assert coarse.volume.tolist() == [7, 8]
    assert coarse.spread_points.tolist() == [10, 13]
    assert coarse.extra["mood"].tolist() == [2, 3]
    assert (coarse.timeframe.name, coarse.symbol, coarse.point_size) == ("4h", "X", 0.01)


def test_weeks_begin_on_monday():
    fine = bars(["2024-01-05T10:00", "2024-01-07T23:00", "2024-01-08T00:00"])
    coarse = resample(fine, "1w")
    starts = np.array(["2024-01-01", "2024-01-08"], dtype="datetime64[us]").astype(np.int64)
    assert coarse.time_us.tolist() == starts.tolist()
    assert coarse.close.tolist() == [2, 3]


def test_a_bin_without_bars_makes_no_bar():
    coarse = resample(bars(["2024-01-01T00:00", "2024-01-03T00:00"]), "1d")
    assert len(coarse) == 2


def test_the_same_timeframe_gives_the_same_bars():
    fine = bars(["2024-01-01T00:00", "2024-01-01T01:00"])
    assert resample(fine, "1h") is fine


@pytest.mark.parametrize("name", ["15m", "90m"])
def test_a_timeframe_that_is_no_multiple_is_refused(name):
    with pytest.raises(ConfigError, match="whole multiple"):
        resample(bars(["2024-01-01T00:00", "2024-01-01T01:00"]), name)


@given(keep=st.lists(st.booleans(), min_size=60, max_size=60), hours=st.sampled_from([2, 4, 24]))
def test_every_fine_bar_is_inside_exactly_one_coarse_bar(keep, hours):
    index = np.flatnonzero([*keep, True])
    times = np.datetime64("2024-01-01", "us") + index * np.timedelta64(3600 * 10**6, "us")
    fine = bars(times)
    coarse = resample(fine, f"{hours}h")
    assert coarse.volume.sum() == fine.volume.sum()
    owner = np.searchsorted(coarse.time_us, fine.time_us, side="right") - 1
    assert (fine.time_us - coarse.time_us[owner] < hours * 3600 * 10**6).all()
    assert (fine.high <= coarse.high[owner]).all()
    assert (fine.low >= coarse.low[owner]).all()
