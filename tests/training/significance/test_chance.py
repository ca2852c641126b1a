"""Break your own result: an edge is called one, noise and shuffled decisions are not."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from training.metrics import sharpe_ratio
from training.significance.chance import Track, judge_chance
from training.significance.overfitting import deflated_by_luck

YEAR = 1000.0
N_FOLDS, N_FOLD_BARS = 10, 100
N_BARS = N_FOLDS * N_FOLD_BARS


def new_rng():
    return np.random.default_rng(17)


def track(returns, *, hold=None, n_folds=N_FOLDS, bars_per_year=YEAR):
    returns = np.asarray(returns, dtype=float)
    fold_index = np.arange(len(returns)) * n_folds // len(returns)
    hold = np.zeros(len(returns)) if hold is None else hold
    return Track(
        returns=returns,
        baselines={"buy_and_hold": hold, "random": np.zeros(len(returns))},
        fold_index=fold_index,
        bars_per_year=bars_per_year,
    )


def judged(returns, *, n_trials=1, rng=None, **values):
    got = judge_chance(track(returns, **values), n_trials=n_trials, rng=rng or new_rng())
    json.dumps(got.to_json(), allow_nan=False)
    return got


def noise(rng, n_runs=1):
    return 0.01 * rng.normal(size=(N_BARS, n_runs))


def test_a_planted_edge_beats_chance_and_every_number_says_why():
    returns = 0.0015 + noise(new_rng(), 3)
    got = judged(returns, n_trials=6)
    assert got.beats_chance is True
    assert got.line.startswith("This beats chance: the deflated Sharpe ratio for 6 runs")
    assert got.sharpe.value == pytest.approx(
        np.mean([sharpe_ratio(run, YEAR) for run in returns.T])
    )
    assert got.sharpe.interval.method == "bootstrap percentiles, whole folds"
    assert got.against["flat"].return_difference.value == pytest.approx(returns.mean() * N_BARS)
    assert list(got.against) == ["flat", "buy_and_hold", "random"]
    best = max(returns.T, key=lambda run: sharpe_ratio(run, YEAR))
    assert got.deflated == deflated_by_luck(best, n_trials=6)


@pytest.mark.parametrize(("n_trials", "n_runs"), [(1, 1), (10, 5)])
def test_noise_is_called_an_edge_at_most_as_often_as_stated(n_trials, n_runs):
    rng, n_panels = new_rng(), 150
    called = sum(
        judged(noise(rng, n_runs), n_trials=n_trials, rng=rng).beats_chance is True
        for _ in range(n_panels)
    )
    level = 0.05
    assert called / n_panels <= level + 3 * math.sqrt(level * (1 - level) / n_panels)


def test_the_best_of_many_noises_is_no_edge_once_the_search_is_counted():
    rng, n_panels = new_rng(), 60
    counted = uncounted = 0
    for _ in range(n_panels):
        panel = noise(rng, 30)
        best = panel[:, panel.mean(axis=0).argmax()]
        uncounted += judged(best, rng=rng).beats_chance is True
        counted += judged(best, n_trials=30, rng=rng).beats_chance is True
    assert uncounted / n_panels > 0.5  # what a search sells where nobody counts
    assert counted / n_panels <= 0.1


def test_decisions_beat_chance_and_the_same_decisions_shuffled_fall():
    rng = new_rng()
    market = 0.01 * rng.normal(size=N_BARS)
    right = rng.random(N_BARS) < 0.58
    decisions = np.where(right, 1.0, -1.0) * np.sign(market)
    assert judged(decisions * market, hold=market).beats_chance is True
    shuffled = [
        judged(rng.permutation(decisions) * market, hold=market).beats_chance for _ in range(40)
    ]
    assert sum(map(bool, shuffled)) <= 5


def test_what_the_market_gave_to_all_is_no_edge():
    market = 0.002 + 0.01 * new_rng().normal(size=N_BARS)
    got = judged(market, hold=market)
    assert got.beats_chance is False
    assert got.deflated.probability > 0.99
    assert "against buy-and-hold it earned +0.00%" in got.line


def test_agents_that_stay_flat_are_judged_without_a_number_made_up():
    for n_runs in (1, 3):
        got = judged(np.zeros((N_BARS, n_runs)), n_trials=n_runs)
        assert got.beats_chance is False
        assert got.sharpe.value is None
        assert got.deflated.probability is None
        assert "the returns do not vary" in got.line
        assert got.against["flat"].return_difference.value == 0


def test_the_flat_one_of_two_runs_is_not_the_best():
    returns = np.column_stack([np.zeros(N_BARS), 0.002 + noise(new_rng())[:, 0]])
    assert judged(returns, n_trials=2).deflated.probability > 0.9
    worse = np.column_stack([-0.002 + noise(new_rng())[:, 0], np.zeros(N_BARS)])
    assert judged(worse, n_trials=2).deflated.probability is None


def test_few_folds_are_resampled_by_blocks_of_bars():
    got = judged(0.002 + noise(new_rng())[:, 0], n_folds=2)
    assert got.sharpe.interval.method.startswith("bootstrap percentiles, stationary blocks")
    assert got.line.endswith(
        "With 2 folds blocks of bars were resampled: this tells of these very models alone."
    )
    assert got.beats_chance is True


def test_a_few_bars_leave_it_open_and_say_what_is_missing():
    got = judged([0.01, 0.02, 0.01, 0.03], n_folds=1, bars_per_year=None)
    assert got.beats_chance is None
    assert "the return against flat, +7.00%, has no interval" in got.line
    assert "less than 30 days" in got.sharpe.warnings[0]


def test_a_ruin_has_finite_numbers():
    returns = noise(new_rng())[:, 0]
    returns[500], returns[501:] = -1.4, 0.0
    assert judged(returns).beats_chance is False
