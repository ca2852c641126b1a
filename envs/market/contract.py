"""Contract sizes: how many units of an instrument one lot holds, guessed from its symbol.

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


class ContractSize(NamedTuple):
    """Units in one lot, and why."""

    value: float
    reason: str


def contract_size_for(symbol: str) -> ContractSize:
    """Guess the units in one lot: 100 oz of gold, 5000 oz of silver, 100,000 of a currency, else 1.

    Args:
        symbol: The instrument's name, with or without a broker's suffix (`XAUUSDm`, `EURUSD.pro`).
    """
    match = _PAIR.match(symbol.strip())
    base, quote = (match[1].upper(), match[2].upper()) if match else ("", "")
    if base in OUNCES and quote in FIAT | {"XAU"}:
        return ContractSize(OUNCES[base], f"{symbol!r} is {base}: {OUNCES[base]:g} ounces a lot")
    if base in FIAT and quote in FIAT:
        return ContractSize(FOREX_LOT, f"{symbol!r} is the currency pair {base}/{quote}")
    return ContractSize(1.0, f"{symbol!r} is neither a metal nor a currency pair: one unit a lot")
