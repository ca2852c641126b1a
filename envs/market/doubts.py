"""Conditions that are allowed and yet hardly meant: what a user should hear before anything trades.

Not here: conditions that are refused (`envs.market.config`, `envs.market.currency`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from envs.bars import Bars
from envs.market import scalar
from envs.market.config import MarketConfig, Terms
from envs.market.currency import conversion_for
from envs.market.rules import lots_for, required_margin
from envs.market.tape import Tape


def doubts(bars: Bars, tape: Tape, config: MarketConfig) -> tuple[str, ...]:
    """Say what is doubtful about trading these bars under these conditions, a sentence each.

    Args:
        bars: The bars.
        tape: Their tape, as NumPy arrays.
        config: The conditions that the tape was made with.
    """
    return (*_conversion(bars, config), *_margin(tape, config))


def _conversion(bars: Bars, config: MarketConfig) -> Iterator[str]:
    """Doubt a rate for prices that are in USD: it belongs to another instrument."""
    given, known = config.currency_conversion, conversion_for(bars.symbol)
    if given not in (None, 1.0) and known.value == 1.0 and known.is_sure:
        yield f"--currency_conversion is {given:g}, but {known.reason}, where 1 would be right"


def _margin(tape: Tape, config: MarketConfig) -> Iterator[str]:
    """Doubt an account whose first order, a long one, asks for more margin than it has."""
    terms = Terms.of(config, point_size=tape.point_size, usd_per_price=tape.usd_per_price)
    balance = terms.initial_balance_usd
    lots = float(lots_for(scalar, terms, balance))
    spread = tape.spread_points * tape.point_size
    margin = required_margin(terms, side=1.0, lots=lots, bid=tape.open, spread=spread)
    refused = np.flatnonzero(margin > balance)
    if refused.size:
        share = refused.size / len(tape)
        yield (
            f"On {share:.0%} of the bars nothing can trade: {lots:g} lots, the first order of a "
            f"new account, need {margin[refused[0]]:,.0f} USD of margin at bar {refused[0]:,} and "
            f"the balance is {balance:,.0f}. See --balance_per_lot, --min_lots, --leverage, "
            f"--contract_size and --currency_conversion"
        )
