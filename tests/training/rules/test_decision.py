"""Decisions and history: they hold only what a report may show."""

from __future__ import annotations

import json
import pickle

import pytest

from envs.errors import ConfigError
from training.rules.decision import (
    RULES,
    Decision,
    EvaluationPoint,
    FoldOutcome,
    check_bounds,
)


def outcome(**changes):
    values = {
        "fold_index": 3,
        "budget_steps": 1000,
        "steps_trained": 1000,
        "best_step": 400,
        "best_score": 0.1,
        "n_evaluations": 10,
        "stopped_early": False,
        "warm_started_from": None,
    }
    return FoldOutcome(**(values | changes))


def test_a_decision_becomes_plain_json():
    decision = Decision(
        rule="warm_start",
        value=2,
        reason="because",
        inputs={"scores": (1.0, 2.0), "name": "text", "flag": True, "none": None},
    )
    assert json.loads(json.dumps(decision.to_json(), allow_nan=False)) == {
        "rule": "warm_start",
        "value": 2,
        "reason": "because",
        "inputs": {"scores": [1.0, 2.0], "name": "text", "flag": True, "none": None},
    }


def test_a_decision_travels_between_processes():
    decision = Decision(rule="warm_start", value=None, reason="off", inputs={"a": 1})
    assert pickle.loads(pickle.dumps(decision)) == decision


def test_there_are_seven_rules():
    assert len(set(RULES)) == 7


def test_an_unknown_rule_or_a_value_that_is_no_number_is_our_mistake():
    with pytest.raises(AssertionError, match="unknown rule 'luck'"):
        Decision(rule="luck", value=1, reason="")
    with pytest.raises(AssertionError, match="the reason"):
        Decision(rule="warm_start", value=float("inf"), reason="the reason")


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf")])
def test_a_failed_evaluation_is_never_a_point(score):
    with pytest.raises(AssertionError, match="at step 10"):
        EvaluationPoint(step=10, score=score)


def test_a_point_lies_at_a_step_and_becomes_json():
    with pytest.raises(AssertionError, match="negative step"):
        EvaluationPoint(step=-1, score=0.0)
    assert EvaluationPoint(step=10, score=0.5).to_json() == {"step": 10, "score": 0.5}


def test_an_outcome_is_best_within_what_it_trained():
    with pytest.raises(AssertionError, match="best at step 1001 of 1000"):
        outcome(best_step=1001)
    assert outcome().to_json()["best_step"] == 400
    assert outcome(best_step=0).best_step == 0


def test_bounds_name_what_must_hold():
    check_bounds("x", 1, 1)
    check_bounds("x", 1, 0, 1, open_low=True)
    with pytest.raises(ConfigError, match="x must be at least 1 and at most 2"):
        check_bounds("x", 3, 1, 2)
    with pytest.raises(ConfigError, match=r"x must be more than 0\.\nFound: 0"):
        check_bounds("x", 0, 0, open_low=True)
    with pytest.raises(ConfigError, match="Found: nan"):
        check_bounds("x", float("nan"), 0)
