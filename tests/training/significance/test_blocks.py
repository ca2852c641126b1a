"""Blocks of bars: measures by hand, pairing, dependence, and series that carry no interval."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.special import ndtr, stdtrit

from envs.errors import ConfigError, UnknownNameError
from training.metrics import sharpe_ratio
from training.significance.blocks import (
    compare_with_baseline,
    growth_estimate,
    sharpe_estimate,
)
from training.significance.resampling import BlockConfig, block_length_bars

YEAR = 1000.0
FOLDS = BlockConfig(kind="folds", n_resamples=400)


def new_rng():
    return np.random.default_rng(5)


def noise(n_bars=600, drift=0.0):
    return drift + 0.01 * new_rng().normal(size=n_bars)


def autoregressive(rng, n_bars, weight):
    shocks, values = rng.normal(size=n_bars + 50), np.zeros(n_bars + 50)
    for bar in range(1, n_bars + 50):
        values[bar] = weight * values[bar - 1] + shocks[bar]
    return values[50:]


def test_the_sharpe_ratio_is_that_of_the_metrics_with_the_error_of_theory():
    returns = noise(1000, 0.001)
    got = sharpe_estimate(
        returns, bars_per_year=YEAR, rng=new_rng(), config=BlockConfig(block_bars=1)
    )
    assert got.value == sharpe_ratio(returns, YEAR)
    # Lo 2002: sqrt((1 + SR^2 / 2) / n) per bar, for independent returns.
    per_bar = got.value / math.sqrt(YEAR)
    theory = math.sqrt((1 + per_bar**2 / 2) / 1000) * math.sqrt(YEAR)
    assert got.standard_error == pytest.approx(theory, rel=0.1)
    assert got.interval.low == pytest.approx(got.value - 1.645 * theory, rel=0.1)
    assert got.interval.method == "bootstrap percentiles, stationary blocks of 1 bars"


def test_growth_is_compounded():
    got = growth_estimate(
        np.array([0.1, -0.1, 0.1]), rng=new_rng(), config=BlockConfig(block_bars=1)
    )
    assert got.value == pytest.approx(0.089)
    assert got.interval is None
    assert got.warnings == ("No interval: 3 blocks are too few, at least 5 are needed.",)


def test_growth_of_resampled_folds_takes_values_that_folds_can_make():
    # Six folds of one bar each, five drawn: k of them double, 5 - k stay; stretched to six.
    returns = np.array([1.0, 0.0, 1.0, 0.0, 1.0, 0.0])
    got = growth_estimate(returns, rng=new_rng(), config=FOLDS, fold_index=np.arange(6))
    assert got.value == pytest.approx(7.0)
    assert got.unit == "folds"
    possible = [2 ** (6 * k / 5) - 1 for k in range(6)]
    assert min(abs(got.interval.high - value) for value in possible) < 1e-9
    assert got.interval.low == pytest.approx(possible[0])


def test_folds_are_drawn_one_less_than_there_are():
    returns = np.repeat([0.0, 0.0, 0.0, 1.0, 2.0, 3.0], 2)
    got = compare_with_baseline(
        returns,
        np.zeros(12),
        bars_per_year=YEAR,
        rng=new_rng(),
        config=BlockConfig(kind="folds", n_resamples=5000),
        fold_index=np.arange(12) // 2,
    )
    # Mean of five of six fold means, times twelve bars.
    error = 12 * np.std([0, 0, 0, 1, 2, 3]) / math.sqrt(5)
    assert got.return_difference.standard_error == pytest.approx(error, rel=0.03)


def test_a_ruin_is_the_loss_of_everything():
    returns = noise(50)
    returns[20] = -1.5
    got = growth_estimate(returns, rng=new_rng(), config=BlockConfig(block_bars=1))
    assert got.value == -1.0
    assert got.interval.low == -1.0


@pytest.mark.parametrize("value", [0.0, 0.001])
def test_returns_that_do_not_vary_have_no_sharpe_ratio(value):
    got = sharpe_estimate(np.full(100, value), bars_per_year=YEAR, rng=new_rng())
    assert (got.value, got.interval) == (None, None)
    assert got.warnings == ("The measure is undefined: returns do not vary.",)


def test_a_measure_undefined_in_many_resamples_has_no_interval():
    returns = np.zeros(60)
    returns[7] = 0.01  # about a third of the resamples never draw it
    got = sharpe_estimate(
        returns, bars_per_year=YEAR, rng=new_rng(), config=BlockConfig(block_bars=1)
    )
    assert got.value is not None
    assert got.interval is None
    assert got.warnings == ("No interval: the measure is undefined in many resamples.",)


def test_five_folds_carry_an_interval_and_four_do_not():
    returns, fold = noise(500), np.arange(500) // 100
    five = sharpe_estimate(
        returns, bars_per_year=YEAR, rng=new_rng(), config=FOLDS, fold_index=fold
    )
    assert (five.n_folds, five.freedom) == (5, 4)
    assert five.interval.method == "bootstrap percentiles, whole folds"
    four = sharpe_estimate(
        returns[:400], bars_per_year=YEAR, rng=new_rng(), config=FOLDS, fold_index=fold[:400]
    )
    assert four.interval is None


@pytest.mark.parity
def test_folds_drawn_by_their_sums_are_the_folds_drawn_bar_by_bar():
    returns, folds = (
        noise(700, 0.001) + 3.0,
        np.repeat(np.arange(7), [40, 160, 90, 110, 100, 80, 120]),
    )
    config = BlockConfig(kind="folds", n_resamples=300)
    got = sharpe_estimate(
        returns, bars_per_year=YEAR, rng=new_rng(), config=config, fold_index=folds
    )
    drawn = new_rng().integers(7, size=(300, 6))
    slow = [
        sharpe_ratio(np.concatenate([returns[folds == fold] for fold in row]), YEAR)
        for row in drawn
    ]
    assert got.standard_error == pytest.approx(np.std(slow), rel=1e-6)
    levels = np.quantile(slow, [ndtr(stdtrit(6, 0.05)), ndtr(stdtrit(6, 0.95))])
    assert [got.interval.low, got.interval.high] == pytest.approx(levels, rel=1e-6)


def test_several_runs_have_the_mean_of_their_sharpe_ratios_and_not_that_of_their_mean():
    runs = np.column_stack([noise(600, 0.001), 0.01 * np.random.default_rng(6).normal(size=600)])
    fold = np.arange(600) // 100
    got = sharpe_estimate(runs, bars_per_year=YEAR, rng=new_rng(), config=FOLDS, fold_index=fold)
    each = [sharpe_ratio(run, YEAR) for run in runs.T]
    assert got.value == pytest.approx(np.mean(each))
    assert got.interval.low < got.value < got.interval.high
    beside_a_flat_one = np.column_stack([runs[:, 0], np.zeros(600)])
    half = sharpe_estimate(
        beside_a_flat_one, bars_per_year=YEAR, rng=new_rng(), config=FOLDS, fold_index=fold
    )
    assert half.value == pytest.approx(each[0] / 2)
    compared = compare_with_baseline(
        runs, runs[:, 1], bars_per_year=YEAR, rng=new_rng(), config=FOLDS, fold_index=fold
    )
    assert compared.return_difference.value == pytest.approx((runs[:, 0] - runs[:, 1]).sum() / 2)
    assert compared.sharpe_difference.value == pytest.approx(np.mean(each) - each[1])


def test_less_than_a_month_has_no_figure_of_a_year():
    fold = np.arange(600) // 100
    compared = compare_with_baseline(
        noise(600),
        np.zeros(600),
        bars_per_year=None,
        rng=new_rng(),
        config=FOLDS,
        fold_index=fold,
    )
    assert compared.return_difference.interval is not None
    assert compared.sharpe_difference.value is None
    assert "less than 30 days" in compared.sharpe_difference.warnings[0]
    got = sharpe_estimate(noise(600), bars_per_year=None, rng=new_rng())
    assert (got.value, got.interval) == (None, None)


def test_folds_have_to_be_named_for_every_bar():
    for fold_index in (None, np.zeros(3)):
        with pytest.raises(ConfigError, match="fold"):
            growth_estimate(noise(10), rng=new_rng(), config=FOLDS, fold_index=fold_index)


def test_settings_out_of_range_are_refused():
    for block_bars in (0.5, math.nan):
        with pytest.raises(ConfigError, match="block_bars"):
            BlockConfig(block_bars=block_bars)
    with pytest.raises(UnknownNameError):
        BlockConfig(kind="moving")
    with pytest.raises(ConfigError, match="finite"):
        growth_estimate([0.0, np.inf], rng=new_rng())
    with pytest.raises(ConfigError, match="same bars"):
        compare_with_baseline([0.0], [0.0, 0.0], bars_per_year=YEAR, rng=new_rng())


def test_dependence_asks_for_longer_blocks():
    independent = block_length_bars(new_rng().normal(size=3000))
    dependent = block_length_bars(autoregressive(new_rng(), 3000, 0.8))
    assert 1 <= independent < 5
    assert dependent > 10
    assert block_length_bars(1e-9 * autoregressive(new_rng(), 3000, 0.8)) == pytest.approx(
        dependent
    )


def test_short_and_constant_series_have_blocks_of_one_bar():
    assert block_length_bars([1.0, 2.0]) == 1.0
    assert block_length_bars(np.full(100, 0.1)) == 1.0


def test_circular_blocks_have_whole_bars():
    got = sharpe_estimate(
        noise(300),
        bars_per_year=YEAR,
        rng=new_rng(),
        config=BlockConfig(kind="circular", block_bars=2.5, n_resamples=200),
    )
    assert got.interval.method == "bootstrap percentiles, circular blocks of 3 bars"
    assert got.freedom == 99


def test_what_a_series_and_its_baseline_share_cancels():
    market, edge = 0.01 * np.random.default_rng(9).normal(size=400), noise(400, 0.002)
    config = BlockConfig(block_bars=1, n_resamples=400)
    plain = compare_with_baseline(
        edge, np.zeros(400), bars_per_year=YEAR, rng=new_rng(), config=config
    )
    shared = compare_with_baseline(
        edge + market, market, bars_per_year=YEAR, rng=new_rng(), config=config
    )
    assert plain.return_difference.value == pytest.approx(edge.sum())
    assert shared.return_difference.value == pytest.approx(edge.sum())
    assert shared.return_difference.interval.low == pytest.approx(
        plain.return_difference.interval.low
    )
    assert plain.p_value < 0.01
    assert plain.sharpe_difference.value is None  # flat has no Sharpe ratio
    assert shared.sharpe_difference.value == pytest.approx(
        sharpe_ratio(edge + market, YEAR) - sharpe_ratio(market, YEAR)
    )
    json.dumps(plain.to_json(), allow_nan=False)


def test_a_series_against_itself_is_no_better_than_chance():
    returns = noise(200)
    got = compare_with_baseline(returns, returns, bars_per_year=YEAR, rng=new_rng())
    assert (got.return_difference.value, got.p_value, got.block_bars) == (0, 1.0, 1.0)
    assert (got.return_difference.interval.low, got.return_difference.interval.high) == (0, 0)


def test_without_an_interval_there_is_no_p_value():
    got = compare_with_baseline(
        noise(40),
        np.zeros(40),
        bars_per_year=YEAR,
        rng=new_rng(),
        config=FOLDS,
        fold_index=np.arange(40) // 20,
    )
    assert (got.p_value, got.block_bars) == (None, None)


def test_a_growth_beyond_every_float_is_undefined():
    got = growth_estimate(np.full(3000, 1.0), rng=new_rng(), config=BlockConfig(block_bars=1))
    assert got.value is None


@pytest.mark.slow
def test_blocks_cover_a_dependent_series_where_single_bars_do_not():
    rng = np.random.default_rng(8)
    hits = {"blocks": 0, "bars": 0}
    n_series = 150
    for _ in range(n_series):
        returns = 0.01 * autoregressive(rng, 500, 0.5)
        for name, block_bars in (("blocks", None), ("bars", 1.0)):
            got = compare_with_baseline(
                returns,
                np.zeros(500),
                bars_per_year=YEAR,
                rng=rng,
                config=BlockConfig(block_bars=block_bars, n_resamples=300),
            )
            hits[name] += got.return_difference.interval.contains(0.0)
    assert 0.8 <= hits["blocks"] / n_series <= 0.97
    assert hits["bars"] / n_series < 0.75


@pytest.mark.slow
def test_whole_folds_cover_the_mean_of_series_that_change_by_fold():
    rng = np.random.default_rng(9)
    hits, n_series = 0, 400
    for _ in range(n_series):
        returns = rng.normal(size=(8, 1)) + rng.normal(size=(8, 20))
        got = compare_with_baseline(
            returns.ravel(),
            np.zeros(160),
            bars_per_year=YEAR,
            rng=rng,
            config=FOLDS,
            fold_index=np.arange(160) // 20,
        )
        hits += got.return_difference.interval.contains(0.0)
    assert 0.86 <= hits / n_series <= 0.96
