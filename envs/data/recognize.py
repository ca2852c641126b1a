"""Which format is this file? The first reader that says it is its own.

The order matters where one format is a special case of another: `plain` comes last.
"""

from __future__ import annotations

from envs.data.layout import Layout
from envs.data.readers.binance import read_binance
from envs.data.readers.cryptodatadownload import read_cryptodatadownload
from envs.data.readers.dukascopy import read_dukascopy
from envs.data.readers.freqtrade import read_freqtrade
from envs.data.readers.histdata import read_histdata
from envs.data.readers.investing import read_investing
from envs.data.readers.metatrader import (
    read_metatrader4,
    read_metatrader5,
    read_metatrader5_api,
)
from envs.data.readers.plain import read_plain
from envs.data.readers.tradingview import read_tradingview
from envs.data.readers.yahoo import read_yahoo
from envs.data.source import Source
from envs.errors import DataError

READERS = (
    read_metatrader5,
    read_metatrader5_api,
    read_metatrader4,
    read_binance,
    read_histdata,
    read_cryptodatadownload,
    read_investing,
    read_yahoo,
    read_dukascopy,
    read_tradingview,
    read_freqtrade,
    read_plain,
)


def recognize(source: Source, *, where: str) -> Layout:
    """Find the format of an opened file.

    Raises:
        DataError: Listing every format tried and why the file is not of it.
    """
    tried = []
    for reader in READERS:
        answer = reader(source)
        if isinstance(answer, Layout):
            return answer
        tried.append(f"{reader.__name__.removeprefix('read_')}: {answer}")
    shown = ", ".join(source.names) if source.has_header else " | ".join(source.head[0])
    raise DataError(
        "The format of the file must be a known one",
        came=f"{'columns' if source.has_header else 'no header, first row'} {shown[:200]}",
        where=where,
        mend="give it a header time,open,high,low,close,volume. Tried:\n  " + "\n  ".join(tried),
    )
