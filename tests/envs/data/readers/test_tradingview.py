"""TradingView chart exports."""

import pytest

PRICES = "96407.99,96584,96350.13,96566.33,98.77594"


@pytest.mark.parametrize(
    "times",
    [
        ("2024-12-01T03:00:00+03:00", "2024-12-01T03:15:00+03:00"),
        ("2024-12-01T00:00:00Z", "2024-12-01T00:15:00Z"),
        ("1733011200", "1733012100"),
    ],
)
def test_iso_times_with_offset_and_unix_seconds_name_the_same_moments(loaded, us, times):
    body = "".join(f"{time},{PRICES}\n" for time in times)
    result = loaded(f"time,open,high,low,close,Volume\n{body}", "BINANCE_BTCUSDT, 15.csv")
    assert (result.source.format, result.source.timezone_source) == ("tradingview", "file")
    assert result.bars.time_us.tolist() == [us("2024-12-01T00:00"), us("2024-12-01T00:15")]
    assert (result.bars.symbol, result.bars.timeframe.name) == ("BTCUSDT", "15m")


def test_indicators_become_extra_columns_and_one_with_holes_is_left_out_with_a_warning(loaded):
    text = (
        "time,open,high,low,close,Volume,RSI,MA 50\n"
        f"2024-12-01T00:00:00Z,{PRICES},51.5,\n2024-12-01T00:15:00Z,{PRICES},52.5,96500\n"
    )
    result = loaded(text)
    assert result.bars.extra["rsi"].tolist() == [51.5, 52.5]
    assert list(result.bars.extra) == ["rsi"]
    assert result.source.ignored["MA 50"] == "it has holes"
    assert [problem.kind for problem in result.source.problems] == ["extra_not_finite"]


def test_a_timezone_setting_is_ignored_loudly_where_times_name_their_moment(loaded, us):
    text = f"time,open,high,low,close,Volume\n1733011200,{PRICES}\n1733012100,{PRICES}\n"
    result = loaded(text, timezone="Europe/Berlin")
    assert result.bars.time_us[0] == us("2024-12-01")
    assert "--timezone is ignored" in result.source.warnings[0]


def test_the_real_file_is_moved_by_its_three_hours(real, us):
    result = real("tradingview_BTCUSDT_15m.csv")
    bars = result.bars
    assert (len(bars), bars.symbol, bars.point_size) == (20302, "BTCUSDT", 0.01)
    assert bars.time_us[[0, -1]].tolist() == [us("2024-12-01"), us("2025-06-30T11:15")]
    assert (bars.open[0], bars.close[-1], bars.volume[-1]) == (96407.99, 107790.35, 21.76158)
    assert result.source.problems == ()
