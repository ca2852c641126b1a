"""The margin: by hand, from calibrations with and without a ruin, and around zero."""

from __future__ import annotations

import math

import numpy as np
import pytest

from envs.errors import ConfigError
from training.significance.margins import Margin, margin_of_calibration, margin_of_reference


def test_five_percent_of_scores_of_one_sign_is_five_percent_of_their_mean():
    scores = np.array([[8.0, 9.0], [10.0, 13.0]])
    assert margin_of_reference(scores).value == pytest.approx(0.05 * 9.5)
    assert margin_of_reference(-scores).value == pytest.approx(0.05 * 9.5)


def test_around_zero_the_scale_is_the_typical_size_and_says_what_that_means():
    got = margin_of_reference([[-10.0, 10.0], [-12.0, 12.0]])
    assert got.value == pytest.approx(0.05 * 11)
    assert "exceeds the reference's own mean of 0" in got.words


def test_a_flat_reference_has_no_margin():
    got = margin_of_reference(np.zeros((2, 2)))
    assert got.value == 0
    assert "every loss counts" in got.words


def test_a_margin_needs_a_reference_and_must_not_be_negative():
    with pytest.raises(ConfigError, match="no run of the reference finished"):
        margin_of_reference([[np.nan]])
    for value in (-1.0, math.nan, math.inf):
        with pytest.raises(ConfigError, match="margin must be"):
            Margin(value=value, source="given", words="")


TWO_RUNS = np.array([[13.0, 11, 13, 11, 13]] * 2), np.array([[11.0, 13, 11, 13, 11]] * 2)
"""They differ by 2, up and down: a seed's deviation is 1.4826 * 2 / sqrt(2)."""


def test_a_calibration_measures_one_seeds_deviation():
    first, second = TWO_RUNS
    got = margin_of_calibration(first, second)
    assert got.value == pytest.approx(1.4826 * math.sqrt(2) / 2)
    assert (got.source, got.reference_mean) == ("calibration", pytest.approx(12.0))
    more = margin_of_calibration(np.tile(first, (9, 1)), np.tile(second, (9, 1)))
    assert more.value == pytest.approx(got.value)


def test_a_ruin_in_a_calibration_does_not_widen_its_margin():
    first, second = TWO_RUNS
    ruined = second.copy()
    ruined[0, 0] = -1e6
    assert margin_of_calibration(first, ruined).value == margin_of_calibration(first, second).value


def test_a_calibration_never_allows_more_than_a_tenth_of_the_typical_score():
    first, second = TWO_RUNS
    got = margin_of_calibration(first - 10, second - 10)
    assert got.value == pytest.approx(0.1 * 2.0)  # sizes 1 and 3, ten of each
    assert "no more than 0.1 of 2" in got.words


def test_a_calibration_of_nine_pairs_is_refused():
    nine = TWO_RUNS[0].copy()
    nine[1, 4] = np.nan
    with pytest.raises(ConfigError, match="needs 10 pairs"):
        margin_of_calibration(nine, TWO_RUNS[1])
