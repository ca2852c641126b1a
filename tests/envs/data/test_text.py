"""Delimited text: encodings, banners, headers."""

import pytest

from envs.errors import DataError


def test_a_byte_order_mark_and_utf16_are_taken_off(loaded, plain):
    assert len(loaded(b"\xef\xbb\xbf" + plain(3).encode()).bars) == 3
    result = loaded(plain(3).encode("utf-16"))
    assert result.source.notes[0] == "The file is UTF-16 text"


def test_half_an_utf16_character_is_refused(loaded):
    with pytest.raises(DataError, match="no UTF-16"):
        loaded(b"\xff\xfea\x00b")


def test_a_western_european_header_is_read_with_a_note(loaded, plain):
    text = plain(3).replace("volume", "volume,Größe").replace("\n", ",1\n")
    text = text.replace("Größe,1", "Größe")
    result = loaded(text.encode("cp1252"))
    assert "Windows-1252" in result.source.notes[0]
    assert list(result.bars.extra) == ["gr_e"]


def test_a_title_and_blank_lines_above_the_header_are_passed_over(loaded, plain):
    result = loaded("Gold, hourly\n\n" + plain(3))
    assert len(result.bars) == 3
    bad = "Gold, hourly\n\n" + plain(9, {2: "2024-01-01 02:00:00,0,2,0,1,1,1"})
    with pytest.raises(DataError, match=r"line 6: 2024-01-01 02:00:00"):
        loaded(bad)


def test_a_header_with_too_few_names_is_refused(loaded):
    with pytest.raises(DataError, match=r"5 names .* over rows of 6 values"):
        loaded("time,open,high,low,close\n" + "2024-01-01,1,1,1,1,1\n" * 5)


def test_numbers_with_a_space_around_them_and_quotes_are_read(loaded):
    text = 'time, open, high, low, close\n"2024-01-01", 1.5 ,"2.5",1 , 2\n2024-01-02,1.5,2.5,1,2\n'
    assert loaded(text).bars.high.tolist() == [2.5, 2.5]


def test_an_open_quote_is_found(loaded, plain):
    with pytest.raises(DataError, match="ragged_row"):
        loaded(plain(30, {2: '2024-01-01 02:00:00,"2000,2002,1998,2001,20,1'}))


def test_a_summary_line_at_the_end_is_found(loaded, plain):
    with pytest.raises(DataError, match=r"ragged_row, 1x.*line 32"):
        loaded(plain(30) + "30 rows\n")


def test_only_line_ends_end_a_line(loaded, plain):
    text = plain(30).replace("volume\n", "volume\u2028", 1)
    with pytest.raises(DataError, match="no header, first row"):
        loaded(text)


def test_many_bad_rows_are_counted_and_the_first_five_shown(loaded, plain):
    bad = {row: f"2024-01-01 {row:02d}:00:00,x,2002,1998,2001,20,1" for row in range(8)}
    with pytest.raises(DataError) as caught:
        loaded(plain(24, bad))
    assert "unreadable_number, 8x" in caught.value.came
    assert caught.value.came.count("line ") == 5
