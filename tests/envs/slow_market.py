"""The slow twin of `envs.market`: one account, plain Python, every rule in the most obvious way.

It shares no code with the product: profit is taken between fill prices (ask, bid, slippage), costs
are charged when they fall due, and lots are cut with decimals. Also here: bars made by hand or by a
seed, for all tests of the environments.
"""

import math
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal

import numpy as np

from envs.bars import Bars
from envs.market import MarketConfig
from envs.timeframe import Timeframe

HOUR_US = 3_600_000_000


def make_bars(opens, closes, *, spread=0.0, symbol="XAUUSD", point_size=0.01, hours=None):
    """Make bars from opens and closes; `hours` are their open times since 1970."""
    opens, closes = np.asarray(opens, float), np.asarray(closes, float)
    n_bars = len(opens)
    hours = np.arange(n_bars) if hours is None else np.asarray(hours)
    return Bars(
        symbol=symbol,
        timeframe=Timeframe.parse("1h"),
        point_size=point_size,
        time_us=(hours * HOUR_US).astype(np.int64),
        open=opens,
        high=np.maximum(opens, closes),
        low=np.minimum(opens, closes),
        close=closes,
        volume=np.zeros(n_bars),
        spread_points=np.broadcast_to(np.asarray(spread, float), (n_bars,)).copy(),
    )


def random_bars(seed, n_bars=40, *, volatility=0.01, spread_points=30.0):
    """Random walk with gaps in price and in time; some bars have no spread."""
    generator = np.random.default_rng(seed)
    steps = generator.normal(0, volatility, 2 * n_bars) * (generator.random(2 * n_bars) < 0.9)
    path = 2_000 * np.exp(np.cumsum(steps))
    spread = generator.integers(0, int(spread_points) + 1, n_bars).astype(float)
    hours = np.cumsum(generator.choice([1, 1, 1, 5, 30, 60], n_bars))
    return make_bars(path[::2], path[1::2], spread=spread, hours=hours)


def random_config(seed):
    """Random conditions, many of them harsh enough to ruin, stop out or refuse."""
    generator = np.random.default_rng(seed)
    pick = generator.choice
    return MarketConfig(
        initial_balance_usd=float(pick([777.7, 10_000.0])),
        balance_per_lot_usd=float(pick([10.0, 100.0, 1_000.0])),
        lot_step=float(pick([0.01, 0.1, 1.0])),
        min_lots=1.0,
        max_lots=float(pick([2.0, 50.0])),
        contract_size=float(pick([1.0, 10.0, 100.0])),
        currency_conversion=float(pick([1.0, 0.87])),
        leverage=float(pick([1.0, 30.0, 500.0])),
        stop_out_frac=float(pick([0.0, 0.5, 1.2, 3.0])),
        slippage_points=float(pick([0.0, 7.0])),
        commission_per_lot_usd=float(pick([0.0, 3.5])),
        swap_long_points=float(pick([0.0, 40.0])),
        swap_short_points=float(pick([0.0, 12.0, -9.0])),
        spread_multiplier=float(pick([0.0, 1.0, 2.5])),
        max_drawdown_frac=pick([None, 0.3, 1.0]),
    )


@dataclass
class SlowTrade:
    entry_bar: int
    direction: int
    lots: float
    entry_price: float
    commission: float
    slippage_cost: float
    spread_cost: float
    margin: float
    swap: float = 0.0
    exit_bar: int = -1
    exit_price: float = math.nan
    net: float = math.nan
    reason: str = ""


@dataclass
class SlowMarket:
    """One account on some bars, from bar `start` to the mark of bar `stop`."""

    bars: Bars
    config: MarketConfig
    mode: str
    start: int
    stop: int
    bar: int = field(init=False)
    balance: float = field(init=False)
    equity: float = field(init=False)
    trade: SlowTrade | None = None
    closed: list = field(default_factory=list)
    terminated: bool = False
    truncated: bool = False
    invalid: bool = False
    refused: bool = False
    margin_call: bool = False

    def __post_init__(self):
        self.bar = self.start
        self.balance = self.equity = self.peak = self.config.initial_balance_usd

    # ------------------------------------------------------------------------------- one bar

    def step(self, action):
        self.bar += 1
        wish = self.read(action)
        if self.trade:
            self.pay_swap()
        self.refused = False
        if self.trade and wish != self.trade.direction:
            self.close(self.bars.open[self.bar], "close" if wish == 0 else "reversal")
        if self.trade is None and wish != 0:
            self.open(wish)
        self.mark()
        self.judge()

    def read(self, action):
        """Turn an action into the position that is wished for, and note what cannot apply."""
        position = self.trade.direction if self.trade else 0
        self.invalid = False
        if self.mode == "target":
            return {0: -1, 1: 0, 2: 1}[action]
        if action == 1 and position == 0:
            return 1
        if action == 2 and position == 0:
            return -1
        if action == 3 and position != 0:
            return 0
        self.invalid = action != 0
        return position

    def open(self, direction):
        bid = self.bars.open[self.bar]
        quote = bid + self.spread() if direction == 1 else bid
        price = quote + direction * self.slippage()
        lots = self.lots()
        margin = lots * self.contract() * price / self.config.leverage
        if margin > self.balance:
            self.refused = True
            return
        self.trade = SlowTrade(
            entry_bar=self.bar,
            direction=direction,
            lots=lots,
            entry_price=price,
            commission=lots * self.config.commission_per_lot_usd,
            slippage_cost=self.slippage() * lots * self.contract(),
            spread_cost=(quote - bid) * lots * self.contract(),
            margin=margin,
        )

    def close(self, bid, reason):
        trade = self.trade
        quote = bid if trade.direction == 1 else bid + self.spread()
        trade.exit_price = quote - trade.direction * self.slippage()
        trade.exit_bar = self.bar
        trade.commission += trade.lots * self.config.commission_per_lot_usd
        trade.slippage_cost += self.slippage() * trade.lots * self.contract()
        trade.spread_cost += (quote - bid) * trade.lots * self.contract()
        moved = trade.direction * (trade.exit_price - trade.entry_price)
        trade.net = moved * trade.lots * self.contract() - trade.commission - trade.swap
        trade.reason = reason
        self.balance += trade.net
        self.closed.append(trade)
        self.trade = None

    def pay_swap(self):
        day_us = 24 * HOUR_US
        nights = self.bars.time_us[self.bar] // day_us - self.bars.time_us[self.bar - 1] // day_us
        long = self.trade.direction == 1
        points = self.config.swap_long_points if long else self.config.swap_short_points
        self.trade.swap += (
            points * self.bars.point_size * self.trade.lots * self.contract() * int(nights)
        )

    def mark(self):
        self.equity = self.balance
        if self.trade:
            trade, bid = self.trade, self.bars.close[self.bar]
            quote = bid if trade.direction == 1 else bid + self.spread()
            moved = trade.direction * (quote - trade.entry_price)
            self.equity += moved * trade.lots * self.contract() - trade.commission - trade.swap
        self.peak = max(self.peak, self.equity)

    def judge(self):
        margin = self.trade.margin if self.trade else 0.0
        self.margin_call = bool(self.trade and self.equity < self.config.margin_call_frac * margin)
        stopped_out = self.trade and self.equity < self.config.stop_out_frac * margin
        limit = self.config.max_drawdown_frac
        drawn_down = limit is not None and 1 - self.equity / self.peak > limit
        if not (stopped_out or drawn_down or self.equity <= 0 or self.bar == self.stop):
            return
        closed_now = self.trade
        if self.trade:
            self.close(self.bars.close[self.bar], "")
            self.equity = self.balance
        reason = "end"
        if drawn_down:
            reason = "drawdown"
        if stopped_out:
            reason = "stop_out"
        if self.equity <= 0:
            reason = "ruin"
        if closed_now:
            closed_now.reason = reason
        self.terminated = reason != "end"
        self.truncated = reason == "end"

    # ------------------------------------------------------------------------------- quantities

    def spread(self):
        points = self.config.spread_points
        points = self.bars.spread_points[self.bar] if points is None else points
        return points * self.config.spread_multiplier * self.bars.point_size

    def slippage(self):
        return self.config.slippage_points * self.bars.point_size

    def contract(self):
        assert self.config.contract_size is not None
        return self.config.contract_size * self.config.currency_conversion

    def lots(self):
        """Round down in decimals, where 0.3 / 0.1 is 3."""
        raw = Decimal(repr(round(float(self.balance) / self.config.balance_per_lot_usd * 0.01, 12)))
        step = Decimal(repr(self.config.lot_step))
        lots = float((raw / step).to_integral_value(ROUND_FLOOR) * step)
        return max(self.config.min_lots, min(self.config.max_lots, lots))
