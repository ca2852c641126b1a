"""Investing.com historical data: `"Date","Price","Open","High","Low","Vol.","Change %"`.

The price is the close and stands first. Numbers are written as the site's country does
(`1,181.97` or `1.181,97`), volumes with K, M or B, unknown ones as `-`; newest bar first.
"""

from __future__ import annotations

from dataclasses import replace

from envs.data.columns import find_roles, key
from envs.data.layout import Clock, Layout
from envs.data.readers.plain import layout_by_names
from envs.data.source import Source

_CLOSE_KEYS = ("price", "zuletzt", "dernier", "ultimo")
_CHANGE_KEYS = ("change", "", "var", "variation", "anderung")
_TRADING_DAY = Clock(
    zone="UTC", note="Investing.com dates are trading days: each is kept as 00:00 UTC"
)


def read_investing(source: Source) -> Layout | str:
    """Recognize the date, then the price, then open, high and low."""
    keys = [key(name) for name in source.names]
    roles = find_roles(source.names)
    if len(keys) < 5 or keys[1] not in _CLOSE_KEYS or "date" not in roles:
        return "the header is not Date, Price, Open, High, Low"
    layout = layout_by_names(source, format_name="investing")
    if isinstance(layout, str):
        return layout
    changes = {name: "a change of the close" for name in source.names if key(name) in _CHANGE_KEYS}
    extra = {name: label for name, label in layout.extra.items() if name not in changes}
    return replace(
        layout,
        extra=extra,
        ignored={**layout.ignored, **changes},
        clock=_TRADING_DAY,
        newest_first=True,
        dash_volume_is_zero=True,
        hints=tuple(changes),
    )
