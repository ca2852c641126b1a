"""`Evaluation`: what one walk over a window came to, and the scores that compare walks.

Not here: how it was walked (`training.evaluate.walk`), measures for reports (`training.metrics`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.errors import UnknownNameError
from envs.market import Ledger
from training.errors import TrainingError
from training.folds import Range
from training.metrics import log_of_growth

Score = Callable[[NDArray[np.float64]], float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """One deterministic walk over a window.

    Attributes:
        window: The decision bars; fewer were walked where the account blew up.
        score_name: A name of `SCORES`.
        score: Its value; always finite, higher is better, flat is 0.
        actions: `(n_bars,) int64`, decided on bars `window.start` onwards.
        equity: `(n_bars + 1,) float64` at the close of bar `window.start` and after every bar.
        time_us: `(n_bars + 1,) int64` open times of those bars.
        ledger: Closed trades; an open position is closed at the last bar. Column `env` is 0.
        terminated: Whether ruin, stop-out or drawdown ended the walk early.
        stepped: Whether the policy itself was asked bar by bar (always so for the slow way, and for
            a fast one up to its last tie).
        n_refused: Orders that the market refused for want of margin.
    """

    window: Range
    score_name: str
    score: float
    actions: NDArray[np.int64]
    equity: NDArray[np.float64]
    time_us: NDArray[np.int64]
    ledger: Ledger
    terminated: bool
    stepped: bool = False
    n_refused: int = 0

    @property
    def n_bars(self) -> int:
        """Bars that were walked."""
        return len(self.actions)

    @property
    def end_reason(self) -> str | None:
        """Why the walk ended early: `drawdown`, `stop_out` or `ruin`; None where it did not.

        The last trade tells where a position was open then.
        """
        if not self.terminated:
            return None
        reason = str(self.ledger.reason[-1])
        if reason in ("drawdown", "stop_out", "ruin"):
            return reason
        return "ruin" if self.equity[-1] <= 0 else "drawdown"

    @property
    def n_trades(self) -> int:
        """Closed trades."""
        return len(self.ledger)

    @property
    def window_equity(self) -> NDArray[np.float64]:
        """Equity `(window.n_bars + 1,)`: after an early end the account rests in cash."""
        return _rested(self.equity, self.window)


def log_return(equity: NDArray[np.float64]) -> float:
    """Log of what the account became: ln(final / initial), ruin floored."""
    return log_of_growth(float(equity[-1] / equity[0]))


def sharpe(equity: NDArray[np.float64]) -> float:
    """Mean over deviation of simple returns per bar; 0 where nothing moved.

    Unlike common libraries' it is not annualized, has no risk-free rate and divides by n (ddof 0).
    """
    returns = np.diff(equity) / np.where(equity[:-1] > 0, equity[:-1], np.inf)
    deviation = float(returns.std())
    return float(returns.mean()) / deviation if deviation > 0 else 0.0


SCORES: dict[str, Score] = {"log_return": log_return, "sharpe": sharpe}
"""Scores by name; each takes `window_equity`."""


def score_named(name: str) -> Score:
    """Look up a score.

    Raises:
        UnknownNameError: If there is none of that name.
    """
    if name not in SCORES:
        raise UnknownNameError.of("score", name, SCORES)
    return SCORES[name]


def scored(name: str, equity: NDArray[np.float64], window: Range) -> float:
    """Score a path of equity over its whole window.

    Raises:
        TrainingError: If equity or score is not finite.
    """
    value = score_named(name)(_rested(equity, window))
    if not (np.isfinite(equity).all() and math.isfinite(value)):
        raise TrainingError(
            "An evaluation must be finite",
            came=f"{name} {value} and equity {equity[-1]} at the last bar",
            where=f"bars [{window.start}, {window.stop})",
            mend="check the prices and costs of these bars; a failed evaluation is never a score",
        )
    return value


def _rested(equity: NDArray[np.float64], window: Range) -> NDArray[np.float64]:
    return np.pad(equity, (0, window.n_bars + 1 - len(equity)), mode="edge")
