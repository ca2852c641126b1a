"""MetaTrader 5 exports, MetaTrader 5 API frames, MetaTrader 4 history."""

import numpy as np

MT5 = (
    "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\r\n"
    "2025.01.02\t01:00:00\t2624.81\t2625.63\t2621.57\t2623.66\t1795\t0\t15\r\n"
    "2025.01.02\t02:00:00\t2623.66\t2627.90\t2622.69\t2625.41\t2879\t0\t18\r\n"
    "2025.01.02\t03:00:00\t2625.44\t2634.42\t2623.77\t2632.99\t11760\t0\t15\r\n"
)


def test_an_mt5_export_gives_bid_prices_tick_volume_and_spread_in_points(loaded, us):
    result = loaded(MT5, "XAUUSD_H1.csv")
    bars, source = result.bars, result.source
    assert source.format == "metatrader5"
    assert (bars.symbol, bars.timeframe.name, bars.point_size) == ("XAUUSD", "1h", 0.01)
    assert bars.time_us.tolist() == [us(f"2025-01-02T0{hour}:00") for hour in (1, 2, 3)]
    assert bars.open.tolist() == [2624.81, 2623.66, 2625.44]
    assert bars.high.tolist() == [2625.63, 2627.90, 2634.42]
    assert bars.low.tolist() == [2621.57, 2622.69, 2623.77]
    assert bars.close.tolist() == [2623.66, 2625.41, 2632.99]
    assert bars.volume.tolist() == [1795, 2879, 11760]
    assert bars.spread_points.tolist() == [15, 18, 15]
    assert dict(source.ignored) == {"<VOL>": "the broker reports no traded volume"}


def test_the_unknown_server_clock_is_said_and_can_be_named(loaded, us):
    assumed = loaded(MT5).source
    assert (assumed.timezone, assumed.timezone_source) == ("UTC", "assumed")
    assert any("server time" in note for note in assumed.notes)
    named = loaded(MT5, timezone="America/New_York+7")
    assert named.bars.time_us[0] == us("2025-01-01T23:00")
    assert named.source.timezone_source == "settings"


def test_traded_volume_is_kept_beside_tick_volume_where_the_broker_reports_it(loaded):
    result = loaded(MT5.replace("\t0\t", "\t7\t"))
    assert result.bars.volume.tolist() == [1795, 2879, 11760]
    assert result.bars.extra["real_volume"].tolist() == [7, 7, 7]


def test_a_daily_mt5_export_without_a_time_of_day_is_read(loaded, us):
    text = (
        "<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
        "2025.01.02\t10.5\t11.5\t9.5\t10\t1\t0\t1\n2025.01.03\t10.5\t11.5\t9.5\t10\t1\t0\t1\n"
    )
    bars = loaded(text).bars
    assert bars.timeframe.name == "1d"
    assert bars.time_us[1] == us("2025-01-03")


def test_an_utf16_export_is_read(loaded):
    assert loaded(MT5.encode("utf-16")).bars.open[0] == 2624.81


def test_unix_seconds_of_the_mt5_package_are_server_time(loaded, us):
    text = "time,open,high,low,close,tick_volume,spread,real_volume\n" + "".join(
        f"{1735776000 + 3600 * row},10.5,11.5,9.5,10.1,5,12,0\n" for row in range(3)
    )
    result = loaded(text, timezone="+02:00")
    assert result.source.format == "metatrader5-api"
    assert result.bars.time_us[0] == us("2025-01-01T22:00")
    assert result.bars.volume.tolist() == [5, 5, 5]


def test_mt4_history_has_no_header(loaded, us):
    text = (
        "2013.11.29,12:00,1.36171,1.36183,1.35966,1.36066,3593\n"
        "2013.11.29,13:00,1.36066,1.36150,1.36055,1.36087,2231\n"
    )
    result = loaded(text, "EURUSD_H1.csv")
    assert result.source.format == "metatrader4"
    assert result.bars.time_us[0] == us("2013-11-29T12:00")
    assert result.bars.high.tolist() == [1.36183, 1.36150]
    assert result.bars.point_size == 1e-5


def test_the_real_mt5_file_is_read_to_its_last_line(real, us):
    bars = real("mt5_export_XAUUSD_H1.csv").bars
    assert (len(bars), bars.symbol, bars.point_size) == (4858, "XAUUSD", 0.01)
    assert bars.time_us[-1] == us("2025-10-27T22:00")
    last = [bars.open[-1], bars.high[-1], bars.low[-1], bars.close[-1], bars.volume[-1]]
    assert last == [3989.94, 4000.08, 3979.13, 3982.42, 11311]
    assert bars.spread_points[-1] == 18


def test_the_real_mt4_file_is_read_to_its_last_line(real, us):
    bars = real("mt4_noheader_EURUSD_H1.csv").bars
    assert (len(bars), bars.symbol, bars.timeframe.name) == (3070, "EURUSD", "1h")
    assert bars.time_us[-1] == us("2014-05-30T23:00")
    last = [bars.open[-1], bars.high[-1], bars.low[-1], bars.close[-1], bars.volume[-1]]
    assert last == [1.36301, 1.36341, 1.36275, 1.36332, 852]
    assert np.all(bars.spread_points == 0)
