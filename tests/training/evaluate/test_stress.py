"""A dearer market by hand: a small edge that a doubled spread and slippage eat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from envs.actions import action_mode
from envs.bars import Bars
from envs.config import EnvConfig
from envs.market import MarketConfig, make_tape
from envs.timeframe import Timeframe
from training.evaluate.stress import stress_slippage, stressed_markets
from training.evaluate.walk import walk
from training.folds import Range

N_BARS = 41
POINT = 0.01
MOVE_POINTS, SPREAD_POINTS = 3.0, 2.0
CONFIG = EnvConfig(market=MarketConfig(contract_size=100.0))
LONG, SHORT = (action_mode("target").labels.index(side) for side in ("long", "short"))


def saw_tape(*, spread_points=SPREAD_POINTS):
    """Bids that rise by three points on every odd bar and fall by three on every even one."""
    close = 100.0 + POINT * MOVE_POINTS * (np.arange(N_BARS) % 2)
    opened = np.concatenate([close[:1], close[:-1]])
    bars = Bars(
        symbol="SAW",
        timeframe=Timeframe.parse("1h"),
        point_size=POINT,
        time_us=np.arange(N_BARS, dtype=np.int64) * 3_600_000_000,
        open=opened,
        high=np.maximum(opened, close),
        low=np.minimum(opened, close),
        close=close,
        volume=np.ones(N_BARS),
        spread_points=np.full(N_BARS, spread_points),
    )
    return make_tape(bars, np.zeros((N_BARS, 1), np.float32), CONFIG.market)


class Knowing:
    """Knows the saw: long before a rise, short before a fall."""

    def __init__(self):
        self.n_asked = 0

    def act(self, observations):
        self.n_asked += 1
        return np.full(len(observations), LONG if self.n_asked % 2 else SHORT)


def ledger_of(tape, config):
    return walk(Knowing(), tape, config, [Range(0, N_BARS - 1)])[0].ledger


def points(ledger, column):
    """A column of money in points a lot: one lot earns 100 x 0.01 a point."""
    return getattr(ledger, column) / ledger.lots


def test_a_marginal_edge_lives_at_one_spread_and_dies_at_two_and_of_slippage():
    tape = saw_tape()
    markets = stressed_markets(tape, CONFIG)
    assert list(markets) == ["doubled_spread", "slippage"]
    before = ledger_of(tape, CONFIG)
    assert len(before) == 40
    assert points(before, "net") == pytest.approx(np.full(40, 3.0 - 2.0))
    doubled = ledger_of(markets["doubled_spread"].tape, markets["doubled_spread"].config)
    assert points(doubled, "gross") == pytest.approx(points(before, "gross"))
    assert points(doubled, "net") == pytest.approx(np.full(40, 3.0 - 4.0))
    slipped = ledger_of(markets["slippage"].tape, markets["slippage"].config)
    assert points(slipped, "net") == pytest.approx(np.full(40, 3.0 - 2.0 - 2 * 2.0))


def test_what_a_policy_sees_of_the_bars_stays():
    tape = saw_tape()
    for market in stressed_markets(tape, CONFIG).values():
        assert market.tape.features is tape.features
        assert market.tape.close is tape.close
    assert tape.spread_points.tolist() == [SPREAD_POINTS] * N_BARS


def test_slippage_adds_to_what_is_charged():
    config = replace(CONFIG, market=replace(CONFIG.market, slippage_points=0.5))
    slipped = stressed_markets(saw_tape(), config)["slippage"].config.market
    assert slipped.slippage_points == 2.5
    assert replace(slipped, slippage_points=0.5) == config.market


def test_slippage_is_the_median_spread_or_a_basis_point_where_there_is_none():
    tape = saw_tape()
    assert stress_slippage(tape).points == SPREAD_POINTS
    assert "median spread" in stress_slippage(tape).reason
    free = saw_tape(spread_points=0.0)
    got = stress_slippage(free)
    assert got.points == pytest.approx(1e-4 * np.median(free.close) / POINT)
    assert "no spread" in got.reason
    costs = ledger_of(free, stressed_markets(free, CONFIG)["slippage"].config)
    assert points(costs, "slippage_cost") == pytest.approx(np.full(40, 2 * got.points))
