"""Symbols in file names."""

import pytest

from envs.data.symbol import symbol_from_name


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("XAUUSDm_15min.csv", "XAUUSDm"),
        ("binance_klines_BTCUSDT_1h_2023-01.csv", "BTCUSDT"),
        ("BTCUSDT-1h-2023-01.csv.gz", "BTCUSDT"),
        ("freqtrade_ETH_BTC_5m.feather", "ETH/BTC"),
        ("ETH_BTC-5m.feather", "ETH/BTC"),
        ("BINANCE_BTCUSDT, 15.csv", "BTCUSDT"),
        ("XAUUSD_H1_202501020100_202510272200.csv", "XAUUSD"),
        ("DAT_ASCII_EURUSD_M1_201703.csv", "EURUSD"),
        ("EURUSD_Candlestick_1_Hour_BID_01.01.2017-29.12.2017.csv", "EURUSD"),
        ("XAU_USD Historical Data.csv", "XAU/USD"),
        ("Gold Futures Historical Data.csv", "Gold Futures"),
        ("mt4_noheader_EURUSD_H1.csv", "EURUSD"),
        ("yahoo_GOOGL_1d.csv", "GOOGL"),
        ("bars.csv", "bars"),
        ("15m.csv", "UNKNOWN"),
    ],
)
def test_the_symbol_of_a_file_name(name, symbol):
    assert symbol_from_name(name) == symbol
