"""Metrics: every figure worked by hand once, its edges, and properties over random paths."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.market.ledger import Ledger
from training.metrics import (
    RUIN_FRAC,
    US_PER_DAY,
    EquityPath,
    Trades,
    annualized_return,
    deepest_drawdown,
    log_growth,
    performance,
    profit_factor,
    returns_of,
    sharpe_ratio,
    sortino_ratio,
    stitch,
)


def daily(n_points, start_day=0):
    return (start_day + np.arange(n_points, dtype=np.int64)) * US_PER_DAY


def trades_of(net, **columns):
    net = np.array(net, dtype=np.float64)
    zeros = np.zeros(len(net))
    values = dict.fromkeys(
        ("spread_cost", "slippage_cost", "commission", "swap", "notional", "held_bars"), zeros
    )
    values |= {name: np.array(column, dtype=np.float64) for name, column in columns.items()}
    costs = values["spread_cost"] + values["slippage_cost"] + values["commission"] + values["swap"]
    return Trades(gross=net + costs, net=net, **values)


def path_of(equity, trades=None, *, start_day=0):
    equity = np.array(equity, dtype=np.float64)
    return EquityPath(
        equity=equity,
        time_us=daily(len(equity), start_day),
        trades=Trades.none() if trades is None else trades,
    )


def test_a_path_worked_by_hand():
    # 100 -> 110 -> 99 -> 108.9 on three days: returns +10 %, -10 %, +10 %
    trades = trades_of(
        [10.0, -11.0, 9.9],
        spread_cost=[1.0, 2.0, 3.0],
        slippage_cost=[0.5, 0.0, 0.0],
        commission=[0.0, 0.25, 0.0],
        swap=[0.0, 0.0, -0.125],
        notional=[200.0, 210.0, 220.0],
        held_bars=[1, 1, 0],
    )
    got = performance(path_of([100.0, 110.0, 99.0, 108.9], trades))
    assert got.n_bars == 3
    assert got.years == pytest.approx(3 / 365.25)
    assert got.bars_per_year == pytest.approx(365.25)
    assert (got.initial_equity, got.final_equity) == (100.0, 108.9)
    assert got.total_return_frac == pytest.approx(0.089)
    assert got.annualized_return_frac is None  # three days are no year
    assert got.calmar is None
    deviation = math.sqrt((2 * (0.2 / 3) ** 2 + (0.4 / 3) ** 2) / 2)
    returns = np.array([0.1, -0.1, 0.1])
    assert sharpe_ratio(returns, 365.25) == pytest.approx(0.1 / 3 / deviation * math.sqrt(365.25))
    assert sortino_ratio(returns, 365.25) == pytest.approx(
        0.1 / 3 / math.sqrt(0.01 / 3) * math.sqrt(365.25)
    )
    assert (got.sharpe, got.sortino, got.turnover) == (None, None, None)  # nor is there of these
    assert got.max_drawdown_frac == pytest.approx(0.1)
    assert (got.max_drawdown_bars, got.max_drawdown_days) == (2, 2.0)  # never back at 110
    assert got.profit_factor == pytest.approx(19.9 / 11)
    assert got.win_rate_frac == pytest.approx(2 / 3)
    assert got.n_trades == 3
    assert got.exposure_frac == pytest.approx(2 / 3)
    assert (got.spread_cost, got.slippage_cost, got.commission, got.swap) == (6, 0.5, 0.25, -0.125)
    assert got.costs == pytest.approx(6.625)
    assert got.net_pnl == pytest.approx(8.9)
    assert got.gross_pnl == pytest.approx(8.9 + 6.625)


def test_annualization_is_geometric_and_by_calendar_time():
    assert annualized_return(np.array([100.0, 121.0]), 2.0) == pytest.approx(0.1)
    assert annualized_return(np.array([100.0, 110.0]), 0.5) == pytest.approx(0.21)
    assert annualized_return(np.array([100.0, 81.0]), 2.0) == pytest.approx(-0.1)


def test_missing_days_count_as_time_and_not_as_bars():
    # Two bars a week, Monday and Thursday: four returns in fourteen days.
    time_us = np.array([0, 3, 7, 10, 14]) * US_PER_DAY
    path = EquityPath(
        equity=np.array([1.0, 1.1, 1.0, 1.1, 1.0]),
        time_us=time_us.astype(np.int64),
        trades=Trades.none(),
    )
    assert performance(path).bars_per_year == pytest.approx(4 / 14 * 365.25)


def test_under_thirty_days_nothing_is_annualized():
    assert annualized_return(np.array([1.0, 2.0]), 29.9 / 365.25) is None
    assert annualized_return(np.array([1.0, 2.0]), 30.1 / 365.25) == pytest.approx(
        2 ** (365.25 / 30.1) - 1
    )


def test_from_thirty_days_on_there_are_ratios_and_a_turnover():
    # 100 and 110 in turn: returns +10 % and -1/11
    trades = trades_of([0.0], notional=[630.0])
    short = performance(path_of([100.0, 110.0] * 15, trades))
    assert (short.sharpe, short.sortino, short.turnover) == (None, None, None)  # 29 days
    assert short.bars_per_year == pytest.approx(365.25)
    got = performance(path_of([100.0, 110.0] * 15 + [100.0], trades))
    mean = (0.1 - 1 / 11) / 2
    deviation = (0.1 + 1 / 11) / 2 * math.sqrt(30 / 29)
    downside = 1 / 11 / math.sqrt(2)
    assert got.sharpe == pytest.approx(mean / deviation * math.sqrt(365.25))
    assert got.sortino == pytest.approx(mean / downside * math.sqrt(365.25))
    assert got.turnover == pytest.approx(630 / (3250 / 31) / (30 / 365.25))


def test_a_growth_beyond_every_float_is_undefined():
    assert annualized_return(np.array([1e-300, 1.0]), 0.1) is None


def test_calmar_is_annualized_return_over_drawdown():
    equity = np.full(366, 100.0)
    equity[100:200] = 80.0
    equity[200:] = 110.0
    got = performance(path_of(equity))
    assert got.max_drawdown_frac == pytest.approx(0.2)
    assert got.annualized_return_frac == pytest.approx(1.1 ** (365.25 / 365) - 1)
    assert got.calmar == pytest.approx(got.annualized_return_frac / 0.2)
    assert (got.max_drawdown_bars, got.max_drawdown_days) == (101, 101.0)  # bar 99 to bar 200


def test_the_deepest_fall_counts_not_the_longest():
    fall = deepest_drawdown(
        np.array([100.0, 99, 99, 99, 99, 100, 100, 50, 100, 120, 119]), daily(11)
    )
    assert (fall.depth_frac, fall.length_bars, fall.length_days) == (0.5, 2, 2.0)


def test_of_equal_falls_the_first_counts():
    fall = deepest_drawdown(np.array([100.0, 50, 100, 50, 60, 100]), daily(6))
    assert (fall.depth_frac, fall.length_bars) == (0.5, 2)


def test_flat_equity_has_no_ratios():
    got = performance(path_of([100.0] * 40))  # 39 days
    assert got.total_return_frac == 0
    assert got.annualized_return_frac == 0
    undefined = (got.sharpe, got.sortino, got.calmar, got.profit_factor, got.win_rate_frac)
    assert undefined == (None,) * 5
    assert (got.max_drawdown_frac, got.max_drawdown_bars, got.max_drawdown_days) == (0, 0, 0)
    assert (got.n_trades, got.exposure_frac, got.turnover) == (0, 0, 0)
    assert (got.gross_pnl, got.costs, got.net_pnl) == (0, 0, 0)


def test_one_point_has_a_return_of_zero_and_no_more():
    got = performance(path_of([100.0]))
    assert (got.n_bars, got.years, got.total_return_frac) == (0, 0, 0)
    undefined = (got.bars_per_year, got.annualized_return_frac, got.sharpe, got.sortino)
    assert undefined == (None,) * 4
    assert (got.exposure_frac, got.turnover, got.max_drawdown_frac) == (None, None, 0)


def test_one_return_has_no_deviation():
    got = performance(path_of([100.0, 90.0]))
    assert (got.sharpe, got.sortino) == (None, None)
    assert got.max_drawdown_bars == 1


def test_steady_growth_has_no_ratio_made_of_rounding():
    equity = 100 * 1.001 ** np.arange(50)
    got = performance(path_of(equity))
    assert got.sharpe is None
    assert got.sortino is None


def test_ruin_into_debt_is_shown_not_hidden():
    got = performance(path_of([100.0, 50.0, -20.0, -20.0] + [-20.0] * 40))
    assert got.total_return_frac == pytest.approx(-1.2)
    assert got.annualized_return_frac == -1.0
    assert got.max_drawdown_frac == pytest.approx(1.2)
    assert got.max_drawdown_bars == 43
    assert got.calmar == pytest.approx(-1 / 1.2)
    json.dumps(got.to_json(), allow_nan=False)


def test_returns_end_with_ruin():
    assert returns_of(np.array([100.0, 50.0, -20.0, 10.0])).tolist() == [-0.5, -1.4, 0.0]
    assert returns_of(np.array([100.0, 0.0, 10.0])).tolist() == [-1.0, 0.0]


def test_turnover_of_an_account_in_debt_is_undefined():
    trades = trades_of([-300.0], notional=[100.0], held_bars=[1])
    assert performance(path_of([100.0] + [-200.0] * 40, trades)).turnover is None


def test_all_wins_have_no_profit_factor_and_all_losses_have_zero():
    assert profit_factor(np.array([1.0, 2.0])) is None
    assert profit_factor(np.array([-1.0, -2.0])) == 0
    assert profit_factor(np.array([])) is None
    assert profit_factor(np.array([3.0, 0.0, -2.0])) == 1.5


def test_a_trade_of_zero_is_no_win():
    assert performance(path_of([100.0, 100.0], trades_of([0.0, 0.0]))).win_rate_frac == 0


def test_ratios_need_a_scale_of_time():
    assert sharpe_ratio(np.array([0.1, -0.1]), None) is None
    assert sortino_ratio(np.array([0.1, -0.1]), None) is None
    assert sharpe_ratio(np.array([0.3, -0.1]), 4.0) == pytest.approx(0.1 / math.sqrt(0.08) * 2)
    assert sortino_ratio(np.array([0.3, -0.1]), 4.0) == pytest.approx(0.1 / math.sqrt(0.005) * 2)


def ledger_of(reason):
    n = len(reason)
    return Ledger(
        env=np.zeros(n, dtype=np.int64),
        entry_bar=np.full(n, 10),
        exit_bar=np.full(n, 12),
        direction=np.ones(n, dtype=np.int64),
        lots=np.full(n, 0.1),
        entry_price=np.full(n, 100.0),
        exit_price=np.full(n, 110.0),
        gross=np.full(n, 100.0),
        spread_cost=np.full(n, 1.0),
        slippage_cost=np.full(n, 2.0),
        commission=np.full(n, 3.0),
        swap=np.full(n, 4.0),
        net=np.full(n, 90.0),
        reason=np.array(reason),
    )


def test_a_ledger_becomes_trades():
    trades = Trades.of_ledger(ledger_of(["close", "end", "reversal", "ruin"]), usd_per_price=100.0)
    assert len(trades) == 4
    assert trades.notional.tolist() == pytest.approx([2100.0] * 4)  # 0.1 * 100 * (100 + 110)
    # In at the open of 10; out at the open of 12: held over two closes. Out at its close: three.
    assert trades.held_bars.tolist() == [2, 3, 2, 3]
    assert trades.net.tolist() == [90.0] * 4
    assert trades.swap.tolist() == [4.0] * 4


def test_stitched_windows_compound():
    first = path_of([100.0, 110.0], trades_of([10.0], notional=[200.0], held_bars=[1]))
    second = path_of(
        [100.0, 90.0, 120.0], trades_of([20.0], notional=[100.0], held_bars=[2]), start_day=1
    )
    whole = stitch([first, second])
    assert whole.equity.tolist() == pytest.approx([100.0, 110.0, 99.0, 132.0])
    assert (whole.time_us // US_PER_DAY).tolist() == [0, 1, 2, 3]
    assert whole.trades.net.tolist() == pytest.approx([10.0, 22.0])
    assert whole.trades.notional.tolist() == pytest.approx([200.0, 110.0])
    assert whole.trades.held_bars.tolist() == [1, 2]


def test_a_pause_between_windows_is_cash():
    whole = stitch([path_of([100.0, 110.0]), path_of([50.0, 100.0], start_day=5)])
    assert whole.equity.tolist() == pytest.approx([100.0, 110.0, 110.0, 220.0])
    assert (whole.time_us // US_PER_DAY).tolist() == [0, 1, 5, 6]


def test_ruin_is_final():
    ruined = path_of([100.0, -5.0], trades_of([-105.0]))
    later = path_of([100.0, 300.0, 900.0], trades_of([800.0]), start_day=1)
    whole = stitch([ruined, later, path_of([100.0, 200.0], start_day=3)])
    assert whole.equity.tolist() == [100.0, -5.0, -5.0, -5.0, -5.0]
    assert whole.trades.net.tolist() == [-105.0, 0.0]


def test_a_window_of_one_repeated_point_adds_nothing():
    whole = stitch([path_of([100.0, 110.0]), path_of([7.0], start_day=1)])
    assert whole.equity.tolist() == [100.0, 110.0]


def test_one_window_stays_as_it_is():
    only = path_of([100.0, 90.0])
    assert stitch([only]).equity.tolist() == only.equity.tolist()


@pytest.mark.parametrize(
    ("equity", "time_us", "message"),
    [
        ([], [], "0 points"),
        ([1.0, 2.0], [0], "2 points"),
        ([1.0, math.nan], [0, 1], "not finite"),
        ([0.0, 1.0], [0, 1], "begins at 0"),
        ([1.0, 2.0], [1, 1], "do not increase"),
        ([[1.0]], [0], "shape"),
    ],
)
def test_a_broken_path_is_our_mistake(equity, time_us, message):
    with pytest.raises(AssertionError, match=message):
        EquityPath(
            equity=np.array(equity, dtype=np.float64),
            time_us=np.array(time_us, dtype=np.int64),
            trades=Trades.none(),
        )


def test_stitching_out_of_order_is_our_mistake():
    with pytest.raises(AssertionError, match="not in time order"):
        stitch([path_of([100.0, 110.0], start_day=5), path_of([100.0, 110.0])])
    with pytest.raises(AssertionError, match="nothing to stitch"):
        stitch([])


equities = st.lists(st.floats(10.0, 1e6), min_size=1, max_size=60)


@given(equities)
def test_a_performance_is_strict_json_within_its_bounds(equity):
    got = performance(path_of(equity))
    json.dumps(got.to_json(), allow_nan=False)
    assert 0 <= got.max_drawdown_frac < 1
    assert 0 <= got.max_drawdown_bars <= got.n_bars
    assert (1 + got.total_return_frac) * equity[0] == pytest.approx(equity[-1])


@given(equities, st.floats(0.01, 100))
def test_the_size_of_the_account_changes_no_ratio(equity, factor):
    small, large = performance(path_of(equity)), performance(path_of(np.array(equity) * factor))
    for name in ("total_return_frac", "sharpe", "sortino", "max_drawdown_frac", "calmar"):
        a, b = getattr(small, name), getattr(large, name)
        assert (a is None) == (b is None)
        assert a is None or b == pytest.approx(a, rel=1e-6, abs=1e-9)


@given(equities)
def test_the_deepest_fall_is_the_largest_over_all_pairs(equity):
    fall = deepest_drawdown(np.array(equity), daily(len(equity)))
    pairs = [1 - b / a for i, a in enumerate(equity) for b in equity[i:]]
    assert fall.depth_frac == pytest.approx(max(pairs), abs=1e-12)


@given(st.lists(st.lists(st.floats(-30, 30), min_size=1, max_size=5), min_size=1, max_size=5))
def test_stitched_equity_is_the_start_plus_all_scaled_trades(windows):
    paths, day = [], 0
    for nets in windows:  # the first trade of each window starts from 1,000
        equity = 1000 + np.concatenate([[0.0], np.cumsum(nets)])
        paths.append(path_of(equity, trades_of(nets), start_day=day))
        day += len(nets)
    whole = stitch(paths)
    assert whole.equity[-1] == pytest.approx(1000 + whole.trades.net.sum(), rel=1e-9)
    growth = math.prod(path.equity[-1] / path.equity[0] for path in paths)
    assert whole.equity[-1] == pytest.approx(1000 * growth, rel=1e-9)
    assert len(whole.equity) == 1 + sum(len(nets) for nets in windows)


def test_a_fall_of_rounding_size_is_no_drawdown():
    fall = deepest_drawdown(np.array([10.0, 1e6, 999_999.9999999999]), np.arange(3) * US_PER_DAY)
    assert (fall.depth_frac, fall.length_bars) == (0.0, 0)


def test_log_growth_adds_up_over_folds_and_floors_ruin():
    assert log_growth(0.0) == 0.0
    assert log_growth(0.1) + log_growth(-0.2) == pytest.approx(log_growth(1.1 * 0.8 - 1))
    assert log_growth(-1.0) == log_growth(-3.0) == math.log(RUIN_FRAC)
