"""The ledger: every closed trade with its costs, and the path of equity.

`Recorder` collects them while an environment steps; it costs time, so training leaves it off.
Not here: what is derived from them (metrics). Identities: gross - costs = net for every row, and
the final balance is the initial balance plus the sum of net.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.market.account import Account, Array
from envs.market.config import Terms
from envs.market.rules import Closing
from envs.market.transition import BarOutcome

REASONS = ("close", "reversal", "end", "drawdown", "stop_out", "ruin")
_CLOSE, _REVERSAL, _END, _DRAWDOWN, _STOP_OUT, _RUIN = range(len(REASONS))
_AT_OPEN = ("close", "reversal")
"""Reasons whose exit is at the open of its bar; all others are at its close."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Ledger:
    """Closed trades in the order in which they closed; one `(n_trades,)` array for each column.

    Money is in the account's currency. Prices are fills: spread and slippage included.

    Attributes:
        env: Index of the environment.
        entry_bar, exit_bar: Bars of the fills; an exit by "close" or "reversal" is at that bar's
            open, every other one at its close.
        direction: -1 short, 1 long.
        lots: Size.
        entry_price, exit_price: Fill prices.
        gross: Profit from bid to bid.
        spread_cost, slippage_cost, commission, swap: Costs, positive when they cost.
        net: What reached the balance.
        reason: One of `REASONS`.
    """

    env: NDArray[np.int64]
    entry_bar: NDArray[np.int64]
    exit_bar: NDArray[np.int64]
    direction: NDArray[np.int64]
    lots: NDArray[np.float64]
    entry_price: NDArray[np.float64]
    exit_price: NDArray[np.float64]
    gross: NDArray[np.float64]
    spread_cost: NDArray[np.float64]
    slippage_cost: NDArray[np.float64]
    commission: NDArray[np.float64]
    swap: NDArray[np.float64]
    net: NDArray[np.float64]
    reason: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.env)

    @property
    def costs(self) -> NDArray[np.float64]:
        """All costs of each trade: gross minus net."""
        return self.spread_cost + self.slippage_cost + self.commission + self.swap

    @property
    def held_bars(self) -> NDArray[np.int64]:
        """Bars at whose close each position was open, or at whose close an episode's end closed it.

        They begin with `entry_bar`; a trade that closed at the open of a bar was out by its close.
        """
        return self.exit_bar - self.entry_bar + ~np.isin(self.reason, _AT_OPEN)

    def of_env(self, env: int) -> Ledger:
        """Return the trades of one environment."""
        rows = self.env == env
        return Ledger(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


class Recorder:
    """Collects closed trades and equity, in host memory, whatever library the arrays are of.

    Attributes:
        n_refused: `(n_envs,) int64` orders refused for want of margin since `start`.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._chunks: list[dict[str, NDArray[Any]]] = []
        self._equity: list[NDArray[np.float64]] = []
        self.n_refused = np.zeros(0, np.int64)

    def start(self, equity: Array) -> None:
        """Forget everything and note the first equity."""
        self._chunks.clear()
        self._equity[:] = [_host(equity)]
        self.n_refused = np.zeros(len(self._equity[0]), np.int64)

    def record(self, outcome: BarOutcome, bar: Array) -> None:
        """Note the trades that bar closed, and equity after it.

        Args:
            outcome: What `trade_bar` returned.
            bar: Index of the bar, for each environment.
        """
        reason = np.where(_host(outcome.reversed), _REVERSAL, _CLOSE)
        self._add(outcome.carried, outcome.at_open, bar, reason)
        if outcome.at_close is not None:
            reason = np.select(
                [_host(outcome.ruin), _host(outcome.stop_out), _host(outcome.drawdown)],
                [_RUIN, _STOP_OUT, _DRAWDOWN],
                _END,
            )
            self._add(outcome.marked, outcome.at_close, bar, reason)
        self._equity.append(_host(outcome.account.equity))
        self.n_refused += _host(outcome.refused)

    def ledger(self) -> Ledger:
        """Put the trades noted so far into one `Ledger`."""
        columns = {}
        for field in fields(Ledger):
            parts = [chunk[field.name] for chunk in self._chunks]
            dtype = np.int64 if field.name in _INTEGERS else np.float64
            columns[field.name] = np.concatenate([np.zeros(0, dtype), *parts])
        reason = np.array(REASONS)[columns.pop("reason")]
        return Ledger(**columns, reason=reason)

    def equity_path(self) -> NDArray[np.float64]:
        """Return equity `(n_steps + 1, n_envs)`: after `reset`, then after every step.

        Where an episode ended at a step, its last equity stands there; the new episode's initial
        balance is not repeated.
        """
        return np.stack(self._equity)

    def _add(self, before: Account, closed: Closing, bar: Array, reason: NDArray[Any]) -> None:
        rows = np.flatnonzero(_host(closed.mask))
        if rows.size == 0:
            return
        columns = self._columns(before, closed, bar) | {"reason": reason}
        chunk = {
            name: np.broadcast_to(_host(c), _host(bar).shape)[rows] for name, c in columns.items()
        }
        self._chunks.append({"env": rows, **chunk})

    def _columns(self, before: Account, closed: Closing, bar: Array) -> dict[str, Array]:
        entry_price, exit_price = self._fills(before, closed)
        return {
            "entry_bar": before.entry_bar,
            "exit_bar": bar,
            "direction": np.asarray(_host(before.direction), dtype=np.int64),
            "lots": before.lots,
            "entry_price": entry_price,
            "exit_price": exit_price,
            "gross": closed.gross,
            "spread_cost": closed.costs.spread,
            "slippage_cost": closed.costs.slippage,
            "commission": closed.costs.commission,
            "swap": closed.swap,
            "net": closed.net,
        }

    def _fills(
        self, before: Account, closed: Closing
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Fill prices of entry and exit: the bid moved by what spread and slippage cost."""
        direction, lots = _host(before.direction), _host(before.lots)
        usd_per_price = np.where(lots > 0, lots, 1.0) * self._terms.usd_per_price
        entry_spread = _host(before.spread_cost)
        exit_spread = _host(closed.costs.spread) - entry_spread
        slippage = direction * self._terms.slippage_price
        entry = _host(before.entry_bid) + direction * (entry_spread / usd_per_price) + slippage
        exit_ = _host(closed.exit_bid) - direction * (exit_spread / usd_per_price) - slippage
        return entry, exit_


_INTEGERS = {"env", "entry_bar", "exit_bar", "direction", "reason"}


def _host(value: Array) -> NDArray[Any]:
    """Bring a value into host memory, at least one-dimensional."""
    if hasattr(value, "cpu"):
        value = value.cpu()
    return np.atleast_1d(np.asarray(value))
