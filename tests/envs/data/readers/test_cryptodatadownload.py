"""CryptoDataDownload: banner, newest first, AM/PM, and the seam of two clocks in a real file."""

import numpy as np
import pytest

from envs.errors import DataError

BANNER = "Timestamps are UTC timezone,https://www.CryptoDataDownload.com\r\n"


def test_the_banner_is_passed_over_and_the_newest_bar_comes_last(loaded, us):
    text = BANNER + (
        "date,symbol,open,high,low,close,volume_btc,volume\r\n"
        "2019-10-17 01-PM,BTCUSD,8051,8056.83,8021.23,8035.88,61.25,492394.56\r\n"
        "2019-10-17 12-PM,BTCUSD,7975.89,8070,7975.89,8051,370.45,2971610.86\r\n"
        "2019-10-17 11-AM,BTCUSD,7964.62,7987.82,7964.61,7975.89,121.68,970521.83\r\n"
    )
    result = loaded(text, "Coinbase_1h.csv")
    bars = result.bars
    assert (result.source.format, bars.symbol) == ("cryptodatadownload", "BTCUSD")
    assert bars.time_us.tolist() == [us(f"2019-10-17T{hour}:00") for hour in (11, 12, 13)]
    assert bars.close.tolist() == [7975.89, 8051, 8035.88]
    assert bars.volume.tolist() == [121.68, 370.45, 61.25]
    assert bars.extra["quote_volume"].tolist() == [970521.83, 2971610.86, 492394.56]
    assert result.source.repairs == ()
    assert any("turned round" in note for note in result.source.notes)


def test_midnight_is_twelve_am(loaded, us):
    text = BANNER + (
        "date,symbol,open,high,low,close,volume_btc,volume\n"
        "2019-10-17 01-AM,BTCUSD,1,1,1,1,1,1\n2019-10-17 12-AM,BTCUSD,1,1,1,1,1,1\n"
    )
    assert loaded(text).bars.time_us[0] == us("2019-10-17")


def test_the_unix_column_of_newer_files_is_left_out(loaded, us):
    text = (
        "https://www.CryptoDataDownload.com\nunix,date,symbol,open,high,low,close,Volume BTC,"
        "Volume USD\n1646092800,2022-03-01 00:00:00,BTC/USD,43221.71,43626.49,43185.48,43312.27,"
        "52.05632512,2254690.0\n1646089200,2022-02-28 23:00:00,BTC/USD,43085.3,43364.81,42892.37,"
        "43178.98,106.819138,4612210.5\n"
    )
    result = loaded(text)
    assert result.bars.symbol == "BTC/USD"
    assert result.bars.time_us.tolist() == [us("2022-02-28T23:00"), us("2022-03-01")]
    assert result.source.ignored == {"unix": "the time once more"}
    assert result.bars.volume.tolist() == [106.819138, 52.05632512]


def seam() -> str:
    """Bars A to F; the older three are labelled two hours early, C and B twice."""
    prices = {"A": 100, "B": 101, "C": 102, "D": 103}
    rows = [("06", "D"), ("03", "C"), ("05", "C"), ("02", "B"), ("04", "B"), ("01", "A")]
    lines = [
        f"2019-10-17 {hour}-AM,X,{prices[b]},{prices[b]}.5,99,{prices[b]},1,1" for hour, b in rows
    ]
    return BANNER + "date,symbol,open,high,low,close,volume_btc,volume\n" + "\n".join(lines) + "\n"


def test_a_seam_of_two_clocks_is_refused_and_not_sorted(loaded, us):
    with pytest.raises(DataError, match=r"clock_shift, 2x: Bars come twice, \+2 h apart"):
        loaded(seam())
    mended = loaded(seam(), repair=True)
    assert mended.bars.close.tolist() == [100, 101, 102, 103]
    assert mended.bars.time_us.tolist() == [us(f"2019-10-17T0{hour}:00") for hour in (3, 4, 5, 6)]
    assert [repair.kind for repair in mended.source.repairs] == ["moved_clock"]


def test_the_real_file_has_such_a_seam_and_is_one_hourly_series_once_mended(real, us):
    with pytest.raises(DataError, match=r"1 kind of problem:\n.*clock_shift, 5x.*line 16908"):
        real("cryptodatadownload_BTCUSD_1h.csv")
    result = real("cryptodatadownload_BTCUSD_1h.csv", repair=True)
    bars = result.bars
    assert (len(bars), result.source.n_rows, bars.symbol) == (20106, 20111, "BTCUSD")
    assert set(np.diff(bars.time_us)) == {3_600_000_000}
    assert bars.time_us[[0, -1]].tolist() == [us("2017-07-01T16:00"), us("2019-10-17T09:00")]
    assert (bars.open[0], bars.close[-1], bars.volume[-1]) == (2505.56, 8035.88, 61.25)
