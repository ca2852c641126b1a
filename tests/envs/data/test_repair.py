"""Every repair is asked for, does one thing, and is recorded."""

import pytest

from envs.errors import DataError

MENDED = [
    ("time,open,high,low,close,spread,volume", "dropped_lines", 29),
    ("2024-01-01 02:00:00,2000,2002", "dropped_lines", 29),
    ("2024-01-01 02:00:00,abc,2002,1998,2001,20,1", "dropped_unreadable", 29),
    ("noon,2000,2002,1998,2001,20,1", "dropped_unreadable", 29),
    ("2024-01-01 02:00:00,1e400,2002,1998,2001,20,1", "dropped_unusable", 29),
    ("2024-01-01 02:00:00,,2002,1998,2001,20,1", "dropped_unusable", 29),
    ("2024-01-01 02:00:00,0,2002,0,2001,20,1", "dropped_unusable", 29),
    ("2024-01-01 01:00:00,2000,2002,1998,2001,20,1", "dropped_duplicate_time", 29),
    ("2023-12-31 02:00:00,2000,2002,1998,2001,20,1", "sorted", 30),
    ("2024-01-01 02:17:00,2000,2002,1998,2001,20,1", "dropped_off_grid", 29),
    ("2024-01-01 02:00:00,2000,1998,2002,2001,20,1", "widened_range", 30),
    ("2024-01-01 02:00:00,2000,2000.5,1998,2001,20,1", "widened_range", 30),
    ("2024-01-01 02:00:00,2000,2002,1998,2001,20,-1", "zeroed_volume", 30),
    ("2024-01-01 02:00:00,2000,2002,1998,2001,-20,1", "zeroed_spread_points", 30),
]


@pytest.mark.parametrize(("line", "kind", "n_bars"), MENDED)
def test_one_bad_line_is_mended_and_recorded_with_its_line(loaded, plain, line, kind, n_bars):
    result = loaded(plain(30, {2: line}), repair=True)
    assert len(result.bars) == n_bars
    (repair,) = result.source.repairs
    assert repair.kind == kind
    assert "line 4" in repair.rows or kind == "sorted"
    assert any(problem.severity == "error" for problem in result.source.problems)


def test_a_widened_bar_holds_its_four_prices_and_nothing_else_moves(loaded, plain):
    sound = loaded(plain(30)).bars
    line = "2024-01-01 02:00:00,2000,1998,2002,2001,20,2"
    bars = loaded(plain(30, {2: line}), repair=True).bars
    assert (bars.high[2], bars.low[2]) == (2002, 1998)
    rest = [row for row in range(30) if row != 2]
    assert bars.high[rest].tolist() == sound.high[rest].tolist()
    assert bars.low[rest].tolist() == sound.low[rest].tolist()


def test_of_two_bars_with_one_time_the_first_stays(loaded, plain):
    line = "2024-01-01 01:00:00,1900,1902,1898,1901,20,1"
    result = loaded(plain(30, {2: line}), repair=True)
    assert result.bars.close[1] == 2001.001
    assert result.source.repairs[0].before == ("2024-01-01 01:00:00 o/h/l/c 1900/1902/1898/1901",)


def test_a_change_of_scale_is_never_mended(loaded, plain):
    line = "2024-01-01 02:00:00,200000,200200,199800,200100,20,1"
    with pytest.raises(DataError, match="after 0 kinds of repair"):
        loaded(plain(30, {2: line}), repair=True)


def test_several_faults_are_mended_in_one_go(loaded, plain):
    lines = {2 + 2 * index: line for index, (line, _, _) in enumerate(MENDED[:5])}
    result = loaded(plain(40, lines), repair=True)
    assert sum(repair.count for repair in result.source.repairs) == 5
    assert len(result.bars) == 35


def test_a_hole_in_an_extra_column_takes_the_value_before_it(loaded):
    text = "time,open,high,low,close,mood\n" + "".join(
        f"2024-01-0{day},1,2,1,1,{mood}\n" for day, mood in ((1, 0.5), (2, ""), (3, 0.25))
    )
    assert "mood" not in loaded(text).bars.extra
    result = loaded(text, repair=True)
    assert result.bars.extra["mood"].tolist() == [0.5, 0.5, 0.25]
    assert result.source.repairs[0].kind == "filled_extra"


def test_a_hole_at_the_head_of_an_extra_column_is_not_filled_from_the_future(loaded):
    text = "time,open,high,low,close,mood\n2024-01-01,1,2,1,1,\n2024-01-02,1,2,1,1,3\n"
    result = loaded(text, repair=True)
    assert "mood" not in result.bars.extra
    assert result.source.repairs == ()


def test_a_file_without_one_sound_row_stays_refused(loaded):
    text = "time,open,high,low,close\n2024-01-01,0,0,0,0\n2024-01-02,0,0,0,0\n"
    with pytest.raises(DataError, match="too_few_bars"):
        loaded(text, repair=True)
