"""Digits of times that all have one shape, read as bytes: three times faster than a pattern.

A program that writes a million times writes them alike. The first one, matched against the pattern,
says where its digits stand; every row with the same length, the same marks and digits in the same
places has then the same fields in them. Rows that differ are left to the pattern.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from envs.data.civil import Fields

_DIGIT_GROUPS = {"year", "month", "day", "hour", "minute", "second", "fraction"}
_ZERO = ord("0")


def read_fixed_width(text: Any, pattern: str) -> Fields | None:
    """Read a column of times of one shape.

    Args:
        text: Arrow string array without nulls.
        pattern: A pattern whose groups are named as the parts of a time.

    Returns:
        The fields, or None if the rows are not all alike or the shape holds more than digits in
        its groups (month names, AM and PM, offsets): then nothing is known.
    """
    first = text[0].as_py() if len(text) else ""
    match = re.fullmatch(pattern, first or "")
    codes = None if match is None or not first.isascii() else _matrix(text, len(first))
    if match is None or codes is None:
        return None
    spans = {name: match.span(name) for name, value in match.groupdict().items() if value}
    if not set(spans) <= _DIGIT_GROUPS:
        return None
    is_digit = np.array([letter.isdigit() for letter in first])
    marks = np.frombuffer(first.encode(), dtype=np.uint8)
    if not (codes[:, ~is_digit] == marks[~is_digit]).all():
        return None
    digits = codes - _ZERO  # below zero wraps to a large number
    if (digits[:, is_digit] > 9).any():
        return None
    return _fields(digits, spans)


def _matrix(text: Any, width: int) -> NDArray[np.uint8] | None:
    """View the bytes of equally long strings as (n_rows, width)."""
    if text.null_count or not pa.types.is_string(text.type):
        return None
    _, offset_buffer, data = text.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=np.int32)[
        text.offset : text.offset + len(text) + 1
    ]
    if (np.diff(offsets) != width).any():
        return None
    codes = np.frombuffer(data, dtype=np.uint8)[offsets[0] : offsets[-1]]
    return codes.reshape(len(text), width)


def _fields(digits: NDArray[np.uint8], spans: dict[str, tuple[int, int]]) -> Fields:
    numbers = {name: _number(digits, *spans[name]) for name in spans if name != "fraction"}
    zeros = np.zeros(len(digits), dtype=np.int64)
    micro = zeros
    if "fraction" in spans:
        start, stop = spans["fraction"]
        stop = min(stop, start + 6)
        micro = _number(digits, start, stop) * 10 ** (6 - (stop - start))
    return Fields(
        year=numbers["year"],
        month=numbers["month"],
        day=numbers["day"],
        hour=numbers.get("hour", zeros),
        minute=numbers.get("minute", zeros),
        second=numbers.get("second", zeros),
        micro=micro,
    )


def _number(digits: NDArray[np.uint8], start: int, stop: int) -> NDArray[np.int64]:
    number = np.zeros(len(digits), dtype=np.int64)
    for position in range(start, stop):
        number = number * 10 + digits[:, position]
    return number
