"""Extra columns of a file that know the next bar, and honest ones that look like it."""

import numpy as np
import pytest

from envs.errors import DataError


def shifted(column):
    return np.append(column[1:], column[-1])


def returns(walk):
    return np.diff(np.log(walk["close"]), prepend=np.log(walk["close"][0]))


LEAKS = {
    "the next close": lambda w: shifted(w["close"]),
    "the next high": lambda w: shifted(w["high"]),
    "the next return": lambda w: shifted(returns(w)),
    "the next return in bps, rounded": lambda w: shifted(returns(w) * 1e4).round(1),
    "the next change": lambda w: shifted(np.diff(w["close"], prepend=w["close"][0])),
    "a multiple of the next close": lambda w: 1.1 * shifted(w["close"]) + 3,
    "the next direction": lambda w: (shifted(returns(w)) > 0).astype(float),
}
HONEST = {
    "the close once more": lambda w: w["close"],
    "the return of this bar": returns,
    "a mean of the last three": lambda w: (
        (w["close"] + np.roll(w["close"], 1) + np.roll(w["close"], 2)) / 3
    ),
    "the last high": lambda w: np.roll(w["high"], 1),
    "a constant": lambda w: np.full(len(w["close"]), 2.0),
    "noise": lambda w: np.random.default_rng(1).normal(size=len(w["close"])),
    "a row number": lambda w: np.arange(len(w["close"]), dtype=float) ** 1.5,
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_column_that_knows_the_next_bar_is_refused_whatever_its_name(loaded, walk, table, leak):
    columns = walk()
    text = table({**columns, "mood": LEAKS[leak](columns)})
    with pytest.raises(DataError, match=r"extra_knows_next_bar(.|\n)*'mood'(.|\n)*next bar"):
        loaded(text, repair=True)


@pytest.mark.parametrize("honest", HONEST)
def test_a_column_of_the_past_and_the_present_passes(loaded, walk, table, honest):
    columns = walk()
    assert "mood" in loaded(table({**columns, "mood": HONEST[honest](columns)})).bars.extra


def test_a_copy_of_the_close_passes_although_it_is_the_next_open(loaded, walk, table):
    columns = walk()
    columns["open"] = np.append(columns["close"][0], columns["close"][:-1])
    columns["high"] = np.maximum(columns["high"], columns["open"])
    columns["low"] = np.minimum(columns["low"], columns["open"])
    assert "mood" in loaded(table({**columns, "mood": columns["close"]})).bars.extra


def test_prices_that_run_smoothly_are_no_leak(loaded, walk, table):
    columns = walk()
    smooth = (2000 + 10 * np.sin(np.arange(200) / 30)).round(3)
    columns = dict.fromkeys(columns, smooth)
    mood = np.diff(np.log(smooth), prepend=np.log(smooth[0]))
    assert "mood" in loaded(table({**columns, "mood": mood})).bars.extra
