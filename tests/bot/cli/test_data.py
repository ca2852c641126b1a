"""`walkfast data`: what was understood of a file, on the screen and as JSON."""

from __future__ import annotations

import json

import pytest

from bot.cli.commands import run
from bot.cli.data import n_default_folds

HEADER = "time,open,high,low,close,spread,volume\n"


def rows(n_bars, *, gap_after=None):
    lines = []
    for index in range(n_bars):
        hour = index + (3 if gap_after is not None and index > gap_after else 0)
        day, hour = 2 + hour // 24, hour % 24
        price = 1900 + index / 8
        lines.append(
            f"2024-01-{day:02d} {hour:02d}:00:00,{price:.3f},{price + 1:.3f},{price - 1:.3f},"
            f"{price + 0.5:.3f},200,10\n"
        )
    return "".join(lines)


@pytest.fixture
def gold(tmp_path):
    path = tmp_path / "XAUUSD_1h.csv"
    path.write_text(HEADER + rows(60))
    return path


def test_the_page_says_what_was_understood(gold, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["data", str(gold)]) == 0
    page = capsys.readouterr().out
    said = " ".join(page.split())
    for part in (
        "Format plain",
        "Symbol XAUUSD, 1h",
        "Bars 60 of 60 rows",
        "Span 2024-01-02 00:00 to 2024-01-04 11:00 UTC",
        "one point is 0.001",
        "median 200 points",
        "100 units a lot",
        "Currency 1 USD for one of the quote ('XAUUSD' is quoted in USD)",
        "time <- time, open <- open",
        "Folds 0 of window 2,500",
    ):
        assert part in said
    assert max(map(len, page.splitlines())) <= 80


def test_json_is_strict_and_alone_on_standard_output(gold, capsys):
    assert run(["data", str(gold), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["symbol"], facts["timeframe"], facts["n_bars"]) == ("XAUUSD", "1h", 60)
    assert facts["source"]["format"] == "plain"
    assert facts["contract_size"] == 100.0
    assert (facts["currency_conversion"], "USD" in facts["currency_conversion_reason"]) == (1, True)


def test_flags_change_what_is_understood(gold, capsys):
    words = ["--symbol", "EURUSD", "--timezone", "+02:00", "--point-value", "0.01", "--json"]
    assert run(["data", str(gold), *words]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["symbol"], facts["point_size"]) == ("EURUSD", 0.01)
    assert facts["first_bar"] == "2024-01-01 22:00"


def test_a_page_can_be_written_in_plain_characters(gold, capsys, monkeypatch):
    monkeypatch.setattr("bot.cli.data._draws_braille", lambda: False)
    assert run(["data", str(gold)]) == 0
    assert capsys.readouterr().out.isascii()


def test_a_name_cannot_steer_the_terminal(gold, capsys):
    assert run(["data", str(gold), "--symbol", "A\x1b[2JB"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_an_unsound_file_is_refused_with_its_problems(tmp_path, capsys):
    path = tmp_path / "bad.csv"
    path.write_text(HEADER + rows(60) + "2024-01-04 12:00:00,1,0.5,2,1,1,1\n")
    assert run(["data", str(path)]) == 2
    said = capsys.readouterr()
    assert "must be sound" in said.err
    assert not said.out


def test_a_missing_file_is_refused(tmp_path, capsys):
    assert run(["data", str(tmp_path / "no.csv")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_no_file_is_refused(capsys):
    assert run(["data"]) == 2
    assert "FILE" in capsys.readouterr().err


@pytest.mark.parametrize(("n_bars", "n_folds"), [(3000, 0), (3001, 1), (3500, 1), (3501, 2)])
def test_folds_are_counted_as_they_would_be_cut(n_bars, n_folds):
    assert n_default_folds(n_bars) == n_folds


def test_a_quote_that_must_be_converted_is_named_with_its_flag(gold, capsys):
    yen = gold.with_name("USDJPY_1h.csv")
    gold.rename(yen)
    assert run(["data", str(yen)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "is quoted in JPY" in said
    assert "--currency_conversion sets it" in said
    assert run(["data", str(yen), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["currency_conversion"] is None
