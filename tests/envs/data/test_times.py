"""Written times."""

import numpy as np
import pyarrow as pa
import pytest

from envs.data.times import read_times
from envs.errors import DataError


def read(*values, day_first=None):
    return read_times([pa.array(values)], day_first=day_first, where="file")


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2024-01-13", "2024-01-13"),
        ("2024-01-13 04:05", "2024-01-13T04:05"),
        ("2024-01-13T04:05:06", "2024-01-13T04:05:06"),
        ("2024-01-13 04:05:06.789", "2024-01-13T04:05:06.789"),
        ("2024-01-13 04:05:06.123456789", "2024-01-13T04:05:06.123456"),
        ("2024-1-3 4:05", "2024-01-03T04:05"),
        ("2024.01.13 04:05:06", "2024-01-13T04:05:06"),
        ("2024/01/13", "2024-01-13"),
        ("20240113 040506", "2024-01-13T04:05:06"),
        ("20240113", "2024-01-13"),
        ("13.01.2024 04:05:06.000", "2024-01-13T04:05:06"),
        ("01/13/2024 04:05 PM", "2024-01-13T16:05"),
        ("2024-01-13 12-AM", "2024-01-13T00:00"),
        ("2024-01-13 12-PM", "2024-01-13T12:00"),
        ("2024-01-13 11-PM", "2024-01-13T23:00"),
        ("Jan 13, 2024", "2024-01-13"),
        ("13 Jan 2024 04:05", "2024-01-13T04:05"),
        ("13-Jan-2024", "2024-01-13"),
    ],
)
def test_a_time_without_a_zone(text, iso):
    times = read(text)
    assert not times.is_absolute
    assert times.time_us.tolist() == [int(np.datetime64(iso, "us").astype(np.int64))]


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-13T04:05:06Z",
        "2024-01-13T06:05:06+02:00",
        "2024-01-12 23:05:06-0500",
        "13.01.2024 06:05:06.000 GMT+0200",
        "1705118706",
        "1705118706000",
        "1705118706000000",
        "1705118706000000000",
        "1705118706.0",
    ],
)
def test_a_time_that_names_its_moment(text):
    times = read(text)
    assert times.is_absolute
    assert times.time_us.tolist() == [1705118706 * 10**6]


def test_typed_times_keep_their_zone():
    naive = np.array(["2024-01-13T04:05:06"], dtype="datetime64[ns]")
    assert not read_times([pa.array(naive)], day_first=None, where="x").is_absolute
    aware = pa.array(naive).cast(pa.timestamp("ns", "UTC"))
    times = read_times([aware], day_first=None, where="x")
    assert times.is_absolute
    assert times.time_us.tolist() == [1705118706 * 10**6]


def test_a_date_and_a_time_of_day_are_joined():
    columns = [pa.array(["2024.01.13"]), pa.array(["04:05"])]
    times = read_times(columns, day_first=None, where="x")
    assert times.time_us.tolist() == [1705118700 * 10**6]


@pytest.mark.parametrize("bad", ["2024-02-30", "2024-13-01", "2024-01-01 24:00", "13 o'clock", ""])
def test_a_single_bad_row_is_marked(bad):
    assert read("2024-01-01", bad, "2024-01-02").unreadable.tolist() == [False, True, False]


def test_rows_without_the_offset_that_the_others_have_are_marked():
    times = read("2024-01-01T00:00:00Z", "2024-01-01T01:00:00", "2024-01-01T02:00:00Z")
    assert times.is_absolute
    assert times.unreadable.tolist() == [False, True, False]


def test_rows_in_another_unit_are_marked_and_read_in_their_own():
    times = read("1705118706", "1705118707000", "1705118708")
    assert times.other_unit.tolist() == [False, True, False]
    assert times.time_us.tolist() == [second * 10**6 for second in range(1705118706, 1705118709)]


@pytest.mark.parametrize("text", ["13/13/24", "noon", "1.5", "44197.5"])
def test_an_unknown_way_of_writing_says_what_was_tried(text):
    with pytest.raises(DataError, match=r"tried .*YYYY-MM-DD"):
        read(text, text)


def test_a_file_that_runs_forward_under_one_reading_only_is_decided():
    # Day first these are 1, 2, 3 April ... month first the years jump back and forth.
    times = read("01/04/2024", "02/04/2024", "01/05/2024")
    assert times.time_us[1] == int(np.datetime64("2024-04-02", "us").astype(np.int64))
    assert "follow each other" in times.notes[0]
