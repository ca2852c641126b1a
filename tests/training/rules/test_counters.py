"""Counters: nothing is claimed that nobody added."""

from __future__ import annotations

import json

import pytest

from training.rules.counters import (
    NOT_MEASURED,
    RuleCounters,
    add_budget_saving,
    add_stop_saving,
)
from training.rules.decision import RULES


def test_nothing_is_claimed_at_first():
    counts = RuleCounters().to_json()
    assert tuple(counts) == RULES
    for count in counts.values():
        assert count["saved"] is None
        assert count["cost_s"] is None
        assert count["n_decisions"] == 0
        assert count["how_measured"] == NOT_MEASURED


def test_what_is_added_adds_up_and_touches_no_other_rule():
    counters = RuleCounters()
    counters.count_decision("preprocessing_cache")
    counters.count_decision("preprocessing_cache")
    counters.add_saved("preprocessing_cache", 1, how_measured="hits counted")
    counters.add_saved("preprocessing_cache", 2, how_measured="hits counted")
    counters.add_cost("preprocessing_cache", 0.25)
    counters.add_cost("preprocessing_cache", 0.5)
    assert counters.to_json()["preprocessing_cache"] == {
        "n_decisions": 2,
        "saved": 3,
        "unit": "builds",
        "cost_s": 0.75,
        "how_measured": "hits counted",
    }
    assert counters.to_json()["warm_start"] == RuleCounters().to_json()["warm_start"]


def test_one_rule_is_measured_in_one_way():
    counters = RuleCounters()
    counters.add_saved("fast_evaluation", 1.5, how_measured="both ways timed")
    with pytest.raises(AssertionError, match="two ways of measuring"):
        counters.add_saved("fast_evaluation", 1.5, how_measured="a guess")


def test_counters_survive_a_restart():
    counters = RuleCounters()
    counters.count_decision("warm_start")
    counters.add_saved("early_stopping", 10, how_measured="steps")
    stored = json.loads(json.dumps(counters.to_json(), allow_nan=False))
    assert RuleCounters.from_json(stored) == counters


def test_a_smaller_budget_saves_the_difference_to_the_base():
    counters = RuleCounters()
    add_budget_saving(counters, base_steps=100_000, budget_steps=80_000)
    add_budget_saving(counters, base_steps=100_000, budget_steps=100_000)
    count = counters.by_rule["adaptive_timesteps"]
    assert (count.saved, count.unit) == (20_000, "steps")
    assert "rollouts of the base minus those of the budget" in count.how_measured


def test_an_early_stop_saves_the_rest_of_the_budget():
    counters = RuleCounters()
    add_stop_saving(counters, budget_steps=100_000, steps_trained=60_000)
    add_stop_saving(counters, budget_steps=1_000, steps_trained=1_024)  # ended past its budget
    assert counters.by_rule["early_stopping"].saved == 40_000
