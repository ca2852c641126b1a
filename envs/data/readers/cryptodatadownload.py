"""CryptoDataDownload: a banner with the site's address, newest bar first, UTC.

Hours are written `2019-10-17 09-AM`, or in full beside a unix column (whose unit changed over the
years, and which is therefore left out). Two volumes: in the base currency, then in the quote's.
"""

from __future__ import annotations

import re
from dataclasses import replace

from envs.data.columns import find_roles, key
from envs.data.layout import Clock, Layout
from envs.data.readers.plain import layout_by_names
from envs.data.source import Source

_UTC = Clock(zone="UTC", source="format")
_VOLUME = re.compile(r"^volume", re.IGNORECASE)


def read_cryptodatadownload(source: Source) -> Layout | str:
    """Recognize the banner, or the columns unix, date, symbol and two volumes."""
    banner = any("cryptodatadownload" in line.lower() for line in source.banner)
    keys = [key(name) for name in source.names]
    typical = keys[:3] in (["unix", "date", "symbol"], ["unixtimestamp", "date", "symbol"])
    if not (banner or typical):
        return "no banner of the site, and no columns unix, date, symbol"
    time = (find_roles(source.names)["date"],) if "date" in keys else None
    layout = layout_by_names(source, format_name="cryptodatadownload", time=time)
    if isinstance(layout, str):
        return layout
    return replace(
        _with_volumes(source, layout),
        clock=_UTC,
        newest_first=True,
    )


def _with_volumes(source: Source, layout: Layout) -> Layout:
    """The first volume column is in the base currency; the second is kept as `quote_volume`."""
    volumes = [name for name in source.names if _VOLUME.match(name)]
    if len(volumes) < 2:
        return layout
    base, quote = volumes[:2]
    extra = {name: label for name, label in layout.extra.items() if name != base}
    return replace(layout, volume=base, extra=extra | {quote: "quote_volume"})
