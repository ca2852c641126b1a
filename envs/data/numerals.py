"""Written numbers to float64: thousands marks, decimal commas, K/M/B, percent.

The convention is decided once for all price columns of a file, from evidence only: `1,755` alone
may be one thousand seven hundred fifty-five or one and three quarters, and is then refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from envs.errors import DataError

_MISSING = ("", "nan", "null", "none", "n/a", "na", "#n/a")
_SUFFIXES = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12, "%": 0.01}
_PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
# What proves which mark is the decimal one; SEP stands for the mark in question.
_BOTH = {",": r"\.\d{3}.*,", ".": r",\d{3}.*\."}
_NOT_THREE = {",": r"^[+-]?\d+,(\d{1,2}|\d{4,})$", ".": r"^[+-]?\d+\.(\d{1,2}|\d{4,})$"}
_SEVERAL = {",": r"\d\.\d{3}\.\d{3}", ".": r"\d,\d{3},\d{3}"}
_THREE = {",": r"^[+-]?[1-9]\d{0,2},\d{3}$", ".": r"^[+-]?[1-9]\d{0,2}\.\d{3}$"}
_ZERO_FIRST = {",": r"^[+-]?0,\d+$|^[+-]?\d{4,},\d+$", ".": r"^[+-]?0\.\d+$|^[+-]?\d{4,}\.\d+$"}


@dataclass(frozen=True, kw_only=True)
class NumberStyle:
    """How numbers are written: the decimal mark, and the marks between thousands."""

    decimal: str = "."

    @property
    def says(self) -> str:
        """The style for people."""
        return "1.234,5" if self.decimal == "," else "1,234.5"


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """A column of numbers and what could not be read of it.

    Attributes:
        values: `(n_rows,) float64`; NaN where missing or unreadable.
        unreadable: `(n_rows,) bool` text that is no number.
        texts: The column as text where it was text, for messages.
    """

    values: NDArray[np.float64]
    unreadable: NDArray[np.bool_]
    texts: Any = None


def find_style(columns: Mapping[str, Any], *, hints: Sequence[Any] = (), where: str) -> NumberStyle:
    """Decide the decimal mark from the text columns among `columns`.

    Args:
        columns: Price columns, name to Arrow array; those that are numbers already say nothing.
        hints: Further columns that may prove a mark, with suffixes such as K or %.
        where: The file, for messages.

    Raises:
        DataError: If both marks are proven, or a comma may be either.
    """
    texts = [column for column in columns.values() if pa.types.is_string(column.type)]
    bare = [_split_suffix(hint)[1] for hint in hints if pa.types.is_string(hint.type)]
    proofs = {mark: _first_match([*texts, *bare], _proofs(mark)) for mark in ",."}
    if proofs[","] and proofs["."]:
        raise DataError(
            "One decimal mark must hold for the whole file",
            came=f"{proofs[',']!r} with a decimal comma and {proofs['.']!r} with a decimal point",
            where=where,
        )
    if proofs[","]:
        return NumberStyle(decimal=",")
    if not proofs["."] and (unclear := _first_match(texts, (_THREE[","],))):
        raise DataError(
            "It must be clear whether a comma is a decimal mark or stands between thousands",
            came=f"{unclear!r} and nothing that decides",
            where=f"{where}, columns {', '.join(columns)}",
            mend="write the numbers with a decimal point and no other mark",
        )
    return NumberStyle()


def check_point(columns: Mapping[str, Any], *, where: str) -> None:
    """Refuse `17.234` in a file whose marks are of a country that writes a decimal comma.

    Args:
        columns: Columns as text, name to Arrow array.
        where: The file, for messages.

    Raises:
        DataError: If a point may stand between thousands and nothing proves it a decimal mark.
    """
    texts = list(columns.values())
    if _first_match(texts, (*_proofs("."), *_proofs(","))):
        return
    if unclear := _first_match(texts, (_THREE["."],)):
        raise DataError(
            "It must be clear whether a point is a decimal mark or stands between thousands",
            came=f"{unclear!r} in columns separated by semicolons, as where the comma is the "
            "decimal mark, and nothing that decides",
            where=f"{where}, columns {', '.join(columns)}",
            mend="write other than three digits after a decimal point (17.2340), or no mark "
            "between thousands (17234)",
        )


def may_be_thousands(value: str) -> bool:
    """Tell whether a text is up to three digits, a point, and three digits."""
    return re.match(_THREE["."], value.strip()) is not None


def read_numbers(
    column: Any, style: NumberStyle, *, dash_is_zero: bool = False, suffixes: bool = False
) -> Numbers:
    """Read one column.

    Args:
        column: Arrow array, float64 or text.
        style: The file's way of writing numbers.
        dash_is_zero: Whether a lone `-` means zero.
        suffixes: Whether `1.2K` and `3%` are numbers here.
    """
    if not pa.types.is_string(column.type):
        values = column.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
        return Numbers(values=values, unreadable=np.zeros(len(values), dtype=bool))
    if (plain := _all_plain(column, style)) is not None:
        return plain
    text = pc.utf8_trim_whitespace(column)
    missing = pc.is_in(pc.utf8_lower(text), pa.array(_MISSING)).fill_null(True)
    missing = pc.or_(missing, pc.is_null(column))
    if dash_is_zero:
        text = pc.if_else(pc.equal(text, "-"), "0", text)
    factor, text = _split_suffix(text) if suffixes else (None, text)
    plain = _plain(text, style)
    readable = pc.match_substring_regex(plain, _PLAIN)
    values = pc.if_else(readable, plain, None).cast(pa.float64()).to_numpy(zero_copy_only=False)
    unreadable = pc.and_not(pc.invert(readable.fill_null(False)), missing)
    scaled = values if factor is None else values * factor
    return Numbers(
        values=scaled, unreadable=unreadable.to_numpy(zero_copy_only=False), texts=column
    )


def _all_plain(column: Any, style: NumberStyle) -> Numbers | None:
    """Let Arrow read a column in one go where every value is a plain number."""
    if style.decimal != "." or column.null_count:
        return None
    try:
        values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    return Numbers(values=values, unreadable=np.zeros(len(values), dtype=bool), texts=column)


def _plain(text: Any, style: NumberStyle) -> Any:
    """Remove thousands marks where they stand rightly, and make the decimal mark a point.

    A number whose marks stand wrongly (`12,34.5`) is left as it is, and so is found unreadable.
    """
    marks = rf"[{'.' if style.decimal == ',' else ','}' \x{{00a0}}\x{{202f}}]"
    grouped = rf"^[+-]?\d{{1,3}}({marks}\d{{3}})+([{style.decimal}]\d*)?$"
    stripped = pc.replace_substring_regex(text, marks, "")
    text = pc.if_else(pc.match_substring_regex(text, grouped), stripped, text)
    return text if style.decimal == "." else _comma_to_point(text)


def _comma_to_point(text: Any) -> Any:
    """`1234,5` becomes `1234.5`; a point that is left over makes the number unreadable."""
    has_point = pc.match_substring(text, ".")
    return pc.if_else(has_point, "?", pc.replace_substring(text, ",", "."))


def _split_suffix(text: Any) -> tuple[NDArray[np.float64], Any]:
    factor = np.ones(len(text))
    lowered = pc.utf8_lower(text)
    for suffix, scale in _SUFFIXES.items():
        ends = pc.ends_with(lowered, suffix).fill_null(False).to_numpy(zero_copy_only=False)
        factor[ends] = scale
    return factor, pc.utf8_trim_whitespace(pc.replace_substring_regex(text, r"[KMBTkmbt%]$", ""))


def _proofs(mark: str) -> tuple[str, ...]:
    return _BOTH[mark], _NOT_THREE[mark], _SEVERAL[mark], _ZERO_FIRST[mark]


def _first_match(texts: Sequence[Any], patterns: Sequence[str]) -> str:
    pattern = "|".join(f"(?:{item})" for item in patterns)
    for column in texts:
        found = pc.match_substring_regex(column, pattern)
        index = pc.index(found, True).as_py()
        if index >= 0:
            return str(column[index].as_py())
    return ""
