"""In-sample, out of sample or unknown: judged by time where the instrument is the same."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from bot.cli.ground import HEADINGS, ground, seen_bars
from bot.cli.window import choose_window
from envs.synthetic import sample_bars
from training.summary import iso_time

BARS = sample_bars()
SEEN = {"symbol": "PLANTED", "timeframe": BARS.timeframe.name}


def model(**description):
    return SimpleNamespace(card=SimpleNamespace(description=description))


def iso(index):
    return iso_time(int(BARS.time_us[index]))


@pytest.mark.parametrize(
    ("start", "came"), [(99, "in_sample"), (100, "out_of_sample"), (150, "out_of_sample")]
)
def test_only_decisions_from_the_first_unseen_bar_on_are_out_of_sample(start, came):
    window = choose_window(BARS, str(start), "200", first_bar=10)
    seen = model(**SEEN, seen_until=iso(100))
    assert ground(seen, BARS, window) == came
    assert came in HEADINGS
    assert seen_bars(seen, BARS) == 100


def test_other_bars_of_the_instrument_are_judged_by_time():
    later = replace(BARS, close=BARS.close.copy(), volume=BARS.volume + 1)
    assert later.fingerprint != BARS.fingerprint
    assert seen_bars(model(**SEEN, seen_until=iso(100)), later) == 100


@pytest.mark.parametrize(
    "description",
    [
        {},
        {**SEEN},
        {**SEEN, "seen_until": None},
        {**SEEN, "seen_until": "soon"},
        {**SEEN, "seen_until": "2016-01-01T00:00:00"},
        {**SEEN, "seen_until": iso(100), "symbol": "EURUSD"},
        {**SEEN, "seen_until": iso(100), "timeframe": "1m"},
    ],
)
def test_what_the_card_does_not_say_is_unknown(description):
    window = choose_window(BARS, "150", "200", first_bar=10)
    assert ground(model(**description), BARS, window) == "unknown"
    assert ground(SimpleNamespace(card=None), BARS, window) == "unknown"
