"""Dukascopy historical data export: `01.01.2017 22:00:00.000`, times in GMT unless it says else.

The header names the clock (`Gmt time`, `Local time`, `Time (EET)`); local times carry their
offset in each row (`GMT+0200`). Source: the columns of the historical data feed's CSV export.
"""

from __future__ import annotations

import re
from dataclasses import replace

from envs.data.columns import key
from envs.data.layout import Clock, Layout
from envs.data.readers.plain import layout_by_names
from envs.data.source import Source, head_column

_TIME = re.compile(r"^\d{2}\.\d{2}\.\d{4} \d{2}:\d{2}:\d{2}\.\d{3}( GMT[+-]\d{4})?$")
_GMT = Clock(zone="UTC", source="file")
_EET = Clock(zone="EET", source="file")
_DEFAULT = Clock(
    zone="UTC",
    source="assumed",
    note="Dukascopy exports are in GMT unless the user chose otherwise: UTC is assumed",
)
_CLOCKS = {"gmttime": _GMT, "timeutc": _GMT, "timeeet": _EET}


def read_dukascopy(source: Source) -> Layout | str:
    """Recognize the day-first times with milliseconds."""
    layout = layout_by_names(source, format_name="dukascopy")
    if isinstance(layout, str):
        return layout
    values = head_column(source, layout.time[0])
    if not values or not _TIME.match(values[0]):
        return "times are not DD.MM.YYYY hh:mm:ss.000"
    default = layout.clock if layout.clock.source == "unclear" else _DEFAULT
    return replace(layout, clock=_CLOCKS.get(key(layout.time[0]), default))
