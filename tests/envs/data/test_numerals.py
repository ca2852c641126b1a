"""Written numbers."""

import numpy as np
import pyarrow as pa
import pytest

from envs.data.numerals import NumberStyle, find_style, read_numbers
from envs.errors import DataError

POINT, COMMA = NumberStyle(decimal="."), NumberStyle(decimal=",")


@pytest.mark.parametrize(
    ("text", "style", "value"),
    [
        ("1234.5", POINT, 1234.5),
        ("1,234.5", POINT, 1234.5),
        ("1,234,567", POINT, 1234567),
        ("-0.5", POINT, -0.5),
        (".5", POINT, 0.5),
        ("1e-3", POINT, 0.001),
        (" 7 ", POINT, 7),
        ("1 234.5", POINT, 1234.5),
        ("1'234.5", POINT, 1234.5),
        ("1234,5", COMMA, 1234.5),
        ("1.234,5", COMMA, 1234.5),
        ("1\u00a0234,5", COMMA, 1234.5),
    ],
)
def test_a_number_is_read_in_its_style(text, style, value):
    numbers = read_numbers(pa.array([text]), style)
    assert numbers.values.tolist() == [value]
    assert not numbers.unreadable.any()


@pytest.mark.parametrize(
    "text", ["12,34.5", "1,23", "1.5.5", "--1", "0x10", "1_000", "1d5", "-", "1K"]
)
def test_what_is_no_number_is_marked_and_not_guessed(text):
    numbers = read_numbers(pa.array([text, "1"]), POINT)
    assert numbers.unreadable.tolist() == [True, False]
    assert np.isnan(numbers.values[0])


def test_a_point_under_a_decimal_comma_is_no_number_unless_it_groups_thousands():
    numbers = read_numbers(pa.array(["12.5", "1.250", "12,5"]), COMMA)
    assert numbers.unreadable.tolist() == [True, False, False]
    assert numbers.values[1:].tolist() == [1250, 12.5]


def test_missing_is_not_unreadable():
    numbers = read_numbers(pa.array(["", "NaN", "null", None, "N/A"]), POINT)
    assert np.isnan(numbers.values).all()
    assert not numbers.unreadable.any()


def test_suffixes_and_dashes_count_where_the_format_has_them():
    column = pa.array(["1.5K", "2M", "0.5B", "3%", "-"])
    numbers = read_numbers(column, POINT, dash_is_zero=True, suffixes=True)
    assert numbers.values.tolist() == [1500, 2e6, 5e8, 0.03, 0]


@pytest.mark.parametrize(
    ("values", "decimal"),
    [
        (["1,234.5", "1,234"], "."),
        (["1.234,5", "1.234"], ","),
        (["0,123"], ","),
        (["1,23"], ","),
        (["1,234", "1.5"], "."),
        (["1,234,567"], "."),
        (["12", "13"], "."),
    ],
)
def test_the_decimal_mark_is_found(values, decimal):
    assert find_style({"open": pa.array(values)}, where="file").decimal == decimal


def test_a_comma_that_may_be_either_is_refused_and_so_are_two_decimal_marks():
    with pytest.raises(DataError, match="'1,234' and nothing that decides"):
        find_style({"open": pa.array(["1,234", "1,235"])}, where="file")
    with pytest.raises(DataError, match=r"'1,5' with a decimal comma and '1\.5' with"):
        find_style({"open": pa.array(["1,5", "1.5"])}, where="file")


def semicolons(*values: str, volume: str = "5") -> str:
    rows = "".join(
        f"2024-01-{day:02d};{value};{value};{value};{value};{volume}\n"
        for day, value in enumerate(values, start=1)
    )
    return f"time;open;high;low;close;volume\n{rows}"


@pytest.mark.parametrize(
    ("values", "volume"),
    [(("17.234", "17.240", "17.239"), "5"), (("17", "18", "19"), "1.250")],
)
def test_a_point_before_three_digits_between_semicolons_is_refused(loaded, values, volume):
    with pytest.raises(DataError, match="whether a point is a decimal mark"):
        loaded(semicolons(*values, volume=volume))
    text = semicolons(*values, volume=volume).replace(";", ",")
    assert loaded(text).bars.close[0] == float(values[0])


@pytest.mark.parametrize(
    ("values", "volume", "close"),
    [
        (("17.234", "17.24", "17.239"), "5", 17.234),
        (("999.500", "1000.250", "1001.125"), "5", 999.5),
        (("0.999", "1.001", "1.002"), "5", 0.999),
        (("17.234", "17.240", "17.239"), "61.25", 17.234),
        (("17.234,5", "17.240,0", "17.239,5"), "5", 17234.5),
        (("17234", "17240", "17239"), "5", 17234),
    ],
)
def test_a_mark_that_is_proven_is_read_between_semicolons(loaded, values, volume, close):
    assert loaded(semicolons(*values, volume=volume)).bars.close[0] == close
