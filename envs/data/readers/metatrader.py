"""MetaTrader 5 exports and API frames, and MetaTrader 4 history without a header.

Times are on the broker's server clock, which the file does not name; many FX brokers keep
New York time plus seven hours, so that the trading day ends at midnight.
Prices are bid prices; the MetaTrader 5 spread is in points.
Source of the column names: MetaTrader 5 help, "Symbols: export bars", and `copy_rates_from`.
"""

from __future__ import annotations

import re
from dataclasses import replace

from envs.data.columns import key
from envs.data.layout import Clock, Layout
from envs.data.readers.plain import layout_by_names
from envs.data.source import Source, head_column

SERVER_CLOCK = Clock(
    note="MetaTrader writes the broker's server time and does not say which: UTC is assumed "
    "(many FX brokers: --timezone America/New_York+7)"
)
_DATE = re.compile(r"^\d{4}\.\d{2}\.\d{2}$")
_CLOCK = re.compile(r"^\d{1,2}:\d{2}(:\d{2})?$")
_N_COLUMNS_4 = 7
_NOTHING = ("", "0", "0.0")


def read_metatrader5(source: Source) -> Layout | str:
    """Recognize `<DATE> <TIME> <OPEN> ...` with tick volume, volume and spread."""
    if "<OPEN>" not in (name.upper() for name in source.names):
        return "no column <OPEN>"
    layout = layout_by_names(source, format_name="metatrader5")
    return layout if isinstance(layout, str) else _with_real_volume(source, layout, "<VOL>")


def read_metatrader5_api(source: Source) -> Layout | str:
    """Recognize a frame of the MetaTrader 5 Python package: `tick_volume`, `real_volume`."""
    if not {"tickvolume", "realvolume"} <= set(map(key, source.names)):
        return "no columns tick_volume and real_volume"
    layout = layout_by_names(source, format_name="metatrader5-api")
    if isinstance(layout, str):
        return layout
    return replace(_with_real_volume(source, layout, ""), epoch_is_wall_time=True)


def read_metatrader4(source: Source) -> Layout | str:
    """Recognize `2013.11.29,12:00,open,high,low,close,volume` without a header."""
    if source.has_header:
        return "it has a header"
    if len(source.names) != _N_COLUMNS_4:
        return f"{len(source.names)} columns where {_N_COLUMNS_4} are expected"
    first = source.head[0] if source.head else ()
    if len(first) != _N_COLUMNS_4:
        return f"the first row has {len(first)} values"
    if not (_DATE.match(first[0]) and _CLOCK.match(first[1])):
        return f"first row starts with {first[0]!r}, {first[1]!r}, not YYYY.MM.DD, hh:mm"
    date, time, *prices, volume = source.names
    return Layout(
        format="metatrader4",
        time=(date, time),
        prices=dict(zip(("open", "high", "low", "close"), prices, strict=True)),
        volume=volume,
        clock=SERVER_CLOCK,
    )


def _with_real_volume(source: Source, layout: Layout, name: str) -> Layout:
    """Use tick volume as volume; keep the traded volume beside it where the broker reports one."""
    names = {key(column): column for column in source.names}
    ticks = names.get("tickvol") or names.get("tickvolume")
    if ticks is None:
        return replace(layout, clock=SERVER_CLOCK)
    extra = {column: label for column, label in layout.extra.items() if column != ticks}
    ignored = dict(layout.ignored)
    traded = names.get("vol") or names.get("realvolume")
    if traded is not None:
        extra.pop(traded, None)
        if all(value.strip() in _NOTHING for value in head_column(source, traded)):
            ignored[traded] = "the broker reports no traded volume"
        else:
            extra[traded] = "real_volume"
    return replace(layout, volume=ticks, extra=extra, ignored=ignored, clock=SERVER_CLOCK)
