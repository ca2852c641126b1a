"""What fits into the time, worked by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from envs.errors import ConfigError
from training.benchmark.plan import ArmCost, Plan, choose_plan


def cost(name, *, steps_per_s, budget=10_000, rollout=500):
    return ArmCost(
        name=name,
        steps_per_s=steps_per_s,
        rollout_steps=rollout,
        budget_steps=budget,
        n_threads=1,
    )


# A fold of `original` takes 10,000 / 100 * 1.15 + 0.5 = 115.5 s, one of `optimized` 12 s.
ARMS = [
    cost("original", steps_per_s=100),
    cost("original_16_envs", steps_per_s=100),
    cost("optimized", steps_per_s=1_000),
]


def plan(budget_s, *, arms=ARMS, n_folds=10, n_seeds=None, start_s=5.0):
    return choose_plan(arms, start_s=start_s, budget_s=budget_s, n_folds=n_folds, n_seeds=n_seeds)


def kinds(made):
    return {arm.name: arm.kind for arm in made.arms}


def test_with_time_enough_all_is_trained_whole_on_every_fold_and_five_seeds():
    made = plan(100_000)
    assert set(kinds(made).values()) == {"whole"}
    assert (made.n_folds, made.n_seeds) == (10, 5)


def test_with_time_enough_the_original_is_run_against_itself_on_ten_pairs_of_folds():
    made = plan(100_000)
    assert [arm.name for arm in made.arms][:2] == ["original", "original_again"]
    again, original = made.arm("original_again"), made.arm("original")
    assert replace(again, name="original", n_seeds=None) == original
    assert made.n_calibration_seeds == 1  # ten folds of it
    two_folds = plan(100_000, n_folds=2)
    assert two_folds.n_calibration_seeds == 5
    names = [(arm.name, seed) for arm, seed in two_folds.units if arm.name.startswith("original_a")]
    assert names == [("original_again", seed) for seed in range(5)]


def test_the_original_against_itself_takes_the_place_of_folds_and_of_nothing_else():
    # A fold of all arms: 115.5 * 2 + 12 = 243 s; two of them by five seeds with 6 s a run: 2,520 s.
    # The original against itself, five seeds of two folds: 5 * (115.5 * 2 + 6) = 1,185 s.
    assert plan(2_521).n_calibration_seeds == 0
    assert (plan(2_521).n_folds, plan(2_521).n_seeds) == (2, 5)
    assert plan(3_700).n_calibration_seeds == 0
    assert plan(3_706).n_calibration_seeds == 5
    assert (plan(3_706).n_folds, plan(3_706).n_seeds) == (2, 5)
    assert plan(3_706).duration_s == pytest.approx(3_705)


def test_the_original_against_itself_has_no_more_seeds_than_the_original():
    assert plan(100_000, n_folds=2, n_seeds=2).n_calibration_seeds == 0
    assert plan(100_000, n_folds=2).n_calibration_seeds == 5
    assert plan(100_000, n_folds=1).n_calibration_seeds == 0


def test_an_original_that_is_only_timed_is_not_run_against_itself():
    assert "original_again" not in kinds(plan(600))


def test_seeds_go_down_to_three_before_the_original_is_only_timed():
    # Two folds of all arms: 2 * (115.5 * 2 + 12) + 3 * 6 = 504 s a seed.
    assert plan(3 * 505).n_seeds == 3
    assert set(kinds(plan(3 * 505)).values()) == {"whole"}
    assert kinds(plan(3 * 500))["original"] == "timed"


def test_where_the_original_does_not_fit_ours_is_trained_whole_still():
    made = plan(600)
    assert kinds(made) == {"original": "timed", "original_16_envs": "timed", "optimized": "whole"}
    assert made.n_seeds == 5
    assert made.n_folds >= 2
    assert made.duration_s <= 600


def test_timed_runs_have_a_rollout_to_warm_up_and_one_at_least_to_count():
    timed = plan(600).arm("original")
    assert timed.n_steps % 500 == 0
    assert timed.n_steps >= 1_000


def test_the_16_environments_are_given_up_before_three_seeds_are():
    # Timed once: 5 + 1,000 / 100 * 1.15 + 0.5 = 17 s; ours with one fold: 5 + 1 + 12 = 18 s.
    made = plan(3 * 36)
    assert kinds(made) == {"original": "timed", "optimized": "whole"}
    assert (made.n_folds, made.n_seeds) == (1, 3)


def test_in_the_worst_case_each_arm_is_timed_once():
    # ours timed: 5 + 1,000 / 1,000 * 1.15 + 0.5 = 6.65 s
    made = plan(24)
    assert kinds(made) == {"original": "timed", "optimized": "timed"}
    assert (made.n_folds, made.n_seeds) == (1, 1)


@pytest.mark.parametrize("budget_s", [23.0, 0.0, -5.0])
def test_too_little_time_is_refused_with_what_is_needed(budget_s):
    with pytest.raises(ConfigError, match=r"need 0\.4"):
        plan(budget_s)


def test_seeds_that_were_asked_for_are_kept():
    assert plan(600, n_seeds=2).n_seeds == 2
    assert plan(600, n_seeds=8).n_seeds == 8
    with pytest.raises(ConfigError, match="with 8 seeds"):
        plan(60, n_seeds=8)


def test_a_single_fold_is_enough_where_there_is_only_one():
    made = plan(100_000, n_folds=1)
    assert made.n_folds == 1
    assert set(kinds(made).values()) == {"whole"}


@pytest.mark.parametrize("budget_s", [24, 40, 108, 300, 600, 1_500, 5_000, 100_000])
def test_no_plan_takes_longer_than_there_is_time(budget_s):
    made = plan(budget_s)
    assert made.duration_s <= budget_s
    assert made.n_folds >= 1 or "whole" not in kinds(made).values()


def test_arms_take_turns():
    order = [(arm.name, seed) for arm, seed in plan(600, n_seeds=2).units]
    names = [arm.name for arm in ARMS]
    assert order == [(name, seed) for seed in (0, 1) for name in names]


def test_a_plan_survives_its_file():
    made = plan(600)
    assert Plan.from_json(made.to_json()) == made
    assert made.with_seeds(10).duration_s == pytest.approx(2 * made.duration_s)
    calibrated = plan(100_000)
    assert Plan.from_json(calibrated.to_json()) == calibrated
    again_s = calibrated.arm("original_again").unit_s
    assert calibrated.with_seeds(10).duration_s == pytest.approx(
        2 * (calibrated.duration_s - again_s) + again_s
    )


WITH_EXACT = [*ARMS[:2], cost("original_exact", steps_per_s=500), ARMS[2]]


def test_a_whole_original_needs_no_stand_in():
    assert kinds(plan(100_000, arms=WITH_EXACT)) == kinds(plan(100_000))


def test_where_the_original_is_timed_the_exact_engine_trains_its_settings_whole():
    # A fold of the stand-in takes 10,000 / 500 * 1.15 + 0.5 = 23.5 s, of the original 115.5 s.
    made = plan(600, arms=WITH_EXACT)
    assert kinds(made)["original"] == "timed"
    assert kinds(made)["original_exact"] == "whole"
    assert made.n_seeds == 5
    assert made.arms[0].name == "original"


SLOW = [
    cost("original", steps_per_s=20),
    cost("original_16_envs", steps_per_s=20),
    cost("original_exact", steps_per_s=200),
    cost("optimized", steps_per_s=1_000),
]


def test_who_stands_in_for_the_original_is_run_against_itself_beside_two_folds():
    # Five seeds of two folds: 5 * (63 + 63 timed, 6 + 2 * 58, 6 + 2 * 12) = 1,390 s; five runs of
    # two folds more: 610 s.
    made = plan(2_005, arms=SLOW)
    assert (made.n_folds, made.n_seeds, made.n_calibration_seeds) == (2, 5, 5)
    assert list(kinds(made).items())[:3] == [
        ("original", "timed"),
        ("original_exact", "whole"),
        ("original_exact_again", "whole"),
    ]
    assert made.duration_s == pytest.approx(2_000)
    assert plan(1_990, arms=SLOW).n_calibration_seeds == 0
    assert plan(1_990, arms=SLOW).n_folds == 3


def test_the_stand_in_goes_before_the_last_seeds_do():
    # Timing the original and 16 environments once, and ours once: 12 + 12 + 12 s and their starts.
    made = plan(150, arms=WITH_EXACT)
    assert "original_exact" not in kinds(made)
