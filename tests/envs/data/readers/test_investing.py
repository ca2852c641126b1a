"""Investing.com tables of several countries."""

import pytest

from envs.errors import DataError

ENGLISH = (
    '\ufeff"Date","Price","Open","High","Low","Vol.","Change %"\n'
    '"Jan 06, 2015","1,210.80","1,204.85","1,223.15","1,201.85","1.5K","1.22%"\n'
    '"Jan 05, 2015","1,204.45","1,189.34","1,208.15","1,183.45","2.25M","1.28%"\n'
    '"Jan 02, 2015","1,189.18","1,182.70","1,194.60","1,168.75","-","0.61%"\n'
)


def test_thousands_suffixes_dashes_and_month_names_are_read_and_the_order_turned(loaded, us):
    result = loaded(ENGLISH, "XAU_USD Historical Data.csv")
    bars = result.bars
    assert (result.source.format, bars.symbol) == ("investing", "XAU/USD")
    assert bars.time_us.tolist() == [us(f"2015-01-0{day}") for day in (2, 5, 6)]
    assert bars.close.tolist() == [1189.18, 1204.45, 1210.80]
    assert bars.open.tolist() == [1182.70, 1189.34, 1204.85]
    assert bars.high.tolist() == [1194.60, 1208.15, 1223.15]
    assert bars.low.tolist() == [1168.75, 1183.45, 1201.85]
    assert bars.volume.tolist() == [0, 2_250_000, 1500]
    assert bars.extra == {}
    assert result.source.repairs == ()


def test_a_german_table_has_decimal_commas_and_the_day_first(loaded, us):
    text = (
        '"Datum","Zuletzt","Eröffn.","Hoch","Tief","Vol.","+/- %"\n'
        '"13.01.2015","1.210,80","1.204,85","1.223,15","1.201,85","1,50K","1,22%"\n'
        '"12.01.2015","1.204,45","1.189,34","1.208,15","1.183,45","2,25M","1,28%"\n'
    )
    result = loaded(text)
    assert result.bars.close.tolist() == [1204.45, 1210.80]
    assert result.bars.volume.tolist() == [2_250_000, 1500]
    assert result.bars.time_us.tolist() == [us("2015-01-12"), us("2015-01-13")]
    assert any("decimal comma" in note for note in result.source.notes)


def test_american_dates_are_recognized_by_a_day_above_twelve(loaded, us):
    text = (
        '"Date","Price","Open","High","Low","Vol.","Change %"\n'
        '"01/13/2015","10.8","10.85","11.15","9.85","","1.22%"\n'
        '"01/12/2015","10.45","10.34","11.15","9.45","","1.28%"\n'
    )
    result = loaded(text)
    assert result.bars.time_us.tolist() == [us("2015-01-12"), us("2015-01-13")]
    assert result.bars.volume.tolist() == [0, 0]


def test_whole_thousands_are_decided_by_the_change_column(loaded):
    text = (
        '"Date","Price","Open","High","Low","Change %"\n'
        '"Jan 06, 2015","1,210","1,204","1,223","1,201","1.22%"\n'
        '"Jan 05, 2015","1,204","1,189","1,208","1,183","1.28%"\n'
    )
    assert loaded(text).bars.close.tolist() == [1204, 1210]
    with pytest.raises(DataError, match=r"comma is a decimal mark.*\n.*'1,204'"):
        loaded(text.replace("1.22%", "1%").replace("1.28%", "1%"))


def test_the_real_file_is_refused_for_six_closes_outside_their_range(real, us):
    with pytest.raises(DataError, match=r"1 kind of problem:\n.*outside_range, 6x.*line 1116"):
        real("investing_XAUUSD_1d.csv")
    result = real("investing_XAUUSD_1d.csv", repair=True)
    bars = result.bars
    assert (len(bars), bars.symbol, bars.point_size) == (1694, "XAUUSD", 0.01)
    assert bars.time_us[[0, -1]].tolist() == [us("2015-01-01"), us("2021-07-02")]
    assert (bars.open[-1], bars.high[-1], bars.low[-1], bars.close[-1]) == (
        1775.66, 1795.15, 1774.37, 1787.35,
    )  # fmt: skip
    (repair,) = result.source.repairs
    assert (repair.kind, repair.count, repair.rows[0]) == ("widened_range", 6, "line 1116")
    assert repair.before[0].endswith("1292.3/1296.1/1290.09/1290")
    assert repair.after[0].endswith("1292.3/1296.1/1290/1290")
