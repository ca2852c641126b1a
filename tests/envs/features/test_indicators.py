import numpy as np
import pytest
import talib

from envs.errors import FeatureError
from envs.features import indicators
from envs.features.indicators import PriceView
from envs.features.spec import FEATURE_SETS


def test_returns_and_lags_worked_by_hand(make_bars):
    close = np.exp(np.array([0.0, 1.0, 3.0, 2.0]))
    view = PriceView(make_bars(4, close=close, high=close * 2, low=close / 2, open=close))
    np.testing.assert_allclose(indicators.log_return(view, 1), [np.nan, 1.0, 2.0, -1.0])
    np.testing.assert_allclose(indicators.log_return(view, 2), [np.nan, np.nan, 3.0, 1.0])
    np.testing.assert_allclose(indicators.lagged_return(view, 1), [np.nan, np.nan, 1.0, 2.0])
    np.testing.assert_allclose(indicators.opening_gap(view), [np.nan, 1.0, 2.0, -1.0])


def test_volatility_and_channel_worked_by_hand(make_bars):
    close = np.exp(np.array([0.0, 1.0, 4.0, 5.0]))
    view = PriceView(make_bars(4, close=close, high=close, low=close, open=close))
    np.testing.assert_allclose(indicators.volatility(view, 2), [np.nan, 0.0, 1.0, 1.0], atol=1e-7)
    prices = np.array([10.0, 14.0, 12.0, 11.0])
    view = PriceView(make_bars(4, close=prices, high=prices + 1, low=prices - 1, open=prices))
    # three bars: highs 11 15 13 12, lows 9 13 11 10
    np.testing.assert_allclose(view.channel_position(3)[2:], [0.0, -0.6])


def test_the_shape_of_a_bar_worked_by_hand(make_bars):
    bars = make_bars(
        2,
        open=np.array([12.0, 10.0]),
        high=np.array([20.0, 10.0]),
        low=np.array([10.0, 10.0]),
        close=np.array([16.0, 10.0]),
        spread_points=np.array([160.0, 0.0]),
    )
    view = PriceView(bars)
    np.testing.assert_allclose(indicators.bar_range(view), [10 / 16, 0.0])
    np.testing.assert_allclose(indicators.body(view), [0.4, 0.0])
    np.testing.assert_allclose(indicators.upper_wick(view), [0.4, 0.0])
    np.testing.assert_allclose(indicators.lower_wick(view), [0.2, 0.0])
    np.testing.assert_allclose(indicators.relative_spread(view), [0.01, 0.0])


def test_volume_columns_worked_by_hand(make_bars):
    volume = np.array([1.0, 3.0, 0.0, 0.0, 0.0])
    flat = np.full(5, 10.0)
    bars = make_bars(5, volume=volume, open=flat, high=flat, low=flat, close=flat)
    view = PriceView(bars)
    np.testing.assert_allclose(indicators.volume_change(view), [np.nan, 0.5, -1.0, 0.0, 0.0])
    ratio = indicators.volume_ratio(view, 2)
    np.testing.assert_allclose(ratio[1:], np.log([2.5 / 2, 0.5, 1.0, 1.0]))


def test_vwap_weighs_by_volume_and_without_volume_alike(make_bars):
    price = np.array([10.0, 20.0, 20.0, 40.0])
    bars = make_bars(
        4, open=price, high=price, low=price, close=price, volume=np.array([3.0, 1.0, 0.0, 0.0])
    )
    distance = indicators.vwap_distance(PriceView(bars), 2)
    np.testing.assert_allclose(distance[1:], np.log([20 / 12.5, 1.0, 40 / 30]), atol=1e-15)


def test_indicators_agree_with_talib_on_the_prices_themselves(make_bars):
    bars = make_bars(500)
    view = PriceView(bars)
    rows = slice(60, None)
    rsi = talib.RSI(bars.close, timeperiod=14) / 50.0 - 1.0
    np.testing.assert_allclose(indicators.relative_strength(view)[rows], rsi[rows], atol=1e-12)
    atr = talib.ATR(bars.high, bars.low, bars.close, timeperiod=14)
    np.testing.assert_allclose(
        indicators.average_range(view)[rows], (atr / bars.close)[rows], rtol=1e-10
    )
    adx = talib.ADX(bars.high, bars.low, bars.close, timeperiod=14)
    np.testing.assert_allclose(indicators.trend_strength(view)[rows], adx[rows] / 100, rtol=1e-9)
    upper, middle, _ = talib.BBANDS(
        np.log(bars.close), timeperiod=20, nbdevup=2.0, nbdevdn=2.0, matype=talib.MA_Type.SMA
    )
    position = (np.log(bars.close) - middle) / (upper - middle)
    np.testing.assert_allclose(view.bollinger[0][rows], position[rows], atol=1e-6)
    k, d = talib.STOCH(
        bars.high,
        bars.low,
        bars.close,
        fastk_period=14,
        slowk_period=3,
        slowk_matype=talib.MA_Type.SMA,
        slowd_period=3,
        slowd_matype=talib.MA_Type.SMA,
    )
    np.testing.assert_allclose(view.stochastic[rows], k[rows] / 50 - 1, atol=1e-9)
    np.testing.assert_allclose(
        indicators.stochastic_signal(view)[rows], d[rows] / 50 - 1, atol=1e-9
    )
    line, _, histogram = talib.MACD(bars.close, fastperiod=12, slowperiod=26, signalperiod=9)
    np.testing.assert_allclose(view.macd[0][rows], (line / atr)[rows], atol=1e-9)
    np.testing.assert_allclose(view.macd[1][rows], (histogram / atr)[rows], atol=1e-9)


def test_no_column_depends_on_the_unit_of_the_price(make_bars):
    bars = make_bars(400)
    tiny = {name: getattr(bars, name) * 1e-11 for name in ("open", "high", "low", "close")}
    small = make_bars(400, point_size=bars.point_size * 1e-11, **tiny)
    for spec in FEATURE_SETS["default"].features:
        here, there = (spec.compute(PriceView(one))[spec.first_bar :] for one in (bars, small))
        np.testing.assert_allclose(there, here, rtol=1e-6, atol=1e-9, err_msg=spec.name)


def test_every_column_holds_from_its_first_bar_on(make_bars):
    view = PriceView(make_bars(200))
    for spec in FEATURE_SETS["default"].features:
        assert np.isfinite(spec.compute(view)[spec.first_bar :]).all(), spec.name


def test_columns_hold_a_percent_of_their_start_or_less(make_bars):
    """Two pasts before bar 0 that differ move no column by much at its first bar."""
    long = make_bars(1200)
    late = long.slice(600, 1200)
    for spec in FEATURE_SETS["default"].features:
        whole, part = spec.compute(PriceView(long))[600:], spec.compute(PriceView(late))
        gap = np.abs(whole - part)[spec.first_bar]
        assert gap <= 0.03 * max(1e-12, whole.std()), (spec.name, gap / whole.std())


@pytest.mark.parametrize("value", [0.0, -3.0])
def test_a_price_that_is_not_positive_is_refused_with_its_row(make_bars, value):
    low = make_bars(10).low.copy()
    low[7] = value
    with pytest.raises(FeatureError, match=r"low\[7\]"):
        PriceView(make_bars(10, low=low))
