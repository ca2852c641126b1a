"""Typed rows to columns: Feather, Parquet and JSON.

JSON may be a list of lists (freqtrade, ccxt), a list of objects, an object of lists, or one object
a line. Not here: what the columns mean (`envs.data.readers`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet

from envs.data.source import N_HEAD_ROWS, RawColumns
from envs.data.text import check_unique
from envs.errors import DataError

_SHAPES = "a list of rows, a list of objects, an object of columns, or one object a line"


class TypedSource:
    """An Arrow table, opened; see `envs.data.source.Source`."""

    def __init__(self, table: pa.Table, *, container: str, where: str, has_header: bool) -> None:
        check_unique(table.column_names, where=where)
        self._table = table
        self.container = container
        self.names = tuple(table.column_names)
        self.has_header = has_header
        self.banner: tuple[str, ...] = ()
        self.notes: tuple[str, ...] = ()
        head = [column.to_pylist() for column in table.slice(0, N_HEAD_ROWS).columns]
        self.head = tuple(tuple(map(_text, row)) for row in zip(*head, strict=True))

    def read(self, *, numbers: Sequence[str], others: Sequence[str]) -> RawColumns:
        """Read the named columns in full; see `Source.read`."""
        columns = {name: self._table[name].combine_chunks() for name in (*numbers, *others)}
        for name in numbers:
            columns[name] = _as_number(columns[name])
        rows = np.arange(self._table.num_rows, dtype=np.int64)
        return RawColumns(columns=columns, rows=rows, bad_rows=())

    def where(self, row: int) -> str:
        """Say which row of the file it is, counted from 1."""
        return f"row {row + 1}"


def open_feather(content: bytes, *, where: str) -> TypedSource:
    """Open a Feather file.

    Raises:
        DataError: If Arrow cannot read it.
    """
    try:
        table = pyarrow.feather.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError) as error:
        raise _damaged("Feather", error, where) from error
    return TypedSource(table, container="feather", where=where, has_header=True)


def open_parquet(content: bytes, *, where: str) -> TypedSource:
    """Open a Parquet file, with its page checksums verified where it has them.

    Raises:
        DataError: If Arrow cannot read it.
    """
    try:
        table = pyarrow.parquet.read_table(
            pa.BufferReader(content), page_checksum_verification=True
        )
    except (pa.ArrowException, OSError) as error:
        raise _damaged("Parquet", error, where) from error
    return TypedSource(table, container="parquet", where=where, has_header=True)


def open_json(content: bytes, *, where: str) -> TypedSource:
    """Open a JSON file of rows or columns.

    Raises:
        DataError: If it is no JSON, or of another shape.
    """
    value = _parse_json(content, where=where)
    if isinstance(value, list) and value and all(isinstance(row, list) for row in value):
        return _from_lists(value, where=where)
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        names = list(dict.fromkeys(name for row in value for name in row))
        return _from_columns({name: [row.get(name) for row in value] for name in names}, where)
    if isinstance(value, dict) and value and all(isinstance(item, list) for item in value.values()):
        return _from_columns(value, where)
    raise DataError(
        f"JSON bars must be {_SHAPES}",
        came=f"{type(value).__name__} {json.dumps(value)[:80]}",
        where=where,
    )


def _from_lists(rows: list[list[Any]], *, where: str) -> TypedSource:
    lengths = {len(row) for row in rows}
    if len(lengths) > 1:
        usual = len(rows[0])
        row = next(index for index, values in enumerate(rows) if len(values) != usual)
        raise DataError(
            "Every row must have the same number of values",
            came=f"{len(rows[row])} values where {usual} were before",
            where=f"{where}, row {row + 1}",
        )
    names = [f"column {index + 1}" for index in range(lengths.pop())]
    columns = {name: [row[index] for row in rows] for index, name in enumerate(names)}
    return _from_columns(columns, where, has_header=False)


def _from_columns(
    columns: dict[str, list[Any]], where: str, *, has_header: bool = True
) -> TypedSource:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise DataError("Columns must be of one length", came=f"{lengths}", where=where)
    arrays = {name: _arrow_column(column) for name, column in columns.items()}
    return TypedSource(pa.table(arrays), container="json", where=where, has_header=has_header)


def _arrow_column(values: list[Any]) -> pa.Array:
    """One type for the column: Arrow's own choice, or text where the values are mixed."""
    if any(isinstance(value, float) for value in values):
        values = [float(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in values]
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def _parse_json(content: bytes, *, where: str) -> Any:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError("JSON must be UTF-8", came=error.reason, where=where) from error
    try:
        return json.loads(text)
    except ValueError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2 or not all(line.lstrip().startswith("{") for line in lines):
            raise DataError("The file must be valid JSON", came=str(error), where=where) from error
    return [_parse_line(line, index, where=where) for index, line in enumerate(lines)]


def _parse_line(line: str, index: int, *, where: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        place = f"{where}, object {index + 1}"
        raise DataError("Every line must be a JSON object", came=str(error), where=place) from error


def _as_number(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column.cast(pa.string())
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.float64())
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.float64(), safe=False)
    return column.cast(pa.string())


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _damaged(kind: str, error: Exception, where: str) -> DataError:
    return DataError(f"A {kind} file must be whole", came=str(error)[:200], where=where)
