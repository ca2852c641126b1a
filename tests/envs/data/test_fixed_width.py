"""Times of one shape, read as bytes, agree with the pattern that reads any shape."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.data.fixed_width import read_fixed_width
from envs.data.times import WAYS, read_times

SHAPES = [
    "{0:04d}.{1:02d}.{2:02d} {3:02d}:{4:02d}",
    "{2:02d}/{1:02d}/{0:04d} {3:02d}:{4:02d}:07.250",
]
FIELDS = st.tuples(
    st.integers(1970, 2099), st.integers(0, 19), st.integers(13, 35), st.integers(0, 29),
    st.integers(0, 65),
)  # fmt: skip


@pytest.mark.parity
@pytest.mark.parametrize("shape", SHAPES)
@given(fields=st.lists(FIELDS, min_size=2, max_size=20))
def test_both_ways_read_the_same_times_and_mark_the_same_rows(shape, fields):
    texts = [shape.format(2020, 1, 13, 0, 0), *(shape.format(*row) for row in fields)]
    odd = shape.replace(":02d", ":d").format(2020, 1, 13, 0, 0)  # another width: the pattern
    fast = read_times([pa.array(texts)], day_first=True, where="x")
    slow = read_times([pa.array([*texts, odd])], day_first=True, where="x")
    assert fast.time_us.tolist() == slow.time_us[:-1].tolist()
    assert fast.unreadable.tolist() == slow.unreadable[:-1].tolist()
    assert fast.kind == slow.kind


@pytest.mark.parametrize(
    "texts",
    [
        ["2024.01.02 03:04", "2024.01.02 3:04"],
        ["2024.01.02 03:04", "2024-01.02 03:04"],
        ["2024.01.02 03:04", "2024.01.02 0x:04"],
        ["2024.01.02 03:04", "2024.01.02 0/:04"],
        ["2024.01.02 03:04", None],
        ["2024.01.02 03:04 PM", "2024.01.02 03:05 PM"],
        ["yesterday, at noon", "yesterday, at noon"],
        [],
    ],
)
def test_rows_that_are_not_alike_are_left_to_the_pattern(texts):
    way = next(way for way in WAYS if way.name == "YYYY.MM.DD hh:mm:ss")
    assert read_fixed_width(pa.array(texts, pa.string()), way.pattern) is None


def test_a_slice_of_a_column_is_read_from_its_own_start():
    way = next(way for way in WAYS if way.name == "YYYY.MM.DD hh:mm:ss")
    column = pa.array(["1999.12.31 23:59", "2024.01.02 03:04", "2025.01.02 03:04"])
    fields = read_fixed_width(column.slice(1), way.pattern)
    assert fields is not None
    assert fields.year.tolist() == [2024, 2025]
    assert fields.minute.tolist() == np.array([4, 4]).tolist()
