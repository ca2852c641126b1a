"""`Source`: rows of named columns, however they were stored; and the columns once read.

Text files make one (`envs.data.text`), typed files another (`envs.data.typed`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

N_HEAD_ROWS = 50


@dataclass(frozen=True, kw_only=True)
class BadRow:
    """A row that is no row of values: too short, too long, or the header once more."""

    where: str
    kind: str
    text: str


@dataclass(frozen=True, kw_only=True)
class RawColumns:
    """Columns as read, before anything is understood of them.

    Attributes:
        columns: Name to Arrow array. A column asked for as number is float64, or text where it is
            not plain numbers; another is whatever the file holds.
        rows: `(n_rows,) int64` index of each row in the file, for `Source.where`.
        bad_rows: Rows that were left out because they are no rows.
    """

    columns: Mapping[str, Any]
    rows: NDArray[np.int64]
    bad_rows: tuple[BadRow, ...]


class Source(Protocol):
    """An opened file of rows.

    Attributes:
        container: How the rows are stored, for the report.
        names: Unique column names; `column 1` and so on where the file has none.
        has_header: Whether the names come from the file.
        banner: Lines above and below the header that are no data.
        head: First rows as text, for recognition.
        notes: What was noticed while opening.
    """

    container: str
    names: tuple[str, ...]
    has_header: bool
    banner: tuple[str, ...]
    head: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]

    def read(self, *, numbers: Sequence[str], others: Sequence[str]) -> RawColumns:
        """Read the named columns in full."""
        ...

    def where(self, row: int) -> str:
        """Say where a row is, e.g. `line 17`."""
        ...


def head_column(source: Source, name: str) -> tuple[str, ...]:
    """First values of one column as text."""
    index = source.names.index(name)
    return tuple(row[index] for row in source.head if index < len(row))
