"""`Draft`: the rows of a file as numbers and UTC times, right or wrong, before validation.

`read_draft` makes one of a source and its layout; `validate` judges it, `repair` may change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.data.source import BadRow, Source

PRICE_NAMES = ("open", "high", "low", "close")


@dataclass(frozen=True, kw_only=True)
class Draft:
    """Rows that are not yet known to be sound.

    Attributes:
        source: Where the rows came from, to name their lines.
        rows: `(n_rows,) int64` index of each row in the file.
        time_us: `(n_rows,) int64` UTC microseconds; meaningless in rows of `bad_times`.
        columns: open, high, low, close, volume and spread_points, each `(n_rows,) float64`.
        extra: Further columns.
        bad_rows: Lines that were no rows and are not among `rows`.
        bad_times, bad_numbers: File row to what could not be read there.
        skipped_times, unclear_times, other_unit: Rows (file index) whose wall time was jumped over
            by a clock change, occurs twice, or is in another unit than most.
        swapped_days: Rows whose day and month seem to stand in each other's place.
        close_times: `(n_rows,) int64` end of each bar where the format has it.
    """

    source: Source
    rows: NDArray[np.int64]
    time_us: NDArray[np.int64]
    columns: Mapping[str, NDArray[np.float64]]
    extra: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    bad_rows: tuple[BadRow, ...] = ()
    bad_times: Mapping[int, str] = field(default_factory=dict)
    bad_numbers: Mapping[int, str] = field(default_factory=dict)
    skipped_times: frozenset[int] = frozenset()
    unclear_times: frozenset[int] = frozenset()
    other_unit: frozenset[int] = frozenset()
    swapped_days: frozenset[int] = frozenset()
    close_times: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: NDArray[Any]) -> Draft:
        """Keep the rows of a mask or an index array, in its order."""
        rows = self.rows[index]
        kept = set(rows.tolist()) if self._has_faults else set()
        return replace(
            self,
            rows=rows,
            time_us=self.time_us[index],
            columns={name: column[index] for name, column in self.columns.items()},
            extra={name: column[index] for name, column in self.extra.items()},
            bad_times={row: text for row, text in self.bad_times.items() if row in kept},
            bad_numbers={row: text for row, text in self.bad_numbers.items() if row in kept},
            skipped_times=self.skipped_times & kept,
            unclear_times=self.unclear_times & kept,
            other_unit=self.other_unit & kept,
            swapped_days=self.swapped_days & kept,
            close_times=None if self.close_times is None else self.close_times[index],
        )

    def with_columns(self, **columns: NDArray[np.float64]) -> Draft:
        """Replace some of the columns."""
        return replace(self, columns={**self.columns, **columns})

    def where(self, index: int) -> str:
        """Say where in the file the row at a position of this draft is."""
        return self.source.where(int(self.rows[index]))

    def mask(self, rows: Mapping[int, Any] | frozenset[int]) -> NDArray[np.bool_]:
        """Positions of the given file rows, as a mask."""
        return np.isin(self.rows, np.fromiter(rows, dtype=np.int64, count=len(rows)))

    @property
    def _has_faults(self) -> bool:
        return bool(
            self.bad_times
            or self.bad_numbers
            or self.skipped_times
            or self.unclear_times
            or self.other_unit
            or self.swapped_days
        )


def utc_text(time_us: int) -> str:
    """A UTC time for people, without what is zero at its end."""
    text = str(np.datetime64(int(time_us), "us")).replace("T", " ")
    return text.removesuffix(".000000")


def row_text(draft: Draft, index: int) -> str:
    """One row for people: its time and prices."""
    prices = "/".join(f"{draft.columns[name][index]:.10g}" for name in PRICE_NAMES)
    return f"{utc_text(int(draft.time_us[index]))} o/h/l/c {prices}"
