"""The door: the cache, settings, wrong files, and files that must never load wrong in silence."""

import hashlib
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envs.array_cache import ArrayCache
from envs.data.load import LoadSettings, SourceReport, load
from envs.data.local_file import content_digest, file_digest
from envs.errors import ConfigError, DataError


def test_the_second_load_is_answered_by_the_cache_with_the_same_bars_and_report(
    write, plain, tmp_path
):
    path = write("XAUUSD_1h.csv", plain(50))
    cache = ArrayCache(tmp_path / "cache")
    first = load(path, cache=cache)
    second = load(path, cache=cache)
    assert (first.source.from_cache, second.source.from_cache) == (False, True)
    assert second.bars.fingerprint == first.bars.fingerprint
    assert second.source == SourceReport(**{**vars(first.source), "from_cache": True})
    assert cache.info().builds == 1


def test_other_bytes_another_name_and_other_settings_are_not_answered_by_the_cache(
    write, plain, tmp_path
):
    cache = ArrayCache(tmp_path / "cache")
    load(write("XAUUSD_1h.csv", plain(50)), cache=cache)
    load(write("XAUUSD_1h.csv", plain(51)), cache=cache)
    load(write("EURUSD_1h.csv", plain(51)), cache=cache)
    load(write("EURUSD_1h.csv", plain(51)), cache=cache, settings=LoadSettings(timezone="+01:00"))
    assert (cache.info().builds, cache.info().hits) == (4, 0)


def test_a_refused_file_leaves_nothing_in_the_cache(write, plain, tmp_path):
    cache = ArrayCache(tmp_path / "cache")
    path = write("X.csv", plain(5, {2: "2024-01-01 02:00:00,0,0,0,0,0,0"}))
    for _ in range(2):
        with pytest.raises(DataError, match="price_not_positive"):
            load(path, cache=cache)
    assert cache.info().entries == 0


def test_extra_columns_repairs_and_notes_come_back_from_the_cache(write, tmp_path):
    text = (
        "time,open,high,low,close,mood\n"
        "2024-01-01,1,2,1,1,0.5\n2024-01-02,1,2,1,3,0.25\n2024-01-03,1,2,1,1,0.75\n"
    )
    cache = ArrayCache(tmp_path / "cache")
    both = [
        load(write("X.csv", text), cache=cache, settings=LoadSettings(repair=True))
        for _ in range(2)
    ]
    assert both[1].bars.extra["mood"].tolist() == [0.5, 0.25, 0.75]
    assert both[1].source.repairs == both[0].source.repairs != ()
    assert both[1].source.notes == both[0].source.notes != ()


def test_the_report_names_the_sha256_of_the_file(write, plain):
    text = plain(3)
    report = load(write("X.csv", text)).source
    assert report.file_sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert SourceReport.from_json(report.to_json()) == report


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"", "an empty file"),
        ("a.csv", b" \n\n ", "an empty file"),
        ("a.csv", b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        ("a.xlsx", b"PK\x03\x04 broken", "a damaged zip"),
        ("a.csv.gz", b"\x1f\x8b broken", "a damaged gzip"),
        ("a.parquet", b"PAR1 broken", "A Parquet file must be whole"),
        ("a.feather", b"ARROW1 broken", "A Feather file must be whole"),
        ("a.json", b'{"time": [1, 2', "valid JSON"),
        ("a.json", b'{"time": 3}', "JSON bars must be"),
        ("a.json", b"[[1,2,3,4,5,6],[1,2,3,4,5]]", "row 2"),
        ("a.csv", b"hello\nworld\n", "5 or more columns"),
        ("a.csv", b"time,open,high,low,close\n", "a header only"),
        ("a.csv", b"time,open,high,low,close\n2024-01-01,1,1,1,1\n", "too_few_bars, 1x"),
        ("a.csv", b"a,b,c,d,e\n1,2,3,4,5\n1,2,3,4,5\n", "Tried:"),
    ],
)
def test_a_wrong_file_gets_an_error_that_says_what_it_is(write, name, content, says):
    with pytest.raises(DataError, match=says):
        load(write(name, content))


def test_a_missing_file_a_folder_and_a_web_address_are_told_apart(write, tmp_path):
    write("XAUUSD.csv", "x")
    with pytest.raises(DataError, match=r"no such file(.|\n)*did you mean XAUUSD.csv\?"):
        load(tmp_path / "XAUSD.csv")
    write(".hidden", "x")
    with pytest.raises(DataError, match=r"check the path: of files the folder holds XAUUSD.csv\."):
        load(tmp_path / "nope")
    with pytest.raises(DataError, match="a folder"):
        load(tmp_path)
    with pytest.raises(DataError, match="nothing is fetched"):
        load("https://example.org/bars.csv")


def test_a_missing_file_is_as_clear_with_a_cache(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        load(tmp_path / "a.csv", cache=ArrayCache(tmp_path / "cache"))


def test_a_nul_byte_is_refused_with_its_line(loaded, plain):
    with pytest.raises(DataError, match=r"NUL byte(.|\n)*line 3"):
        loaded(plain(5, {1: "2024-01-01 01:00:00,1\0,1,1,1,1,1"}))


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("2024-01-01 02:00:00,1e400,2002,1998,2001,20,1", "infinite_value"),
        ("2024-01-01 02:00:00,nan,2002,1998,2001,20,1", "missing_value"),
        ("2024-01-01 02:00:00,,2002,1998,2001,20,1", "missing_value"),
        ("2024-01-01 02:00:00,abc,2002,1998,2001,20,1", "unreadable_number"),
        ("2024-01-01 02:00:00,0x7d0,2002,1998,2001,20,1", "unreadable_number"),
        ("2024-01-01 02:00:00,2000,2002,1998", "ragged_row"),
        ("2024-01-01 02:00:00,2000,2002,1998,2001,20,1,9", "ragged_row"),
        ("2024-01-01 02:00:00;2000;2002;1998;2001;20;1", "ragged_row"),
        ("2024-01-01 02:00:00,2000,5,2002,1998,2001,20,1", "ragged_row"),
        ("time,open,high,low,close,spread,volume", "repeated_header"),
        ("2024-13-01 02:00:00,2000,2002,1998,2001,20,1", "unreadable_time"),
        ("2024-02-30 02:00:00,2000,2002,1998,2001,20,1", "unreadable_time"),
        ("2024-01-01 25:00:00,2000,2002,1998,2001,20,1", "unreadable_time"),
        (",2000,2002,1998,2001,20,1", "unreadable_time"),
        ("2024-01-01 01:00:00,2000,2002,1998,2001,20,1", "duplicate_times"),
        ("2023-12-31 02:00:00,2000,2002,1998,2001,20,1", "unordered_times"),
        ("2024-01-01 02:17:00,2000,2002,1998,2001,20,1", "off_grid_time"),
        ("2024-01-01 02:00:00,0,2002,0,2001,20,1", "price_not_positive"),
        ("2024-01-01 02:00:00,-2000,2002,-2000,2001,20,1", "price_not_positive"),
        ("2024-01-01 02:00:00,2000,1998,2002,2001,20,1", "high_below_low"),
        ("2024-01-01 02:00:00,2000,2000.5,1998,2001,20,1", "outside_range"),
        ("2024-01-01 02:00:00,2000,2002,2000.5,2001,20,1", "outside_range"),
        ("2024-01-01 02:00:00,2000,2002,1998,2001,20,-1", "negative_volume"),
        ("2024-01-01 02:00:00,2000,2002,1998,2001,-20,1", "negative_spread"),
        ("2024-01-01 02:00:00,200000,200200,199800,200100,20,1", "price_scale_changes"),
        ("2024-01-01 02:00:00,200,200.2,199.8,200.1,20,1", "price_scale_changes"),
    ],
)
def test_one_bad_line_is_refused_and_named(loaded, plain, line, kind):
    with pytest.raises(DataError) as caught:
        loaded(plain(30, {2: line}))
    assert f"- {kind}, " in caught.value.came
    assert "line 4" in caught.value.came


def test_all_problems_of_a_file_come_at_once_with_counts_and_lines(loaded, plain):
    text = plain(
        30,
        {
            3: "2024-01-01 03:00:00,0,2002,0,2001,20,1",
            5: "2024-01-01 05:00:00,2000,1998,2002,2001,20,1",
            7: "2024-01-01 06:00:00,2000,2002,1998,2001,20,-5",
            9: "2024-01-01 09:00:00,2000,2002,1998,2001,20,-7",
            11: "yesterday,2000,2002,1998,2001,20,7",
        },
    )
    with pytest.raises(DataError) as caught:
        loaded(text)
    came = caught.value.came
    assert came.startswith("5 kinds of problem")
    assert "price_not_positive, 1x" in came
    assert "high_below_low, 1x" in came
    assert "negative_volume, 2x" in came
    assert "line 9: volume -5; line 11: volume -7" in came
    assert "duplicate_times, 1x" in came
    assert "unreadable_time, 1x: Not a time like the others (line 13: yesterday)" in came


def test_blank_lines_do_not_shift_the_line_numbers(loaded, plain):
    text = plain(30, {9: "2024-01-01 09:00:00,2000,2002,1998,2001,20,-7"})
    lines = text.split("\n")
    text = "\n".join([*lines[:4], "", "", *lines[4:]])
    with pytest.raises(DataError, match="line 13: volume -7"):
        loaded(text)


def test_nothing_is_repaired_unasked_and_a_sound_file_needs_no_repair(loaded, plain):
    assert loaded(plain(30)).source.repairs == ()
    assert loaded(plain(30), repair=True).source.repairs == ()


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_of_other_systems_are_read(loaded, plain, end):
    assert len(loaded(plain(5).replace("\n", end)).bars) == 5


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_are_found(loaded, plain, delimiter):
    result = loaded(plain(5).replace(",", delimiter))
    assert result.bars.close[1] == 2001.001


def test_a_decimal_comma_is_not_read_as_thousands(loaded, plain):
    unclear = "".join(f'2024-01-0{day},"1,250","1,255","1,245","1,251"\n' for day in (1, 2, 3))
    with pytest.raises(DataError, match="decimal mark or stands between thousands"):
        loaded(f"time,open,high,low,close\n{unclear}")
    result = loaded(plain(5).replace(",", ";").replace(".", ","))
    assert result.bars.close[1] == 2001.001
    assert any("decimal comma" in note for note in result.source.notes)


def test_both_marks_as_decimal_ones_are_refused(loaded, plain):
    with pytest.raises(DataError, match="One decimal mark"):
        loaded(plain(5, {2: '2024-01-01 02:00:00,"2000,5",2002.5,1998,2001,20,1'}))


def test_day_and_month_are_decided_by_evidence_only(loaded, us):
    def text(*dates: str) -> str:
        rows = "".join(f"{date},1,2,1,1\n" for date in dates)
        return f"date,open,high,low,close\n{rows}"

    proven = loaded(text("12/01/2024", "13/01/2024", "14/01/2024"))
    assert proven.bars.time_us[0] == us("2024-01-12")
    proven = loaded(text("01/12/2024", "01/13/2024"))
    assert proven.bars.time_us[0] == us("2024-01-12")
    with pytest.raises(DataError, match="day and which the month"):
        loaded(text("01/02/2024", "02/02/2024", "03/02/2024"))
    asked = loaded(text("01/02/2024", "02/02/2024", "03/02/2024"), day_first=True)
    assert asked.bars.time_us.tolist() == [us(f"2024-02-0{day}") for day in (1, 2, 3)]
    with pytest.raises(DataError, match="as asked"):
        loaded(text("01/12/2024", "01/13/2024"), day_first=True)
    with pytest.raises(DataError, match="one order in the whole file"):
        loaded(text("13/01/2024", "01/14/2024"))


def test_hours_without_holes_decide_between_day_and_month(loaded, us):
    rows = "".join(
        f"{day:02d}/02/2024 {hour:02d}:00,1,2,1,1\n" for day in (1, 2, 3) for hour in range(24)
    )
    bars = loaded(f"date,open,high,low,close\n{rows}").bars
    assert bars.time_us[-1] == us("2024-02-03T23:00")


@pytest.mark.parametrize("scale", [1, 10**3, 10**6, 10**9])
def test_the_unit_of_a_unix_time_is_found(loaded, us, scale):
    rows = "".join(f"{(1704067200 + 60 * i) * scale},1,2,1,1\n" for i in range(3))
    bars = loaded(f"timestamp,open,high,low,close\n{rows}").bars
    assert bars.time_us.tolist() == [us(f"2024-01-01T00:0{i}") for i in range(3)]


@pytest.mark.parametrize("first", [12345678, 99999999999, 17040672000000000000])
def test_a_unix_time_outside_of_every_unit_is_refused(loaded, first):
    text = f"timestamp,open,high,low,close\n{first},1,2,1,1\n{first + 1},1,2,1,1\n"
    with pytest.raises(DataError, match=r"between 1980 and 2100|known way"):
        loaded(text)


def test_a_point_value_that_contradicts_the_decimals_is_used_with_a_loud_warning(loaded, plain):
    result = loaded(plain(5), point_value=0.01)
    assert result.bars.point_size == 0.01
    assert any("10 times larger" in warning for warning in result.source.warnings)
    assert loaded(plain(5), point_value=0.001).source.warnings == ()


@pytest.mark.parametrize("spread", ["0.35", "12.5", "0.006"])
def test_a_spread_that_is_no_whole_points_is_refused(loaded, plain, spread):
    text = plain(5).replace(",20,", f",{spread},")
    for repair in (False, True):
        with pytest.raises(DataError, match=rf"spread_not_in_points, 5x(.|\n)*spread {spread}"):
            loaded(text, repair=repair)
    renamed = loaded(text.replace("spread", "width"))
    assert renamed.bars.extra["width"].tolist() == [float(spread)] * 5
    assert any("no spread" in note for note in renamed.source.notes)


@pytest.mark.parametrize(
    ("column", "factor", "rows"),
    [
        ("high", 100, slice(None)),
        ("low", 0.01, slice(None)),
        ("high", 1000, slice(50, 51)),
        ("low", 0.1, slice(50, 51)),
        ("high", 30, slice(None, None, 10)),
    ],
)
def test_a_high_or_low_of_another_scale_is_refused(loaded, walk, table, column, factor, rows):
    columns = walk()
    columns[column][rows] *= factor
    with pytest.raises(DataError, match="wick_scale"):
        loaded(table(columns), repair=True)


def test_one_long_wick_to_no_power_of_ten_is_a_warning(loaded, walk, table):
    columns = walk()
    columns["high"][50] *= 30
    (problem,) = loaded(table(columns)).source.problems
    assert (problem.kind, problem.severity, problem.count) == ("long_wick", "warning", 1)


@pytest.mark.parametrize("form", ["%Y%m%d%H", "%y%m%d%H%M", "%d%m%Y%H", "%m%d%Y%H"])
@pytest.mark.parametrize("start", ["2024-01-01", "2024-11-29"])
def test_digits_that_are_a_date_are_not_read_as_unix_seconds(loaded, form, start):
    times = [datetime.fromisoformat(start) + timedelta(hours=i) for i in range(100)]
    rows = "".join(f"{time.strftime(form)},1,2,1,1\n" for time in times)
    with pytest.raises(DataError, match=r"unix seconds or a date|known way|between 1980 and 2100"):
        loaded(f"time,open,high,low,close\n{rows}", repair=True)


@pytest.mark.parametrize("step_s", [60, 300, 3600, 86400])
@pytest.mark.parametrize("first", [1704067200, 1702010000, 1231202400, 1611010000])
def test_unix_seconds_that_look_like_dates_for_a_while_are_read(loaded, first, step_s):
    rows = "".join(f"{first + i * step_s},1,2,1,1\n" for i in range(100))
    bars = loaded(f"timestamp,open,high,low,close\n{rows}").bars
    assert bars.time_us[0] == first * 10**6


def test_bars_later_than_today_are_refused(loaded, plain):
    with pytest.raises(DataError, match=r"future_time, 5x(.|\n)*2044-01-01"):
        loaded(plain(5).replace("2024-01-01", "2044-01-01"), repair=True)


def test_another_timeframe_than_expected_is_refused(loaded, plain):
    assert loaded(plain(5), timeframe="1h").bars.timeframe.name == "1h"
    with pytest.raises(DataError, match="bars are 1h and not 15m apart"):
        loaded(plain(5), timeframe="15m")


def test_a_newest_first_file_of_an_unknown_format_is_turned_only_when_asked(loaded, plain, us):
    header, *rows = plain(5).splitlines()
    text = "\n".join([header, *rows[::-1]])
    with pytest.raises(DataError, match="newest_first"):
        loaded(text)
    mended = loaded(text, repair=True)
    assert mended.bars.time_us[0] == us("2024-01-01")
    assert [repair.kind for repair in mended.source.repairs] == ["turned_round"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"point_value": 0.0},
        {"point_value": float("nan")},
        {"timezone": "Europe/Berlim"},
        {"timeframe": "quarter"},
    ],
)
def test_settings_that_make_no_sense_are_refused_at_once(wrong):
    with pytest.raises(ConfigError):
        LoadSettings(**wrong)


def test_a_misspelt_timezone_gets_the_nearest_names():
    with pytest.raises(ConfigError, match="Europe/Berlin"):
        LoadSettings(timezone="Europe/Berlim")


PRICES = st.integers(min_value=100, max_value=850)


@given(
    rows=st.lists(
        st.tuples(PRICES, PRICES, PRICES, st.integers(0, 10**6)), min_size=3, max_size=30
    ),
    start=st.integers(min_value=0, max_value=20_000),
    decimals=st.integers(min_value=0, max_value=5),
    delimiter=st.sampled_from([",", ";", "\t"]),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_written_is_read_back(write, rows, start, decimals, delimiter):
    times = np.datetime64("1990-01-01", "us") + np.arange(
        start, start + len(rows)
    ) * np.timedelta64(3600 * 10**6, "us")
    scale = 10**decimals
    values = [[*sorted(row[:3]), row[3]] for row in rows]
    lines = [
        delimiter.join(
            [
                str(time)[:19],
                *(f"{price / scale:.{decimals}f}" for price in (b, c, a, b)),
                str(volume),
            ]
        )
        for time, (a, b, c, volume) in zip(times, values, strict=True)
    ]
    header = delimiter.join(["time", "open", "high", "low", "close", "volume"])
    bars = load(write("X.csv", "\n".join([header, *lines]))).bars
    assert bars.time_us.tolist() == times.astype(np.int64).tolist()
    assert bars.open.tolist() == [b / scale for _, b, _, _ in values]
    assert bars.high.tolist() == [c / scale for _, _, c, _ in values]
    assert bars.low.tolist() == [a / scale for a, *_ in values]
    assert bars.volume.tolist() == [volume for *_, volume in values]


def test_a_symbol_that_contradicts_the_file_is_warned_of(loaded):
    text = "time,symbol,open,high,low,close\n2024-01-01,EURUSD,1,2,1,1\n2024-01-02,EURUSD,1,2,1,1\n"
    warnings = loaded(text, symbol="GOLD").source.warnings
    assert any("although the file says EURUSD" in warning for warning in warnings)


@pytest.mark.parametrize(
    "name", ["next_close", "Next Close", "nextClose", "future_return", "target", "fwd_ret_5"]
)
def test_a_column_that_knows_the_future_by_its_name_is_left_out_with_the_reason(loaded, name):
    text = f"time,open,high,low,close,{name}\n2024-01-01,1,2,1,1,0.5\n2024-01-02,1,2,1,1,0.25\n"
    result = loaded(text)
    assert result.bars.extra == {}
    assert "knows the future" in result.source.ignored[name]
    assert "rename" in result.source.ignored[name]
    assert list(loaded(text.replace(name, "mood")).bars.extra) == ["mood"]


def test_a_file_that_changes_between_hash_and_read_is_refused(write, plain, tmp_path, monkeypatch):
    path = write("X.csv", plain(5))
    monkeypatch.setattr("envs.data.load.file_digest", lambda _: "0" * 64)
    with pytest.raises(DataError, match="must not change while it is read"):
        load(path, cache=ArrayCache(tmp_path / "cache"))


def test_halves_are_hashed_alike_from_the_file_and_from_its_bytes(write):
    content = bytes(range(256)) * 10_001
    assert file_digest(write("a.bin", content)) == content_digest(content)
    assert file_digest(write("b.bin", content[:-1])) != content_digest(content)


@pytest.mark.parametrize("repeated", [(), (20,)])
def test_the_hour_of_autumn_is_told_apart_in_a_file_that_runs_backwards(loaded, us, repeated):
    """Two bars at 02:00 by a clock of Berlin: the lower one of a backward file is the earlier."""
    walls = ["2023-10-29 01", "2023-10-29 02", "2023-10-29 02", "2023-10-29 03"]
    walls += [f"2023-10-29 {hour:02d}" for hour in range(4, 24)]
    rows = [f"{wall}:00:00,{100 + i},{102 + i},{98 + i},{100 + i}" for i, wall in enumerate(walls)]
    rows = [line for i, line in enumerate(rows) for _ in range(1 + (i in repeated))]
    text = "time,open,high,low,close\n" + "\n".join(rows[::-1])
    with pytest.raises(DataError) as caught:
        loaded(text, timezone="Europe/Berlin")
    assert "newest_first" in caught.value.came
    assert "unordered_times" not in caught.value.came
    bars = loaded(text, timezone="Europe/Berlin", repair=True).bars
    assert bars.close.tolist() == [100 + i for i in range(24)]
    assert bars.time_us[[0, 1, 2, 3]].tolist() == [
        us("2023-10-28T23:00") + hour * 3_600_000_000 for hour in range(4)
    ]
