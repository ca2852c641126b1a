"""Evaluation schedule: spacings worked by hand and the promise about cost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.errors import ConfigError, UnknownNameError
from training.rules.decision import EvaluationPoint
from training.rules.evaluation_schedule import (
    EvaluationScheduleConfig,
    improving_streak,
    next_evaluation_step,
    steps_that_pay,
)


def points(*scores, every=10_000):
    return [EvaluationPoint(step=every * i, score=s) for i, s in enumerate(scores, start=1)]


def decide(config, evaluations, *, budget_steps=100_000, evaluation_bars=499, n_epochs=12):
    return next_evaluation_step(
        config,
        evaluations,
        budget_steps=budget_steps,
        evaluation_bars=evaluation_bars,
        n_epochs=n_epochs,
    )


FIXED = EvaluationScheduleConfig(mode="fixed")
ADAPTIVE = EvaluationScheduleConfig()


def test_fixed_comes_every_n_steps_and_at_the_end():
    assert decide(FIXED, ()).value == 10_000
    assert decide(FIXED, points(1.0)).value == 20_000
    assert decide(FIXED, (), budget_steps=4_000).value == 4_000


def test_fixed_keeps_its_grid_when_a_rollout_passes_a_step():
    late = [EvaluationPoint(step=10_240, score=0.0)]
    assert decide(FIXED, late).value == 20_000


def test_adaptive_halves_the_spacing_with_each_improvement_in_a_row():
    assert decide(ADAPTIVE, ()).value == 10_000
    assert decide(ADAPTIVE, points(1.0)).value == 20_000  # a first score is no improvement
    assert decide(ADAPTIVE, points(1.0, 2.0)).value == 25_000
    assert decide(ADAPTIVE, points(1.0, 2.0, 3.0)).value == 32_500
    assert decide(ADAPTIVE, points(1.0, 2.0, 3.0, 3.0)).value == 50_000


def test_adaptive_says_why():
    decision = decide(ADAPTIVE, points(1.0, 2.0))
    assert decision.inputs == {"streak": 1, "spacing_steps": 5_000, "cost_steps": 135}
    assert decision.reason == (
        "at step 25,000 of 100,000: 5,000 steps on, after a new best; "
        "499 evaluated bars are paid for by 135 trained steps"
    )
    assert "no new best just before" in decide(ADAPTIVE, points(1.0)).reason
    assert "last 2 in a row were new bests" in decide(ADAPTIVE, points(1.0, 2.0, 3.0)).reason


def test_the_closest_spacing_holds_however_long_it_improves():
    assert decide(ADAPTIVE, points(*range(8))).value == 81_000


def test_a_short_fold_is_evaluated_ten_times():
    assert decide(ADAPTIVE, (), budget_steps=20_000).value == 2_000
    assert decide(ADAPTIVE, (), budget_steps=4_000).value == 1_000  # but never closer than this


def test_a_costly_evaluation_waits_until_it_is_paid():
    # 499 / (0.1 * 37) = 134.9; 200,000 / (0.1 * 37) = 54,054 and beyond the widest spacing
    assert steps_that_pay(ADAPTIVE, evaluation_bars=499, n_epochs=12) == 135
    assert steps_that_pay(ADAPTIVE, evaluation_bars=200_000, n_epochs=12) == 54_055
    assert decide(ADAPTIVE, (), evaluation_bars=100_000).value == 27_028
    assert decide(ADAPTIVE, (), evaluation_bars=200_000).value == 50_000


def test_the_streak_counts_new_bests_in_a_row():
    assert improving_streak(()) == 0
    assert improving_streak(points(1.0)) == 0
    assert improving_streak(points(1.0, 2.0)) == 1
    assert improving_streak(points(1.0, 0.0, 0.5)) == 0  # better than the last is no new best
    assert improving_streak(points(3.0, 1.0, 4.0, 5.0)) == 2


def test_fixed_does_not_adapt():
    assert not FIXED.enabled
    assert ADAPTIVE.enabled


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"every_steps": 0}, "every_steps must be at least 1"),
        ({"min_evaluations": 0}, "min_evaluations"),
        ({"min_every_steps": 0}, "min_every_steps"),
        ({"max_every_steps": 999}, "max_every_steps must be at least 1000"),
        ({"cost_budget_frac": 0.0}, "cost_budget_frac must be more than 0 and at most 1"),
    ],
)
def test_settings_out_of_range_are_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        EvaluationScheduleConfig(**wrong)


def test_an_unknown_mode_gets_the_nearest_match():
    with pytest.raises(UnknownNameError, match="did you mean 'adaptive'"):
        EvaluationScheduleConfig(mode="adaptiv")


@settings(max_examples=30)
@given(
    budget_steps=st.integers(1, 200_000),
    evaluation_bars=st.integers(1, 20_000),
    n_epochs=st.integers(1, 20),
    scores=st.lists(st.integers(0, 9), min_size=400, max_size=400),
)
def test_a_fold_advances_ends_on_its_budget_and_keeps_within_the_cost(
    budget_steps, evaluation_bars, n_epochs, scores
):
    taken = []
    while not taken or taken[-1].step < budget_steps:
        decision = decide(
            ADAPTIVE,
            taken,
            budget_steps=budget_steps,
            evaluation_bars=evaluation_bars,
            n_epochs=n_epochs,
        )
        assert decision.value > (taken[-1].step if taken else 0)
        taken.append(EvaluationPoint(step=decision.value, score=scores[len(taken)]))
    assert taken[-1].step == budget_steps
    paid = len(taken[:-1]) * evaluation_bars  # the last one, at the end, is always taken
    assert paid <= 0.1 * budget_steps * (1 + 3 * n_epochs) * (1 + 1e-9)
