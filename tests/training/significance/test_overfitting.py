"""Luck of the search: published examples, splits by hand, a slow twin, noise and one real edge."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from envs.errors import ConfigError, UnknownNameError
from training.significance.overfitting import (
    Moments,
    backtest_overfitting,
    deflated_by_luck,
    deflated_sharpe,
    expected_maximum_sharpe,
    minimum_track_record_bars,
    moments_of,
    probabilistic_sharpe,
)


def new_rng():
    return np.random.default_rng(13)


def per_bar(annual, *, bars, skewness=0.0, kurtosis=3.0, bars_per_year):
    return Moments(
        sharpe=annual / math.sqrt(bars_per_year),
        skewness=skewness,
        kurtosis=kurtosis,
        n_bars=bars,
    )


def test_the_deflated_sharpe_paper_s_example():
    # Bailey & Lopez de Prado 2014, "A numerical example": annual Sharpe ratio 2.5 over five years
    # of 250 days, skewness -3, kurtosis 10; variance of the trials 1/2 a year.
    found = per_bar(2.5, bars=1250, skewness=-3, kurtosis=10, bars_per_year=250)
    deviation = math.sqrt(1 / 2 / 250)
    hundred = expected_maximum_sharpe(100, trial_deviation=deviation)
    assert hundred == pytest.approx(0.1132, abs=5e-5)
    assert probabilistic_sharpe(found, benchmark=hundred) == pytest.approx(0.9004, abs=5e-5)
    fewer = expected_maximum_sharpe(46, trial_deviation=deviation)
    assert probabilistic_sharpe(found, benchmark=fewer) == pytest.approx(0.9505, abs=5e-5)
    # With normal returns 88 trials leave the same confidence.
    normal = per_bar(2.5, bars=1250, bars_per_year=250)
    more = expected_maximum_sharpe(88, trial_deviation=deviation)
    assert probabilistic_sharpe(normal, benchmark=more) == pytest.approx(0.9505, abs=5e-5)


def test_the_efficient_frontier_paper_s_examples():
    # Bailey & Lopez de Prado 2012: two years of months, Sharpe ratio 0.458 a month.
    fund = Moments(sharpe=0.458, skewness=-2.448, kurtosis=10.164, n_bars=24)
    assert probabilistic_sharpe(fund) == pytest.approx(0.913, abs=5e-4)
    normal = Moments(sharpe=0.458, skewness=0.0, kurtosis=3.0, n_bars=24)
    assert probabilistic_sharpe(normal) == pytest.approx(0.982, abs=5e-4)
    # Years for an annual Sharpe ratio of 2 to show above 1, by how often one looks.
    for bars_per_year, years in ((252, 2.73), (52, 2.83), (12, 3.24)):
        track = minimum_track_record_bars(
            per_bar(2, bars=1, bars_per_year=bars_per_year), benchmark=1 / math.sqrt(bars_per_year)
        )
        assert track / bars_per_year == pytest.approx(years, abs=5e-3)
    skewed = per_bar(2, bars=1, skewness=-0.72, kurtosis=5.78, bars_per_year=12)
    track = minimum_track_record_bars(skewed, benchmark=1 / math.sqrt(12))
    assert track / 12 == pytest.approx(4.99, abs=5e-3)


def test_moments_by_hand():
    # 1, 1, 1, -1 halves: mean 0.25, deviations 0.25 x3 and -0.75, variance 0.1875.
    got = moments_of([0.5, 0.5, 0.5, -0.5])
    assert got.sharpe == pytest.approx(0.25 / 0.5)
    assert got.skewness == pytest.approx((3 * 0.25**3 - 0.75**3) / 4 / 0.1875**1.5)
    assert got.kurtosis == pytest.approx((3 * 0.25**4 + 0.75**4) / 4 / 0.1875**2)
    assert got.n_bars == 4
    json.dumps(got.to_json(), allow_nan=False)


def test_a_track_record_of_the_length_named_has_the_confidence_named():
    found = per_bar(2, bars=1, skewness=-1, kurtosis=6, bars_per_year=252)
    bars = minimum_track_record_bars(found, confidence=0.9)
    exact = Moments(sharpe=found.sharpe, skewness=-1, kurtosis=6, n_bars=bars)
    assert probabilistic_sharpe(exact) == pytest.approx(0.9)


def test_a_sharpe_ratio_below_its_benchmark_has_no_track_record():
    found = per_bar(1, bars=100, bars_per_year=252)
    assert minimum_track_record_bars(found, benchmark=found.sharpe) is None
    assert minimum_track_record_bars(found, benchmark=1.0) is None
    assert minimum_track_record_bars(found, benchmark=math.nextafter(found.sharpe, 0)) is not None


def test_the_expected_maximum_is_near_that_of_normal_draws_and_scales():
    draws = new_rng().normal(size=(20_000, 50)).max(axis=1)
    got = expected_maximum_sharpe(50, trial_deviation=1.0)
    assert got == pytest.approx(draws.mean(), rel=0.02)
    assert expected_maximum_sharpe(50, trial_deviation=0.1) == pytest.approx(got / 10)
    assert expected_maximum_sharpe(1, trial_deviation=1.0) == 0
    assert expected_maximum_sharpe(50, trial_deviation=0.0) == 0


def test_arguments_out_of_range_are_refused():
    with pytest.raises(ConfigError, match="trials must be 1"):
        expected_maximum_sharpe(0, trial_deviation=1.0)
    with pytest.raises(ConfigError, match="deviation of trials"):
        expected_maximum_sharpe(3, trial_deviation=math.nan)
    with pytest.raises(ConfigError, match="confidence"):
        minimum_track_record_bars(per_bar(1, bars=9, bars_per_year=9), confidence=0.5)


def test_without_skill_the_probability_is_uniform():
    returns = new_rng().standard_t(5, size=(2000, 250))
    probabilities = [probabilistic_sharpe(moments_of(row)) for row in returns]
    for level in (0.05, 0.5, 0.95):
        share = np.mean(np.array(probabilities) < level)
        assert abs(share - level) < 3.5 * math.sqrt(level * (1 - level) / 2000)


def test_deflating_uses_the_spread_of_the_trials():
    returns = 0.001 + 0.01 * new_rng().normal(size=500)
    trials = np.array([0.0, 0.02, -0.02, np.nan, moments_of(returns).sharpe])
    got = deflated_sharpe(returns, trials)
    assert got.n_trials == 5
    assert got.trial_deviation == pytest.approx(np.nan_to_num(trials).std(ddof=1))
    assert got.benchmark == expected_maximum_sharpe(5, trial_deviation=got.trial_deviation)
    assert got.probability == probabilistic_sharpe(got.moments, benchmark=got.benchmark)
    assert got.track_record_bars == minimum_track_record_bars(got.moments, benchmark=got.benchmark)
    json.dumps(got.to_json(), allow_nan=False)


def test_one_trial_is_not_deflated():
    returns = 0.001 + 0.01 * new_rng().normal(size=500)
    for got in (deflated_sharpe(returns, [0.1]), deflated_by_luck(returns, n_trials=1)):
        assert got.benchmark == 0
        assert got.probability == probabilistic_sharpe(got.moments)


def test_the_luck_of_trials_without_skill_is_that_of_the_paper_s_backtest_length():
    # Bailey, Borwein, Lopez de Prado & Zhu 2014 ("Pseudo-Mathematics and Financial Charlatanism"):
    # after five years of daily bars 45 trials without skill have a best annual Sharpe ratio of 1.
    got = deflated_by_luck(new_rng().normal(size=5 * 252 + 1), n_trials=45)
    assert got.benchmark * math.sqrt(252) == pytest.approx(1.0, abs=0.015)
    best = new_rng().normal(size=(400, 45, 100))
    best = (best.mean(axis=2) / best.std(axis=2, ddof=1)).max(axis=1)
    luck = deflated_by_luck(np.arange(100.0), n_trials=45).benchmark
    assert luck == pytest.approx(best.mean(), rel=0.02)


def test_the_worked_example_of_the_semantics():
    """The example of docs/semantics.md."""
    seen = Moments(sharpe=0.1, skewness=0.0, kurtosis=3.0, n_bars=1001)
    luck = expected_maximum_sharpe(10, trial_deviation=1 / math.sqrt(1000))
    assert luck == pytest.approx(0.050, abs=5e-4)
    assert probabilistic_sharpe(seen) == pytest.approx(0.999, abs=5e-4)
    assert probabilistic_sharpe(seen, benchmark=luck) == pytest.approx(0.943, abs=5e-4)


def test_a_trial_that_loses_a_lot_does_not_make_a_good_one_look_lucky():
    returns = 0.002 + 0.01 * new_rng().normal(size=500)
    seen = deflated_sharpe(returns, [moments_of(returns).sharpe, -0.6])
    assert seen.probability < 0.9
    assert deflated_by_luck(returns, n_trials=2).probability > 0.95


def test_flat_and_short_series_have_no_deflated_sharpe_ratio():
    for returns in (np.zeros(100), np.full(100, 0.1), [0.1, 0.2, 0.3]):
        got = deflated_sharpe(returns, [0.0, 0.1])
        assert (got.probability, got.moments, got.track_record_bars) == (None, None, None)
    with pytest.raises(ConfigError):
        deflated_sharpe([0.0, np.nan], [0.1])
    with pytest.raises(ConfigError, match="trials"):
        deflated_sharpe(np.zeros(10), [])


def test_two_valued_returns_do_not_divide_by_zero():
    # Kurtosis = 1 + skewness^2 here, and a deviation of 0 where SR = 2 / skewness.
    worst = Moments(sharpe=1.0, skewness=2.0, kurtosis=5.0, n_bars=10)
    assert probabilistic_sharpe(worst) == 1.0


def test_splits_by_hand():
    # Two blocks of two bars, so two splits. A is best in the first half and worst in the second.
    returns = np.array([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0], [0.0, 1.0, 2.0], [0.0, 1.0, 2.0]])
    got = backtest_overfitting(returns, n_blocks=2, score="mean")
    # First half chooses A, rank 1 of 3 outside: w = 1/4. Second chooses C, rank 2: w = 2/4.
    assert got.probability == pytest.approx((1 + 0.5) / 2)
    assert got.median_logit == pytest.approx((math.log(1 / 3) + 0) / 2)
    assert got.loss_probability == 0
    assert (got.n_splits, got.n_blocks, got.n_configurations) == (2, 2, 3)


def slow_overfitting(panel, n_blocks, score):
    """The definition, one split at a time."""
    edges = np.linspace(0, len(panel), n_blocks + 1).astype(int)
    blocks = [panel[a:b] for a, b in itertools.pairwise(edges)]
    ranks, losses = [], []

    def scored(chosen):
        part = np.concatenate([blocks[i] for i in chosen])
        return part.mean(axis=0) / (part.std(axis=0, ddof=1) if score == "sharpe" else 1)

    for chosen in itertools.combinations(range(n_blocks), n_blocks // 2):
        rest = [i for i in range(n_blocks) if i not in chosen]
        inside, outside = scored(chosen), scored(rest)
        winner = inside.argmax()
        ranks.append(rankdata(outside)[winner] / (panel.shape[1] + 1))
        losses.append(outside[winner] < 0)
    ranks = np.array(ranks)
    below = (ranks < 0.5).mean() + (ranks == 0.5).mean() / 2
    return below, np.mean(losses), np.median(np.log(ranks / (1 - ranks)))


@pytest.mark.parity
@pytest.mark.parametrize("score", ["sharpe", "mean"])
@pytest.mark.parametrize(("n_bars", "n_columns"), [(61, 7), (64, 8), (200, 2)])
def test_all_splits_at_once_are_the_splits_one_by_one(n_bars, n_columns, score):
    panel = new_rng().normal(size=(n_bars, n_columns)) * np.arange(1, n_columns + 1)
    got = backtest_overfitting(panel, n_blocks=6, score=score)
    expected = slow_overfitting(panel, 6, score)
    assert (got.probability, got.loss_probability) == pytest.approx(expected[:2], abs=1e-12)
    assert got.median_logit == pytest.approx(expected[2])


def test_many_splits_are_taken_in_parts(monkeypatch):
    panel = new_rng().normal(size=(100, 5))
    whole = backtest_overfitting(panel, n_blocks=8)
    monkeypatch.setattr("training.significance.overfitting.SPLITS_AT_ONCE", 33)
    assert backtest_overfitting(panel, n_blocks=8) == whole


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.01, 100))
def test_units_and_the_order_of_configurations_do_not_matter(seed, unit):
    rng = np.random.default_rng(seed)
    panel = rng.normal(size=(64, 6))
    first = backtest_overfitting(panel, n_blocks=4)
    second = backtest_overfitting(unit * panel[:, rng.permutation(6)], n_blocks=4)
    assert second.probability == pytest.approx(first.probability)
    assert second.loss_probability == pytest.approx(first.loss_probability)


def test_equal_winners_share_their_ranks():
    edge = new_rng().normal(size=80)
    panel = np.column_stack([edge + 5, edge + 5, edge])  # the first two always tie as the best
    got = backtest_overfitting(panel, n_blocks=4, score="mean")
    assert got.probability == 0  # rank 2.5 of 3
    assert got.median_logit == pytest.approx(math.log(2.5 / 1.5))


def test_winners_that_tie_inside_share_what_they_do_outside():
    # First half: A = B lead with 1, outside they rank 3 and 1 of 3, so 2. Second half: A leads
    # and ties with B outside, rank 2.5.
    panel = np.repeat([[1.0, 1.0, 0.0], [5.0, -5.0, 0.0]], 2, axis=0)
    got = backtest_overfitting(panel, n_blocks=2, score="mean")
    assert got.probability == pytest.approx((0.5 + 0) / 2)
    assert got.loss_probability == 0  # 5 and -5 are 0 together
    assert got.median_logit == pytest.approx((0 + math.log(2.5 / 1.5)) / 2)


def test_the_same_configurations_leave_nothing_to_choose():
    for panel in (np.zeros((64, 3)), np.tile(new_rng().normal(size=(64, 1)), 3)):
        got = backtest_overfitting(panel)
        assert (got.probability, got.loss_probability, got.median_logit) == (None, None, None)
        assert got.warnings == ("All configurations are the same: there was nothing to choose.",)
        json.dumps(got.to_json(), allow_nan=False)


def test_flat_configurations_score_zero_beside_others():
    losing = new_rng().normal(size=64) - 3
    got = backtest_overfitting(np.column_stack([losing, np.zeros(64)]), n_blocks=4)
    assert (got.probability, got.loss_probability) == (0, 0)  # flat is best everywhere


def test_few_configurations_are_coarse_and_say_so():
    assert "few ranks" in backtest_overfitting(new_rng().normal(size=(64, 3))).warnings[0]
    assert backtest_overfitting(new_rng().normal(size=(64, 10))).warnings == ()


@pytest.mark.parametrize("n_blocks", [0, 3, 22])
def test_blocks_come_in_even_numbers_up_to_twenty(n_blocks):
    with pytest.raises(ConfigError, match="even number"):
        backtest_overfitting(np.zeros((100, 3)), n_blocks=n_blocks)


@pytest.mark.parametrize("shape", [(31, 3), (100, 1), (100,)])
def test_panels_too_small_are_refused(shape):
    with pytest.raises(ConfigError, match="2 or more configurations"):
        backtest_overfitting(np.zeros(shape))


def test_holes_and_unknown_scores_are_refused():
    panel = np.zeros((100, 3))
    panel[7, 2] = np.nan
    with pytest.raises(ConfigError, match="bar 7, configuration 2"):
        backtest_overfitting(panel)
    with pytest.raises(UnknownNameError):
        backtest_overfitting(panel, score="sharp")


def overfitting_of_noise(n_panels, n_columns, n_blocks, score="sharpe"):
    rng = new_rng()
    got = [
        backtest_overfitting(
            rng.normal(size=(20 * n_blocks, n_columns)), n_blocks=n_blocks, score=score
        ).probability
        for _ in range(n_panels)
    ]
    return np.mean(got), np.std(got) / math.sqrt(n_panels)


@pytest.mark.parametrize("n_columns", [2, 5, 10])
def test_noise_is_overfitted_half_of_the_time(n_columns):
    mean, error = overfitting_of_noise(300, n_columns, 6)
    assert abs(mean - 0.5) < 3.5 * error < 0.08


@pytest.mark.slow
@pytest.mark.parametrize("score", ["sharpe", "mean"])
def test_noise_is_overfitted_half_of_the_time_in_the_paper_s_splits(score):
    mean, error = overfitting_of_noise(300, 20, 16, score)
    assert abs(mean - 0.5) < 3.5 * error < 0.05


def test_what_is_best_in_one_half_and_worst_in_the_other_is_overfitted_always():
    # The construction of full overfitting in Bailey, Borwein, Lopez de Prado & Zhu: every
    # configuration has the same Sharpe ratio over all bars, 0, so that halves mirror each other.
    panel = new_rng().normal(size=(1000, 100))
    panel = (panel - panel.mean(axis=0)) / panel.std(axis=0)
    got = backtest_overfitting(panel, n_blocks=8)
    assert (got.probability, got.loss_probability) == (1.0, 1.0)
    assert got.median_logit == pytest.approx(math.log(1 / 100))


@pytest.mark.slow
def test_the_regimes_of_a_published_controlled_study():
    # Soloviov, "How Overfit Is Your Search?" (pbo.marketmaker.cc): 1,000 bars, 200 configurations,
    # 16 blocks, 60 panels; noise has 0.476 with a deviation of 0.137 over panels, an edge of 0.15 a
    # bar in 20 of them 0.001.
    rng = new_rng()
    noise = [backtest_overfitting(rng.normal(size=(1000, 200))).probability for _ in range(16)]
    assert np.mean(noise) == pytest.approx(0.5, abs=3.5 * 0.137 / 4)
    assert 0.06 < np.std(noise, ddof=1) < 0.25
    edge = np.where(np.arange(200) < 20, 0.15, 0.0)
    planted = [
        backtest_overfitting(edge + rng.normal(size=(1000, 200))).probability for _ in range(4)
    ]
    assert max(planted) < 0.01


def test_one_real_edge_is_not_overfitted():
    panel = new_rng().normal(size=(1600, 20))
    panel[:, 7] += 0.2  # a Sharpe ratio of 5.7 standard errors in each half
    got = backtest_overfitting(panel)
    assert got.probability < 0.01
    assert got.loss_probability < 0.01
    assert got.n_splits == 12_870
