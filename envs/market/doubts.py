"""Conditions that are allowed and yet hardly meant: what a user should hear before anything trades.

Not here: other conditions that are refused (`envs.market.config`, `envs.market.currency`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from envs.bars import Bars
from envs.errors import ConfigError
from envs.market import scalar
from envs.market.config import MarketConfig, Terms
from envs.market.currency import conversion_for
from envs.market.rules import lots_for, required_margin
from envs.market.tape import Tape

_KNOBS = "--balance_per_lot, --min_lots, --leverage, --contract_size and --currency_conversion"


def doubts(bars: Bars, tape: Tape, config: MarketConfig) -> tuple[str, ...]:
    """Say what is doubtful about trading these bars under these conditions, a sentence each.

    Args:
        bars: The bars.
        tape: Their tape, as NumPy arrays.
        config: The conditions that the tape was made with.
    """
    return (*_conversion(bars, config), *_margin(tape, config))


def check_tradable(tape: Tape, config: MarketConfig, *, start: int, stop: int) -> None:
    """Refuse an account that no bar lets open its first position, long or short.

    Its balance never moves then, so that it can never trade at all.

    Args:
        tape: The bars, as NumPy arrays.
        config: The conditions that the tape was made with.
        start: First bar that is walked over.
        stop: One past the last.

    Raises:
        ConfigError: With the smallest margin that would be needed.
    """
    terms = Terms.of(config, point_size=tape.point_size, usd_per_price=tape.usd_per_price)
    balance, lots, margins = _first_orders(tape, terms)
    margin = margins[:, start:stop]
    if (margin <= balance).any():
        return
    raise ConfigError(
        "An account must be able to trade on some bar that it is walked over",
        came=f"{lots:g} lots, the first order of a new account, need {margin.min():,.0f} USD of "
        f"margin at the least, and the balance is {balance:,.0f} USD",
        mend="raise --balance_per_lot or --leverage, lower --min_lots, or check --contract_size "
        "and --currency_conversion",
    )


def _conversion(bars: Bars, config: MarketConfig) -> Iterator[str]:
    """Doubt a rate for prices that are in USD: it belongs to another instrument."""
    given, known = config.currency_conversion, conversion_for(bars.symbol)
    if given not in (None, 1.0) and known.value == 1.0 and known.is_sure:
        yield f"--currency_conversion is {given:g}, but {known.reason}, where 1 would be right"


def _margin(tape: Tape, config: MarketConfig) -> Iterator[str]:
    """Doubt an account whose first order, a long one, asks for more margin than it has."""
    terms = Terms.of(config, point_size=tape.point_size, usd_per_price=tape.usd_per_price)
    balance, lots, (margin, _) = _first_orders(tape, terms)
    refused = np.flatnonzero(margin > balance)
    if refused.size:
        share = refused.size / len(tape)
        yield (
            f"On {share:.0%} of the bars nothing can trade: {lots:g} lots, the first order of a "
            f"new account, need {margin[refused[0]]:,.0f} USD of margin at bar {refused[0]:,} and "
            f"the balance is {balance:,.0f}. See {_KNOBS}"
        )


def _first_orders(tape: Tape, terms: Terms) -> tuple[float, float, NDArray[np.float64]]:
    """Return balance and lots of a new account, and the margin `(2, n_bars)` to buy and to sell."""
    balance = terms.initial_balance_usd
    lots = float(lots_for(scalar, terms, balance))
    spread = tape.spread_points * tape.point_size
    margins = [
        required_margin(terms, side=side, lots=lots, bid=tape.open, spread=spread)
        for side in (1.0, -1.0)
    ]
    return balance, lots, np.array(margins)
