"""Budgets: the historical formula by hand, and convergence over recorded histories."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.errors import ConfigError, UnknownNameError
from training.rules.adaptive_timesteps import (
    AdaptiveTimestepsConfig,
    decide_budget,
    wished_steps,
)
from training.rules.decision import FoldOutcome


def outcome(best_step, steps_trained=100_000, *, fold_index=0, warm=False):
    return FoldOutcome(
        fold_index=fold_index,
        budget_steps=steps_trained,
        steps_trained=steps_trained,
        best_step=best_step,
        best_score=0.0,
        n_evaluations=10,
        stopped_early=False,
        warm_started_from=fold_index - 1 if warm else None,
    )


@pytest.mark.parametrize(
    ("fold_index", "budget"),
    [
        (0, 100_000),
        (1, 80_000),  # 0.95 is above 0.8
        (4, 80_000),  # 0.95^4 = 0.8145
        (5, 77_378),  # 0.95^5 = 0.7737809375
        (10, 59_873),  # 0.95^10 = 0.59873693923837890625
        (31, 20_390),  # 0.95^31 = 0.203906...
        (32, 20_000),  # 0.95^32 = 0.193711...: the minimum
    ],
)
def test_geometric_is_the_historical_formula(fold_index, budget):
    config = AdaptiveTimestepsConfig(mode="geometric")
    assert decide_budget(config, fold_index, ()).value == budget


def test_off_is_the_base_in_every_fold_whatever_the_minimum():
    config = AdaptiveTimestepsConfig(mode="off", base_timesteps=4_000)
    assert decide_budget(config, 7, [outcome(10)]).value == 4_000
    assert not config.enabled


def test_convergence_begins_with_the_base():
    decision = decide_budget(AdaptiveTimestepsConfig(), 0, ())
    assert decision.value == 100_000
    assert "no earlier fold to learn from" in decision.reason


def test_convergence_gives_the_best_step_and_a_margin():
    decision = decide_budget(AdaptiveTimestepsConfig(), 1, [outcome(40_000)])
    assert decision.value == 60_000
    assert decision.inputs == {"wished_steps": [60_000], "wish": 60_000}
    assert "60,000" in decision.reason
    assert "40,000" in decision.reason


def test_a_best_at_the_very_end_asks_for_more_not_for_the_same():
    config = AdaptiveTimestepsConfig()
    assert wished_steps(config, outcome(30_000, 30_000)) == 60_000
    assert wished_steps(config, outcome(27_001, 30_000)) == 60_000
    assert wished_steps(config, outcome(27_000, 30_000)) == 40_500
    assert decide_budget(config, 1, [outcome(30_000, 30_000)]).value == 60_000


def test_the_words_say_what_was_seen_what_it_asks_for_and_what_bounds_it():
    narrow = AdaptiveTimestepsConfig(base_timesteps=8_000, min_timesteps=8_000)
    assert decide_budget(narrow, 1, [outcome(8_192, 8_192)]).reason == (
        "the latest comparable fold was best at step 8,192 of 8,192 and asks for 16,384; "
        "at most 8,000 are allowed"
    )
    history = [outcome(40_000), outcome(0, fold_index=1)]
    assert decide_budget(AdaptiveTimestepsConfig(), 2, history).reason == (
        "the 2 latest comparable folds were best at steps 40,000, 0 of 100,000, 100,000 and ask "
        "for 60,000, 0; 60,000 meets 80% of these"
    )
    least = decide_budget(AdaptiveTimestepsConfig(), 1, [outcome(0)]).reason
    assert least.endswith("asks for 0; at least 20,000 are trained")


def test_a_fold_that_never_beat_its_start_wishes_for_the_minimum():
    assert wished_steps(AdaptiveTimestepsConfig(), outcome(0)) == 0
    assert decide_budget(AdaptiveTimestepsConfig(), 1, [outcome(0)]).value == 20_000


def test_convergence_meets_four_of_the_last_five_wishes():
    bests = [90_000, 10_000, 20_000, 30_000, 40_000, 50_000]
    history = [outcome(best, fold_index=index) for index, best in enumerate(bests)]
    decision = decide_budget(AdaptiveTimestepsConfig(), 6, history)
    assert decision.inputs["wished_steps"] == [15_000, 30_000, 45_000, 60_000, 75_000]
    assert decision.value == 60_000


def test_the_lowest_quantile_is_the_smallest_wish():
    config = AdaptiveTimestepsConfig(quantile_frac=0.0, min_timesteps=1)
    assert decide_budget(config, 2, [outcome(40_000), outcome(20_000)]).value == 30_000


def test_a_fresh_start_learns_from_fresh_starts_only():
    history = [outcome(50_000), outcome(1_000, fold_index=1, warm=True)]
    config = AdaptiveTimestepsConfig(last_k=1)
    assert decide_budget(config, 2, history, warm_started=True).value == 20_000
    assert decide_budget(config, 2, history, warm_started=False).value == 75_000
    none_fresh = decide_budget(config, 2, history[1:], warm_started=False)
    assert none_fresh.value == 100_000
    assert "no earlier fold from fresh weights" in none_fresh.reason


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"base_timesteps": 0}, "base_timesteps must be at least 1"),
        ({"min_timesteps": 0}, "min_timesteps must be at least 1"),
        ({"margin_frac": 1.1}, "margin_frac must be at least 0 and at most 1"),
        ({"quantile_frac": -0.1}, "quantile_frac"),
        ({"end_frac": 2}, "end_frac"),
        ({"last_k": 0}, "last_k"),
        ({"growth_factor": 0.5}, "growth_factor"),
        ({"base_timesteps": 4_000}, "min_timesteps 20000, base 4000"),
    ],
)
def test_settings_out_of_range_are_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        AdaptiveTimestepsConfig(**wrong)


def test_an_unknown_mode_gets_the_nearest_match():
    with pytest.raises(UnknownNameError, match="did you mean 'geometric'"):
        AdaptiveTimestepsConfig(mode="geometrical")


outcomes = st.builds(
    lambda trained, share, warm: outcome(int(trained * share), trained, fold_index=1, warm=warm),
    st.integers(1, 200_000),
    st.floats(0, 1),
    st.booleans(),
)


@given(
    st.sampled_from(["off", "geometric", "convergence"]),
    st.integers(0, 200),
    st.lists(outcomes, max_size=8),
    st.booleans(),
)
def test_every_budget_lies_between_minimum_and_base(mode, fold_index, history, warm):
    config = AdaptiveTimestepsConfig(mode=mode)
    decision = decide_budget(config, fold_index, history, warm_started=warm)
    assert 20_000 <= decision.value <= 100_000


@given(st.integers(1, 99_999))
def test_a_chain_that_keeps_improving_at_its_end_gets_back_to_the_base(start):
    config = AdaptiveTimestepsConfig(min_timesteps=1)
    budget = start
    for _ in range(17):  # 2^17 > 100,000
        budget = decide_budget(config, 1, [outcome(budget, budget)]).value
    assert budget == 100_000
