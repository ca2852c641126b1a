"""TradingView chart exports: `time,open,high,low,close[,Volume,...]`.

The time is ISO with an offset or `Z`, or unix seconds, by the user's choice at export; a daily
chart writes dates only. Indicators of the chart follow as further columns.
"""

from __future__ import annotations

import re
from dataclasses import replace

from envs.data.layout import Clock, Layout
from envs.data.readers.plain import layout_by_names
from envs.data.source import Source, head_column

_ISO = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:\d{2})$")
_UNIX = re.compile(r"^\d{9,10}$")


def read_tradingview(source: Source) -> Layout | str:
    """Recognize the lower-case header and a time that names its moment."""
    if source.names[:5] != ("time", "open", "high", "low", "close"):
        return "the header does not start with time,open,high,low,close"
    values = head_column(source, "time")
    if not values or not (_ISO.match(values[0]) or _UNIX.match(values[0])):
        return "times are neither ISO with an offset nor unix seconds"
    layout = layout_by_names(source, format_name="tradingview")
    if isinstance(layout, str):
        return layout
    return replace(layout, clock=Clock(zone="UTC", source="file"))
