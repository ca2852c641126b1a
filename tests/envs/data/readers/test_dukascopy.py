"""Dukascopy exports: day first, milliseconds."""

import pytest

from envs.errors import DataError


def rows(*times: str, name: str = "Gmt time") -> str:
    body = "".join(f"{time},1.05236,1.05253,1.05221,1.05227,143539993.3\n" for time in times)
    return f"{name},Open,High,Low,Close,Volume\n{body}"


def test_gmt_times_are_taken_from_the_header(loaded, us):
    text = rows("13.01.2017 22:00:00.000", "13.01.2017 23:00:00.000")
    result = loaded(text, "EURUSD_Candlestick_1_Hour_BID_01.01.2017-29.12.2017.csv")
    assert (result.source.format, result.source.timezone_source) == ("dukascopy", "file")
    assert result.bars.time_us.tolist() == [us("2017-01-13T22:00"), us("2017-01-13T23:00")]
    assert (result.bars.symbol, result.bars.point_size) == ("EURUSD", 1e-5)
    assert result.source.warnings == ()


def test_local_times_with_their_offset_are_moved_to_utc(loaded, us):
    text = rows("13.01.2017 22:00:00.000 GMT+0200", "13.01.2017 23:00:00.000 GMT+0200")
    result = loaded(text.replace("Gmt", "Local"))
    assert result.bars.time_us.tolist() == [us("2017-01-13T20:00"), us("2017-01-13T21:00")]


def test_local_times_without_an_offset_are_refused_until_named(loaded, us):
    text = rows("13.01.2017 22:00:00.000", "13.01.2017 23:00:00.000", name="Local time")
    with pytest.raises(DataError, match=r"which clock.*\n.*Local time"):
        loaded(text)
    assert loaded(text, timezone="+02:00").bars.time_us[0] == us("2017-01-13T20:00")


def test_a_file_of_ask_prices_is_warned_of(loaded):
    text = rows("13.01.2017 22:00:00.000", "13.01.2017 23:00:00.000")
    result = loaded(text, "EURUSD_Candlestick_1_Hour_ASK_2017.csv")
    assert any("ASK" in warning for warning in result.source.warnings)


def test_the_real_file_starts_on_the_first_of_january_and_ends_in_december(real, us):
    result = real("dukascopy_EURUSD_1h.csv")
    bars = result.bars
    assert (len(bars), bars.point_size, bars.timeframe.name) == (6225, 1e-5, "1h")
    assert bars.time_us[[0, 2, -1]].tolist() == [
        us("2017-01-01T22:00"), us("2017-01-02T00:00"), us("2017-12-29T21:00"),
    ]  # fmt: skip
    assert (bars.close[0], bars.close[-1], bars.volume[-1]) == (1.05227, 1.20075, 4885529785)
    assert any("13.01.2017 00:00:00.000" in note for note in result.source.notes)
