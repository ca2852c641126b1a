"""The rules one by one, as pure functions over arrays `(n_envs,)`.

Prices are bid prices and ask = bid + spread. Longs come in at the ask and go out at the bid, shorts
come in at the bid and go out at the ask; slippage is against the trader both times. Gross profit is
measured from bid to bid, so that everything else is a cost with a name of its own.

A choice is made by multiplying with 1.0 or 0.0 where all values are finite: it is exact, and on
random masks several times faster than `where` (docs/decisions/032). Worked numbers:
`docs/semantics.md`. Read next: `envs.market.transition`, where the rules are put in order.
"""

from __future__ import annotations

from typing import NamedTuple

from envs.market.account import Account, Array, Namespace
from envs.market.config import Terms

STEP_TOLERANCE = 1e-9
"""Added before rounding down: 0.3 / 0.1 is 2.9999999999999996 and must stay three steps."""


class Costs(NamedTuple):
    """Costs of one fill or one trade, USD, positive when they cost."""

    spread: Array
    slippage: Array
    commission: Array


class Closing(NamedTuple):
    """What closing each position would book; only rows where `mask` holds are booked.

    Attributes:
        mask: Which positions close.
        exit_bid: Bid price of the exit.
        gross: Profit from bid to bid, USD.
        costs: Costs of both sides, USD.
        swap: Swap over the life of the trade, USD.
        net: Gross minus all costs, USD.
    """

    mask: Array
    exit_bid: Array
    gross: Array
    costs: Costs
    swap: Array
    net: Array


def lots_for(xp: Namespace, terms: Terms, balance: Array) -> Array:
    """Size an order: balance / balance_per_lot * 0.01, down to the step, within min and max."""
    n_steps = xp.floor(balance * terms.lot_steps_per_usd + STEP_TOLERANCE)
    lots = n_steps / terms.steps_per_lot
    lots = xp.where(lots > terms.max_lots, terms.max_lots, lots)
    return xp.where(lots < terms.min_lots, terms.min_lots, lots)


def at_ask(side: Array) -> Array:
    """1.0 where a fill on this side is at the ask, 0.0 at the bid; side 1.0 buys, -1.0 sells."""
    return (side + 1.0) * 0.5


def fill_costs(terms: Terms, *, side: Array, lots: Array, spread: Array) -> Costs:
    """Cost of one fill; buying (side 1.0) crosses the spread, selling (side -1.0) does not."""
    usd_per_price = lots * terms.usd_per_price
    return Costs(
        spread=at_ask(side) * usd_per_price * spread,
        slippage=usd_per_price * terms.slippage_price,
        commission=lots * terms.commission_per_lot_usd,
    )


def required_margin(terms: Terms, *, side: Array, lots: Array, bid: Array, spread: Array) -> Array:
    """Margin of a new position at its fill price: lots * contract * price / leverage, USD."""
    price = bid + at_ask(side) * spread + side * terms.slippage_price
    return price * lots * terms.margin_per_price


def gross_profit(terms: Terms, account: Account, bid: Array) -> Array:
    """Profit of the open position from bid to bid, USD; 0 when flat."""
    usd_per_price = account.lots * terms.usd_per_price
    return account.direction * (bid - account.entry_bid) * usd_per_price


def with_swap(terms: Terms, account: Account, *, nights: Array) -> Array:
    """Swap of the open trade after `nights` more midnights, USD."""
    if not terms.has_swap:
        return account.swap
    lot_nights = account.lots * nights
    long = at_ask(account.direction) * lot_nights  # of no lots when flat
    return account.swap + long * terms.swap_long_usd + (lot_nights - long) * terms.swap_short_usd


def closing(terms: Terms, account: Account, *, mask: Array, bid: Array, spread: Array) -> Closing:
    """Work out what each open position books if it goes out at this quote."""
    out = fill_costs(terms, side=-account.direction, lots=account.lots, spread=spread)
    costs = Costs(
        account.spread_cost + out.spread,
        account.slippage_cost + out.slippage,
        account.commission + out.commission,
    )
    gross = gross_profit(terms, account, bid)
    net = gross - (costs.spread + costs.slippage + costs.commission + account.swap)
    return Closing(mask, bid, gross, costs, account.swap, net)


def mark(terms: Terms, account: Account, *, bid: Array, spread: Array) -> Array:
    """Equity with the open position at its exit quote: a long at the bid, a short at the ask.

    Slippage and commission of the exit are not in the mark: they fall due when it closes.
    """
    paid = account.spread_cost + account.slippage_cost + account.commission + account.swap
    to_quote = at_ask(-account.direction) * (account.lots * terms.usd_per_price) * spread
    return account.balance + (gross_profit(terms, account, bid) - paid - to_quote)
