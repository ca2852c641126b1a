"""When the margin is fixed, from what, and that it then stays."""

from __future__ import annotations

import json
import math

import pytest

from tests.training.benchmark import made_up
from training.benchmark.config import BenchmarkConfig
from training.benchmark.margin import fixed_margin, margin_in_force, planned_margin
from training.benchmark.numbers import tables
from training.benchmark.results import Course, conclude
from training.benchmark.table import cells

KINDS = {"original": "whole", "original_again": "whole", "optimized": "whole"}


def calibrated_plan(n_folds=2, n_seeds=3):
    return made_up.plan(kinds=KINDS, n_folds=n_folds, n_seeds=n_seeds, n_again=3)


def numbers(plan, units):
    arms = tables(made_up.arms(), plan, units)
    return arms["original"], arms["original_again"]


def a_a(n=3, difference=0.02):
    """Return n pairs of runs of the original that differ by so much, up and down."""
    units = [made_up.unit("original", 42 + seed, scores=(0.01, 0.03)) for seed in range(n)]
    units += [
        made_up.unit("original_again", 1_042 + seed, scores=(0.01 + difference, 0.03 - difference))
        for seed in range(n)
    ]
    return units


def test_before_anything_runs_there_is_a_rule_and_no_value():
    planned = planned_margin(calibrated_plan())
    assert planned["kind"] == "a_a"
    assert "from 6 folds of the original against itself" in planned["rule"]
    assert planned["fixed"] is None
    assert len(planned["order"]) == 3
    assert margin_in_force(planned, numbers(calibrated_plan(), [])[0]) is None


def test_it_is_half_a_seeds_deviation_once_the_original_has_run_against_itself():
    plan = calibrated_plan()
    planned = planned_margin(plan)
    assert fixed_margin(planned, *numbers(plan, a_a()[:-1])) is None
    fixed = fixed_margin(planned, *numbers(plan, a_a()))
    # sqrt(mean(0.02^2) / 2) = 0.01414, half of it
    assert fixed["value"] == pytest.approx(0.02 / math.sqrt(2) / 2)
    assert fixed["source"] == "calibration"
    assert "6 pairs" in fixed["words"]
    json.dumps(fixed, allow_nan=False)


def test_runs_of_ours_have_no_say_in_it():
    plan = calibrated_plan()
    ours = [made_up.unit("optimized", 42 + seed, scores=(-5.0, 5.0)) for seed in range(3)]
    fixed = fixed_margin(planned_margin(plan), *numbers(plan, [*a_a(), *ours]))
    assert fixed["value"] == pytest.approx(0.02 / math.sqrt(2) / 2)


def test_what_is_fixed_stays():
    plan = calibrated_plan()
    planned = planned_margin(plan)
    planned["fixed"] = fixed_margin(planned, *numbers(plan, a_a()))
    others = numbers(plan, a_a(difference=0.5))
    assert fixed_margin(planned, *others) is None
    assert margin_in_force(planned, others[0]).value == pytest.approx(0.02 / math.sqrt(2) / 2)


def test_too_few_pairs_fall_back_on_the_originals_score_and_that_stays_too():
    plan = calibrated_plan()
    failed = [
        {"arm": "original_again", "seed": 1_042, "status": "failed", "error": "boom"},
        *(unit for unit in a_a() if unit["seed"] != 1_042),
    ]
    planned = planned_margin(plan)
    planned["fixed"] = fixed_margin(planned, *numbers(plan, failed))
    assert planned["fixed"]["source"] == "reference"
    margin = margin_in_force(planned, numbers(plan, a_a())[0])
    assert margin.value == pytest.approx(0.05 * 0.02)
    assert "only 4 folds of the original against itself finished" in margin.words
    assert fixed_margin(planned, *numbers(plan, a_a())) is None


def test_an_original_that_always_scores_alike_leaves_no_margin():
    plan = calibrated_plan()
    fixed = fixed_margin(planned_margin(plan), *numbers(plan, a_a(difference=0.0)))
    assert fixed["value"] == 0


def test_a_margin_that_exceeds_the_originals_own_mean_says_so():
    plan = calibrated_plan()
    fixed = fixed_margin(planned_margin(plan), *numbers(plan, a_a(difference=2.0)))
    assert "not being worse says little" in fixed["words"]


def test_without_time_for_it_the_rule_is_the_originals_score():
    plan = made_up.plan(kinds={"original": "whole", "optimized": "whole"})
    planned = planned_margin(plan)
    assert planned["kind"] == "default"
    arms = tables(made_up.arms(), plan, a_a()[:3])
    assert fixed_margin(planned, arms["original"], None) is None
    assert margin_in_force(planned, arms["original"]).value == pytest.approx(0.05 * 0.02)


@pytest.mark.parametrize(("is_fixed", "says"), [(False, "the margin waits"), (True, "not worse")])
def test_nothing_is_judged_before_the_margin_is_fixed(is_fixed, says):
    plan = calibrated_plan()
    units = a_a() if is_fixed else a_a()[:-1]
    units += [
        made_up.unit("optimized", 42 + seed, wall_s=1.0, scores=(0.01, 0.03)) for seed in range(3)
    ]
    planned = planned_margin(plan)
    planned["fixed"] = fixed_margin(planned, *numbers(plan, units))
    content = conclude(
        made_up.arms(),
        plan,
        units,
        config=BenchmarkConfig(),
        data=made_up.DATA,
        course=Course(margin=planned),
    )
    compared = content["against_original"]["optimized"]
    assert says in compared["verdict"]["text"]
    assert (compared["margin"]["value"] > 0) == is_fixed
    assert content["calibration"] == planned
    assert content["against_original"]["original_again"]["speed"]["value"] == pytest.approx(1.0)


def test_whose_scores_are_compared_is_who_is_run_against_itself():
    kinds = {
        "original": "timed",
        "original_exact": "whole",
        "original_exact_again": "whole",
        "optimized": "whole",
    }
    plan = made_up.plan(kinds=kinds, n_again=3)
    planned = planned_margin(plan)
    assert "with other seeds (original_exact_again)" in planned["rule"]
    units = [{**unit, "arm": unit["arm"].replace("original", "original_exact")} for unit in a_a()]
    units += [made_up.unit("original", 42 + seed, "timed") for seed in range(3)]
    units += [made_up.unit("optimized", 42 + seed, scores=(0.01, 0.03)) for seed in range(3)]
    arms = tables(made_up.arms(), plan, units)
    fixed = fixed_margin(planned, arms["original_exact"], arms["original_exact_again"])
    assert fixed["value"] == pytest.approx(0.02 / math.sqrt(2) / 2)
    content = conclude(
        made_up.arms(),
        plan,
        units,
        config=BenchmarkConfig(),
        data=made_up.DATA,
        course=Course(margin={**planned, "fixed": fixed}),
    )
    compared = content["against_original"]["optimized"]
    assert compared["margin"]["value"] == fixed["value"]
    assert compared["verdict"]["text"] == "faster and not worse"
    assert content["time_to_quality"].keys() == {"optimized"}
    names = [cell[0] for cell in cells(content)]
    assert names == ["original", "original exact", "optimized", "flat", "buy and hold", "random"]
