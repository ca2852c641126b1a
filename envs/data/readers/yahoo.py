"""Yahoo Finance downloads and yfinance frames saved to CSV or a typed file.

`Adj Close` is adjusted with splits and dividends that came later, so it knows the future and is
left out. yfinance writes two extra header rows for the ticker, and dates with an offset.
"""

from __future__ import annotations

from dataclasses import replace

from envs.data.columns import key
from envs.data.layout import Clock, Layout
from envs.data.readers.plain import layout_by_names
from envs.data.source import Source
from envs.errors import DataError

_NOTE = "Yahoo prices are adjusted for splits that came after the bar"
_EXCHANGE_DATE = Clock(
    zone="UTC", note="Yahoo dates are trading days of the exchange: each is kept as 00:00 UTC"
)


def read_yahoo(source: Source) -> Layout | str:
    """Recognize `Adj Close`, the actions of yfinance, or its three header rows."""
    keys = [key(name) for name in source.names]
    subheaders = [line.split(",") for line in source.banner if key(line.split(",")[0]) == "ticker"]
    actions = {"dividends", "stocksplits"} <= set(keys)
    if not ("adjclose" in keys or actions or subheaders):
        return "no column Adj Close, Dividends or Stock Splits, no Ticker row"
    if subheaders:
        return _with_subheaders(source, subheaders[0])
    layout = layout_by_names(source, format_name="yahoo")
    if isinstance(layout, str):
        return layout
    return replace(layout, clock=_EXCHANGE_DATE, notes=(_NOTE,))


def _with_subheaders(source: Source, tickers: list[str]) -> Layout | str:
    symbols = {ticker.strip() for ticker in tickers[1:] if ticker.strip()}
    if len(symbols) != 1:
        raise DataError(
            "A file of bars must hold one symbol",
            came=f"the tickers {', '.join(sorted(symbols))}",
            mend="download one ticker at a time",
        )
    time, *others = source.names
    roles = {key(name): name for name in others}
    if missing := [role for role in ("open", "high", "low", "close") if role not in roles]:
        return f"no column for {', '.join(missing)}"
    known = {"open", "high", "low", "close", "volume"}
    return Layout(
        format="yahoo",
        time=(time,),
        prices={role: roles[role] for role in ("open", "high", "low", "close")},
        volume=roles.get("volume"),
        ignored={
            name: "adjusted with later splits and dividends: it knows the future"
            for role, name in roles.items()
            if role not in known
        },
        symbol=symbols.pop(),
        clock=_EXCHANGE_DATE,
        notes=(_NOTE,),
    )
