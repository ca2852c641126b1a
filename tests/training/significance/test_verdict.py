"""The verdict: its table row by row, margins by hand, seeds needed, and its power by simulation."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm, t

from training.significance.intervals import BootstrapConfig, Estimate, Interval
from training.significance.margins import Margin, margin_of_calibration
from training.significance.verdict import (
    MOST_SEEDS,
    ArmRuns,
    VerdictKind,
    compare_arms,
    error_of_look,
    judge,
    seeds_needed,
)

FIVE = Margin(value=5.0, source="given", words="as agreed")
NONE = Margin(value=0.0, source="given", words="as agreed")


def new_rng():
    return np.random.default_rng(11)


def estimate(value, low=None, high=None, *, n_folds=4, n_seeds=5, error=2.0):
    interval = None
    if low is not None:
        interval = Interval(low=low, high=high, confidence=0.9, method="by hand")
    return Estimate(
        value=value,
        interval=interval,
        standard_error=error if interval else None,
        n_values=n_folds * n_seeds,
        n_folds=n_folds,
        freedom=n_folds * (n_seeds - 1),
        unit="seeds_within_folds" if interval else None,
        warnings=() if interval else ("Too few runs.",),
    )


FAST = estimate(3.0, 2.5, 3.5)


@pytest.mark.parametrize(
    ("low", "high", "margin", "kind"),
    [
        (-4.9, 3.0, FIVE, VerdictKind.NOT_WORSE),
        (-4.0, -1.0, FIVE, VerdictKind.NOT_WORSE),  # lower, but within the margin
        (1.0, 2.0, FIVE, VerdictKind.NOT_WORSE),
        (-5.0, 3.0, FIVE, VerdictKind.UNRESOLVED),
        (-9.0, 3.0, FIVE, VerdictKind.UNRESOLVED),
        (-9.0, -1.0, FIVE, VerdictKind.UNRESOLVED),  # lower, by how much is open
        (-9.0, -5.0, FIVE, VerdictKind.UNRESOLVED),
        (-9.0, -5.1, FIVE, VerdictKind.WORSE),
        (0.0, 0.0, NONE, VerdictKind.NOT_WORSE),
        (0.0, 1.0, NONE, VerdictKind.NOT_WORSE),
        (-0.1, 1.0, NONE, VerdictKind.UNRESOLVED),
        (-0.2, -0.1, NONE, VerdictKind.WORSE),
    ],
)
def test_quality_follows_from_where_the_interval_lies(low, high, margin, kind):
    got = judge(FAST, estimate((low + high) / 2, low, high), margin)
    assert got.kind is kind
    assert (got.more_seeds is not None) == (kind is VerdictKind.UNRESOLVED)


@pytest.mark.parametrize(
    ("speed", "words"),
    [
        (estimate(1.2, 1.0, 1.5), "does not lie above 1"),
        (estimate(1.2, 0.9, 1.5), "does not lie above 1"),
        (estimate(0.8, 0.7, 0.9), "slower"),
        (estimate(9.0), "Not shown to be faster. Too few runs."),
        (estimate(None), "No speed-up was measured."),
    ],
)
def test_what_is_not_shown_to_be_faster_is_not_faster(speed, words):
    got = judge(speed, estimate(0.0, -1.0, 1.0), FIVE)
    assert (got.kind, got.text) == (VerdictKind.NOT_FASTER, "not faster")
    assert words in got.reason


def test_the_four_verdicts_have_exactly_these_words():
    assert [str(kind) for kind in VerdictKind] == [
        "faster and not worse",
        "faster, quality unresolved (needs about N more seeds)",
        "faster but worse",
        "not faster",
    ]


def test_an_unresolved_verdict_names_its_seeds_and_its_numbers():
    got = judge(FAST, estimate(-1.0, -6.0, 4.0, error=3.0), FIVE)
    assert got.text == f"faster, quality unresolved (needs about {got.more_seeds} more seeds)"
    assert got.reason == (
        "3 times as fast (90% interval 2.5 to 3.5, 20 pairs). Score difference -1 (90% interval -6 "
        "to 4, 20 pairs in 4 folds, seeds resampled within folds); margin 5 (as agreed). The "
        "interval reaches down to minus the margin: open. From the spread seen, about "
        f"{got.more_seeds} more seeds for each fold would settle it with probability 0.8."
    )
    one = judge(FAST, estimate(-1.0, -6.0, 4.0, error=0.0), FIVE)
    assert one.text == "faster, quality unresolved (needs about 1 more seed)"


def test_without_an_interval_the_seeds_are_those_that_make_one():
    # One seed on one fold: five make an interval; on three folds three do; on ten two do.
    for n_folds, more in ((1, 4), (3, 2), (10, 1)):
        got = judge(FAST, estimate(1.0, n_folds=n_folds, n_seeds=1), FIVE)
        assert (got.kind, got.more_seeds) == (VerdictKind.UNRESOLVED, more)
        assert "Too few runs." in got.reason
    assert judge(FAST, estimate(None, n_folds=0, n_seeds=0), FIVE).more_seeds == 4


def test_runs_that_failed_only_in_the_candidate_keep_it_from_being_not_worse():
    quality = estimate(1.0, 0.5, 1.5)
    assert judge(FAST, quality, FIVE).kind is VerdictKind.NOT_WORSE
    got = judge(FAST, quality, FIVE, n_candidate_failed=2)
    assert got.kind is VerdictKind.UNRESOLVED
    assert "2 runs of the candidate failed" in got.reason
    worse = judge(FAST, estimate(-9.0, -10.0, -8.0), FIVE, n_candidate_failed=2)
    assert worse.kind is VerdictKind.WORSE


def test_seeds_needed_are_the_fewest_with_the_power():
    quality = estimate(0.0, -6.0, 6.0, n_folds=4, n_seeds=5, error=3.5)
    more = seeds_needed(quality, 5.0)

    def half_width(n_seeds):
        spread = 3.5 * math.sqrt(5 / n_seeds)
        return spread * (t.ppf(0.95, 4 * (n_seeds - 1)) + norm.ppf(0.8))

    assert half_width(5 + more) <= 5.0 < half_width(5 + more - 1)


def test_where_the_power_is_there_already_the_difference_seen_decides():
    # 20 seeds of spread 1 would do for a margin of 5; the difference seen is near -5 though.
    quality = estimate(-4.5, -6.0, -3.0, n_seeds=20, error=1.0)
    more = seeds_needed(quality, 5.0)
    spread = math.sqrt(20 / (20 + more))
    assert spread * (t.ppf(0.95, 4 * (19 + more)) + norm.ppf(0.8)) <= 0.5
    assert more > 400


def test_what_nobody_would_run_is_capped():
    quality = estimate(0.0, -6.0, 6.0, error=3.0)
    assert seeds_needed(quality, 0.0) == MOST_SEEDS
    assert judge(FAST, quality, NONE).text.endswith("(needs about 1000+ more seeds)")
    assert "at least 1000 more seeds" in judge(FAST, quality, NONE).reason


def test_whole_seeds_and_folds_have_their_own_degrees_of_freedom():
    quality = estimate(0.0, -6.0, 6.0, n_folds=8, n_seeds=5, error=3.5)
    counts = [
        seeds_needed(replace(quality, unit=unit), 5.0)
        for unit in ("seeds_within_folds", "seeds", "folds")
    ]
    assert counts[0] <= counts[1] <= counts[2]


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [
        (-4.9, 3.0, VerdictKind.UNRESOLVED),
        (-9.0, 3.0, VerdictKind.UNRESOLVED),
        (0.0, 3.0, VerdictKind.NOT_WORSE),  # the margin plays no part
        (-9.0, -5.1, VerdictKind.WORSE),
    ],
)
def test_a_margin_larger_than_the_score_lets_nothing_pass(low, high, kind):
    margin = replace(FIVE, reference_mean=-4.0)
    got = judge(FAST, estimate((low + high) / 2, low, high), margin)
    assert got.kind is kind
    if kind is VerdictKind.UNRESOLVED:
        assert got.text == "faster, quality unresolved (margin larger than the score)"
        assert got.more_seeds is None


def test_a_loss_of_a_quarter_of_the_account_never_passes_for_a_ruin_in_the_calibration():
    # Scores around +2 % with a ruin in twenty runs; the candidate loses 26 % in every fold.
    rng = np.random.default_rng(3)

    def arm(mean, n_seeds=5):
        scores = rng.normal(mean, 0.05, (5, n_seeds))
        scores[rng.random(scores.shape) < 0.05] = math.log(1e-6)
        return scores

    for _ in range(40):
        original, again, ours = arm(0.02), arm(0.02), arm(-0.28)
        margin = margin_of_calibration(original, again)
        assert margin.value < 0.02
        got = compare_arms(runs(ours, 1), runs(original, 9), margin=margin, rng=rng)
        assert got.verdict.kind is not VerdictKind.NOT_WORSE


def runs(scores, time_s):
    return ArmRuns(scores=scores, times_s=np.full(np.shape(scores), float(time_s)))


def test_arms_are_compared_as_a_whole():
    reference = 1 + 0.01 * new_rng().normal(size=(4, 4))
    good = compare_arms(runs(reference + 0.01, 1), runs(reference, 9), rng=new_rng())
    assert good.verdict.text == "faster and not worse"
    assert good.speed.value == pytest.approx(9.0)
    assert good.quality.value == pytest.approx(0.01)
    bad = compare_arms(runs(reference - 0.2, 1), runs(reference, 9), rng=new_rng())
    assert bad.verdict.text == "faster but worse"
    slow = compare_arms(runs(reference, 9), runs(reference, 9), rng=new_rng())
    assert slow.verdict.text == "not faster"
    assert (
        json.loads(json.dumps(good.to_json(), allow_nan=False))["margin"]["source"] == "reference"
    )
    for part in (good.margin, good.verdict):
        json.dumps(part.to_json(), allow_nan=False)


def test_over_chained_folds_the_chance_of_improvement_has_no_interval():
    reference = 1 + 0.01 * new_rng().normal(size=(4, 5))
    both = runs(reference + 0.01, 1), runs(reference, 9)
    assert compare_arms(*both, rng=new_rng()).improvement.interval is not None
    chained = compare_arms(*both, rng=new_rng(), config=BootstrapConfig(unit="seeds"))
    assert chained.quality.interval is not None
    assert chained.improvement.interval is None
    assert chained.improvement.value is not None
    assert "hang together" in chained.improvement.warnings[0]


def test_flat_agents_in_both_arms_are_no_division_by_zero():
    flat = np.zeros((4, 4))
    got = compare_arms(runs(flat, 1), runs(flat, 9), rng=new_rng())
    assert got.verdict.kind is VerdictKind.NOT_WORSE
    assert got.margin.value == 0
    losing = compare_arms(runs(flat - 1, 1), runs(flat, 9), rng=new_rng())
    assert losing.verdict.kind is VerdictKind.WORSE


def test_a_fold_that_failed_in_the_candidate_is_seen():
    reference = 1 + 0.01 * new_rng().normal(size=(4, 4))
    ours = reference + 0.01
    ours[2, 1] = np.nan
    got = compare_arms(runs(ours, 1), runs(reference, 9), rng=new_rng())
    assert got.verdict.kind is VerdictKind.UNRESOLVED
    assert "1 run of the candidate failed where" in got.verdict.reason


def test_all_looks_together_spend_no_more_than_one():
    spent = [error_of_look(look) for look in range(1, 60)]
    assert spent[:2] == [0.025, 0.0125]
    assert sum(spent) <= 0.05
    reference = 1 + 0.01 * new_rng().normal(size=(4, 4))
    both = runs(reference + new_rng().normal(size=(4, 4)), 1), runs(reference, 9)
    looks = [compare_arms(*both, rng=new_rng(), look=look) for look in (1, 2, 3)]
    intervals = [look.quality.interval for look in looks]
    assert [interval.confidence for interval in intervals] == [0.95, 0.975, 0.9875]
    assert intervals[0].low > intervals[1].low > intervals[2].low
    assert {look.speed.interval.confidence for look in looks} == {0.9}
    assert looks[0].verdict.more_seeds < looks[2].verdict.more_seeds


def _rate_not_worse(shift, n_seeds, n_panels=400):
    rng = np.random.default_rng(5)
    margin = Margin(value=0.5, source="given", words="")
    kinds = [
        compare_arms(
            runs(rng.normal(size=(5, n_seeds)) + shift, 1),
            runs(rng.normal(size=(5, n_seeds)), 9),
            margin=margin,
            rng=rng,
        ).verdict.kind
        for _ in range(n_panels)
    ]
    return np.mean([kind is VerdictKind.NOT_WORSE for kind in kinds])


@pytest.mark.slow
def test_an_arm_worse_by_the_margin_passes_as_not_worse_once_in_twenty():
    assert _rate_not_worse(-0.5, 4) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


@pytest.mark.slow
def test_the_seeds_named_give_an_equal_arm_the_power_named():
    rng = np.random.default_rng(6)
    named = []
    for _ in range(40):
        ours, theirs = rng.normal(size=(5, 4)), rng.normal(size=(5, 4))
        got = compare_arms(runs(ours, 1), runs(theirs, 9), rng=rng)
        named.append(4 + seeds_needed(got.quality, 0.5))
    assert 0.68 <= _rate_not_worse(0.0, round(float(np.median(named)))) <= 0.92
