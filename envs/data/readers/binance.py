"""Binance klines: twelve columns, with or without a header, milliseconds or microseconds, UTC.

Source of the columns and units: the README of the binance-public-data archive; spot archives
have been in microseconds since January 2025. The close time is the open time of the next bar
minus one unit, which proves the unit of the file.
"""

from __future__ import annotations

from collections.abc import Sequence

from envs.data.columns import key
from envs.data.layout import Clock, Layout
from envs.data.source import Source

_COLUMNS = (
    "open_time", "open", "high", "low", "close", "volume", "close_time",
    "quote_volume", "count", "taker_buy_volume", "taker_buy_quote_volume", "ignore",
)  # fmt: skip
_UTC = Clock(zone="UTC", source="format")


def read_binance(source: Source) -> Layout | str:
    """Recognize the twelve columns of an archive file or of the klines endpoint."""
    if len(source.names) != len(_COLUMNS):
        return f"{len(source.names)} columns where {len(_COLUMNS)} are expected"
    if source.has_header and not _is_header(source.names):
        return "the header is not open_time, open, high, low, close, volume, close_time, ..."
    first = source.head[0] if source.head else ()
    if len(first) != len(_COLUMNS) or not (first[0].isdigit() and first[6].isdigit()):
        return "columns 1 and 7 are not whole numbers of a time"
    if int(first[6]) <= int(first[0]):
        return "column 7 is not after column 1, as a close time is"
    names = dict(zip(_COLUMNS, source.names, strict=True))
    return Layout(
        format="binance-klines",
        time=(names["open_time"],),
        prices={role: names[role] for role in ("open", "high", "low", "close")},
        volume=names["volume"],
        close_time=names["close_time"],
        extra={names[name]: name for name in _COLUMNS[7:11]},
        ignored={names["ignore"]: "meaningless in the format"},
        clock=_UTC,
    )


def _is_header(names: Sequence[str]) -> bool:
    return tuple(map(key, names[:7])) == tuple(map(key, _COLUMNS[:7]))
