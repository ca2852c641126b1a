"""Flags about the market, the reward and the features: the world that an agent lives in."""

from __future__ import annotations

from bot.flags.flag import ActsWith, Flag
from bot.flags.values import one_of
from envs.actions import MODES
from envs.rewards import REWARDS

_MARKET = "env.market"

MARKET = (
    Flag(
        "action_mode",
        "target (short, flat, long) or orders (hold, buy, sell, close)",
        "env.action_mode",
        one_of(MODES),
    ),
    Flag("reward", "what the agent is paid for", "env.reward", one_of(REWARDS)),
    Flag(
        "reward_window",
        "memory of the differential rewards, bars",
        "env.reward_window_bars",
        acts_with=ActsWith("env.reward", ("differential_sharpe", "sortino")),
    ),
    Flag("initial_balance", "USD at the start of every episode", f"{_MARKET}.initial_balance_usd"),
    Flag("balance_per_lot", "USD of balance that buy 0.01 lots", f"{_MARKET}.balance_per_lot_usd"),
    Flag("min_lots", "smallest order, lots", f"{_MARKET}.min_lots"),
    Flag("max_lots", "largest order, lots", f"{_MARKET}.max_lots"),
    Flag(
        "contract_size",
        "units of the instrument in one lot; by symbol without it",
        f"{_MARKET}.contract_size",
        shown=False,
    ),
    Flag(
        "currency_conversion",
        "USD for one unit of the quote currency; 1 without it, or asked for",
        f"{_MARKET}.currency_conversion",
        shown=False,
    ),
    Flag(
        "spread_points",
        "constant spread, points; none takes each bar's own",
        f"{_MARKET}.spread_points",
    ),
    Flag(
        "spread_multiplier",
        "factor on the spread, for stress tests",
        f"{_MARKET}.spread_multiplier",
    ),
    Flag("slippage", "adverse distance of every fill, points", f"{_MARKET}.slippage_points"),
    Flag("commission", "USD for one lot and one side", f"{_MARKET}.commission_per_lot_usd"),
    Flag(
        "swap_long",
        "points a long position pays each UTC midnight; negative earns",
        f"{_MARKET}.swap_long_points",
    ),
    Flag("swap_short", "the same for a short position", f"{_MARKET}.swap_short_points"),
    Flag("leverage", "notional value for one unit of margin", f"{_MARKET}.leverage"),
    Flag(
        "stop_out",
        "equity over margin that closes the position; 0 never does",
        f"{_MARKET}.stop_out_frac",
    ),
    Flag(
        "max_drawdown",
        "fall from the peak of equity that ends an episode, (0, 1]; none",
        f"{_MARKET}.max_drawdown_frac",
    ),
    Flag(
        "episode_bars",
        "longest training episode, bars; none runs to the end of the slice",
        "env.episode_bars",
        acts_with=ActsWith("random_starts", (True,)),
    ),
    Flag("random_start", "training episodes begin at random bars", "random_starts"),
)

FEATURES = (
    Flag(
        "features",
        "names of features to use, in order; all without it",
        "features.names",
        shown=False,
        word="NAME",
    ),
    Flag(
        "feature_function",
        "your own features, module:function or file.py:function; several are allowed",
        "features.user_functions",
        shown=False,
        word="MODULE:FUNCTION",
    ),
    Flag(
        "extra_columns",
        "extra numeric columns of the file become features",
        "features.extra_columns",
    ),
    Flag("scaling", "rolling (causal), fitted (on the train slice), none", "features.scaling"),
    Flag(
        "scaling_window",
        "bars of rolling scaling",
        "features.scaling_window_bars",
        acts_with=ActsWith("features.scaling", ("rolling",)),
    ),
)
