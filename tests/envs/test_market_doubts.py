"""What a user hears of conditions that leave an account without trades or in another currency."""

import numpy as np
import pytest

from envs.errors import ConfigError
from envs.market import MarketConfig, make_tape
from envs.market.doubts import check_tradable, doubts
from tests.envs.slow_market import make_bars


def heard(symbol="XAUUSD", prices=(2000.0, 2001.0, 2002.0, 2003.0), **market):
    config = MarketConfig(**market)
    bars = make_bars(prices, prices, symbol=symbol)
    return doubts(bars, make_tape(bars, np.zeros((len(prices), 1), np.float32), config), config)


def test_sound_conditions_raise_no_doubt():
    assert heard() == ()
    assert heard("USDJPY", prices=[150.0, 151.0], currency_conversion=1 / 150) == ()
    assert heard("EURUSD", prices=[1.1, 1.2], currency_conversion=1.0) == ()
    assert heard("BTCUSDT", prices=[100.0, 101.0], currency_conversion=0.99) == ()


def test_yen_taken_for_dollars_cannot_be_margined():
    """0.2 lots at 150 are 3,000,000, 30,000 of margin for 10,000 of balance."""
    (doubt,) = heard("USDJPY", prices=[150.0, 151.0], currency_conversion=1.0)
    assert "On 100% of the bars nothing can trade: 0.2 lots" in doubt
    assert "need 30,000 USD of margin at bar 0 and the balance is 10,000" in doubt
    assert "--currency_conversion" in doubt


def tradable(prices, *, start=0, **market):
    config = MarketConfig(**market)
    bars = make_bars(prices, prices, symbol="XAUUSD")
    tape = make_tape(bars, np.zeros((len(prices), 1), np.float32), config)
    check_tradable(tape, config, start=start, stop=len(prices))


def test_an_account_that_no_bar_lets_trade_is_refused_with_the_least_margin():
    """0.2 lots of 100 ounces at 2,000 and leverage 1 bind 40,000; 2,001 would bind 40,020."""
    with pytest.raises(ConfigError) as refused:
        tradable([2001.0, 2000.0], leverage=1.0, spread_points=10)
    assert "0.2 lots, the first order of a new account, need 40,000 USD" in str(refused.value)
    assert "the balance is 10,000 USD" in str(refused.value)
    assert "--balance_per_lot" in str(refused.value)


@pytest.mark.parametrize("bid", [500.0, 500.001])
def test_one_bar_on_which_it_may_sell_is_enough(bid):
    """At 500 it may sell 0.2 lots for its whole balance; buying costs the spread more."""
    if bid == 500.0:
        tradable([2000.0, bid], leverage=1.0, spread_points=10)
        return
    with pytest.raises(ConfigError):
        tradable([2000.0, bid], leverage=1.0, spread_points=10)


def test_bars_that_are_not_walked_over_do_not_count():
    tradable([400.0, 2000.0], leverage=1.0)
    with pytest.raises(ConfigError):
        tradable([400.0, 2000.0], leverage=1.0, start=1)


@pytest.mark.parametrize(("last", "n_doubts"), [(50_000.0, 0), (50_001.0, 1)])
def test_the_margin_may_be_the_whole_balance_and_not_more(last, n_doubts):
    """0.2 lots of 100 ounces at 50,000 and leverage 100 bind 10,000."""
    said = heard(prices=[2000.0, 2000.0, 2000.0, last])
    assert len(said) == n_doubts
    assert all("On 25% of the bars" in doubt and "at bar 3" in doubt for doubt in said)


def test_a_conversion_of_prices_in_dollars_is_doubted():
    (doubt,) = heard("XAUUSD", currency_conversion=0.0067)
    assert "0.0067" in doubt
    assert "'XAUUSD' is quoted in USD" in doubt
