"""What a symbol says: the units of the instrument in one lot, and its base and quote currency.

A guess is never silent: the reason comes with the value and is recorded with the run.
"""

from __future__ import annotations

import re
from typing import NamedTuple

OUNCES = {"XAU": 100.0, "XAG": 5_000.0}
FOREX_LOT = 100_000.0
# fmt: off
FIAT = frozenset({
    "AED", "AUD", "BRL", "CAD", "CHF", "CLP", "CNH", "CNY", "COP", "CZK", "DKK", "EUR",
    "GBP", "HKD", "HUF", "IDR", "ILS", "INR", "JPY", "KRW", "MXN", "MYR", "NOK", "NZD",
    "PEN", "PHP", "PLN", "RON", "RUB", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "USD",
    "ZAR",
})
# fmt: on
# Three letters, maybe a separator, three letters; then a broker's suffix: lower case ("m", "pro")
# or anything after a mark (".PRO", "_i"). An upper-case tail is another symbol: EURUSDT, PLANTED.
_PAIR = re.compile(r"^([A-Za-z]{3})[/_-]?([A-Za-z]{3})(?:[a-z]{1,4}|[._#+-].*)?$")


# Coins of other lengths are only told apart from their quote by a mark: DOGE/EUR, AAVE_BTC.
_MARKED = re.compile(r"^([A-Z0-9]{2,10})[/_-]([A-Z]{3})$")
QUOTES = FIAT | frozenset({"XAU", "XAG", "BTC", "ETH"})
"""What prices are known to be counted in."""


class Pair(NamedTuple):
    """Base and quote of a symbol; the quote is one of `QUOTES`, or the base is USD."""

    base: str
    quote: str


def pair_of(symbol: str) -> Pair | None:
    """Split a symbol into base and quote; None where its quote is not known (`GOOGL`, `BTCUSDT`).

    Args:
        symbol: The instrument's name, with or without a broker's suffix (`XAUUSDm`, `EURUSD.pro`).
    """
    match = _PAIR.match(symbol.strip()) or _MARKED.match(symbol.strip())
    if match is None:
        return None
    pair = Pair(match[1].upper(), match[2].upper())
    return pair if pair.quote in QUOTES or pair.base == "USD" else None


class ContractSize(NamedTuple):
    """Units in one lot, and why."""

    value: float
    reason: str


def contract_size_for(symbol: str) -> ContractSize:
    """Guess the units in one lot: 100 oz of gold, 5000 oz of silver, 100,000 of a currency, else 1.

    Args:
        symbol: The instrument's name, with or without a broker's suffix (`XAUUSDm`, `EURUSD.pro`).
    """
    pair = pair_of(symbol)
    if pair is not None and pair.base in OUNCES and pair.quote in FIAT | {"XAU"}:
        ounces = OUNCES[pair.base]
        return ContractSize(ounces, f"{symbol!r} is {pair.base}: {ounces:g} ounces a lot")
    if pair is not None and {*pair} <= FIAT:
        return ContractSize(FOREX_LOT, f"{symbol!r} is the currency pair {pair.base}/{pair.quote}")
    return ContractSize(1.0, f"{symbol!r} is neither a metal nor a currency pair: one unit a lot")
