"""Delimited text to columns: encoding, delimiter, banner, header, then Arrow's CSV reader.

A file of plain numbers is read by Arrow in one go. A file with anything else (quoted thousands, a
broken row, a header in the middle) is read again row by row, to say exactly which line is wrong.
Not here: what the columns mean (`envs.data.readers`).
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from envs.data.source import N_HEAD_ROWS, BadRow, RawColumns
from envs.errors import DataError

DELIMITERS = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma"}
MIN_FIELDS = 5
_HEAD_BYTES = 64 * 1024
_LINE_END = re.compile(r"\r\n|\r|\n")  # not splitlines: that also splits at U+2028 and others
_N_BANNER_LINES = 5
_YFINANCE_SUBHEADERS = ("ticker", "date", "datetime")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How a text file is laid out."""

    delimiter: str
    names: tuple[str, ...]
    has_header: bool
    banner: tuple[str, ...]
    n_lines_above: int


class TextSource:
    """Delimited text, opened; see `envs.data.source.Source`."""

    def __init__(self, content: bytes, *, container: str, where: str) -> None:
        text, notes = decode(content, where=where)
        self._bytes = text
        self._shape = find_shape(text, where=where)
        self._file = where
        self.container = f"{container}, {DELIMITERS[self._shape.delimiter]}-separated"
        self.names = self._shape.names
        self.has_header = self._shape.has_header
        self.banner = self._shape.banner
        self.notes = notes
        self._start = _offset_of_line(text, self._shape.n_lines_above)
        self._lines: list[int] | None = None
        self.head = tuple(tuple(row) for _, row in self._head_rows())

    def read(self, *, numbers: Sequence[str], others: Sequence[str]) -> RawColumns:
        """Read the named columns in full; see `Source.read`."""
        types = {**dict.fromkeys(numbers, pa.float64()), **dict.fromkeys(others, pa.string())}
        try:
            table = self._arrow(types)
        except pa.ArrowInvalid:
            return self._as_text([*numbers, *others])
        columns = {name: table[name].combine_chunks() for name in table.column_names}
        rows = np.arange(table.num_rows, dtype=np.int64)
        return RawColumns(columns=columns, rows=rows, bad_rows=())

    def where(self, row: int) -> str:
        """Say on which line of the file a row is."""
        if self._lines is None:
            self._lines = [line for line, _ in self._rows()]
        return f"line {self._lines[row]}"

    def _arrow(self, types: dict[str, pa.DataType]) -> pa.Table:
        data = pa.py_buffer(self._bytes).slice(self._start)
        if not data.size:
            return pa.table({name: pa.array([], kind) for name, kind in types.items()})
        return arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(column_names=list(self.names)),
            parse_options=arrow_csv.ParseOptions(delimiter=self._shape.delimiter),
            convert_options=arrow_csv.ConvertOptions(
                column_types=types, include_columns=list(types), strings_can_be_null=False
            ),
        )

    def _as_text(self, names: Sequence[str]) -> RawColumns:
        """Read every value as text, and row by row where not every line is a row."""
        try:
            table = self._arrow(dict.fromkeys(names, pa.string()))
        except pa.ArrowInvalid:
            return self._row_by_row(names)
        if pc.any(pc.equal(pc.utf8_trim_whitespace(table[names[0]]), names[0])).as_py():
            return self._row_by_row(names)  # the header once more, probably
        columns = {name: table[name].combine_chunks() for name in table.column_names}
        rows = np.arange(table.num_rows, dtype=np.int64)
        return RawColumns(columns=columns, rows=rows, bad_rows=())

    def _row_by_row(self, names: Sequence[str]) -> RawColumns:
        self._lines = []
        good: list[list[str]] = []
        rows: list[int] = []
        bad: list[BadRow] = []
        for row, (line, values) in enumerate(self._rows()):
            self._lines.append(line)
            if kind := self._fault(values):
                shown = self._shape.delimiter.join(values)
                bad.append(BadRow(where=f"line {line}", kind=kind, text=shown[:80]))
            else:
                good.append(values)
                rows.append(row)
        return RawColumns(
            columns=self._columns(good, names),
            rows=np.array(rows, dtype=np.int64),
            bad_rows=tuple(bad),
        )

    def _columns(self, rows: list[list[str]], names: Sequence[str]) -> dict[str, pa.Array]:
        positions = {name: self.names.index(name) for name in names}
        return {
            name: pa.array([row[index].strip() for row in rows], pa.string())
            for name, index in positions.items()
        }

    def _fault(self, values: list[str]) -> str:
        """Name what makes a line no row of values, or nothing."""
        if len(values) != len(self.names):
            return f"{len(values)} values where {len(self.names)} columns are"
        if self.has_header and [value.strip() for value in values] == list(self.names):
            return "the header once more"
        return ""

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        return _numbered_rows(self._bytes[self._start :].decode(), self._shape)

    def _head_rows(self) -> Iterator[tuple[int, list[str]]]:
        head = self._bytes[self._start : self._start + _HEAD_BYTES]
        if self._start + _HEAD_BYTES < len(self._bytes):
            head = head[: head.rfind(b"\n") + 1] or head
        return islice(_numbered_rows(head.decode(errors="ignore"), self._shape), N_HEAD_ROWS)


def decode(content: bytes, *, where: str) -> tuple[bytes, tuple[str, ...]]:
    """Turn a text file into UTF-8 bytes without a byte order mark.

    Raises:
        DataError: If the file holds NUL bytes: it is binary or damaged.
    """
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if content.startswith(mark):
            return _utf16(content, encoding, where=where), ("The file is UTF-16 text",)
    content = content.removeprefix(codecs.BOM_UTF8)
    if (position := content.find(b"\0")) >= 0:
        line = content.count(b"\n", 0, position) + 1
        raise DataError(
            "A file of bars must be text, Feather, Parquet or JSON",
            came=f"a NUL byte at position {position}",
            where=f"{where}, line {line}",
            mend="the file is binary or damaged: export it again",
        )
    return _utf8(content)


def find_shape(content: bytes, *, where: str) -> Shape:
    """Find delimiter, banner and header in the first lines.

    Raises:
        DataError: If no delimiter gives rows of five or more columns, or names repeat.
    """
    head = content[:_HEAD_BYTES]
    if len(content) > _HEAD_BYTES:
        head = head[: head.rfind(b"\n") + 1] or head
    lines = _LINE_END.split(head.decode(errors="ignore"))[: 2 * N_HEAD_ROWS]
    delimiter, n_fields = _find_delimiter(lines, where=where)
    n_above = _count_banner(lines, delimiter, n_fields)
    first = _split(lines[n_above], delimiter)
    if not _looks_like_header(first):
        names = tuple(f"column {index + 1}" for index in range(n_fields))
        return Shape(
            delimiter=delimiter,
            names=names,
            has_header=False,
            banner=tuple(lines[:n_above]),
            n_lines_above=n_above,
        )
    below = _count_subheaders(lines[n_above + 1 :], delimiter)
    banner = (*lines[:n_above], *lines[n_above + 1 : n_above + 1 + below])
    names = _header_names(first, n_fields, where=where)
    return Shape(
        delimiter=delimiter,
        names=names,
        has_header=True,
        banner=banner,
        n_lines_above=n_above + 1 + below,
    )


def _find_delimiter(lines: list[str], *, where: str) -> tuple[str, int]:
    seen = []
    for delimiter, name in DELIMITERS.items():
        counts = Counter(len(_split(line, delimiter)) for line in lines if line.strip())
        n_fields, n_lines = counts.most_common(1)[0] if counts else (0, 0)
        if n_fields >= MIN_FIELDS and 2 * n_lines >= counts.total():
            return delimiter, n_fields
        seen.append(f"{name}: {n_fields}")
    raise DataError(
        f"A text file of bars must have {MIN_FIELDS} or more columns, the same in every row",
        came=f"columns with each delimiter tried ({', '.join(seen)}); "
        f"first line {_first(lines)[:80]!r}",
        where=where,
        mend="save the bars as CSV with a header time,open,high,low,close,volume",
    )


def _count_banner(lines: list[str], delimiter: str, n_fields: int) -> int:
    """Count the leading lines that are neither header nor data: a title, a web address, blanks."""
    for index, line in enumerate(lines[:_N_BANNER_LINES]):
        values = [value for value in _split(line, delimiter) if value.strip()]
        if len(values) > 2 or len(_split(line, delimiter)) == n_fields:
            return index
    return 0


def _count_subheaders(lines: list[str], delimiter: str) -> int:
    """Count the extra header rows of a yfinance frame: `Ticker,AAPL,...` and `Date,,,`."""
    count = 0
    for line in lines[:2]:
        if _split(line, delimiter)[0].strip().lower() not in _YFINANCE_SUBHEADERS:
            break
        count += 1
    return count


def _looks_like_header(values: list[str]) -> bool:
    """A header holds words: no value in it starts like a number."""
    texts = [value.strip() for value in values]
    return any(texts) and not any(
        text[:1].isdigit() or (text[:1] in "+-." and text[1:2].isdigit()) for text in texts
    )


def _header_names(values: list[str], n_fields: int, *, where: str) -> tuple[str, ...]:
    stripped = [value.strip() for value in values]
    names = tuple(name or f"column {index + 1}" for index, name in enumerate(stripped))
    if len(names) != n_fields:
        raise DataError(
            "The header must name every column",
            came=f"{len(names)} names ({', '.join(names)}) over rows of {n_fields} values",
            where=where,
            mend="check the delimiter, and decimal commas without quotes",
        )
    check_unique(names, where=where)
    return names


def check_unique(names: Sequence[str], *, where: str) -> None:
    """Refuse two columns of one name.

    Raises:
        DataError: Naming the repeated ones.
    """
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise DataError(
            "Column names must be unique",
            came=f"{', '.join(map(repr, repeated))} more than once among {', '.join(names)}",
            where=where,
            mend="keep one symbol and one of each column in a file",
        )


def _numbered_rows(text: str, shape: Shape) -> Iterator[tuple[int, list[str]]]:
    """Split text into rows with their 1-based line in the file, leaving blank lines out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=shape.delimiter)
    for row in reader:
        if len(row) > 1 or "".join(row).strip():
            yield shape.n_lines_above + reader.line_num, row


def _split(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), []) or [""]


def _first(lines: list[str]) -> str:
    return next((line for line in lines if line.strip()), "")


def _offset_of_line(content: bytes, n_lines: int) -> int:
    position = 0
    for _ in range(n_lines):
        ends = [end for mark in (b"\n", b"\r") if (end := content.find(mark, position)) >= 0]
        if not ends:
            return len(content)
        position = min(ends) + 1
        if content[position - 1 : position + 1] == b"\r\n":
            position += 1
    return position


def _utf16(content: bytes, encoding: str, *, where: str) -> bytes:
    try:
        return content.decode(encoding).encode()
    except UnicodeDecodeError as error:
        raise DataError(
            "A text file must be readable in its encoding",
            came=f"bytes that are no UTF-16: {error.reason} at {error.start}",
            where=where,
        ) from error


def _utf8(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    if content.isascii():
        return content, ()
    try:
        content.decode()
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
        return text.encode(), ("The text is not UTF-8 and was read as Windows-1252",)
    return content, ()
