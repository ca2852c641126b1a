"""Scores worked by hand; rest after an early end."""

import math

import numpy as np
import pytest

from envs.errors import UnknownNameError
from envs.market import Ledger
from training.errors import TrainingError
from training.evaluate.result import Evaluation, score_named, scored
from training.folds import Range


def ledger(trades: list[tuple[int, int, str]]) -> Ledger:
    """Trades by entry bar, exit bar and reason; everything else is one."""
    entries, exits, reasons = (np.array(column) for column in zip(*trades, strict=True))
    ones, counts = np.ones(len(trades)), np.ones(len(trades), np.int64)
    money = ("lots", "entry_price", "exit_price", "gross", "net")
    costs = ("spread_cost", "slippage_cost", "commission", "swap")
    return Ledger(
        env=counts * 0,
        entry_bar=entries,
        exit_bar=exits,
        direction=counts,
        reason=reasons,
        **dict.fromkeys((*money, *costs), ones),
    )


def evaluation(equity: list[float], window: Range, trades: Ledger) -> Evaluation:
    return Evaluation(
        window=window,
        score_name="log_return",
        score=0.0,
        actions=np.zeros(len(equity) - 1, np.int64),
        equity=np.array(equity),
        time_us=np.arange(len(equity)),
        ledger=trades,
        terminated=len(equity) - 1 < window.n_bars,
    )


@pytest.mark.parametrize(
    ("equity", "reason", "expected"),
    [
        ([100.0, 90.0, 40.0], "stop_out", "stop_out"),
        ([100.0, 90.0, 40.0], "ruin", "ruin"),
        ([100.0, 90.0, 40.0], "drawdown", "drawdown"),
        ([100.0, 90.0, 40.0], "close", "drawdown"),  # it was flat again when that was judged
        ([100.0, 90.0, 0.0], "reversal", "ruin"),
        ([100.0, 90.0, 80.0, 70.0, 60.0], "end", None),
    ],
)
def test_why_a_walk_ended_early(equity: list[float], reason: str, expected: str | None) -> None:
    walked = evaluation(equity, Range(5, 9), ledger([(5, 6, "close"), (6, 7, reason)]))
    assert walked.end_reason == expected


@pytest.mark.parametrize("name", ["log_return", "sharpe"])
def test_flat_scores_zero(name: str) -> None:
    assert scored(name, np.full(5, 10_000.0), Range(3, 7)) == 0.0


def test_log_return_is_the_log_of_what_the_account_became() -> None:
    assert scored("log_return", np.array([100.0, 90.0, 121.0]), Range(0, 2)) == math.log(1.21)


@pytest.mark.parametrize("last", [0.0, -50.0, 1e-9])
def test_ruin_is_floored(last: float) -> None:
    value = scored("log_return", np.array([100.0, last]), Range(0, 10))
    assert value == pytest.approx(math.log(1e-6))


def test_sharpe_is_mean_over_population_deviation_per_bar() -> None:
    # Returns 10 %, -10 %, 10 %, -10 % ... mean of (.1, -.1, .4) = .4/3; deviations from it.
    equity = np.array([100.0, 110.0, 99.0, 138.6])
    returns = np.array([0.1, -0.1, 0.4])
    expected = returns.mean() / math.sqrt(((returns - returns.mean()) ** 2).mean())
    assert scored("sharpe", equity, Range(0, 3)) == pytest.approx(expected, rel=1e-12)


def test_after_an_early_end_the_account_rests_until_the_windows_end() -> None:
    early = evaluation([100.0, 50.0], Range(0, 4), ledger([(1, 1, "drawdown")]))
    assert early.window_equity.tolist() == [100.0, 50.0, 50.0, 50.0, 50.0]
    assert early.n_bars == 1
    # Four returns: -0.5, 0, 0, 0. Mean -0.125; deviation sqrt(.0625 - .015625) = .21651.
    value = scored("sharpe", early.equity, early.window)
    assert value == pytest.approx(-0.125 / math.sqrt(0.046875))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_equity_that_is_not_finite_is_an_error_and_never_a_score(bad: float) -> None:
    with pytest.raises(TrainingError, match="never a score"):
        scored("log_return", np.array([100.0, bad]), Range(0, 1))
    with pytest.raises(TrainingError, match="never a score"):
        scored("log_return", np.array([100.0, bad, 100.0]), Range(0, 2))


def test_an_unknown_score_gets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'sharpe'"):
        score_named("sharp")
