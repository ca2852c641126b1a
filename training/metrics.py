"""What a path of equity came to: returns, risk, trades and costs. Pure functions of arrays.

Undefined is None, never infinity or a made-up zero. Fractions everywhere; percent only in reports.
How these figures differ from other libraries' is in `docs/decisions/046-metrics.md`. Not here: the
scores that choose models (`training.evaluate`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
from numpy.typing import NDArray

from envs.market.ledger import Ledger
from envs.timeframe import SECONDS_PER_DAY, US_PER_SECOND

US_PER_DAY = SECONDS_PER_DAY * US_PER_SECOND
DAYS_PER_YEAR = 365.25
LEAST_ANNUALIZED_DAYS = 30
"""Shorter spans have no figure of a year, neither return, Calmar, Sharpe nor Sortino ratio nor
turnover: a good day is no good year."""
LARGEST_LOG_GROWTH = 700.0
"""Beyond it a yearly growth has no float."""
ROUNDING_FRAC = 1e-12
"""Deviations below this share of the largest return are rounding, not risk."""

RUIN_FRAC = 1e-6
"""Share of the initial equity at which a log growth floors ruin: -13.8."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Trades:
    """Closed trades, one `(n_trades,) float64` array for each column, account currency.

    Attributes:
        gross: Profit before costs.
        spread_cost, slippage_cost, commission, swap: Costs, positive when they cost.
        net: What reached the balance.
        notional: Value bought plus value sold.
        held_bars: See `Ledger.held_bars`.
    """

    gross: Floats
    spread_cost: Floats
    slippage_cost: Floats
    commission: Floats
    swap: Floats
    net: Floats
    notional: Floats
    held_bars: Floats

    def __len__(self) -> int:
        return len(self.net)

    @classmethod
    def none(cls) -> Trades:
        """Return no trades."""
        return cls(**{field.name: np.zeros(0) for field in fields(cls)})

    @classmethod
    def of_ledger(cls, ledger: Ledger, *, usd_per_price: float) -> Trades:
        """Take from a ledger what the measures need.

        Args:
            ledger: Trades of one environment.
            usd_per_price: Profit of one lot when the price moves by 1: contract size times
                currency conversion.
        """
        traded_price = ledger.entry_price + ledger.exit_price
        return cls(
            gross=ledger.gross,
            spread_cost=ledger.spread_cost,
            slippage_cost=ledger.slippage_cost,
            commission=ledger.commission,
            swap=ledger.swap,
            net=ledger.net,
            notional=ledger.lots * usd_per_price * traded_price,
            held_bars=ledger.held_bars.astype(np.float64),
        )

    def scaled(self, factor: float) -> Trades:
        """Return the same trades with an account `factor` times as large."""
        money = {field.name: getattr(self, field.name) * factor for field in fields(self)}
        return Trades(**(money | {"held_bars": self.held_bars}))


@dataclass(frozen=True, kw_only=True, eq=False)
class EquityPath:
    """Equity over time, and the trades that made it.

    Attributes:
        equity: `(n_bars + 1,) float64`; the first is before the first decision is filled and
            positive. An early end is followed by the same equity up to the end of the window.
        time_us: `(n_bars + 1,) int64` times of these points, UTC, strictly increasing.
        trades: The closed trades.
    """

    equity: Floats
    time_us: NDArray[np.int64]
    trades: Trades

    def __post_init__(self) -> None:
        assert self.equity.ndim == 1, f"equity of shape {self.equity.shape}"
        assert len(self.equity) == len(self.time_us) >= 1, f"{len(self.equity)} points of equity"
        assert np.isfinite(self.equity).all(), "equity is not finite"
        assert self.equity[0] > 0, f"equity begins at {self.equity[0]}"
        assert (np.diff(self.time_us) > 0).all(), "times do not increase"


@dataclass(frozen=True, kw_only=True)
class Performance:
    """Measures of one path of equity; None where a measure is undefined.

    Attributes:
        n_bars: Returns measured.
        years: Calendar time from the first point to the last, in years of 365.25 days.
        bars_per_year: `n_bars / years`, which annualizes Sharpe and Sortino.
        initial_equity, final_equity: Account currency.
        total_return_frac: final / initial - 1; below -1 after a ruin into debt.
        annualized_return_frac: Geometric, by calendar time: (final / initial)^(1 / years) - 1;
            -1 after a ruin; None below 30 days.
        sharpe: Mean over deviation (ddof 1) of simple returns per bar, times the root of
            `bars_per_year`; no risk-free rate. None where returns do not vary, and below 30 days.
        sortino: The same over the root mean square of the negative returns, counted over all
            bars; target 0. None where no return is negative, and below 30 days.
        max_drawdown_frac: Deepest fall from a peak as a share of it; above 1 after a ruin into
            debt.
        max_drawdown_bars, max_drawdown_days: Length of that fall, from its peak until equity is
            back at it, or to the end.
        calmar: Annualized return over deepest fall.
        profit_factor: Net of the winning trades over that of the losing ones; None without losers.
        win_rate_frac: Share of trades with net above 0; None without trades.
        n_trades: Closed trades.
        exposure_frac: Share of bars in a position; None without bars.
        turnover: Value bought and sold over mean equity, per year; None where equity averages 0
            or less, and below 30 days.
        gross_pnl, costs, net_pnl: Of all trades, account currency; gross - costs = net.
        spread_cost, slippage_cost, commission, swap: The costs by kind.
    """

    n_bars: int
    years: float
    bars_per_year: float | None
    initial_equity: float
    final_equity: float
    total_return_frac: float
    annualized_return_frac: float | None
    sharpe: float | None
    sortino: float | None
    max_drawdown_frac: float
    max_drawdown_bars: int
    max_drawdown_days: float
    calmar: float | None
    profit_factor: float | None
    win_rate_frac: float | None
    n_trades: int
    exposure_frac: float | None
    turnover: float | None
    gross_pnl: float
    costs: float
    net_pnl: float
    spread_cost: float
    slippage_cost: float
    commission: float
    swap: float

    def to_json(self) -> dict[str, float | None]:
        """Return the measures by name; strict JSON."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Drawdown:
    """The deepest fall of a path: its depth as a share of the peak, and its length."""

    depth_frac: float
    length_bars: int
    length_days: float


def performance(path: EquityPath) -> Performance:
    """Measure a path of equity and its trades."""
    trades, returns = path.trades, returns_of(path.equity)
    years = float(path.time_us[-1] - path.time_us[0]) / US_PER_DAY / DAYS_PER_YEAR
    bars_per_year = len(returns) / years if years else None
    scale = annualizing_bars(path.time_us)
    is_long_enough = scale is not None
    traded = float(trades.notional.sum()) if is_long_enough else None
    annualized = annualized_return(path.equity, years)
    fall = deepest_drawdown(path.equity, path.time_us)
    money = {
        name: float(getattr(trades, name).sum())
        for name in ("spread_cost", "slippage_cost", "commission", "swap")
    }
    return Performance(
        n_bars=len(returns),
        years=years,
        bars_per_year=bars_per_year,
        initial_equity=float(path.equity[0]),
        final_equity=float(path.equity[-1]),
        total_return_frac=float(path.equity[-1] / path.equity[0]) - 1,
        annualized_return_frac=annualized,
        sharpe=sharpe_ratio(returns, scale),
        sortino=sortino_ratio(returns, scale),
        max_drawdown_frac=fall.depth_frac,
        max_drawdown_bars=fall.length_bars,
        max_drawdown_days=fall.length_days,
        calmar=_ratio(annualized, fall.depth_frac),
        profit_factor=profit_factor(trades.net),
        win_rate_frac=_ratio(float((trades.net > 0).sum()), len(trades)),
        n_trades=len(trades),
        exposure_frac=_ratio(float(trades.held_bars.sum()), len(returns)),
        turnover=_ratio(traded, float(path.equity.mean()) * years),
        gross_pnl=float(trades.gross.sum()),
        costs=sum(money.values()),
        net_pnl=float(trades.net.sum()),
        **money,
    )


def annualizing_bars(time_us: NDArray[np.int64]) -> float | None:
    """Return the bars of a year that ratios are annualized with; None below 30 days.

    Args:
        time_us: `(n_bars + 1,)` times of the points of a path.
    """
    years = float(time_us[-1] - time_us[0]) / US_PER_DAY / DAYS_PER_YEAR
    if years * DAYS_PER_YEAR < LEAST_ANNUALIZED_DAYS:
        return None
    return (len(time_us) - 1) / years


def stitch(paths: Sequence[EquityPath]) -> EquityPath:
    """Put the paths of consecutive windows together as one account that compounds over them.

    Each path is scaled to begin with what the one before left, its trades with it. A path that
    begins where the one before ended loses that repeated point. A ruin is final: later paths add
    time and no money.

    Args:
        paths: In time order, at least one.

    Returns:
        A path that begins with the first path's own equity.
    """
    assert paths, "nothing to stitch"
    equities, times, trades = [paths[0].equity], [paths[0].time_us], [paths[0].trades]
    for path in paths[1:]:
        assert path.time_us[0] >= times[-1][-1], "paths are not in time order"
        first = int(path.time_us[0] == times[-1][-1])
        left = float(equities[-1][-1])
        factor = max(left, 0.0) / float(path.equity[0])
        scaled = path.equity * factor if left > 0 else np.full(len(path.equity), left)
        # A path of one point that repeats the last one adds nothing.
        if first < len(scaled):
            equities.append(scaled[first:])
            times.append(path.time_us[first:])
        trades.append(path.trades.scaled(factor))
    together = {
        field.name: np.concatenate([getattr(item, field.name) for item in trades])
        for field in fields(Trades)
    }
    return EquityPath(
        equity=np.concatenate(equities),
        time_us=np.concatenate(times),
        trades=Trades(**together),
    )


def returns_of(equity: Floats) -> Floats:
    """Return simple returns `(n_points - 1,)`; 0 once equity is 0 or less."""
    before = equity[:-1]
    alive = np.minimum.accumulate(before) > 0
    return np.where(alive, np.diff(equity) / np.where(alive, before, 1.0), 0.0)


def log_growth(total_return_frac: float) -> float:
    """Return the log of what an account became, ln(1 + return), ruin floored at ln(`RUIN_FRAC`).

    Higher is better, flat is 0, and it adds up over folds.
    """
    return log_of_growth(1 + total_return_frac)


def log_of_growth(growth: float) -> float:
    """Return ln(final / initial), ruin floored at ln(`RUIN_FRAC`)."""
    return math.log(max(growth, RUIN_FRAC))


def annualized_return(equity: Floats, years: float) -> float | None:
    """Return the geometric annual growth by calendar time; -1 after a ruin, None if too short."""
    if years * DAYS_PER_YEAR < LEAST_ANNUALIZED_DAYS:
        return None
    growth = float(equity[-1] / equity[0])
    if growth <= 0:
        return -1.0
    log_growth = math.log(growth) / years
    return math.expm1(log_growth) if log_growth < LARGEST_LOG_GROWTH else None


def sharpe_ratio(returns: Floats, bars_per_year: float | None) -> float | None:
    """Return mean over deviation (ddof 1), annualized by the root of `bars_per_year`."""
    if bars_per_year is None or len(returns) < 2:
        return None
    deviation = float(returns.std(ddof=1))
    if deviation <= ROUNDING_FRAC * float(np.abs(returns).max()):
        return None
    return float(returns.mean()) / deviation * math.sqrt(bars_per_year)


def sortino_ratio(returns: Floats, bars_per_year: float | None) -> float | None:
    """Return mean over downside deviation around 0, annualized like the Sharpe ratio."""
    if bars_per_year is None or len(returns) < 2:
        return None
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    if downside == 0:
        return None
    return float(returns.mean()) / downside * math.sqrt(bars_per_year)


def deepest_drawdown(equity: Floats, time_us: NDArray[np.int64]) -> Drawdown:
    """Return the deepest fall; of equals the first. All zeros where equity never falls."""
    peaks = np.maximum.accumulate(equity)
    falls = 1 - equity / peaks
    trough = int(np.argmax(falls))
    peak = trough - int(np.argmax(equity[trough::-1]))  # the last bar at the peak
    back = np.flatnonzero(equity[trough:] >= equity[peak])
    end = trough + int(back[0]) if back.size else len(equity) - 1
    days = float(time_us[end] - time_us[peak]) / US_PER_DAY
    if falls[trough] <= ROUNDING_FRAC:
        return Drawdown(depth_frac=0.0, length_bars=0, length_days=0.0)
    return Drawdown(depth_frac=float(falls[trough]), length_bars=end - peak, length_days=days)


def profit_factor(net: Floats) -> float | None:
    """Return what winners won over what losers lost; None without losers."""
    return _ratio(float(net[net > 0].sum()), -float(net[net < 0].sum()))


def _ratio(above: float | None, below: float) -> float | None:
    """Divide; None where the upper is undefined or the lower is not positive."""
    return None if above is None or below <= 0 else above / below
