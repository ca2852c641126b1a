"""Early stopping: patience counted by hand, the minimum budget, and what a tie is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.errors import ConfigError, UnknownNameError
from training.rules.decision import EvaluationPoint
from training.rules.early_stopping import EarlyStoppingConfig, decide_stop


def points(*scores, every=10):
    return [EvaluationPoint(step=every * i, score=s) for i, s in enumerate(scores, start=1)]


PATIENCE_2 = EarlyStoppingConfig(mode="patience", patience_evaluations=2)


def test_patience_counts_evaluations_since_the_best():
    assert decide_stop(PATIENCE_2, 1000, points(1.0, 0.5)).value is False
    decision = decide_stop(PATIENCE_2, 1000, points(1.0, 0.5, 0.9))
    assert decision.value is True
    assert decision.inputs == {"step": 30, "n_stale": 2, "best_step": 10, "best_score": 1.0}
    assert decision.reason.startswith("stop at step 30 of 1,000: 2 evaluations since the best")


def test_an_improvement_starts_the_count_again():
    assert decide_stop(PATIENCE_2, 1000, points(1.0, 0.5, 1.1, 0.2)).value is False
    assert decide_stop(PATIENCE_2, 1000, points(1.0, 0.5, 1.1, 0.2, 0.2)).value is True


def test_an_equal_score_is_no_improvement():
    assert decide_stop(PATIENCE_2, 1000, points(1.0, 1.0, 1.0)).value is True


def test_min_delta_asks_for_more_than_so_much():
    config = EarlyStoppingConfig(mode="patience", patience_evaluations=2, min_delta=0.5)
    assert decide_stop(config, 1000, points(1.0, 1.25, 1.5)).value is True  # 1.5 is not > 1.0 + 0.5
    assert decide_stop(config, 1000, points(1.0, 1.25, 1.75)).value is False


def test_within_fold_trains_the_minimum_budget_first():
    config = EarlyStoppingConfig(patience_evaluations=2, min_budget_frac=0.3)
    stale = points(1.0, 0.0, 0.0, every=10)
    assert decide_stop(config, 101, stale).value is True  # 30 of 30.3, rounded to 30
    assert decide_stop(config, 105, stale).value is False  # 32 needed
    assert decide_stop(PATIENCE_2, 105, stale).value is True


def test_minimum_steps_count_beside_the_share():
    config = EarlyStoppingConfig(patience_evaluations=2, min_budget_frac=0.0, min_steps=31)
    assert decide_stop(config, 1000, points(1.0, 0.0, 0.0)).value is False
    assert decide_stop(config, 1000, points(1.0, 0.0, 0.0, 0.0)).value is True


def test_the_score_of_the_initial_weights_counts():
    start = [EvaluationPoint(step=0, score=2.0)]
    assert decide_stop(PATIENCE_2, 1000, start + points(1.0, 1.5)).value is True


def test_off_never_stops_and_nothing_stops_before_an_evaluation():
    off = EarlyStoppingConfig(mode="off")
    assert decide_stop(off, 1000, points(*[1.0] * 50)).value is False
    assert decide_stop(PATIENCE_2, 1000, ()).reason == "nothing was evaluated yet"
    assert not off.enabled
    assert PATIENCE_2.enabled


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"patience_evaluations": 0}, "patience_evaluations must be at least 1"),
        ({"min_delta": -1.0}, "min_delta must be at least 0"),
        ({"min_budget_frac": 1.5}, "min_budget_frac must be at least 0 and at most 1"),
        ({"min_steps": 0}, "min_steps must be at least 1"),
    ],
)
def test_settings_out_of_range_are_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        EarlyStoppingConfig(**wrong)


def test_an_unknown_mode_gets_the_nearest_match():
    with pytest.raises(UnknownNameError, match="did you mean 'patience'"):
        EarlyStoppingConfig(mode="patient")


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=20), st.integers(1, 5))
def test_it_stops_exactly_when_the_last_evaluations_hold_no_new_best(scores, patience):
    config = EarlyStoppingConfig(mode="patience", patience_evaluations=patience)
    last, before = scores[-patience:], scores[:-patience]
    stale = bool(before) and max(last) <= max(before)
    assert decide_stop(config, 10**6, points(*scores)).value is stale
