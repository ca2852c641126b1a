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


TRIED = "Settings and seeds that were tried before count as well, and are not counted here."


def test_all_tests_passed_beat_chance():
    got = chance_line(DEFLATED, CHOICE, {"flat": earned(0.1, 0.3), "random": earned(0.2, 0.4)})
    assert got.beats_chance
    assert got.text == (
        "This beats chance: the deflated Sharpe ratio for 12 runs tried, 0.970, reaches "
        "0.95; it earned more than flat, +20.00% (90% interval +10.00% to +30.00%); it earned more "
        "than random, +30.00% (90% interval +20.00% to +40.00%). Returns are summed over bars, not "
        "compounded. Probability that the choice among 12 runs is overfitted: 0.08. "
        "Settings and seeds that were tried before count as well, and are not counted here."
    )
    json.dumps(got.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("deflated", "against", "words"),
    [
        (replace(DEFLATED, probability=0.949), {"flat": earned(0.1, 0.3)}, "is below 0.95"),
        (replace(DEFLATED, probability=None), {"flat": earned(0.1, 0.3)}, "do not vary"),
        (DEFLATED, {"flat": earned(0.0, 0.3)}, "against flat it earned +15.00%"),
        (DEFLATED, {"flat": earned(0.1, 0.3), "random": earned(-0.3, -0.1)}, "less than random"),
    ],
)
def test_one_test_failed_is_not_shown(deflated, against, words):
    got = chance_line(deflated, CHOICE, against)
    assert got.beats_chance is False
    assert got.text.startswith("Nothing here is shown to beat chance: ")
    assert words in got.text
    assert "more than flat" not in got.text  # only what failed is told


@pytest.mark.parametrize(
    ("deflated", "against", "words"),
    [
        (None, {"flat": earned(0.1, 0.3)}, "deflated Sharpe ratio was not measured"),
        (DEFLATED, {}, "compared with no baseline"),
        (
            DEFLATED,
            {"flat": Estimate(value=0.1, interval=None, n_values=9)},
            "the return against flat, +10.00%, has no interval",
        ),
        (
            DEFLATED,
            {"buy_and_hold": Estimate(value=None, interval=None, n_values=0)},
            "the return against buy-and-hold was not measured",
        ),
    ],
)
def test_a_test_that_could_not_be_made_leaves_it_open(deflated, against, words):
    got = chance_line(deflated, CHOICE, against)
    assert got.beats_chance is None
    assert got.text.startswith("Whether this beats chance cannot be said yet: ")
    assert words in got.text
    assert "more than flat" not in got.text


def test_what_failed_and_what_was_missed_are_both_told():
    got = chance_line(replace(DEFLATED, probability=0.5), CHOICE, {})
    assert got.beats_chance is False
    assert "0.500, is below 0.95; it was compared with no baseline" in got.text


def test_one_run_is_singular_and_others_tried_before_count():
    got = chance_line(replace(DEFLATED, n_trials=1, probability=0.5), None, {})
    assert "for 1 run tried, 0.500, is below" in got.text
    assert got.text.endswith("tried before count as well, and are not counted here.")
    assert chance_line(DEFLATED, None, {}).text.endswith(f"overfitted: n/a. {TRIED}")


def test_the_choice_is_told_and_does_not_decide():
    coin = replace(CHOICE, probability=0.5)
    got = chance_line(DEFLATED, coin, {"flat": earned(0.1, 0.3)})
    assert got.beats_chance
    assert got.text.endswith(f"is overfitted: 0.50, no better than a coin toss. {TRIED}")
    same = chance_line(DEFLATED, replace(CHOICE, probability=None), {"flat": earned(0.1, 0.3)})
    assert same.text.endswith(f"overfitted: n/a. {TRIED}")
