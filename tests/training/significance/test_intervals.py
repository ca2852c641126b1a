"""Intervals: levels by hand, counts of resamples, and the doors that check tables and series."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import norm, t

from envs.errors import ConfigError, UnknownNameError
from training.significance.intervals import (
    BootstrapConfig,
    Estimate,
    Interval,
    as_pair,
    as_panel,
    as_series,
    n_distinct_resamples,
    percentile_interval,
)


def test_with_many_degrees_of_freedom_it_is_the_plain_percentile_interval():
    samples = np.arange(1001.0)
    got = percentile_interval(samples, confidence=0.9, freedom=1e9, method="m")
    assert (got.low, got.high) == pytest.approx((50.0, 950.0), abs=1e-4)
    assert (got.confidence, got.method) == (0.9, "m")


def test_few_degrees_of_freedom_move_the_ends_out_as_far_as_t_is_from_normal():
    samples = np.arange(1001.0)
    got = percentile_interval(samples, confidence=0.9, freedom=4, method="m")
    level = norm.cdf(t.ppf(0.05, 4))  # t is -2.132, so 1.65 % instead of 5 %
    assert level == pytest.approx(0.01651, abs=1e-5)
    assert (got.low, got.high) == pytest.approx((1000 * level, 1000 * (1 - level)))


@pytest.mark.parametrize(
    ("n_units", "count"), [(0, 1), (1, 1), (2, 2), (3, 6), (4, 20), (5, 70), (6, 252)]
)
def test_distinct_resamples_are_multisets_of_one_less(n_units, count):
    assert n_distinct_resamples(n_units) == count


def test_an_interval_contains_its_ends():
    interval = Interval(low=0.0, high=2.0, confidence=0.9, method="m")
    assert [interval.contains(x) for x in (-0.1, 0.0, 1.0, 2.0, 2.1)] == [0, 1, 1, 1, 0]


def test_estimates_are_strict_json():
    interval = Interval(low=0.0, high=2.0, confidence=0.9, method="m")
    estimate = Estimate(value=1.0, interval=interval, n_values=3, warnings=("w",))
    told = json.loads(json.dumps(estimate.to_json(), allow_nan=False))
    assert told["interval"] == {"low": 0.0, "high": 2.0, "confidence": 0.9, "method": "m"}
    assert told["standard_error"] is None
    assert interval.to_json()["low"] == 0.0


@pytest.mark.parametrize("fields", [{"n_resamples": 199}, {"confidence": 0.0}, {"confidence": 1.0}])
def test_settings_out_of_range_are_refused(fields):
    with pytest.raises(ConfigError, match="must"):
        BootstrapConfig(**fields)


def test_an_unknown_unit_is_refused_with_the_nearest_name():
    with pytest.raises(UnknownNameError, match="did you mean 'seeds'"):
        BootstrapConfig(unit="seed")


@pytest.mark.parametrize("table", [[1.0, 2.0], [[]], 3.0, [[[1.0]]]])
def test_what_is_no_table_is_refused(table):
    with pytest.raises(ConfigError, match="folds by seeds"):
        as_panel("scores", table)


def test_an_infinite_score_is_refused_by_its_place_and_a_missing_one_is_not():
    with pytest.raises(ConfigError, match="fold 1, seed 0"):
        as_panel("scores", [[1.0, np.nan], [-np.inf, 2.0]])
    assert np.isnan(as_panel("scores", [[1, np.nan]])[0, 1])


def test_tables_of_different_shape_are_refused():
    with pytest.raises(ConfigError, match="same folds and seeds"):
        as_pair([[1.0]], [[1.0, 2.0]])


@pytest.mark.parametrize(
    ("series", "words"), [([], "one series"), ([[1.0]], "one series"), ([0.0, np.nan], "bar 1")]
)
def test_what_is_no_finite_series_is_refused(series, words):
    with pytest.raises(ConfigError, match=words):
        as_series("returns", series)
