"""One bar of the market, from the decision on the close of bar t to the mark at the close of t+1.

The order of things within bar t+1:

1. the position carried over the night pays its swap;
2. at the open: what must go is closed, then what was asked for is opened, if the margin allows;
3. at the close: the open position is marked; margin call, stop-out, drawdown, ruin are judged;
4. if the episode ends here, for whatever reason, the open position is closed at this same quote.

Not here: what an action asks for (`envs.actions`), when a window ends (`envs.vector_env`).
"""

from __future__ import annotations

from dataclasses import dataclass

from envs.market.account import Account, Array, Namespace, copy_account
from envs.market.config import Terms
from envs.market.rules import (
    Closing,
    closing,
    fill_costs,
    lots_for,
    mark,
    required_margin,
    with_swap,
)
from envs.market.tape import Prices


@dataclass(slots=True)
class BarOutcome:
    """What one bar did to each account.

    Attributes:
        account: The accounts after the bar; flat where the episode ended.
        carried: The accounts just before the open's fills: what `at_open` closed.
        marked: The accounts at the mark: what `at_close` closed.
        at_open: Positions closed at the open.
        at_close: Positions closed because the episode ended; None when it is known that none did.
        reversed: Closed at the open to open the other way.
        refused: The margin was short, nothing was opened.
        margin_call: Equity over margin is below the margin call level at the mark.
        stop_out, drawdown, ruin: Why the episode terminated; the worst applies (ruin, stop-out,
            drawdown).
        terminated, truncated: Never both.
    """

    account: Account
    carried: Account
    marked: Account
    at_open: Closing
    at_close: Closing | None
    reversed: Array
    refused: Array
    margin_call: Array
    stop_out: Array
    drawdown: Array
    ruin: Array
    terminated: Array
    truncated: Array


def trade_bar(
    xp: Namespace,
    terms: Terms,
    account: Account,
    *,
    target: Array,
    bar: Array,
    prices: Prices,
    window_ends: Array,
) -> BarOutcome:
    """Carry the accounts over one bar.

    Args:
        xp: Namespace of the arrays.
        terms: The broker's conditions.
        account: Accounts at the close of bar t.
        target: -1.0, 0.0 or 1.0, the position asked for.
        bar: int64 index of bar t+1.
        prices: Bar t+1.
        window_ends: Whether the episode's window ends with this bar.
    """
    carried = copy_account(account)
    carried.swap = with_swap(terms, account, nights=prices.nights)
    differs = target != carried.direction
    goes = differs & (carried.direction != 0)
    at_open = closing(terms, carried, mask=goes, bid=prices.open, spread=prices.spread)
    wanted = differs & (target != 0)
    flat = _cleared(xp, carried, at_open)
    marked, refused = _opened(xp, terms, flat, wanted=wanted, target=target, bar=bar, prices=prices)
    equity = mark(terms, marked, bid=prices.close, spread=prices.spread)
    marked.equity = equity
    marked.peak_equity = xp.maximum(equity, marked.peak_equity)
    held = marked.direction != 0
    outcome = BarOutcome(
        account=marked,
        carried=carried,
        marked=marked,
        at_open=at_open,
        at_close=None,
        reversed=goes & wanted,
        refused=refused,
        margin_call=held & (equity < marked.margin * terms.margin_call_frac),
        stop_out=held & (equity < marked.margin * terms.stop_out_frac),
        drawdown=_drawn_down(terms, marked),
        ruin=equity <= 0,
        terminated=window_ends,
        truncated=window_ends,
    )
    return _ended(xp, terms, outcome, prices)


def _cleared(xp: Namespace, account: Account, closed: Closing) -> Account:
    """Book the closed positions: their net goes to the balance, the rest of them is forgotten."""
    goes = xp.astype(closed.mask, xp.float64)
    stays = 1.0 - goes
    return Account(
        balance=account.balance + goes * closed.net,
        equity=account.equity,
        peak_equity=account.peak_equity,
        direction=account.direction * stays + 0.0,  # no -0.0
        lots=account.lots * stays,
        entry_bid=account.entry_bid,
        entry_bar=account.entry_bar,
        spread_cost=account.spread_cost * stays,
        slippage_cost=account.slippage_cost * stays,
        commission=account.commission * stays,
        swap=account.swap * stays,
        margin=account.margin,
    )


def _opened(
    xp: Namespace,
    terms: Terms,
    flat: Account,
    *,
    wanted: Array,
    target: Array,
    bar: Array,
    prices: Prices,
) -> tuple[Account, Array]:
    """Open what was asked for at the open of this bar; returns also who was refused.

    Who opens is flat, so that adding to what is 0.0 there sets it.
    """
    size = lots_for(xp, terms, flat.balance)
    margin = required_margin(terms, side=target, lots=size, bid=prices.open, spread=prices.spread)
    refused = wanted & (margin > flat.balance)
    opens = wanted ^ refused
    lots = xp.astype(opens, xp.float64) * size
    costs = fill_costs(terms, side=target, lots=lots, spread=prices.spread)
    account = Account(
        balance=flat.balance,
        equity=flat.equity,
        peak_equity=flat.peak_equity,
        direction=xp.where(opens, target, flat.direction),
        lots=flat.lots + lots,
        entry_bid=xp.where(opens, prices.open, flat.entry_bid),
        entry_bar=xp.where(opens, bar, flat.entry_bar),
        spread_cost=flat.spread_cost + costs.spread,
        slippage_cost=flat.slippage_cost + costs.slippage,
        commission=flat.commission + costs.commission,
        swap=flat.swap,
        margin=xp.where(opens, margin, flat.margin),
    )
    return account, refused


def _drawn_down(terms: Terms, account: Account) -> Array:
    if terms.drawdown_floor_frac is None:
        return account.equity != account.equity
    return account.equity < account.peak_equity * terms.drawdown_floor_frac


def _ended(xp: Namespace, terms: Terms, outcome: BarOutcome, prices: Prices) -> BarOutcome:
    """Close what is open where the episode ends, and say how it ended.

    `truncated` comes in as "the window ends here" and goes out as "and nothing worse".
    """
    marked = outcome.marked
    ends = outcome.truncated | outcome.stop_out | outcome.drawdown | outcome.ruin
    if xp.any(ends):
        held = ends & (marked.direction != 0)
        at_close = closing(terms, marked, mask=held, bid=prices.close, spread=prices.spread)
        account = _cleared(xp, marked, at_close)
        account.equity = xp.where(held, account.balance, marked.equity)
        outcome.account, outcome.at_close = account, at_close
        outcome.ruin = account.equity <= 0  # the exit's own costs can be the last straw
    outcome.terminated = outcome.ruin | outcome.stop_out | outcome.drawdown
    outcome.truncated = ends & xp.logical_not(outcome.terminated)
    return outcome
