"""Clocks, and the hours that summer time skips or repeats."""

import numpy as np
import pytest

from envs.data.load import LoadSettings
from envs.data.zones import check_zone, is_utc, to_utc
from envs.errors import ConfigError, DataError


def wall(*times: str) -> np.ndarray:
    return np.array(times, dtype="datetime64[us]").astype(np.int64)


@pytest.mark.parametrize(
    ("zone", "utc"),
    [
        ("UTC", "2024-07-01T12:00"),
        ("GMT", "2024-07-01T12:00"),
        ("+02:00", "2024-07-01T10:00"),
        ("-0530", "2024-07-01T17:30"),
        ("UTC+3", "2024-07-01T09:00"),
        ("Europe/Berlin", "2024-07-01T10:00"),
        ("America/New_York", "2024-07-01T16:00"),
        ("America/New_York+7", "2024-07-01T09:00"),
    ],
)
def test_noon_of_a_summer_day_on_each_clock(zone, utc):
    assert to_utc(wall("2024-07-01T12:00"), zone).time_us.tolist() == wall(utc).tolist()


def test_the_server_clock_of_fx_brokers_follows_new_york_and_not_europe():
    # The 20th of March 2024: summer time in New York since the 10th, in Europe from the 31st.
    moment = to_utc(wall("2024-03-20T00:00"), "America/New_York+7").time_us
    assert moment.tolist() == wall("2024-03-19T21:00").tolist()


def test_an_hour_that_comes_twice_is_told_apart_by_order():
    times = wall("2024-10-27T01:30", "2024-10-27T02:00", "2024-10-27T02:30", "2024-10-27T02:00",
                 "2024-10-27T02:30", "2024-10-27T03:00")  # fmt: skip
    result = to_utc(times, "Europe/Berlin")
    assert np.diff(result.time_us).tolist() == [30 * 60 * 10**6] * 5
    assert not result.unclear.any()


def test_an_hour_that_comes_twice_with_one_bar_is_marked_unclear():
    result = to_utc(
        wall("2024-10-27T01:00", "2024-10-27T02:00", "2024-10-27T03:00"), "Europe/Berlin"
    )
    assert result.unclear.tolist() == [False, True, False]
    assert result.time_us[1] == wall("2024-10-27T00:00")[0]


def test_an_hour_that_does_not_exist_is_marked_and_moved_forward():
    result = to_utc(wall("2024-03-31T02:30"), "Europe/Berlin")
    assert result.skipped.tolist() == [True]
    assert result.time_us.tolist() == wall("2024-03-31T01:00").tolist()


def test_a_file_with_such_hours_is_refused_and_can_be_mended(loaded):
    hours = ["01:00", "02:00", "03:00", "04:00"]
    text = "time,open,high,low,close\n" + "".join(f"2024-10-27 {h},1,2,1,1\n" for h in hours)
    with pytest.raises(DataError, match=r"unclear_local_time, 1x.*line 3"):
        loaded(text, timezone="Europe/Berlin")
    mended = loaded(text, timezone="Europe/Berlin", repair=True)
    assert [repair.kind for repair in mended.source.repairs] == ["chose_first_reading"]
    with pytest.raises(DataError, match=r"skipped_local_time, 1x.*line 3"):
        loaded(text.replace("10-27", "03-31"), timezone="Europe/Berlin")


@pytest.mark.parametrize("name", ["Mars/Olympus", "+25:00", "", "../etc/passwd", "+02:75"])
def test_a_clock_that_does_not_exist_is_refused(name):
    with pytest.raises(ConfigError, match="timezone"):
        check_zone(name)
    with pytest.raises(ConfigError, match="timezone"):
        LoadSettings(timezone=name)


def test_what_means_utc():
    assert [is_utc(name) for name in ("utc", "+00:00", "Z", "Europe/London")] == [
        True, True, True, False,
    ]  # fmt: skip
