"""freqtrade candles: Feather or Parquet with `date,open,high,low,close,volume`, or JSON lists.

Also what ccxt returns: rows of `[milliseconds, open, high, low, close, volume]`. All in UTC.
"""

from __future__ import annotations

from dataclasses import replace

from envs.data.layout import Clock, Layout
from envs.data.readers.plain import layout_by_names
from envs.data.source import Source

_UTC = Clock(zone="UTC", source="format")
_NAMES = ("date", "open", "high", "low", "close", "volume")


def read_freqtrade(source: Source) -> Layout | str:
    """Recognize the six columns of a typed file, or the six values of a JSON row."""
    if source.container.startswith("text"):
        return f"stored as {source.container}, not Feather, Parquet or JSON"
    if source.has_header:
        if source.names != _NAMES:
            return f"columns are not {', '.join(_NAMES)}"
        layout = layout_by_names(source, format_name="freqtrade")
        return layout if isinstance(layout, str) else replace(layout, clock=_UTC)
    if len(source.names) != len(_NAMES) or not source.head[0][0].isdigit():
        return "rows are not [milliseconds, open, high, low, close, volume]"
    time, *prices, volume = source.names
    return Layout(
        format="freqtrade",
        time=(time,),
        prices=dict(zip(("open", "high", "low", "close"), prices, strict=True)),
        volume=volume,
        clock=_UTC,
    )
