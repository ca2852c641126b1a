"""`MarketConfig`: the broker's conditions; `Terms`: the same, resolved for one instrument.

Not here: the rules that use them (`envs.market.rules`). Read next: `envs.market.contract`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from envs.errors import ConfigError

LOTS_PER_BALANCE_UNIT = 0.01
_POSITIVE = (
    "initial_balance_usd",
    "balance_per_lot_usd",
    "lot_step",
    "min_lots",
    "max_lots",
    "contract_size",
    "currency_conversion",
    "leverage",
)
_NOT_NEGATIVE = (
    "margin_call_frac",
    "stop_out_frac",
    "slippage_points",
    "commission_per_lot_usd",
    "spread_points",
    "spread_multiplier",
)


@dataclass(frozen=True, kw_only=True)
class MarketConfig:
    """The account and the broker's conditions.

    Raises:
        ConfigError: If a value is out of range or two of them contradict each other.
    """

    initial_balance_usd: float = 10_000.0
    """Balance at the start of every episode, USD, which the account is in; positive."""
    balance_per_lot_usd: float = 500.0
    """Each this much of balance buys 0.01 lots; positive. The rule of the historical scripts."""
    lot_step: float = 0.01
    """Orders are rounded down to a multiple of this many lots; positive."""
    min_lots: float = 0.01
    """Smallest order, a multiple of `lot_step`; a smaller one is raised to it."""
    max_lots: float = 200.0
    """Largest order, a multiple of `lot_step`; a larger one is cut to it."""
    contract_size: float | None = None
    """Units of the instrument in one lot; None takes it from the symbol (`contract_size_for`)."""
    currency_conversion: float | None = None
    """USD for one unit of the quote currency; positive, constant over the bars. None is 1 where the
    symbol is quoted in USD or in nothing known; else it must be set (`envs.market.currency`)."""
    leverage: float = 100.0
    """Notional value for one unit of margin; positive."""
    margin_call_frac: float = 1.0
    """Below this equity over margin the bar is flagged as a margin call; 0 never flags."""
    stop_out_frac: float = 0.5
    """Below this equity over margin the position is closed and the episode ends; 0 never does."""
    slippage_points: float = 0.0
    """Adverse distance of every fill from its quote, in points; not negative."""
    commission_per_lot_usd: float = 0.0
    """Commission for one lot and one side (entry or exit); not negative."""
    swap_long_points: float = 0.0
    """Points that a long position pays for each UTC midnight; negative means it earns."""
    swap_short_points: float = 0.0
    """The same for a short position."""
    spread_points: float | None = None
    """Constant spread in points; None takes each bar's own."""
    spread_multiplier: float = 1.0
    """Factor on the spread, for stress tests; not negative."""
    max_drawdown_frac: float | None = 0.5
    """A fall of equity from its peak by more than this share ends the episode; None never does."""

    def __post_init__(self) -> None:
        for name in (*_POSITIVE, *_NOT_NEGATIVE, "swap_long_points", "swap_short_points"):
            self._check_number(name)
        if self.max_drawdown_frac is not None and not 0 < self.max_drawdown_frac <= 1:
            raise ConfigError(
                "The largest drawdown must lie in (0, 1]",
                came=f"{self.max_drawdown_frac}",
                where="max_drawdown_frac",
                mend="write 0.5 for 50 %, or None to switch the rule off",
            )
        self._check_lots()

    @property
    def steps_per_lot(self) -> float:
        """Lot steps in one lot, exact where that is a whole number (100 for a step of 0.01)."""
        count = 1.0 / self.lot_step
        return float(round(count)) if abs(count - round(count)) < 1e-9 else count

    def _check_number(self, name: str) -> None:
        value = getattr(self, name)
        if value is None:
            return
        if not math.isfinite(value):
            raise ConfigError("A market setting must be finite", came=f"{value}", where=name)
        if name in _POSITIVE and value <= 0:
            raise ConfigError("This market setting must be positive", came=f"{value}", where=name)
        if name in _NOT_NEGATIVE and value < 0:
            raise ConfigError(
                "This market setting must not be negative", came=f"{value}", where=name
            )

    def _check_lots(self) -> None:
        for name in ("min_lots", "max_lots"):
            n_steps = getattr(self, name) * self.steps_per_lot
            if abs(n_steps - round(n_steps)) > 1e-6:
                raise ConfigError(
                    "The smallest and largest order must be whole multiples of lot_step",
                    came=f"{getattr(self, name)} with a lot step of {self.lot_step}",
                    where=name,
                )
        if self.min_lots > self.max_lots:
            raise ConfigError(
                "min_lots must not exceed max_lots", came=f"{self.min_lots} > {self.max_lots}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """A `MarketConfig` for one instrument, with every unit resolved to prices and account currency.

    Attributes:
        lot_steps_per_usd: Lot steps that one unit of balance buys.
        slippage_price: Adverse distance of a fill, in price.
        usd_per_price: Profit of one lot when the price moves by 1 (`Tape.usd_per_price`).
        margin_per_price: Margin of one lot divided by its price.
        swap_long_usd, swap_short_usd: Cost of one lot for one night.
        drawdown_floor_frac: Lowest equity over its peak that is allowed; None is no limit.
    """

    initial_balance_usd: float
    lot_steps_per_usd: float
    steps_per_lot: float
    min_lots: float
    max_lots: float
    slippage_price: float
    usd_per_price: float
    margin_per_price: float
    commission_per_lot_usd: float
    swap_long_usd: float
    swap_short_usd: float
    margin_call_frac: float
    stop_out_frac: float
    drawdown_floor_frac: float | None

    @classmethod
    def of(cls, config: MarketConfig, *, point_size: float, usd_per_price: float) -> Terms:
        """Resolve `config` for an instrument of this point size and worth."""
        limit = config.max_drawdown_frac
        return cls(
            initial_balance_usd=config.initial_balance_usd,
            lot_steps_per_usd=LOTS_PER_BALANCE_UNIT
            * config.steps_per_lot
            / config.balance_per_lot_usd,
            steps_per_lot=config.steps_per_lot,
            min_lots=config.min_lots,
            max_lots=config.max_lots,
            slippage_price=config.slippage_points * point_size,
            usd_per_price=usd_per_price,
            margin_per_price=usd_per_price / config.leverage,
            commission_per_lot_usd=config.commission_per_lot_usd,
            swap_long_usd=config.swap_long_points * point_size * usd_per_price,
            swap_short_usd=config.swap_short_points * point_size * usd_per_price,
            margin_call_frac=config.margin_call_frac,
            stop_out_frac=config.stop_out_frac,
            drawdown_floor_frac=None if limit is None else 1.0 - limit,
        )

    @property
    def has_swap(self) -> bool:
        """Whether nights cost or earn anything at all."""
        return bool(self.swap_long_usd or self.swap_short_usd)
