"""HistData.com one-minute bars: `20170301 000000;open;high;low;close;volume`, no header.

Source: HistData.com, "Data files detailed specification": times are Eastern Standard Time
without daylight saving all year, which is UTC-5.
"""

from __future__ import annotations

import re

from envs.data.layout import Clock, Layout
from envs.data.source import Source

_TIME = re.compile(r"^\d{8} \d{6}$")
_CLOCK = Clock(
    zone="-05:00",
    source="format",
    note="HistData times are Eastern Standard Time all year (UTC-5, no daylight saving): "
    "five hours were added",
)


def read_histdata(source: Source) -> Layout | str:
    """Recognize the generic ASCII bars of HistData.com."""
    if source.has_header or len(source.names) != 6:
        return "not six columns without a header"
    first = source.head[0][0] if source.head else ""
    if not _TIME.match(first):
        return f"first column is {first!r}, not YYYYMMDD hhmmss"
    time, *prices, volume = source.names
    return Layout(
        format="histdata",
        time=(time,),
        prices=dict(zip(("open", "high", "low", "close"), prices, strict=True)),
        volume=volume,
        clock=_CLOCK,
        decimal_point=True,
    )
