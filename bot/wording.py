"""How figures and names read, on the screen and in the report: one wording for both.

Values may come from a file that a stranger wrote: whatever is not a finite number prints as
`-`, and no name can carry a control character. Not here: layout (`bot.live`, `bot.report`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

NOT_MEASURED = "n/a"
"""Stands where a figure could exist but was not measured."""
UNDEFINED = "-"
"""Stands where a figure is not defined, such as the win rate of no trades."""

MINUS = "-"
_SECONDS_PER_MINUTE = 60
_SECONDS_PER_HOUR = 3_600


def clean(text: object, *, max_length: int = 200) -> str:
    """Make a name safe to print: no control, format or bidirectional characters, bounded length.

    Args:
        text: Anything; its `str` is used.
        max_length: Longer texts end in an ellipsis.
    """
    spaced = " ".join(str(text).split())  # also line breaks and tabs
    safe = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in spaced)
    return safe if len(safe) <= max_length else safe[: max_length - 1] + "\N{HORIZONTAL ELLIPSIS}"


def as_number(value: object) -> float | None:
    """Return a finite number as a float; None for everything else, True and False included."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def decimal(value: object, digits: int = 2, *, signed: bool = False) -> str:
    """Write a number with fixed decimals and thousands commas, `1,234.50`; `-` where undefined."""
    number = as_number(value)
    if number is None:
        return UNDEFINED
    rounded = round(number, digits) + 0.0  # no "-0.00"
    return f"{rounded:{'+' if signed and rounded else ''},.{digits}f}"


def percent(value: object, digits: int = 2, *, signed: bool = True) -> str:
    """Write a fraction as a percentage, `+1.25%`; `-` where undefined."""
    number = as_number(value)
    if number is None:
        return UNDEFINED
    return decimal(number * 100, digits, signed=signed) + "%"


def whole(value: object) -> str:
    """Write a count with thousands commas; `-` where undefined."""
    return decimal(value, 0)


def compact(value: object) -> str:
    """Write a hyperparameter or score in four significant digits, `0.0005`, `2e-05`."""
    number = as_number(value)
    return UNDEFINED if number is None else f"{number:.4g}"


def score(value: object) -> str:
    """Write a validation score, signed, in four decimals."""
    return decimal(value, 4, signed=True)


def duration(seconds: object) -> str:
    """Write seconds as `0.42 s`, `12.3 s`, `2m 05s` or `3h 07m`; `n/a` where not measured."""
    value = as_number(seconds)
    if value is None:
        return NOT_MEASURED
    if value < _SECONDS_PER_MINUTE - 0.05:
        return f"{value:.2f} s" if value < 1 else f"{value:.1f} s"
    whole_s = round(value)
    if whole_s < _SECONDS_PER_HOUR:
        return f"{whole_s // 60}m {whole_s % 60:02d}s"
    return f"{whole_s // 3600}h {whole_s % 3600 // 60:02d}m"


def times(ratio: object) -> str:
    """Write how many times as much, in three digits: `1.25x`, `12.5x`, `125x`."""
    number = as_number(ratio)
    if number is None:
        return UNDEFINED
    return decimal(number, 0 if number >= 100 else 1 if number >= 10 else 2) + "x"


def counted(number: int, thing: str) -> str:
    """Write so many things, `1 fold` or `3 folds`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def size(n_bytes: object) -> str:
    """Write bytes as MiB or GiB; `n/a` where not measured."""
    value = as_number(n_bytes)
    if value is None:
        return NOT_MEASURED
    return f"{value / 2**30:.2f} GiB" if value >= 2**30 else f"{value / 2**20:.1f} MiB"


def saved_text(count: Mapping[str, Any]) -> str:
    """Write what a rule saved with its unit; `n/a` where it was not measured."""
    saved = as_number(count.get("saved"))
    if saved is None:
        return NOT_MEASURED
    unit = clean(count.get("unit", ""), max_length=20)
    if unit == "seconds":
        return duration(saved)
    return f"{whole(saved)} {unit.removesuffix('s') if saved == 1 else unit}"


def rule_name(rule: object) -> str:
    """Write a rule's name as words."""
    return clean(rule, max_length=40).replace("_", " ")


def decided_value(rule: str, value: object) -> str:
    """Write what a rule decided in the words of that rule."""
    if rule == "warm_start":
        return _warm_start_value(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,} steps" if rule == "adaptive_timesteps" else f"{value:,}"
    if value is None:
        return "none"
    return compact(value) if isinstance(value, float) else clean(value, max_length=40)


def _warm_start_value(value: object) -> str:
    """Write where a fold starts, or, for a yes or no, which model was kept after it."""
    if isinstance(value, bool):
        return "keep trained" if value else "keep incumbent"
    return "fresh" if value is None else f"from fold {clean(value, max_length=20)}"


Kind = Literal["percent", "ratio", "count", "money", "share"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One row of a table of performance.

    Attributes:
        key: Field of `training.metrics.Performance`.
        label: What the row is called.
        kind: How its values read. A `share` is a percentage without a sign.
    """

    key: str
    label: str
    kind: Kind

    def value_of(self, performance: Mapping[str, Any]) -> object:
        """Return this metric of a performance, None where it has none."""
        return performance.get(self.key)

    def read(self, performance: Mapping[str, Any]) -> str:
        """Write this metric of a performance with its unit."""
        value = self.value_of(performance)
        if self.kind in ("percent", "share"):
            return percent(value, signed=self.kind == "percent")
        return {"ratio": decimal(value), "count": whole(value), "money": decimal(value)}[self.kind]


METRICS = (
    Metric(key="total_return_frac", label="Net return", kind="percent"),
    Metric(key="annualized_return_frac", label="Annualized return", kind="percent"),
    Metric(key="sharpe", label="Sharpe, annualized", kind="ratio"),
    Metric(key="sortino", label="Sortino, annualized", kind="ratio"),
    Metric(key="max_drawdown_frac", label="Max drawdown", kind="share"),
    Metric(key="max_drawdown_bars", label="Drawdown length, bars", kind="count"),
    Metric(key="max_drawdown_days", label="Drawdown length, days", kind="ratio"),
    Metric(key="calmar", label="Calmar", kind="ratio"),
    Metric(key="profit_factor", label="Profit factor", kind="ratio"),
    Metric(key="win_rate_frac", label="Win rate", kind="share"),
    Metric(key="n_trades", label="Trades", kind="count"),
    Metric(key="exposure_frac", label="Exposure", kind="share"),
    Metric(key="turnover", label="Turnover a year", kind="ratio"),
    Metric(key="gross_pnl", label="Gross profit", kind="money"),
    Metric(key="costs", label="Costs", kind="money"),
    Metric(key="net_pnl", label="Net profit", kind="money"),
)

BASELINES = {"flat": "Flat", "buy_and_hold": "Buy & hold", "random": "Random"}
"""What the agent is compared with, by its key in the summary."""


def annualization(agent: Mapping[str, Any]) -> str:
    """Say how the annualized figures of a performance were made."""
    bars_per_year = agent.get("bars_per_year")
    if as_number(bars_per_year) is None:
        return ""
    return (
        f"Sharpe and Sortino: returns per bar times the root of {whole(bars_per_year)} bars a "
        "year, no risk-free rate. Annualized return: by calendar time. Turnover: value traded over "
        "mean equity. None of these is given for less than 30 days. Random: the mean of several "
        "random agents."
    )


COST_KINDS = {
    "spread_cost": "Spread",
    "slippage_cost": "Slippage",
    "commission": "Commission",
    "swap": "Swap",
}
"""What a trade can be charged, by its key in a performance and in a ledger."""
BEFORE_COSTS = "Before costs: no cost was set or in the file."


def charged(
    performances: Sequence[Mapping[str, Any]], market: Mapping[str, Any] | None = None
) -> str:
    """Say which costs the trades of some performances were charged, and which not.

    Args:
        performances: The agent's and the baselines'; those without trades tell nothing.
        market: Settings of the market, where they are known: they say where the spread is from.

    Returns:
        One or two sentences; none where no trade was made or its costs are not known.
    """
    kinds = _charged_kinds(performances)
    if kinds is None:
        return ""
    paid = [name.lower() for kind, name in COST_KINDS.items() if kind in kinds]
    if not paid:
        return BEFORE_COSTS
    if paid[0] == "spread" and market and "spread_points" in market:
        paid[0] = f"spread ({'from the bars' if market['spread_points'] is None else 'as set'})"
    free = [name.lower() for kind, name in COST_KINDS.items() if kind not in kinds]
    left_out = f" Not charged: {', '.join(free)}." if free else ""
    return f"Charged: {', '.join(paid)}.{left_out}"


def hold_sizing(hold: Mapping[str, Any], price_change_frac: object = None) -> str:
    """Say how large the positions of buy-and-hold are, and what the bare price did meanwhile.

    Value bought and sold, halved over the trades, is the value of one position; over mean equity
    it is the leverage.

    Args:
        hold: Performance of buy-and-hold.
        price_change_frac: From the close before the first test fill to the last test close.
    """
    names = ("turnover", "years", "n_trades")
    turnover, years, n_trades = (as_number(hold.get(name)) for name in names)
    times = ""
    if turnover and years and n_trades:
        leverage = turnover * years / (2 * n_trades)
        times = f": here on average {decimal(leverage)} times the account"
    told = f"Buy & hold uses the same sizing as the agent (lots from the balance){times}."
    if as_number(price_change_frac) is not None:
        told += f" The price itself changed by {percent(price_change_frac)}."
    return told if hold else ""


def cost_ground(performances: Sequence[Mapping[str, Any]]) -> str:
    """Return `net of costs`, or `before costs` where trades were made and none cost anything."""
    return "before costs" if _charged_kinds(performances) == set() else "net of costs"


def _charged_kinds(performances: Sequence[Mapping[str, Any]]) -> set[str] | None:
    """Return the kinds of cost that were not 0 in a trade; None where that is not known."""
    traded = [item for item in performances if as_number(item.get("n_trades"))]
    if not traded or any(
        as_number(item.get(kind)) is None for item in traded for kind in COST_KINDS
    ):
        return None
    return {kind for kind in COST_KINDS if any(item[kind] != 0 for item in traded)}


PLANTED_FORMAT = "planted market"
"""Format that the embedded sample's bars are recorded with, in place of a file's."""
PLANTED_MARKET = "Synthetic market with a planted pattern, not a real one."


def on_planted(data: object) -> bool:
    """Say whether bars, as a summary or a configuration describes them, are the embedded sample."""
    return isinstance(data, Mapping) and data.get("format") == PLANTED_FORMAT


def verdict(
    agent: Mapping[str, Any],
    baselines: Mapping[str, Mapping[str, Any]],
    *,
    planted: bool = False,
    best_share: str | None = None,
) -> list[str]:
    """Say in plain sentences how the agent did on the test bars, the bad news included.

    Args:
        agent: Out-of-sample performance.
        baselines: Performance of the baselines on the same bars.
        planted: Whether the market was the embedded sample; said first.
        best_share: What share of the best policy's return that was; said second.

    Returns:
        One to six sentences; none where the agent's return is unknown.
    """
    own = as_number(agent.get("total_return_frac"))
    if own is None:
        return []
    sentences = [PLANTED_MARKET] if planted else []
    if best_share:
        sentences.append(clean(best_share, max_length=400))
    performances = [agent, *baselines.values()]
    ground = cost_ground(performances)
    sentences.append(_against_hold(own, baselines.get("buy_and_hold", {}), agent, ground))
    if ground == "before costs":
        sentences.append(BEFORE_COSTS)
    random = as_number(baselines.get("random", {}).get("total_return_frac"))
    if random is not None and own < random:
        sentences.append(f"It did worse than acting at random ({percent(random)}).")
    sentences.append("This is one seed on one stretch of bars: luck is not ruled out.")
    return sentences


def chance_in_short(chance: Mapping[str, Any]) -> str:
    """Say in a few words whether a run beats chance; `n/a` where its summary does not say.

    Args:
        chance: `chance` of the run's summary, whose `line` gives the reasons.
    """
    if "beats_chance" not in chance:
        return NOT_MEASURED
    beats, sharpe = chance["beats_chance"], chance.get("sharpe")
    words = "beaten" if beats is True else "not shown to be beaten" if beats is False else "open"
    if beats is not True and (missed := _not_outdone(chance)):
        words += f" (not against {' and '.join(missed)})"
    value = as_number(sharpe.get("value")) if isinstance(sharpe, Mapping) else None
    if value is None or not isinstance(sharpe, Mapping):
        return f"{words}, one configuration counted"
    return f"{words}: Sharpe ratio {decimal(value)}{_interval(sharpe)}, one configuration counted"


def _not_outdone(chance: Mapping[str, Any]) -> list[str]:
    """Return the baselines that a run is not shown to have earned more than."""
    against = chance.get("against")
    missed = []
    for name in BASELINES:
        compared = against.get(name) if isinstance(against, Mapping) else None
        earned = compared.get("return_difference") if isinstance(compared, Mapping) else None
        interval = earned.get("interval") if isinstance(earned, Mapping) else None
        low = as_number(interval.get("low")) if isinstance(interval, Mapping) else None
        if isinstance(earned, Mapping) and (low is None or low <= 0):
            missed.append(name.replace("_", "-"))
    return missed


def _interval(estimate: Mapping[str, Any]) -> str:
    interval = estimate.get("interval")
    if not isinstance(interval, Mapping):
        return ""
    low, high = (decimal(interval.get(end)) for end in ("low", "high"))
    return f" ({percent(interval.get('confidence'), 0, signed=False)} interval {low} to {high})"


def _against_hold(
    own: float, hold: Mapping[str, Any], agent: Mapping[str, Any], ground: str
) -> str:
    other = as_number(hold.get("total_return_frac"))
    against = "" if other is None else f" Buy-and-hold made {percent(other)}."
    if agent.get("n_trades") == 0:
        return f"The agent made no trades on the test bars, so it is scored as flat.{against}"
    if other is None:
        return f"The agent made {percent(own)} {ground}."
    gap = abs(round(own, 4) - round(other, 4))  # of the figures as they are printed
    if percent(gap) == percent(0.0):
        return f"The agent and buy-and-hold both made {percent(own)} {ground}."
    did = "beat" if own > other else "lost to"
    loss = " and still lost money" if own < 0 < own - other else ""
    return (
        f"The agent {did} buy-and-hold by {percent(gap, signed=False)[:-1]} percentage points "
        f"{ground} ({percent(own)} against {percent(other)}){loss}."
    )
