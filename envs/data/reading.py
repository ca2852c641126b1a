"""A source and its layout to a `Draft`: numbers, times, clock, order, symbol.

Not here: whether the numbers make sense (`envs.data.validate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from envs.data.draft import PRICE_NAMES, Draft
from envs.data.layout import MAX_DAMAGED_SHARE, Layout
from envs.data.numerals import (
    Numbers,
    NumberStyle,
    check_point,
    find_style,
    may_be_thousands,
    read_numbers,
)
from envs.data.parsed_times import ParsedTimes
from envs.data.point_size import infer_point_size
from envs.data.second_clock import check_second_clock
from envs.data.settings import LoadSettings
from envs.data.source import RawColumns, Source, head_column
from envs.data.swapped_days import swapped_rows
from envs.data.times import read_times
from envs.data.zones import is_utc, to_utc
from envs.errors import DataError

_POINT_SLACK = 1e-3  # in points; prices are stored as binary fractions


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A draft, and what was decided on the way to it.

    Attributes:
        draft: The rows.
        n_rows: Rows in the file, the unreadable ones included.
        symbol: Found in the file; None when it does not say.
        time_kind: How times are written.
        timezone, timezone_source: The clock, and who named it.
        notes, warnings: For the report.
    """

    draft: Draft
    n_rows: int
    symbol: str | None
    time_kind: str
    timezone: str
    timezone_source: str
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def read_draft(source: Source, layout: Layout, settings: LoadSettings, *, where: str) -> Reading:
    """Read every column of a layout.

    Raises:
        DataError: If a whole column cannot be understood. Single bad rows are marked in the draft.
    """
    raw = source.read(numbers=layout.numbers, others=layout.others)
    if not len(raw.rows):
        raise DataError("A file of bars must hold rows", came="a header only", where=where)
    place = f"{where}, column {' and '.join(map(repr, layout.time))}"
    raw, symbol = _one_symbol(raw, layout, settings, where=where)
    columns = [raw.columns[name] for name in layout.time]
    times = read_times(columns, day_first=settings.day_first, where=place)
    _check_other_clocks(raw, layout, times, where=place)
    backwards = _runs_backwards(times)
    zone, zone_source, notes, warnings = _clock(layout, settings, times, where=where)
    numbers, style = _numbers(source, raw, layout, where=where)
    if backwards and layout.newest_first:
        notes += (f"The file is newest first, as {layout.format} files are: it was turned round",)
    if style.decimal == ",":
        notes += ("Numbers are written with a decimal comma",)
    draft = _draft(source, layout, raw, times=times, numbers=numbers, settings=settings)
    draft = _in_utc(draft, zone, backwards=backwards, stay_turned=layout.newest_first)
    return Reading(
        draft=draft,
        n_rows=len(raw.rows) + len(raw.bad_rows),
        symbol=symbol,
        time_kind=times.kind,
        timezone=zone,
        timezone_source=zone_source,
        notes=(*source.notes, *layout.notes, *times.notes, *notes, *_absent(layout, draft)),
        warnings=(*layout.warnings, *warnings),
    )


def _draft(
    source: Source,
    layout: Layout,
    raw: RawColumns,
    *,
    times: ParsedTimes,
    numbers: Mapping[str, Numbers],
    settings: LoadSettings,
) -> Draft:
    nothing = np.zeros(len(raw.rows))
    roles = {**layout.prices, "volume": layout.volume, "spread_points": layout.spread}
    columns = {
        role: nothing if name is None else numbers[name].values for role, name in roles.items()
    }
    if layout.ask is not None:
        columns["spread_points"] = _spread_of_ask(layout.ask, numbers, columns, settings)
    needed = {name for name in (*roles.values(), *(layout.ask or ())[1:]) if name is not None}
    needed |= {name for name in layout.extra if numbers[name].unreadable.mean() < MAX_DAMAGED_SHARE}
    return Draft(
        source=source,
        rows=raw.rows,
        time_us=times.time_us,
        columns=columns,
        extra={label: numbers[name].values for name, label in layout.extra.items()},
        bad_rows=raw.bad_rows,
        bad_times=_texts(times.unreadable, raw, layout.time),
        bad_numbers=_bad_numbers(raw, numbers, needed),
        other_unit=_rows_of(raw.rows, times.other_unit),
        swapped_days=_swapped(raw, times),
        close_times=_close_times(raw, layout),
    )


def _spread_of_ask(
    ask: tuple[str, str],
    numbers: Mapping[str, Numbers],
    columns: Mapping[str, NDArray[np.float64]],
    settings: LoadSettings,
) -> NDArray[np.float64]:
    """The ask less the bid, in points: whole ones, but for the rounding of the prices."""
    role, name = ask
    point = settings.point_value or infer_point_size(columns[price] for price in PRICE_NAMES)
    points = (numbers[name].values - columns[role]) / point
    nearest = np.rint(points)
    return np.where(np.abs(points - nearest) < _POINT_SLACK, nearest, points)


def _absent(layout: Layout, draft: Draft) -> tuple[str, ...]:
    """Say which columns are zero because the file does not have them."""
    notes = []
    if layout.ask is not None:
        notes.append(f"The spread is {layout.ask[1]!r} less the {layout.ask[0]}, in points")
    elif layout.spread is None:
        notes.append("The file has no spread: it counts as 0 unless the market settings give one")
    if layout.volume is None:
        notes.append("The file has no volume: it counts as 0")
    elif (draft.columns["volume"] == 0).all():
        notes.append(f"Every volume in column {layout.volume!r} is 0")
    return tuple(notes)


def _in_utc(draft: Draft, zone: str, *, backwards: bool, stay_turned: bool) -> Draft:
    """Set the UTC times, which can be told from the clock's while the rows stand oldest first.

    A file that runs backwards although its format does not say so is handed on as it stands.
    """
    draft = _turned(draft) if backwards else draft
    utc = to_utc(draft.time_us, zone)
    draft = replace(
        draft,
        time_us=utc.time_us,
        skipped_times=_rows_of(draft.rows, utc.skipped),
        unclear_times=_rows_of(draft.rows, utc.unclear),
    )
    return _turned(draft) if backwards and not stay_turned else draft


def _turned(draft: Draft) -> Draft:
    return draft.take(np.arange(len(draft))[::-1])


def _numbers(
    source: Source, raw: RawColumns, layout: Layout, *, where: str
) -> tuple[dict[str, Numbers], NumberStyle]:
    prices = {name: raw.columns[name] for name in layout.prices.values()}
    style = find_style(prices, hints=_hints(source, raw, layout), where=where)
    _check_point(source, layout, style, where=where)
    numbers = {}
    for name in layout.numbers:
        is_price = name in prices
        numbers[name] = read_numbers(
            raw.columns[name],
            style,
            suffixes=not is_price,
            dash_is_zero=layout.dash_volume_is_zero and name == layout.volume,
        )
    return numbers, style


def _check_point(source: Source, layout: Layout, style: NumberStyle, *, where: str) -> None:
    """Doubt the point where semicolons part the columns, as they do where commas are decimal."""
    if style.decimal == "," or layout.decimal_point or "semicolon" not in source.container:
        return
    names = [*layout.prices.values(), *filter(None, (layout.volume,))]
    suspects = [n for n in names if any(map(may_be_thousands, head_column(source, n)))]
    if suspects:
        check_point(dict(source.read(numbers=(), others=names).columns), where=where)


def _hints(source: Source, raw: RawColumns, layout: Layout) -> list[Any]:
    """Further numbers of the same hand that may prove the decimal mark: volumes and changes."""
    texts = [pa.array(head_column(source, name), pa.string()) for name in layout.hints]
    return texts if layout.volume is None else [*texts, raw.columns[layout.volume]]


def _clock(
    layout: Layout, settings: LoadSettings, times: ParsedTimes, *, where: str
) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    """Choose the clock: the file's own word, then the user's, then the format's."""
    asked, clock = settings.timezone, layout.clock
    if times.is_absolute and not (times.is_epoch and layout.epoch_is_wall_time):
        ignored = asked is not None and not is_utc(asked)
        warning = f"The times of the file name their moment ({times.kind}): --timezone is ignored"
        return "UTC", "file", (), (warning,) if ignored else ()
    if clock.source == "unclear" and asked is None:
        raise DataError(
            "It must be clear which clock the times are on",
            came=f"{clock.note}, which has no one meaning",
            where=where,
            mend="say it with --timezone, e.g. America/New_York or -05:00",
        )
    if asked is None:
        return clock.zone, clock.source, (clock.note,) if clock.note else (), ()
    if clock.source in ("file", "format") and asked != clock.zone:
        warning = f"--timezone {asked} is used although {layout.format} says {clock.zone}"
        return asked, "settings", (), (warning,)
    return asked, "settings", (f"Times were converted from {asked} to UTC",), ()


def _check_other_clocks(raw: RawColumns, layout: Layout, times: ParsedTimes, *, where: str) -> None:
    known = times.is_absolute or layout.clock.source in ("file", "format")
    for name in layout.second_times:
        column = raw.columns[name]
        check_second_clock(times, column, first_is_known=known, name=name, where=where)


def _one_symbol(
    raw: RawColumns, layout: Layout, settings: LoadSettings, *, where: str
) -> tuple[RawColumns, str | None]:
    """Make sure that the rows are of one symbol, selecting the asked one of several."""
    if layout.symbol_column is None:
        return raw, layout.symbol
    column = raw.columns[layout.symbol_column].cast(pa.string())
    names = [name for name in column.unique().to_pylist() if name]
    if len(names) <= 1:
        return raw, names[0] if names else None
    if settings.symbol not in names:
        raise DataError(
            "A file of bars must hold one symbol, or one must be chosen",
            came=f"{len(names)} in column {layout.symbol_column!r}: {', '.join(names[:10])}",
            where=where,
            mend="choose one with --symbol",
        )
    keep = np.array(column.to_pylist()) == settings.symbol
    mask = pa.array(keep)
    columns = {name: values.filter(mask) for name, values in raw.columns.items()}
    return RawColumns(columns=columns, rows=raw.rows[keep], bad_rows=raw.bad_rows), settings.symbol


def _close_times(raw: RawColumns, layout: Layout) -> NDArray[np.int64] | None:
    if layout.close_time is None:
        return None
    column = raw.columns[layout.close_time]
    times = read_times([column], day_first=None, where=f"column {layout.close_time!r}")
    return times.time_us


def _runs_backwards(times: ParsedTimes) -> bool:
    steps = np.diff(times.time_us[~times.unreadable])
    return int((steps < 0).sum()) > int((steps > 0).sum())


def _swapped(raw: RawColumns, times: ParsedTimes) -> frozenset[int]:
    if times.is_epoch:
        return frozenset()
    readable = ~times.unreadable
    return _rows_of(raw.rows[readable], swapped_rows(times.time_us[readable]))


def _rows_of(rows: NDArray[np.int64], mask: NDArray[np.bool_] | None) -> frozenset[int]:
    return frozenset() if mask is None else frozenset(rows[mask].tolist())


def _texts(mask: NDArray[np.bool_], raw: RawColumns, names: tuple[str, ...]) -> dict[int, str]:
    return {
        int(raw.rows[i]): " ".join(str(raw.columns[name][int(i)].as_py())[:30] for name in names)
        for i in np.flatnonzero(mask)
    }


def _bad_numbers(
    raw: RawColumns, numbers: Mapping[str, Numbers], needed: set[str]
) -> dict[int, str]:
    bad: dict[int, str] = {}
    for name in sorted(needed):
        for i in np.flatnonzero(numbers[name].unreadable):
            text = str(numbers[name].texts[int(i)].as_py())[:30]
            bad.setdefault(int(raw.rows[i]), f"{name} is {text!r}")
    return bad
