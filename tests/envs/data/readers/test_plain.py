"""Files with a header of common names."""

from datetime import time

import pytest

from envs.errors import DataError


def test_every_column_goes_where_its_name_says(loaded, plain, us):
    result = loaded(plain(2), "XAUUSDm_15min.csv")
    bars = result.bars
    assert (result.source.format, bars.symbol) == ("plain", "XAUUSDm")
    assert bars.time_us.tolist() == [us("2024-01-01T00:00"), us("2024-01-01T01:00")]
    assert bars.open.tolist() == [2000.0, 2000.001]
    assert bars.high.tolist() == [2002.0, 2002.001]
    assert bars.low.tolist() == [1998.0, 1998.001]
    assert bars.close.tolist() == [2001.0, 2001.001]
    assert bars.spread_points.tolist() == [20, 20]
    assert bars.volume.tolist() == [0, 1]
    assert bars.point_size == 0.001


def test_further_numeric_columns_become_extra_by_name_and_text_is_left_out(loaded):
    text = (
        "Time,Open,High,Low,Close,Volume,Sentiment Score,comment\n"
        "2024-01-01 00:00,1,2,1,1,5,-0.5,good\n2024-01-01 01:00,1,2,1,1,5,0.25,bad\n"
    )
    result = loaded(text)
    assert result.bars.extra["sentiment_score"].tolist() == [-0.5, 0.25]
    assert result.source.ignored["comment"].startswith("not numeric")


def test_one_word_in_a_numeric_extra_column_is_damage_and_refused(loaded):
    rows = [f"2024-01-{day:02d},1,2,1,1,{day}\n" for day in range(1, 31)]
    rows[20] = rows[20].replace(",21\n", ",2l\n")
    with pytest.raises(DataError, match=r"unreadable_number, 1x.*line 22: mood is '2l'"):
        loaded("time,open,high,low,close,mood\n" + "".join(rows))


def test_a_second_column_of_times_is_no_extra_column(loaded):
    text = "time,open,high,low,close,end,Unix\n" + "".join(
        f"2024-01-01 0{hour}:00,1,2,1,1,{1704067200 + hour * 3600}000,{1704067200 + hour * 3600}\n"
        for hour in range(3)
    )
    result = loaded(text)
    assert result.bars.extra == {}
    assert result.source.columns["time"] == "Unix"
    assert result.source.ignored["end"] == "a second column of times"


@pytest.mark.parametrize(
    ("names", "values"),
    [
        ("timestamp,date", "{unix},{local}"),
        ("date,unix", "{local},{unix}"),
        ("date,datetime", "{local},{offset}"),
        ("date,time_utc", "{local},{utc}"),
        ("datetime,date", "{utc}Z,{day}"),
    ],
)
def test_a_column_that_names_its_moment_wins_over_a_local_time(loaded, us, names, values):
    text = f"{names},open,high,low,close\n"
    for hour in range(3, 8):
        row = values.format(
            unix=1704067200 + 3600 * hour,
            local=f"2024-01-01 {hour + 1:02d}:00:00",
            offset=f"2024-01-01 {hour - 1:02d}:00:00-01:00",
            utc=f"2024-01-01 {hour:02d}:00:00",
            day="2024-01-01",
        )
        text += f"{row},1,2,1,1\n"
    result = loaded(text)
    assert result.bars.time_us[[0, -1]].tolist() == [us("2024-01-01T03"), us("2024-01-01T07")]
    assert result.source.timezone_source == "file"


@pytest.mark.parametrize(
    ("names", "values"),
    [
        ("timestamp,date", "{unix},2024-03-0{hour} 00:00"),
        ("timestamp,date", "{unix},2024-01-01 0{hour}:07"),
        ("unix,time", "{unix},2024-01-01T0{hour}:30:00Z"),
        ("date,datetime", "2024-01-01 0{hour}:00,2024-01-01 1{hour}:00"),
    ],
)
def test_times_that_contradict_each_other_are_refused(loaded, names, values):
    text = f"{names},open,high,low,close\n"
    for hour in range(1, 5):
        text += f"{values.format(unix=1704067200 + 3600 * hour, hour=hour)},1,2,1,1\n"
    for repair in (False, True):
        with pytest.raises(DataError, match="must tell the same moments"):
            loaded(text, repair=repair)


@pytest.mark.parametrize("form", ["%I:%M %p", "%I:%M:%S%p", "%H:%M", "%H%M%S"])
def test_a_time_of_day_beside_the_date_is_read_with_am_and_pm(loaded, us, form):
    text = "date,time,open,high,low,close\n"
    for hour in range(24):
        text += f"2024.01.01,{time(hour).strftime(form)},1,2,1,1\n"
    if form == "%H%M%S":
        text = text.replace("2024.01.01", "20240101")
    times = loaded(text).bars.time_us
    assert times.tolist() == [us("2024-01-01") + hour * 3_600_000_000 for hour in range(24)]


@pytest.mark.parametrize("clock", ["{hour} o'clock", "{hour}h00", "{hour}00"])
def test_a_time_of_day_that_is_not_understood_is_refused(loaded, clock):
    text = "date,time,open,high,low,close\n"
    for day in range(1, 4):
        for hour in range(10, 20):
            text += f"2024-01-0{day},{clock.format(hour=hour)},1,2,1,1\n"
    for repair in (False, True):
        with pytest.raises(DataError, match="time of day beside the date must be read"):
            loaded(text, repair=repair)


def quotes(*asks: str) -> str:
    """Three bars of bid prices, and these ask columns 12, 20 and 25 points above."""
    text = f"time,bidopen,bidhigh,bidlow,bidclose,{','.join(asks)}\n"
    for hour, points in enumerate((12, 20, 25)):
        prices = {"open": 1.1, "high": 1.10021, "low": 1.09993, "close": 1.1001}
        row = [f"{price:.5f}" for price in prices.values()]
        for ask in asks:
            price = next((p for role, p in prices.items() if role in ask.lower()), 1.1)
            row.append(f"{price + points / 1e5:.5f}")
        text += f"2024-01-01 0{hour}:00,{','.join(row)}\n"
    return text


@pytest.mark.parametrize("asks", [("askopen", "askclose"), ("CloseAsk",), ("Ask Open", "Ask High")])
def test_bid_and_ask_give_the_spread_in_points(loaded, asks):
    result = loaded(quotes(*asks))
    assert result.bars.spread_points.tolist() == [12, 20, 25]
    assert not any("no spread" in note for note in result.source.notes)
    assert any("The spread is" in note for note in result.source.notes)


def test_a_point_value_scales_the_spread_of_bid_and_ask(loaded):
    spread = loaded(quotes("askclose"), point_value=1e-6).bars.spread_points
    assert spread.tolist() == [120, 200, 250]


def test_an_ask_below_the_bid_is_refused(loaded):
    text = quotes("askopen").replace("bid", "X").replace("ask", "bid").replace("X", "ask")
    assert "askopen" in text
    text = text.replace("askhigh,asklow,askclose", "bidhigh,bidlow,bidclose")
    with pytest.raises(DataError, match=r"negative_spread, 3x"):
        loaded(text)


@pytest.mark.parametrize("ask", ["ask", "askhigh", "best_ask"])
def test_an_ask_that_gives_no_spread_is_warned_of_loudly(loaded, ask):
    result = loaded(quotes(ask))
    assert result.bars.spread_points.tolist() == [0, 0, 0]
    assert any("SPREAD" in warning and ask in warning for warning in result.source.warnings)
    assert not loaded(quotes("task", "basket")).source.warnings


def test_what_a_file_does_not_have_is_said(loaded):
    text = "time,open,high,low,close\n2024-01-01,1,2,1,1\n2024-01-02,1,2,1,1\n"
    notes = " ".join(loaded(text).source.notes)
    assert "no spread" in notes
    assert "no volume" in notes
    zeros = text.replace("close", "close,volume").replace(",1,1\n", ",1,1,0\n")
    assert any("Every volume" in note for note in loaded(zeros).source.notes)


def test_the_row_numbers_of_a_frame_are_left_out(loaded):
    text = ",time,open,high,low,close\n7,2024-01-01,1,2,1,1\n8,2024-01-02,1,2,1,1\n"
    result = loaded(text)
    assert result.source.ignored == {"column 1": "a row number"}


def test_the_unnamed_index_of_a_frame_is_its_time(loaded, us):
    text = ",open,high,low,close\n2024-01-01,1,2,1,1\n2024-01-02,1,2,1,1\n"
    assert loaded(text).bars.time_us[1] == us("2024-01-02")


def test_a_missing_column_is_named_with_the_names_that_are_known(loaded):
    text = "time,open,high,close,volume\n2024-01-01,1,2,1,1\n2024-01-02,1,2,1,1\n"
    with pytest.raises(DataError, match=r"plain: no column for low \(low or l or lowprice\)"):
        loaded(text)


def test_two_columns_for_the_high_are_refused(loaded):
    text = "time,open,h,max,low,close\n2024-01-01,1,2,2,1,1\n2024-01-02,1,2,2,1,1\n"
    with pytest.raises(DataError, match="One column only may be the high"):
        loaded(text)


def test_several_symbols_are_refused_until_one_is_chosen(loaded):
    text = "date,tic,open,high,low,close\n" + "".join(
        f"2024-01-0{day},{symbol},{price},{price},{price},{price}\n"
        for day in (1, 2)
        for symbol, price in (("AAA", 1), ("BBB", 5))
    )
    with pytest.raises(DataError, match="2 in column 'tic': AAA, BBB"):
        loaded(text)
    assert loaded(text, symbol="BBB").bars.close.tolist() == [5, 5]


def test_a_named_clock_without_one_meaning_must_be_said(loaded, us):
    text = "datetime_est,open,high,low,close\n2024-07-01,1,2,1,1\n2024-07-02,1,2,1,1\n"
    with pytest.raises(DataError, match="which clock"):
        loaded(text)
    assert loaded(text, timezone="-05:00").bars.time_us[0] == us("2024-07-01T05:00")


def test_a_clock_named_utc_is_taken_at_its_word(loaded):
    text = "time_utc,open,high,low,close\n2024-07-01,1,2,1,1\n2024-07-02,1,2,1,1\n"
    assert loaded(text).source.timezone_source == "file"


def test_the_real_gold_file_is_read_to_its_last_line(real, us):
    bars = real("XAUUSDm_15min.csv").bars
    assert (len(bars), bars.symbol, bars.timeframe.name) == (57072, "XAUUSDm", "15m")
    assert bars.point_size == 0.001
    assert bars.time_us[[0, -1]].tolist() == [us("2022-11-29T10:45"), us("2025-05-01T12:30")]
    last = [bars.open[-1], bars.high[-1], bars.low[-1], bars.close[-1]]
    assert last == [3219.212, 3228.526, 3218.403, 3226.598]
    assert (bars.spread_points[-1], bars.volume[-1]) == (159, 7667)


def test_the_real_dirty_file_is_refused_because_high_and_low_are_exchanged(real):
    with pytest.raises(DataError) as caught:
        real("dirty_high_below_low_USDBTC_H1.csv")
    assert caught.value.came.startswith("1 kind of problem:")
    assert "high_low_exchanged" in caught.value.came
    assert "line 2: 2016-06-30 21:00:00 o/h/l/c 668/665.0010003/670.5/670" in caught.value.came
    mended = real("dirty_high_below_low_USDBTC_H1.csv", repair=True)
    assert (mended.bars.high[0], mended.bars.low[0]) == (670.5, 665.00100028)
    assert [repair.kind for repair in mended.source.repairs] == ["exchanged_high_low"]
