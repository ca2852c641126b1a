"""The line in plain words: it beats chance only where every test was made and passed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from training.significance.intervals import Estimate, Interval
from training.significance.overfitting import DeflatedSharpe, Overfitting
from training.significance.plain import chance_line

DEFLATED = DeflatedSharpe(
    probability=0.97,
    benchmark=0.01,
    moments=None,
    n_trials=12,
    trial_deviation=0.01,
    track_record_bars=None,
)
CHOICE = Overfitting(
    probability=0.08,
    loss_probability=0.1,
    median_logit=1.0,
    n_splits=12870,
    n_blocks=16,
    n_configurations=12,
)


def earned(low, high):
    interval = Interval(low=low, high=high, confidence=0.9, method="by hand")
    return Estimate(value=(low + high) / 2, interval=interval, n_values=1000)


def test_all_tests_passed_beat_chance():
    got = chance_line(DEFLATED, CHOICE, {"flat": earned(0.1, 0.3), "random": earned(0.2, 0.4)})
    assert got.beats_chance
    assert got.text == (
        "This beats chance: the deflated Sharpe ratio for 12 configurations tried, 0.970, reaches "
        "0.95; it earned more than flat, +0.2 (90% interval +0.1 to +0.3); it earned more than "
        "random, +0.3 (90% interval +0.2 to +0.4). Probability that the choice among 12 "
        "configurations is overfitted: 0.08."
    )
    json.dumps(got.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("deflated", "against", "words"),
    [
        (replace(DEFLATED, probability=0.949), {"flat": earned(0.1, 0.3)}, "is below 0.95"),
        (replace(DEFLATED, probability=None), {"flat": earned(0.1, 0.3)}, "do not vary"),
        (None, {"flat": earned(0.1, 0.3)}, "deflated Sharpe ratio was not measured"),
        (DEFLATED, {}, "compared with no baseline"),
        (DEFLATED, {"flat": earned(0.0, 0.3)}, "against flat it earned +0.15"),
        (DEFLATED, {"flat": earned(0.1, 0.3), "random": earned(-0.3, -0.1)}, "less than random"),
        (
            DEFLATED,
            {"flat": Estimate(value=0.1, interval=None, n_values=9)},
            "the return against flat, +0.1, has no interval",
        ),
        (
            DEFLATED,
            {"flat": Estimate(value=None, interval=None, n_values=0)},
            "the return against flat was not measured",
        ),
    ],
)
def test_one_test_failed_or_not_made_is_not_shown(deflated, against, words):
    got = chance_line(deflated, CHOICE, against)
    assert not got.beats_chance
    assert got.text.startswith("Nothing here is shown to beat chance: ")
    assert words in got.text
    assert "more than flat" not in got.text  # only what failed is told


def test_what_was_missed_is_told_and_one_configuration_is_singular():
    got = chance_line(replace(DEFLATED, n_trials=1, probability=0.5), None, {})
    assert "for 1 configuration tried, 0.500, is below" in got.text
    assert got.text.endswith("overfitted: n/a.")


def test_the_choice_is_told_and_does_not_decide():
    coin = replace(CHOICE, probability=0.5)
    got = chance_line(DEFLATED, coin, {"flat": earned(0.1, 0.3)})
    assert got.beats_chance
    assert got.text.endswith("is overfitted: 0.50, no better than a coin toss.")
    same = chance_line(DEFLATED, replace(CHOICE, probability=None), {"flat": earned(0.1, 0.3)})
    assert same.text.endswith("overfitted: n/a.")
