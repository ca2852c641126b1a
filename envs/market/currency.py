"""Currency conversion: how many USD one unit of the quote currency is, as far as a symbol can tell.

The account is in USD. A guess is never silent: the reason comes with the value and is recorded with
the run. Where the quote currency is known and is not USD, no value can be guessed honestly and one
must be given (docs/decisions/035). Not here: reading symbols (`envs.market.contract`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from envs.bars import Bars
from envs.errors import ConfigError
from envs.market.config import MarketConfig
from envs.market.contract import Pair, pair_of

ACCOUNT_CURRENCY = "USD"
SET_IN_CONFIG = "set in the market's config"


class Conversion(NamedTuple):
    """USD for one unit of the quote currency, and why.

    Attributes:
        value: None where it must be given.
        reason: A sentence without a stop.
        is_sure: Whether the symbol names the quote; else 1 is an assumption.
    """

    value: float | None
    reason: str
    is_sure: bool = True


def conversion_for(symbol: str) -> Conversion:
    """Tell what the symbol says: 1 where prices are in USD or nothing is known, else None.

    Args:
        symbol: The instrument's name, with or without a broker's suffix.
    """
    pair = pair_of(symbol)
    if pair is None:
        return Conversion(
            1.0, f"{symbol!r} names no quote currency: its prices are taken for USD", False
        )
    if pair.quote == ACCOUNT_CURRENCY:
        return Conversion(1.0, f"{symbol!r} is quoted in USD")
    return Conversion(
        None, f"{symbol!r} is quoted in {pair.quote}, and its price in USD is not known"
    )


def conversion_of(bars: Bars, config: MarketConfig) -> tuple[float, str]:
    """Settle the conversion: what `config` says, else what the symbol says; with the reason.

    Raises:
        ConfigError: If neither does.
    """
    if config.currency_conversion is not None:
        return config.currency_conversion, SET_IN_CONFIG
    known, pair = conversion_for(bars.symbol), pair_of(bars.symbol)
    if known.value is not None:
        return known.value, known.reason
    assert pair is not None, "only a known quote has no conversion"
    raise ConfigError(
        f"The account is in USD and {bars.symbol!r} earns {pair.quote}: its conversion must be set",
        came="no currency conversion",
        where="--currency_conversion",
        mend=f"give --currency_conversion the USD for one {pair.quote} over these bars"
        + _suggestion(pair, bars),
    )


def with_nominal_conversion(config: MarketConfig, bars: Bars) -> MarketConfig:
    """Fill in a conversion where none is known, so that one unit of the instrument is worth 1 USD.

    For trials of the machinery (audits, self-checks) that any file must pass; never for results.
    """
    if config.currency_conversion is not None or conversion_for(bars.symbol).value is not None:
        return config
    return replace(config, currency_conversion=1.0 / float(np.median(bars.close)))


def _suggestion(pair: Pair, bars: Bars) -> str:
    if pair.base != ACCOUNT_CURRENCY:
        return ""
    return f", e.g. {1.0 / float(np.median(bars.close)):.4g} (1 / the median close)"
