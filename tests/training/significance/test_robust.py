"""Scores over folds and seeds: tables by hand, invariances, few seeds, coverage by simulation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import ndtr, stdtrit

from envs.errors import ConfigError
from training.significance.intervals import BootstrapConfig
from training.significance.robust import (
    _row_means,
    best_unit,
    enough_runs,
    improvement_probability,
    interquartile_mean,
    paired_difference,
    score_estimate,
)

QUICK = BootstrapConfig(n_resamples=200)


def new_rng():
    return np.random.default_rng(7)


def panels(n_folds=6, n_seeds=3):
    values = st.floats(-100, 100).map(lambda x: round(x, 3))
    return arrays(np.float64, (n_folds, n_seeds), elements=values)


def test_the_interquartile_mean_is_that_of_the_middle_half():
    assert interquartile_mean([1, 2, 3, 4, 5, 6, 7, 80]) == 4.5  # of 3, 4, 5, 6
    assert interquartile_mean([[-90.0, 2.0], [3.0, 7.0]]) == 2.5  # of 2, 3
    assert interquartile_mean([9.0, 1.0, 2.0, 4.0, -50.0]) == pytest.approx(7 / 3)  # of 1, 2, 4


def test_missing_values_are_left_out_and_no_value_has_no_mean():
    assert interquartile_mean([np.nan, 1.0, 2.0, np.nan]) == 1.5
    assert interquartile_mean([np.nan]) is None
    assert interquartile_mean([]) is None


@pytest.mark.parity
def test_means_of_rows_are_the_interquartile_mean_of_each_row():
    values = new_rng().normal(size=(50, 11))
    values[new_rng().random(values.shape) < 0.3] = np.nan
    values[:, 0] = 1.0
    expected = [interquartile_mean(row) for row in values]
    np.testing.assert_allclose(_row_means(values), expected, rtol=1e-12)


def test_the_interval_of_five_seeds_is_that_of_all_their_resamples():
    scores = np.array([[1.0, 2.0, 4.0, 8.0, 16.0]])
    got = score_estimate(scores, rng=new_rng(), config=BootstrapConfig(n_resamples=20_000))
    # All 5^4 draws of four of them; the interquartile mean of four is that of the middle two.
    every = np.sort(np.array(list(itertools.product(scores[0], repeat=4))), axis=1)
    means = every[:, 1:3].mean(axis=1)
    level = float(ndtr(stdtrit(4, 0.05)))
    assert got.value == pytest.approx(14 / 3)
    assert got.interval.low == np.quantile(means, level)
    assert got.interval.high == np.quantile(means, 1 - level)
    assert got.standard_error == pytest.approx(means.std(), rel=0.02)
    assert (got.n_values, got.n_folds, got.freedom, got.unit) == (5, 1, 4, "seeds_within_folds")
    assert got.warnings == ("The interval rests on 4 degrees of freedom only.",)


def test_whole_folds_are_drawn_again_like_seeds_of_one_fold():
    scores = np.array([[1.0], [2.0], [4.0], [8.0], [16.0]])
    config = BootstrapConfig(n_resamples=20_000)
    folds = score_estimate(scores, rng=new_rng(), config=config)
    seeds = score_estimate(scores.T, rng=new_rng(), config=config)
    assert (folds.unit, seeds.unit) == ("folds", "seeds_within_folds")
    assert folds.standard_error == pytest.approx(seeds.standard_error, rel=0.02)
    assert folds.interval.low == seeds.interval.low


def test_what_both_arms_share_in_a_fold_cancels_in_their_pairs():
    market = np.array([[-50.0], [0.0], [70.0], [10.0]])
    seeds = new_rng().normal(size=(4, 4))
    got = paired_difference(market + seeds + 0.5, market + seeds, rng=new_rng())
    assert got.value == pytest.approx(0.5)
    assert got.interval.low == pytest.approx(0.5)
    assert got.interval.high == pytest.approx(0.5)


def test_identical_arms_differ_by_nothing_and_say_that_the_interval_has_no_width():
    scores = new_rng().normal(size=(4, 4))
    got = paired_difference(scores, scores, rng=new_rng())
    assert (got.value, got.interval.low, got.interval.high) == (0, 0, 0)
    assert got.warnings == ("All resampled values are equal: the interval has no width.",)


@settings(max_examples=25, deadline=None)
@given(panels(), panels(), st.floats(-1e3, 1e3))
def test_shifting_both_arms_leaves_paired_differences(ours, theirs, shift):
    first = paired_difference(ours, theirs, rng=new_rng(), config=QUICK)
    second = paired_difference(ours + shift, theirs + shift, rng=new_rng(), config=QUICK)
    assert second.value == pytest.approx(first.value, abs=1e-9)
    assert second.interval.low == pytest.approx(first.interval.low, abs=1e-9)
    assert second.interval.high == pytest.approx(first.interval.high, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(panels(), panels())
def test_swapping_arms_flips_the_sign_of_the_difference(ours, theirs):
    first = paired_difference(ours, theirs, rng=new_rng(), config=QUICK)
    second = paired_difference(theirs, ours, rng=new_rng(), config=QUICK)
    assert second.value == pytest.approx(-first.value, abs=1e-9)
    assert second.interval.low == pytest.approx(-first.interval.high, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(panels(), panels())
def test_swapping_arms_flips_the_probability_of_improvement(ours, theirs):
    first = improvement_probability(ours, theirs, rng=new_rng(), config=QUICK)
    second = improvement_probability(theirs, ours, rng=new_rng(), config=QUICK)
    assert second.value == pytest.approx(1 - first.value)
    assert 0 <= first.interval.low <= first.interval.high <= 1


def test_every_run_meets_every_run_of_its_fold_and_ties_count_half():
    # 3 beats 2 and 1, 1 loses to 2 and ties with 1: 2.5 of 4; the second fold 0 of 4.
    got = improvement_probability([[3.0, 1.0], [0.0, 0.0]], [[2.0, 1.0], [5.0, 4.0]], rng=new_rng())
    assert got.value == pytest.approx((2.5 / 4 + 0) / 2)
    assert got.interval is None
    assert "too few" in got.warnings[0]


def test_the_spread_of_the_probability_is_that_of_seeds_drawn_again():
    ours = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    theirs = np.array([[0.5, 1.5, 2.5], [1.5, 2.5, 3.5]])
    got = improvement_probability(
        ours, theirs, rng=new_rng(), config=BootstrapConfig(n_resamples=20_000)
    )
    assert got.value == pytest.approx((6 / 9 + 3 / 9) / 2)
    per_fold = []
    for row, other in zip(ours, theirs, strict=True):
        draws = itertools.product(
            itertools.product(row, repeat=2), itertools.product(other, repeat=2)
        )
        per_fold.append([np.mean([x > y for x in a for y in b]) for a, b in draws])
    variance = sum(np.var(samples) for samples in per_fold) / 4
    assert got.standard_error == pytest.approx(np.sqrt(variance), rel=0.02)


def test_arms_that_always_win_get_the_exact_bound_instead_of_no_width():
    better, worse = np.ones((6, 2)), np.zeros((6, 2))
    got = improvement_probability(better, worse, rng=new_rng())
    assert (got.value, got.interval.high) == (1.0, 1.0)
    assert got.interval.low == pytest.approx(0.05 ** (1 / 12))
    assert got.interval.method == "exact binomial bound"
    flipped = improvement_probability(worse, better, rng=new_rng())
    assert (flipped.interval.low, flipped.interval.high) == pytest.approx((0, 1 - 0.05 ** (1 / 12)))


def test_flat_arms_beat_each_other_half_of_the_time():
    got = improvement_probability(np.zeros((6, 2)), np.zeros((6, 2)), rng=new_rng())
    assert (got.value, got.interval.low, got.interval.high) == (0.5, 0.5, 0.5)


def test_probability_without_a_common_fold_or_with_other_folds():
    none = improvement_probability([[np.nan], [1.0]], [[1.0], [np.nan]], rng=new_rng())
    assert (none.value, none.interval) == (None, None)
    with pytest.raises(ConfigError, match="same folds"):
        improvement_probability([[1.0]], [[1.0], [1.0]], rng=new_rng())


def test_missing_runs_meet_nobody():
    ours = np.array([[3.0, np.nan, 1.0]] * 6)
    full = improvement_probability(ours[:, ::2], np.full((6, 2), 2.0), rng=new_rng())
    holed = improvement_probability(ours, np.full((6, 2), 2.0), rng=new_rng())
    assert holed.value == full.value == 0.5
    assert holed.n_values == full.n_values == 12


def test_one_seed_on_few_folds_has_a_value_and_no_interval():
    got = paired_difference([[1.0], [2.0]], [[0.0], [0.0]], rng=new_rng())
    assert (got.value, got.interval, got.standard_error) == (1.5, None, None)
    assert got.warnings == (
        "No interval: 2 runs in 2 folds are too few to see how much seeds matter.",
    )
    single = score_estimate([[1.0]], rng=new_rng())
    assert single.interval is None
    assert "1 run in 1 fold is too few" in single.warnings[0]


def test_one_seed_on_many_folds_speaks_for_folds_and_says_so():
    got = score_estimate(np.arange(8.0)[:, None], rng=new_rng())
    assert (got.unit, got.freedom, got.value) == ("folds", 7, 3.5)
    assert got.interval.low < 3.5 < got.interval.high
    assert "The interval is over folds, taken as unrelated, not over seeds." in got.warnings


def test_two_seeds_need_six_folds():
    assert score_estimate(new_rng().normal(size=(4, 2)), rng=new_rng()).interval is None
    assert score_estimate(new_rng().normal(size=(6, 2)), rng=new_rng()).unit == "seeds_within_folds"


@pytest.mark.parametrize(
    ("runs", "unit", "enough"),
    [
        ([5], "seeds_within_folds", True),
        ([4], "seeds_within_folds", False),
        ([3, 3], "seeds_within_folds", True),
        ([2] * 5, "seeds_within_folds", False),
        ([2] * 6, "seeds_within_folds", True),
        ([4, 4, 4], "seeds", False),
        ([5, 5], "seeds", True),
        ([9] * 4, "folds", False),
        ([1] * 5, "folds", True),
        ([], "folds", False),
    ],
)
def test_runs_suffice_where_they_can_be_drawn_in_35_ways(runs, unit, enough):
    assert enough_runs(runs, unit) is enough


def test_the_unit_is_seeds_where_they_suffice_else_folds_where_they_do():
    assert best_unit(np.zeros((6, 2))) == "seeds_within_folds"
    assert best_unit(np.zeros((5, 2))) == "folds"
    assert best_unit(np.zeros((4, 2))) == "seeds_within_folds"


def test_pairs_with_a_missing_run_are_left_out_and_counted():
    ours, theirs = np.ones((3, 4)), np.zeros((3, 4))
    ours[0, 0] = ours[1, 1] = theirs[2, 2] = theirs[0, 3] = ours[0, 3] = np.nan
    got = paired_difference(ours, theirs, rng=new_rng())
    assert (got.value, got.n_values) == (1.0, 8)
    assert got.warnings[:3] == (
        "2 of 12 pairs left out: the candidate's run is missing.",
        "1 of 12 pairs left out: the reference's run is missing.",
        "1 of 12 pairs left out: both runs are missing.",
    )


def test_a_fold_with_a_single_run_is_left_out_and_counted():
    scores = np.array([[1.0, 2.0, 3.0]] * 3)
    scores[1, 1:] = np.nan
    got = score_estimate(scores, rng=new_rng())
    assert (got.n_folds, got.n_values) == (2, 6)
    assert got.warnings[0] == "1 fold left out: a single run each."


def test_no_value_at_all_is_no_error():
    got = paired_difference([[np.nan, 1.0]], [[1.0, np.nan]], rng=new_rng())
    assert (got.value, got.interval, got.n_values) == (None, None, 0)


def test_whole_seeds_keep_what_folds_of_a_seed_share():
    effect = np.linspace(-1, 1, 6)
    scores = np.zeros((5, 6)) + effect
    within = score_estimate(scores, rng=new_rng())
    whole = score_estimate(scores, rng=new_rng(), config=BootstrapConfig(unit="seeds"))
    assert (whole.unit, whole.freedom) == ("seeds", 5)
    # Five equal folds are one fold's worth of knowledge, not five.
    assert whole.standard_error > 2 * within.standard_error


def test_the_same_generator_gives_the_same_interval():
    scores = new_rng().normal(size=(4, 5))
    first, second = (score_estimate(scores, rng=new_rng()) for _ in range(2))
    assert first == second


def _covered(n_folds, n_seeds, config, draw, n_panels=700):
    rng = np.random.default_rng(1)
    market = np.linspace(-0.5, 0.5, n_folds)[:, None] if n_folds > 1 else 0.0
    hits = 0
    for _ in range(n_panels):
        got = score_estimate(draw(rng, (n_folds, n_seeds)) + market, rng=rng, config=config)
        hits += got.interval.contains(0.0)
    return hits / n_panels


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_folds", "n_seeds", "unit"),
    [
        (1, 5, "seeds_within_folds"),
        (2, 3, "seeds_within_folds"),
        (6, 2, "seeds_within_folds"),
        (10, 3, "seeds_within_folds"),
        (5, 5, "seeds_within_folds"),
        (4, 5, "seeds"),
        (8, 1, "folds"),
    ],
)
def test_nine_of_ten_intervals_cover_the_truth(n_folds, n_seeds, unit):
    config = BootstrapConfig(n_resamples=600, unit=unit)

    def draw(rng, shape):
        shared = {"seeds": (1, shape[1]), "folds": (shape[0], 1)}.get(unit, (1, 1))
        noise = rng.normal(size=shape)
        return noise if unit == "seeds_within_folds" else noise + rng.normal(size=shared)

    covered = _covered(n_folds, n_seeds, config, draw)
    assert 0.855 <= covered <= 0.95  # a standard error of 700 panels is 0.011


@pytest.mark.slow
def test_heavy_tails_are_covered_too():
    config = BootstrapConfig(n_resamples=600)
    covered = _covered(5, 4, config, lambda rng, shape: rng.standard_t(3, size=shape))
    assert 0.87 <= covered <= 0.95


@pytest.mark.slow
def test_nine_of_ten_intervals_of_the_probability_cover_the_truth():
    rng = np.random.default_rng(2)
    truth = float(ndtr(0.5 / np.sqrt(2)))
    hits = 0
    for _ in range(600):
        ours, theirs = rng.normal(size=(5, 4)) + 0.5, rng.normal(size=(5, 4))
        got = improvement_probability(
            ours, theirs, rng=rng, config=BootstrapConfig(n_resamples=600)
        )
        hits += got.interval.contains(truth)
    assert 0.86 <= hits / 600 <= 0.96
