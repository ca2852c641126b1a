"""Column names to meanings: what people call the open, the time, the volume.

Names are compared in lower case with everything but letters and digits removed, so that `<OPEN>`,
`Open` and `open ` are one. A name means one thing only; two columns with the same meaning are an
error of the file, not a choice of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from envs.data.layout import ASSUMED_UTC, PRICES, Clock
from envs.errors import DataError

_ZONES = "utc|gmt|est|edt|et|cst|cdt|pst|pdt|cet|cest|eet|eest|bst|msk|ist|jst|local|server|broker"
ALIASES: Mapping[str, tuple[str, ...]] = {
    "open": ("open", "o", "openprice", "eroffn", "ouv", "apertura", "bidopen", "openbid"),
    "high": ("high", "h", "highprice", "max", "hoch", "plushaut", "maximo", "bidhigh", "highbid"),
    "low": ("low", "l", "lowprice", "min", "tief", "plusbas", "minimo", "bidlow", "lowbid"),
    "close": (
        "close",
        "c",
        "closeprice",
        "price",
        "last",
        "zuletzt",
        "dernier",
        "ultimo",
        "bidclose",
        "closebid",
    ),
    "volume": (
        "volume",
        "vol",
        "v",
        "tickvol",
        "tickvolume",
        "tickqty",
        "basevolume",
        "volumefrom",
        "amount",
    ),
    "spread": ("spread", "spreadpoints"),
    "time": (
        "time",
        "timestamp",
        "datetime",
        "ts",
        "opentime",
        "gmttime",
        "localtime",
        "timeutc",
        "utctime",
        "timeeet",
        "dateutc",
        "datetimeutc",
        "timestamputc",
        "candlebegintime",
        "unix",
        "unixtimestamp",
        "unixtime",
        "epoch",
        "t",
        "indexlevel0",
        "index",
    ),
    "date": ("date", "datum", "fecha", "day"),
    "symbol": ("symbol", "ticker", "tic", "pair", "instrument", "currency", "asset"),
}
# Known at the end of the bar, but by name a look into the future or a repetition.
LEFT_OUT: Mapping[str, str] = {
    "adjclose": "adjusted with later splits and dividends: it knows the future",
    "change": "a change of the close, which features compute",
    "changepct": "a change of the close, which features compute",
    "closetime": "the end of the bar",
    "ignore": "meaningless in the format",
    "unix": "the time once more",
    "unixtimestamp": "the time once more",
}  # fmt: skip
_FUTURE = re.compile(r"(^|_)(targets?|labels?|future|fwd|forward|next|lead|tomorrow|ahead)(_|$)")
_ASK = re.compile(
    r"(^|_)(ask|offer)(_|$|price|open|high|low|close)|(price|open|high|low|close)(ask|offer)(_|$)"
)
_FUTURE_KNOWN = (
    "by its name it knows the future; if it does not, rename the column and it becomes a feature"
)


def key(name: str) -> str:
    """Reduce a column name to what is compared."""
    plain = name.lower().translate(str.maketrans("äöüáéíóúàèù", "aouaeiouaeu"))
    return re.sub(r"[^a-z0-9]", "", plain)


def find_roles(names: Sequence[str]) -> dict[str, str]:
    """Map each role that a column name gives away to that column.

    Raises:
        DataError: If two columns claim one price, volume or spread.
    """
    roles: dict[str, str] = {}
    for role, aliases in ALIASES.items():
        reduce = time_key if role in ("time", "date") else key
        found = [name for name in names if reduce(name) in aliases]
        exact = [name for name in found if reduce(name) == role]
        if len(found) > 1 and role in PRICES:
            found = exact if len(exact) == 1 else found
        if len(found) > 1 and role in (*PRICES, "spread"):
            raise DataError(
                f"One column only may be the {role}",
                came=" and ".join(map(repr, found)),
                mend="rename or remove the others",
            )
        if found:
            roles[role] = min(found, key=lambda name: aliases.index(reduce(name)))
    return roles


def time_key(name: str) -> str:
    """Reduce the name of a time column; `Time (EET)` and `time` differ in their clock only."""
    return re.sub(rf"^(time|date|datetime|timestamp|opentime)({_ZONES})$", r"\1", key(name))


def clock_of_name(column: str) -> Clock:
    """Which clock does the name of a time column promise?"""
    reduced = key(column)
    if reduced.endswith(("utc", "gmt")) or reduced.startswith(("utc", "gmt")):
        return Clock(zone="UTC", source="file")
    if reduced != time_key(column) or reduced.startswith("local"):
        return Clock(source="unclear", note=f"column {column!r}")
    return ASSUMED_UTC


def extra_name(column: str) -> str:
    """Name of an extra column in `Bars.extra`: lower case words joined by `_`."""
    return re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_") or "unnamed"


def find_ask(columns: Iterable[str]) -> tuple[str, str] | None:
    """Find an ask price among columns: of the open, where fills happen, or else of the close."""
    by_key = {key(column): column for column in columns}
    for role in ("open", "close"):
        for name in (f"ask{role}", f"{role}ask"):
            if name in by_key:
                return role, by_key[name]
    return None


def names_ask(column: str) -> bool:
    """Tell whether a column's name says that it is an ask price."""
    return _ASK.search(extra_name(column)) is not None


def left_out(column: str) -> str:
    """Say why a column of this name is never an extra column; empty when it may be one."""
    words = extra_name(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column))
    foretells = _FUTURE_KNOWN if _FUTURE.search(words) else ""
    return LEFT_OUT.get(key(column), foretells)
