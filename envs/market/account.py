"""`Account`: everything that the market remembers of each environment.

Not here: how it changes (`envs.market.rules`, `envs.market.transition`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from envs.market.config import Terms

Array: TypeAlias = Any
"""`(n_envs,)` of one library, or one Python number; accounting is float64 throughout."""
Namespace: TypeAlias = Any
"""What `array_api_compat.array_namespace` returns, or `envs.market.scalar`."""


@dataclass(slots=True)
class Account:
    """The state of `n_envs` accounts with at most one open position each.

    Treat it as immutable: every rule returns a new one, and arrays are shared between them.
    Costs are positive when they cost; they reach the balance when the trade closes.

    Attributes:
        balance: Realized account value, USD.
        equity: Balance plus the open position at its exit quote, USD.
        peak_equity: Largest equity of the episode so far, USD.
        direction: -1.0 short, 0.0 flat, 1.0 long.
        lots: Size of the open position; 0.0 when flat.
        entry_bid: Bid price at the latest entry (open of its bar); means nothing when flat.
        entry_bar: int64 index of the bar of the latest entry; likewise.
        spread_cost, slippage_cost, commission, swap: Costs of the open trade so far, USD; 0.0 when
            flat.
        margin: Margin that the latest entry bound, fixed there, USD; means nothing when flat.
    """

    balance: Array
    equity: Array
    peak_equity: Array
    direction: Array
    lots: Array
    entry_bid: Array
    entry_bar: Array
    spread_cost: Array
    slippage_cost: Array
    commission: Array
    swap: Array
    margin: Array


ACCOUNT_FIELDS = tuple(field.name for field in fields(Account))


def open_account(terms: Terms, zeros: Array, zero_bars: Array) -> Account:
    """Make fresh flat accounts.

    Args:
        terms: Where the initial balance comes from.
        zeros: `(n_envs,) float64` of zeros, which fixes library and device; it is shared.
        zero_bars: The same in int64.
    """
    start = zeros + terms.initial_balance_usd
    flat = (zeros,) * 3
    return Account(start, start, start, *flat, zero_bars, *flat, zeros, zeros)


def choose(xp: Namespace, mask: Array, if_true: Account, if_false: Account) -> Account:
    """Take each environment's account from `if_true` where `mask` holds, else from `if_false`."""
    pairs = ((getattr(if_true, name), getattr(if_false, name)) for name in ACCOUNT_FIELDS)
    return Account(*(xp.where(mask, new, old) for new, old in pairs))


def copy_account(account: Account) -> Account:
    """Make a new `Account` of the same arrays."""
    return Account(*[getattr(account, name) for name in ACCOUNT_FIELDS])
