"""Yahoo downloads and yfinance frames."""

import pandas as pd
import pytest

from envs.data.load import load
from envs.errors import DataError

DOWNLOAD = (
    "Date,Open,High,Low,Close,Adj Close,Volume\n"
    "2018-08-27,1244.140015,1257.869995,1240.680054,1256.270020,1206.270020,1429000\n"
    "2018-08-28,1255.900024,1256.560059,1242.969971,1245.859985,1205.859985,1366500\n"
)


def test_the_adjusted_close_knows_the_future_and_is_left_out(loaded, us):
    result = loaded(DOWNLOAD, "GOOGL_1d.csv")
    assert result.source.format == "yahoo"
    assert result.bars.extra == {}
    assert "knows the future" in result.source.ignored["Adj Close"]
    assert result.bars.close.tolist() == [1256.270020, 1245.859985]
    assert result.bars.time_us.tolist() == [us("2018-08-27"), us("2018-08-28")]


def test_the_three_header_rows_of_a_yfinance_frame_are_understood(loaded):
    text = (
        "Price,Adj Close,Close,High,Low,Open,Volume\nTicker,AAPL,AAPL,AAPL,AAPL,AAPL,AAPL\n"
        "Date,,,,,,\n2020-01-02,72.7,75.1,75.2,73.8,74.1,135480400\n"
        "2020-01-03,72.0,74.4,75.1,74.1,74.3,146322800\n"
    )
    result = loaded(text, "download.csv")
    assert result.bars.symbol == "AAPL"
    assert result.bars.open.tolist() == [74.1, 74.3]
    assert result.bars.close.tolist() == [75.1, 74.4]
    assert list(result.source.ignored) == ["Adj Close"]


def test_several_tickers_in_one_frame_are_refused(loaded):
    text = (
        "Price,Close,Close,High,Low,Open\nTicker,AAPL,MSFT,AAPL,AAPL,AAPL\nDate,,,,,\n"
        "2020-01-02,1,1,1,1,1\n2020-01-03,1,1,1,1,1\n"
    )
    with pytest.raises(DataError, match="'Close' more than once"):
        loaded(text)


def test_dates_with_an_offset_keep_their_moment_over_the_change_of_clocks(loaded, us):
    text = "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits\n" + "".join(
        f"2020-03-{day:02d} 00:00:00{offset},74.1,75.2,73.8,75.1,5,0.0,0.0\n"
        for day, offset in ((5, "-05:00"), (6, "-05:00"), (9, "-04:00"), (10, "-04:00"))
    )
    result = loaded(text, "AAPL.csv")
    assert result.bars.timeframe.name == "1d"
    expected = ["2020-03-05T05:00", "2020-03-06T05:00", "2020-03-09T04:00", "2020-03-10T04:00"]
    assert result.bars.time_us.tolist() == [us(text) for text in expected]
    assert set(result.bars.extra) == {"dividends", "stock_splits"}


def test_rows_of_null_are_refused_and_dropped_when_asked(loaded):
    text = DOWNLOAD + "2018-08-29,null,null,null,null,null,null\n"
    with pytest.raises(DataError, match=r"missing_value, 1x.*line 4"):
        loaded(text)
    assert len(loaded(text, repair=True).bars) == 2


def test_a_frame_saved_to_parquet_with_its_index_is_read(tmp_path, us):
    index = pd.DatetimeIndex(["2020-01-02", "2020-01-03"], name="Date", tz="America/New_York")
    columns = {"Open": 74.1, "High": 75.2, "Low": 73.8, "Close": 75.1, "Volume": 5}
    frame = pd.DataFrame(columns | {"Dividends": 0.0, "Stock Splits": 0.0}, index=index)
    frame.to_parquet(tmp_path / "AAPL.parquet")
    result = load(tmp_path / "AAPL.parquet")
    assert (result.source.container, result.source.format) == ("parquet", "yahoo")
    assert result.bars.time_us.tolist() == [us("2020-01-02T05:00"), us("2020-01-03T05:00")]


def test_the_real_file_is_read_to_its_last_line(real, us):
    bars = real("yahoo_GOOGL_1d.csv").bars
    assert (len(bars), bars.symbol, bars.timeframe.name) == (2335, "GOOGL", "1d")
    assert bars.time_us[[0, -1]].tolist() == [us("2009-05-22"), us("2018-08-29")]
    assert (bars.open[-1], bars.close[-1], bars.volume[-1]) == (1255.0, 1264.650024, 1846300)
