"""Ratios of times: by hand, reciprocal under swapping, and nothing infinite."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from envs.errors import ConfigError
from training.significance.intervals import BootstrapConfig
from training.significance.speed import speed_up


def new_rng():
    return np.random.default_rng(3)


def test_the_speed_up_is_the_geometric_mean_of_paired_ratios():
    got = speed_up([[40.0, 90.0]], [[10.0, 10.0]], rng=new_rng())  # 4 and 9 times
    assert got.value == pytest.approx(6.0)
    # Student's t with one degree of freedom: 6.3138 at 95 %.
    half = 6.313752 * (math.log(9) - math.log(4)) / math.sqrt(2) / math.sqrt(2)
    assert got.interval.low == pytest.approx(math.exp(math.log(6) - half), rel=1e-6)
    assert got.interval.high == pytest.approx(math.exp(math.log(6) + half), rel=1e-6)
    assert got.warnings == ("The interval rests on 2 pairs of runs only.",)


def test_one_pair_has_a_speed_up_and_no_interval():
    got = speed_up([[40.0]], [[10.0]], rng=new_rng())
    assert (got.value, got.interval, got.standard_error) == (pytest.approx(4.0), None, None)
    assert got.warnings == ("No interval: one pair of runs does not show how times vary.",)


def test_equal_ratios_have_an_interval_of_no_width():
    got = speed_up(np.full((2, 4), 20.0), np.full((2, 4), 10.0), rng=new_rng())
    assert (got.value, got.interval.low, got.interval.high) == pytest.approx((2, 2, 2))


def test_missing_and_unmeasured_times_are_left_out_and_counted():
    reference = [[40.0, np.nan, 0.0], [90.0, 5.0, 7.0]]
    candidate = [[10.0, 1.0, 1.0], [10.0, 0.0, -1.0]]
    got = speed_up(reference, candidate, rng=new_rng())
    assert (got.value, got.n_values, got.n_folds) == (pytest.approx(6.0), 2, 2)
    assert got.warnings[:2] == (
        "1 of 6 pairs left out: a time is missing.",
        "3 of 6 pairs left out: a time is 0 or less.",
    )


def test_no_pair_at_all_is_not_measured():
    got = speed_up([[0.0, np.nan]], [[1.0, 1.0]], rng=new_rng())
    assert (got.value, got.interval, got.n_values) == (None, None, 0)
    assert got.warnings[-1] == "No pair of runs has both times."


def test_infinite_times_are_refused():
    with pytest.raises(ConfigError, match="finite"):
        speed_up([[np.inf]], [[1.0]], rng=new_rng())


def test_no_interval_ends_at_infinity_whatever_the_times():
    got = speed_up([[1e-300, 1e300]], [[1e300, 1e-300]], rng=new_rng())
    assert math.isfinite(got.interval.high)
    assert got.interval.low >= 0


times = arrays(np.float64, (2, 4), elements=st.floats(0.01, 1e4))


@settings(max_examples=25, deadline=None)
@given(times, times, st.floats(0.01, 100))
def test_swapping_arms_gives_the_reciprocal_and_units_do_not_matter(first, second, unit):
    config = BootstrapConfig(n_resamples=200)
    got = speed_up(first, second, rng=new_rng(), config=config)
    swapped = speed_up(second, first, rng=new_rng(), config=config)
    scaled = speed_up(first * unit, second * unit, rng=new_rng(), config=config)
    assert swapped.value == pytest.approx(1 / got.value, rel=1e-9)
    assert swapped.interval.low == pytest.approx(1 / got.interval.high, rel=1e-9)
    assert scaled.value == pytest.approx(got.value, rel=1e-9)
    assert scaled.interval.high == pytest.approx(got.interval.high, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("n_pairs", [2, 4, 5, 8, 20])
def test_nine_of_ten_intervals_cover_the_truth(n_pairs):
    rng = np.random.default_rng(4)
    config = BootstrapConfig(n_resamples=600)
    hits = 0
    for _ in range(1000):
        reference = 30 * np.exp(0.2 * rng.normal(size=(1, n_pairs)))
        candidate = 10 * np.exp(0.2 * rng.normal(size=(1, n_pairs)))
        hits += speed_up(reference, candidate, rng=rng, config=config).interval.contains(3.0)
    assert 0.87 <= hits / 1000 <= 0.95
