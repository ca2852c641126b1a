"""Warm start: who competes, on which bars, and who wins ties."""

from __future__ import annotations

import pytest

from envs.errors import ConfigError, UnknownNameError
from training.rules.warm_start import (
    Candidate,
    WarmStartConfig,
    decide_keep,
    decide_warm_start,
    folds_to_score,
)

THREE = (
    Candidate(fold_index=4, own_score=9.0, score_here=0.1),
    Candidate(fold_index=6, own_score=0.1, score_here=0.2),
    Candidate(fold_index=5, own_score=0.2, score_here=0.3),
)


def test_off_starts_fresh_whoever_is_there():
    assert decide_warm_start(WarmStartConfig(mode="off"), THREE).value is None
    assert not WarmStartConfig(mode="off").enabled
    assert WarmStartConfig().enabled


@pytest.mark.parametrize("mode", ["previous_best", "champions"])
def test_the_first_fold_starts_fresh(mode):
    decision = decide_warm_start(WarmStartConfig(mode=mode), ())
    assert decision.value is None
    assert "no earlier fold kept a model" in decision.reason


def test_previous_best_is_the_latest_fold_and_needs_no_score():
    unscored = [Candidate(fold_index=4, own_score=9.0), Candidate(fold_index=5, own_score=-9.0)]
    assert decide_warm_start(WarmStartConfig(mode="previous_best"), unscored).value == 5


def test_the_champion_is_best_on_these_bars_not_on_its_own():
    decision = decide_warm_start(WarmStartConfig(), THREE)
    assert decision.value == 5
    assert decision.inputs == {"fold_indices": [6, 5, 4], "scores_here": [0.2, 0.3, 0.1]}
    assert "fold 5 0.3" in decision.reason


def test_of_equal_champions_the_latest_wins():
    equals = [Candidate(fold_index=i, own_score=0.0, score_here=0.5) for i in (2, 3, 1)]
    assert decide_warm_start(WarmStartConfig(), equals).value == 3


def test_only_the_last_k_compete():
    older = Candidate(fold_index=1, own_score=0.0, score_here=99.0)
    assert decide_warm_start(WarmStartConfig(last_k=3), (older, *THREE)).value == 5
    assert decide_warm_start(WarmStartConfig(last_k=4), (older, *THREE)).value == 1
    assert decide_warm_start(WarmStartConfig(last_k=1), (older, *THREE)).value == 6


def test_a_loser_is_a_start_unless_a_minimum_score_is_set():
    losers = [Candidate(fold_index=0, own_score=1.0, score_here=-0.01)]
    assert decide_warm_start(WarmStartConfig(), losers).value == 0
    decision = decide_warm_start(WarmStartConfig(min_score=0.0), losers)
    assert decision.value is None
    assert "no score on these bars reaches 0 (fold 0 -0.01)" in decision.reason
    flat = [Candidate(fold_index=0, own_score=1.0, score_here=0.0)]
    assert decide_warm_start(WarmStartConfig(min_score=0.0), flat).value == 0


def test_a_champion_that_was_not_scored_is_our_mistake_never_a_no():
    with pytest.raises(AssertionError, match="fold 7 was not scored"):
        decide_warm_start(WarmStartConfig(), (*THREE, Candidate(fold_index=7, own_score=0.0)))
    broken = Candidate(fold_index=7, own_score=0.0, score_here=float("nan"))
    with pytest.raises(AssertionError, match="fold 7 scored nan"):
        decide_warm_start(WarmStartConfig(), (*THREE, broken))


def test_only_champions_need_scores():
    assert folds_to_score(WarmStartConfig(), [0, 1, 2, 3]) == (3, 2, 1)
    assert folds_to_score(WarmStartConfig(mode="previous_best"), [0, 1]) == ()
    assert folds_to_score(WarmStartConfig(mode="off"), [0, 1]) == ()


@pytest.mark.parametrize(
    ("trained", "incumbent", "kept"),
    [(0.2, 0.1, True), (0.1, 0.2, False), (0.0, 0.0, False), (-5.0, None, True)],
)
def test_the_incumbent_stays_unless_it_is_beaten(trained, incumbent, kept):
    assert decide_keep(trained, incumbent).value is kept


def test_keeping_says_both_scores():
    decision = decide_keep(0.25, 0.5)
    assert decision.reason == (
        "the incumbent: trained 0.25, incumbent 0.5 on the same validation bars"
    )
    assert decision.inputs == {"trained_score": 0.25, "incumbent_score": 0.5}
    assert decide_keep(0.5, 0.25).reason.startswith("the trained model")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"last_k": 0}, "last_k must be at least 1"),
        ({"min_score": float("nan")}, "min_score"),
        ({"shrink_frac": 0.0}, "shrink_frac must be more than 0 and at most 1"),
        ({"perturb_frac": 1.5}, "perturb_frac must be more than 0 and at most 1"),
    ],
)
def test_settings_out_of_range_are_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        WarmStartConfig(**wrong)


def test_an_unknown_mode_gets_the_nearest_match():
    with pytest.raises(UnknownNameError, match="did you mean 'champions'"):
        WarmStartConfig(mode="champion")
    assert WarmStartConfig(shrink_frac=1.0, perturb_frac=0.01).shrink_frac == 1.0
