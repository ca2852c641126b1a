"""The name of the instrument, from a file name such as `XAUUSDm_15min.csv`."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import PurePath

UNKNOWN = "UNKNOWN"
_TIMEFRAME = re.compile(
    r"^(\d+[smhdwSMHDW]?|\d+(min|hour|day)s?|[MHDW]\d{1,3}|MN1?)$", re.IGNORECASE
)
_SYMBOL = re.compile(r"^[A-Z][A-Z0-9]{2,11}[a-z]?$")
_PART = re.compile(r"^[A-Z][A-Z0-9]{1,5}$")
_TRADINGVIEW = re.compile(r"^[A-Z]+_([A-Z0-9.!]+), ?\w+")
_WORDS = {
    "DAT", "ASCII", "MT", "NT", "BID", "ASK", "CSV", "HST", "OHLC", "OHLCV", "UTC", "GMT", "EST",
    "BINANCE", "COINBASE", "KRAKEN", "BITSTAMP", "BITFINEX", "GEMINI", "BYBIT", "OKX", "KUCOIN",
}  # fmt: skip


def symbol_from_name(path: PurePath | str) -> str:
    """Guess the symbol from a file name.

    Pairs in two words are joined (`ETH_BTC-5m` is ETH/BTC). A name without anything like a symbol
    gives its first words, and `UNKNOWN` when there are none.
    """
    name = PurePath(path).name
    if found := _TRADINGVIEW.match(name):
        return found[1]
    stem = re.sub(
        r"(\.(csv|tsv|txt|gz|zip|json|feather|parquet|pq))+$", "", name, flags=re.IGNORECASE
    )
    words = [word for word in re.split(r"[_\-\s,()]+", stem) if word and not _TIMEFRAME.match(word)]
    words = [word for word in words if word.upper() not in _WORDS]
    for first, second in pairwise([*words, ""]):
        if _PART.match(first) and _PART.match(second) and len(first + second) <= 8:
            return f"{first}/{second}"
        if _SYMBOL.match(first):
            return first
    return " ".join(words[:2]) or UNKNOWN
