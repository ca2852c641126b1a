"""`Layout`: what a reader has understood of a file before its numbers are read.

Readers in `envs.data.readers` make one; `envs.data.draft` reads a file by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

PRICES = ("open", "high", "low", "close")
# An extra column with fewer unreadable values than this is a column of numbers that was damaged;
# with more it is no column of numbers, and is left out.
MAX_DAMAGED_SHARE = 0.05


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The clock that wall times in a file were written by.

    Attributes:
        zone: As in `LoadSettings.timezone`.
        source: `format` when the format's documentation fixes it, `file` when the file says so,
            `assumed` when neither does, `unclear` when the file names a clock that has no one
            meaning (local, EST), so that the user has to say which.
        note: Said to the user when this clock is used; empty for nothing to say.
    """

    zone: str = "UTC"
    source: Literal["file", "format", "assumed", "unclear"] = "assumed"
    note: str = ""


ASSUMED_UTC = Clock(
    note="The file does not say which clock its times are in: UTC is assumed (see --timezone)"
)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Which column means what.

    Attributes:
        format: Short name for the report.
        time: Column of the time, or of date and time of day.
        second_times: Further columns of times, which must not contradict.
        prices: Role (open, high, low, close) to column.
        volume, spread: Their columns, None where the file has none.
        ask: A price of which there is an ask beside the bid, and the ask's column, which is one of
            `extra`; the spread is their difference. None where the file has a spread, or no ask.
        extra: Further numeric columns to the name each gets in `Bars.extra`.
        ignored: Columns left out, with the reason.
        clock: How wall times are to be understood.
        epoch_is_wall_time: Unix numbers count from 1970 on the server's clock, not in UTC.
        newest_first: The format is known to be written newest bar first.
        dash_volume_is_zero: The format writes `-` for a volume that it does not know.
        symbol: Name found in the file, None when there is none.
        symbol_column: Column that holds the symbol in every row.
        close_time: Column of the bar's end, which proves the unit of the time.
        decimal_point: The format is known to write a decimal point.
        hints: Columns of numbers that are left out but written by the same hand.
        notes, warnings: For the report.
    """

    format: str
    time: tuple[str, ...]
    prices: Mapping[str, str]
    volume: str | None = None
    spread: str | None = None
    ask: tuple[str, str] | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    ignored: Mapping[str, str] = field(default_factory=dict)
    clock: Clock = ASSUMED_UTC
    epoch_is_wall_time: bool = False
    newest_first: bool = False
    dash_volume_is_zero: bool = False
    symbol: str | None = None
    symbol_column: str | None = None
    close_time: str | None = None
    second_times: tuple[str, ...] = ()
    decimal_point: bool = False
    hints: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[str, ...]:
        """Columns that must hold numbers."""
        optional = [name for name in (self.volume, self.spread) if name is not None]
        return (*self.prices.values(), *optional, *self.extra)

    @property
    def others(self) -> tuple[str, ...]:
        """Columns that hold times or names."""
        optional = [name for name in (self.symbol_column, self.close_time) if name is not None]
        return (*self.time, *optional, *self.second_times)
