"""The rules one by one, against trades worked by hand (the same numbers as docs/semantics.md)."""

import dataclasses

import numpy as np
import pytest

from envs.config import EnvConfig
from envs.errors import ConfigError
from envs.market import MarketConfig, Terms, contract_size_for, make_tape, scalar
from envs.market.currency import with_nominal_conversion
from envs.market.rules import lots_for
from envs.market.tape import count_nights
from envs.trading_env import TradingEnv
from tests.envs.slow_market import HOUR_US, make_bars

SHORT, FLAT, LONG = 0, 1, 2
# The worked example: gold, 100 ounces a lot, one point is 0.01; 10,000 buys 0.1 lots, so that a
# price change of 1.00 is worth 10.00. One midnight lies between bars 1 and 2.
OPENS = [2000.0, 2001.0, 2004.0, 2002.5]
CLOSES = [2000.0, 2003.0, 2002.0, 2001.0]
HOURS = [21, 22, 24, 25]


def gold(**settings):
    """The conditions of the worked example: 1,000 of balance for 0.01 lots."""
    return MarketConfig(balance_per_lot_usd=1_000.0, **settings)


GOLD = gold(max_drawdown_frac=None)


def play(actions, market, *, opens=OPENS, closes=CLOSES, spread=0.0, mode="target", hours=None):
    """Walk one account over the bars; returns the env and the steps."""
    bars = make_bars(
        opens, closes, spread=spread, hours=HOURS[: len(opens)] if hours is None else hours
    )
    tape = make_tape(bars, np.zeros((len(bars), 1), np.float32), market)
    env = TradingEnv(tape, EnvConfig(market=market, action_mode=mode), record=True)
    env.reset(seed=0)
    steps = []
    for action in actions:
        steps.append(env.step(action))
        if steps[-1][2] or steps[-1][3]:
            break
    return env, steps


def equity_after(market, actions, **kwargs):
    return play(actions, market, **kwargs)[0].equity_path()[:, 0].tolist()


def approx(*values):
    return pytest.approx(list(values), rel=1e-12, abs=1e-9)


# ----------------------------------------------------------------------- one trade for each cost


def test_a_long_earns_the_move_from_open_to_open_and_is_marked_at_the_close():
    env, _ = play([LONG, FLAT, FLAT], GOLD)
    assert env.equity_path()[:, 0].tolist() == approx(10_000, 10_020, 10_030, 10_030)
    assert env.ledger().gross.tolist() == approx(30.0)
    assert env.ledger().net.tolist() == approx(30.0)


def test_a_short_earns_what_a_long_loses():
    assert equity_after(GOLD, [SHORT, FLAT, FLAT]) == approx(10_000, 9_980, 9_970, 9_970)


def test_a_long_pays_the_spread_when_it_comes_in():
    """30 points of 0.01 on 10 ounces: 3.00, in the first mark already."""
    env, _ = play([LONG, FLAT, FLAT], GOLD, spread=30)
    assert env.equity_path()[:, 0].tolist() == approx(10_000, 10_017, 10_027, 10_027)
    assert env.ledger().spread_cost.tolist() == approx(3.0)
    assert env.ledger().entry_price.tolist() == approx(2001.3)
    assert env.ledger().exit_price.tolist() == approx(2004.0)


def test_a_short_pays_the_spread_of_the_bar_where_it_goes_out_and_is_marked_at_the_ask():
    env, _ = play([SHORT, FLAT, FLAT], GOLD, spread=[0, 10, 50, 0])
    # marked at the ask of bar 1: -20 - 0.10 * 10; out at the ask of bar 2: -30 - 0.50 * 10
    assert env.equity_path()[:, 0].tolist() == approx(10_000, 9_979, 9_965, 9_965)
    assert env.ledger().spread_cost.tolist() == approx(5.0)
    assert env.ledger().entry_price.tolist() == approx(2001.0)
    assert env.ledger().exit_price.tolist() == approx(2004.5)


@pytest.mark.parametrize(("action", "sign"), [(LONG, 1), (SHORT, -1)])
def test_slippage_is_adverse_on_both_sides(action, sign):
    """5 points of 0.01 on 10 ounces: 0.50 in, 0.50 out."""
    market = gold(slippage_points=5, max_drawdown_frac=None)
    env, _ = play([action, FLAT, FLAT], market)
    assert env.equity_path()[1:3, 0].tolist() == approx(
        10_000 + sign * 20 - 0.5, 10_000 + sign * 30 - 1
    )
    assert env.ledger().slippage_cost.tolist() == approx(1.0)
    assert env.ledger().entry_price.tolist() == approx(2001.0 + sign * 0.05)
    assert env.ledger().exit_price.tolist() == approx(2004.0 - sign * 0.05)


def test_commission_is_paid_for_each_lot_and_side():
    """3.50 * 0.1 lots = 0.35 in, 0.35 out."""
    market = gold(commission_per_lot_usd=3.5)
    assert equity_after(market, [LONG, FLAT, FLAT]) == approx(
        10_000, 10_019.65, 10_029.30, 10_029.30
    )


@pytest.mark.parametrize(("action", "swap"), [(LONG, 4.0), (SHORT, -1.0)])
def test_swap_is_paid_for_the_midnight_before_the_open_that_closes(action, swap):
    """40 points of 0.01 on 10 ounces cost a long 4.00; a short earns 10 points, 1.00."""
    market = gold(swap_long_points=40, swap_short_points=-10)
    env, _ = play([action, FLAT, FLAT], market)
    assert env.ledger().swap.tolist() == approx(swap)
    assert env.ledger().net.tolist() == approx(env.ledger().gross[0] - swap)


def test_a_position_opened_after_midnight_pays_no_swap_for_it():
    market = gold(swap_long_points=40, swap_short_points=40)
    env, _ = play([FLAT, LONG, FLAT], market)
    assert env.ledger().swap.tolist() == [0.0]


def test_a_weekend_holds_three_midnights():
    friday_evening, monday_morning = 23 + 24 * 1, 1 + 24 * 4  # 1970-01-02 was a Friday
    times = np.array([friday_evening, monday_morning], np.int64) * HOUR_US
    assert count_nights(times).tolist() == [0.0, 3.0]


ALL_COSTS = gold(
    slippage_points=5,
    commission_per_lot_usd=3.5,
    swap_long_points=40,
    swap_short_points=10,
    max_drawdown_frac=None,
)


def test_the_worked_example_long_reversed_and_closed_at_the_end():
    """The example of docs/semantics.md, to the cent."""
    env, steps = play([LONG, SHORT, SHORT], ALL_COSTS, spread=30)
    assert env.equity_path()[:, 0].tolist() == approx(10_000, 10_016.15, 10_037.45, 10_046.60)
    ledger = env.ledger()
    expected = {
        "entry_bar": [1, 2],
        "exit_bar": [2, 3],
        "direction": [1, -1],
        "lots": [0.1, 0.1],
        "entry_price": [2001.35, 2003.95],
        "exit_price": [2003.95, 2001.35],
        "gross": [30.0, 30.0],
        "spread_cost": [3.0, 3.0],
        "slippage_cost": [1.0, 1.0],
        "commission": [0.7, 0.7],
        "swap": [4.0, 0.0],
        "net": [21.3, 25.3],
    }
    for name, column in expected.items():
        assert getattr(ledger, name).tolist() == approx(*column), name
    assert ledger.reason.tolist() == ["reversal", "end"]
    assert [step[2:4] for step in steps] == [(False, False), (False, False), (False, True)]
    assert steps[-1][1] == pytest.approx(100 * np.log(10_046.60 / 10_037.45))


def test_a_reversal_that_the_margin_refuses_still_closes():
    """0.1 lots at 2010 bind 10,050 at leverage 2; the short left 9,800."""
    market = gold(leverage=2.0, min_lots=0.1, max_drawdown_frac=None)
    opens = [1990, 1990, 2010, 2010]
    env, steps = play([SHORT, LONG, FLAT], market, opens=opens, closes=[1990] * 4)
    assert [step[4]["refused"] for step in steps] == [False, True, False]
    assert env.ledger().reason.tolist() == ["reversal"]
    assert env.ledger().net.tolist() == approx(-200.0)
    assert steps[1][4]["position"] == 0


def test_an_order_without_margin_is_refused_and_flagged():
    market = gold(leverage=1.9, max_drawdown_frac=None)
    env, steps = play([LONG, LONG, FLAT], market)
    assert [step[4]["refused"] for step in steps] == [True, True, False]
    assert len(env.ledger()) == 0
    assert equity_after(market, [LONG] * 3) == approx(10_000, 10_000, 10_000, 10_000)


def test_margin_is_taken_at_the_fill_price_with_spread_and_slippage():
    """0.1 lots at 2001 are 20,010, 9,999.75 of margin; 0.10 more on the price make it 10,000.25."""
    market = gold(leverage=2.00105, max_drawdown_frac=None)
    assert play([LONG], market)[1][0][4]["refused"] is False
    assert play([LONG], market, spread=10)[1][0][4]["refused"] is True
    slipping = dataclasses.replace(market, slippage_points=10)
    assert play([LONG], slipping)[1][0][4]["refused"] is True
    assert play([SHORT], slipping)[1][0][4]["refused"] is False


# ----------------------------------------------------------------------- how an episode ends


def harsh(**changes):
    """1 lot of 100 ounces at 100: 100.00 for each 1.00, margin 10,000 / leverage."""
    settings = {
        "initial_balance_usd": 1_000.0,
        "balance_per_lot_usd": 10.0,
        "max_lots": 1.0,
        "leverage": 20.0,
        "stop_out_frac": 0.0,
        "max_drawdown_frac": None,
    }
    return MarketConfig(**(settings | changes))


def test_ruin_terminates_at_the_mark_with_the_loss_in_equity_and_reward():
    env, steps = play([LONG] * 3, harsh(), opens=[100] * 4, closes=[100, 100, 89, 100])
    assert len(steps) == 2
    assert steps[-1][2:4] == (True, False)
    assert env.equity_path()[:, 0].tolist() == approx(1_000, 1_000, -100)
    assert env.ledger().reason.tolist() == ["ruin"]
    assert steps[-1][1] == pytest.approx(100 * np.log(0.01))


def test_ruin_needs_equity_at_zero_not_near_it():
    _, steps = play([LONG] * 3, harsh(), opens=[100] * 4, closes=[100, 100, 90.01, 100])
    assert len(steps) == 3
    _, steps = play([LONG] * 3, harsh(), opens=[100] * 4, closes=[100, 100, 90, 100])
    assert len(steps) == 2


def test_exit_costs_can_turn_the_end_of_the_window_into_ruin():
    """1.00 of equity is left at the mark; closing costs 2.00."""
    market = harsh(slippage_points=1.0, commission_per_lot_usd=1.0)
    env, steps = play([LONG], market, opens=[100, 100], closes=[100, 90.03], hours=[0, 1])
    assert env.equity_path()[-1, 0] == pytest.approx(-1.0)
    assert steps[-1][2:4] == (True, False)
    assert env.ledger().reason.tolist() == ["ruin"]


def test_stop_out_closes_below_its_share_of_the_margin():
    """Margin is 500; half of it is 250: equity 260 lives, 240 does not."""
    closes = [100, 92.6, 92.4, 100]
    env, steps = play([LONG] * 3, harsh(stop_out_frac=0.5), opens=[100] * 4, closes=closes)
    assert [step[2] for step in steps] == [False, True]
    assert env.ledger().reason.tolist() == ["stop_out"]
    assert env.ledger().exit_price.tolist() == approx(92.4)


def test_margin_call_is_a_flag_below_the_margin_and_nothing_more():
    closes = [100, 94.9, 95.1, 100]
    _, steps = play([LONG] * 3, harsh(), opens=[100] * 4, closes=closes)
    assert [step[4]["margin_call"] for step in steps] == [True, False, False]
    assert [step[2] for step in steps] == [False, False, False]


def test_drawdown_is_measured_from_the_peak_of_equity():
    """Peak 1,200; 30 % below is 840: equity 850 lives, 830 does not."""
    closes = [100, 102, 98.5, 98.3]
    env, steps = play([LONG] * 3, harsh(max_drawdown_frac=0.3), opens=[100] * 4, closes=closes)
    assert [step[2] for step in steps] == [False, False, True]
    assert steps[-1][3] is False, "terminated wins on the last bar of the window"
    assert env.ledger().reason.tolist() == ["drawdown"]


def test_a_flat_account_is_truncated_with_an_empty_ledger():
    env, steps = play([FLAT] * 3, GOLD)
    assert steps[-1][2:4] == (False, True)
    assert len(env.ledger()) == 0
    assert [step[1] for step in steps] == [0.0, 0.0, 0.0]


def test_a_trade_is_held_at_the_closes_between_its_fills():
    """In at the open of 1, out at the open of 2; in again there and out at the close of 3."""
    env, _ = play([LONG, SHORT, SHORT], GOLD)
    assert env.ledger().held_bars.tolist() == [1, 2]
    env, _ = play([LONG, FLAT, FLAT], GOLD)
    assert env.ledger().held_bars.tolist() == [1]


@pytest.mark.parametrize(
    ("reason", "n_bars"),
    [("close", 3), ("reversal", 3), ("end", 4), ("drawdown", 4), ("stop_out", 4), ("ruin", 4)],
)
def test_exits_at_an_open_are_not_held_at_that_bars_close(reason, n_bars):
    env, _ = play([LONG, LONG, LONG], GOLD)
    trade = dataclasses.replace(
        env.ledger(), entry_bar=np.array([2]), exit_bar=np.array([5]), reason=np.array([reason])
    )
    assert trade.held_bars.tolist() == [n_bars]


# ----------------------------------------------------------------------- sizes and settings


@pytest.mark.parametrize(
    ("balance", "step", "lots"),
    [
        (10_000.0, 0.01, 0.10),
        (10_999.99, 0.01, 0.10),
        (11_000.0, 0.01, 0.11),
        (11_000.0 - 2e-12, 0.01, 0.11),  # what rounding can leave of 11,000
        (29_000.0, 0.01, 0.29),  # 0.29 / 0.01 is 28.999999999999996 in floats
        (30_000.0, 0.1, 0.3),  # and 0.3 / 0.1 is 2.9999999999999996
        (39_999.0, 0.1, 0.3),
        (57_000.0, 0.01, 0.57),
        (500.0, 0.01, 0.01),  # raised to the smallest order
        (-100.0, 0.01, 0.01),
        (1e9, 0.01, 200.0),  # cut to the largest
    ],
)
def test_lots_are_cut_down_to_the_step_without_losing_one_to_rounding(balance, step, lots):
    config = gold(lot_step=step, min_lots=max(step, 0.01))
    if balance <= 500 and step > 0.01:
        pytest.skip("the smallest order is the step")
    terms = Terms.of(config, point_size=0.01, usd_per_price=100.0)
    assert lots_for(scalar, terms, balance) == lots
    assert lots_for(np, terms, np.array([balance])).tolist() == [lots]


@pytest.mark.parametrize(
    ("balance", "lots"),
    [(10_000.0, 0.20), (10_499.99, 0.20), (10_500.0, 0.21), (10_500.0 - 2e-12, 0.21)],
)
def test_five_hundred_of_balance_buy_a_hundredth_of_a_lot_unless_told_otherwise(balance, lots):
    terms = Terms.of(MarketConfig(), point_size=0.01, usd_per_price=100.0)
    assert lots_for(scalar, terms, balance) == lots


def test_every_whole_step_of_balance_buys_exactly_that_many_lots():
    terms = Terms.of(gold(), point_size=0.01, usd_per_price=100.0)
    n_steps = np.arange(1, 20_001)
    np.testing.assert_array_equal(lots_for(np, terms, n_steps * 1_000.0), n_steps / 100)


@pytest.mark.parametrize(
    ("symbol", "size"),
    [
        ("XAUUSD", 100.0),
        ("XAUUSDm", 100.0),
        ("XAU/USD", 100.0),
        ("XAGUSD.pro", 5_000.0),
        ("EURUSD", 100_000.0),
        ("eurusd", 100_000.0),
        ("GBPJPY.r", 100_000.0),
        ("EURUSD_i", 100_000.0),
        ("EUR_USD", 100_000.0),
        ("BTCUSDT", 1.0),
        ("EURUSDT", 1.0),
        ("ETH_BTC", 1.0),
        ("BTCUSD", 1.0),
        ("GOOGL", 1.0),
        ("PLANTED", 1.0),
        ("", 1.0),
    ],
)
def test_contract_sizes_follow_the_symbol_and_give_a_reason(symbol, size):
    guess = contract_size_for(symbol)
    assert guess.value == size
    assert repr(symbol) in guess.reason


def test_a_contract_size_of_the_config_beats_the_symbol():
    bars = make_bars([1, 2], [1, 2])
    features = np.zeros((2, 1), np.float32)
    assert make_tape(bars, features, MarketConfig()).contract_size == 100.0
    tape = make_tape(bars, features, MarketConfig(contract_size=7.0))
    assert tape.contract_size == 7.0
    assert "config" in tape.contract_size_reason


def tape_of(symbol, closes=(150.0, 160.0, 140.0), **market):
    bars = make_bars(closes, closes, symbol=symbol)
    return make_tape(bars, np.zeros((len(closes), 1), np.float32), MarketConfig(**market))


@pytest.mark.parametrize(
    ("symbol", "says"),
    [
        ("EURUSD", "is quoted in USD"),
        ("XAUUSDm", "is quoted in USD"),
        ("BTC/USD", "is quoted in USD"),
        ("DOGE_USD", "is quoted in USD"),
        ("BTCUSDT", "taken for USD"),
        ("GOOGL", "taken for USD"),
        ("PLANTED", "taken for USD"),
        ("ABCDEF", "taken for USD"),
        ("", "taken for USD"),
    ],
)
def test_a_quote_in_usd_or_in_nothing_known_is_not_converted_and_says_why(symbol, says):
    tape = tape_of(symbol)
    assert (tape.currency_conversion, tape.usd_per_price) == (1.0, tape.contract_size)
    assert says in tape.currency_conversion_reason
    assert repr(symbol) in tape.currency_conversion_reason


@pytest.mark.parametrize(
    ("symbol", "quote"),
    [
        ("USDJPY", "JPY"),
        ("USDCHF.pro", "CHF"),
        ("EURGBP", "GBP"),
        ("GBPJPY.r", "JPY"),
        ("XAUEUR", "EUR"),
        ("ETH_BTC", "BTC"),
        ("DOGE/EUR", "EUR"),
        ("USDBTC", "BTC"),
    ],
)
def test_another_quote_must_be_converted_and_the_error_names_the_flag(symbol, quote):
    with pytest.raises(ConfigError, match=f"earns {quote}.*") as caught:
        tape_of(symbol)
    assert f"give --currency_conversion the USD for one {quote}" in caught.value.mend
    assert ("e.g. 0.006667" in caught.value.mend) == symbol.startswith("USD")
    tape = tape_of(symbol, currency_conversion=0.5)
    assert tape.usd_per_price == 0.5 * tape.contract_size
    assert "config" in tape.currency_conversion_reason


def test_a_lot_of_dollars_against_yen_binds_its_margin_in_dollars_and_trades():
    """0.2 lots at 150 and 1/150: 20,000 USD, margin 200; a rise of 1.00 is 20,000 yen, 133.33."""
    market = MarketConfig(currency_conversion=1 / 150, max_drawdown_frac=None)
    closes = [150.0, 150.0, 151.0]
    bars = make_bars([150.0, 150.0, 151.0], closes, symbol="USDJPY")
    tape = make_tape(bars, np.zeros((3, 1), np.float32), market)
    env = TradingEnv(tape, EnvConfig(market=market), record=True)
    env.reset(seed=0)
    assert [env.step(LONG)[4]["refused"] for _ in range(2)] == [False, False]
    assert env.ledger().net.tolist() == approx(20_000 / 150)


@pytest.mark.parametrize(
    ("symbol", "given", "used"),
    [("USDJPY", None, 1 / 150), ("USDJPY", 0.5, 0.5), ("EURUSD", None, None)],
)
def test_a_trial_of_the_machinery_may_take_one_unit_for_one_dollar(symbol, given, used):
    bars = make_bars([150.0, 160.0, 140.0], [150.0, 160.0, 140.0], symbol=symbol)
    market = with_nominal_conversion(MarketConfig(currency_conversion=given), bars)
    assert market.currency_conversion == used


def test_a_spread_of_the_config_beats_the_bars_and_the_multiplier_stretches_either():
    bars = make_bars([1, 2], [1, 2], spread=[10, 20])
    features = np.zeros((2, 1), np.float32)

    def spread(**market):
        return make_tape(bars, features, MarketConfig(**market)).spread_points.tolist()

    assert spread() == [10, 20]
    assert spread(spread_multiplier=2.0) == [20, 40]
    assert spread(spread_points=5.0) == [5, 5]
    assert spread(spread_points=0.0) == [0, 0]
    assert spread(spread_points=5.0, spread_multiplier=3.0) == [15, 15]


def test_the_market_does_not_see_the_extremes_of_a_bar():
    bars, features = make_bars([1, 2], [1, 2]), np.zeros((2, 1), np.float32)
    wild = dataclasses.replace(bars, high=bars.high * 3, low=bars.low / 3)
    tame, other = (make_tape(b, features, MarketConfig()) for b in (bars, wild))
    for field in dataclasses.fields(tame):
        np.testing.assert_array_equal(getattr(tame, field.name), getattr(other, field.name))


@pytest.mark.parametrize("features", [np.zeros((3, 1), np.float32), np.zeros((2, 1)), np.zeros(2)])
def test_features_must_be_float32_with_one_row_a_bar(features):
    with pytest.raises(ConfigError, match="float32"):
        make_tape(make_bars([1, 2], [1, 2]), features, MarketConfig())


@pytest.mark.parametrize(
    "setting",
    [
        {"initial_balance_usd": 0.0},
        {"leverage": -1.0},
        {"slippage_points": -1.0},
        {"spread_multiplier": float("nan")},
        {"contract_size": 0.0},
        {"max_drawdown_frac": 0.0},
        {"max_drawdown_frac": 1.5},
        {"min_lots": 0.015},
        {"min_lots": 2.0, "max_lots": 1.0},
    ],
)
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(ConfigError):
        MarketConfig(**setting)


def test_scalars_answer_like_arrays():
    """The namespace of plain numbers agrees with NumPy's, function by function."""
    for condition in (True, False):
        assert scalar.where(condition, 1.0, 2.0) == np.where(condition, 1.0, 2.0)
        assert scalar.logical_not(condition) == np.logical_not(condition)
        assert scalar.any(condition) == np.any(condition)
        assert scalar.astype(condition, scalar.float64) == float(condition)
    for value in (0.5, 1.0, 2.7):
        assert scalar.floor(value) == np.floor(value)
        assert scalar.log(value) == pytest.approx(np.log(value))
        assert scalar.sqrt(value) == np.sqrt(value)
        assert scalar.maximum(value, 1.0) == np.maximum(value, 1.0)
