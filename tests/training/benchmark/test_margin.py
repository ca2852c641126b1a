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


HALF_A_DEVIATION = 1.4826 * 0.02 / math.sqrt(2) / 2
"""Of pairs that differ by 0.02, up and down."""


def calibrated_plan(n_folds=2, n_seeds=5):
    return made_up.plan(kinds=KINDS, n_folds=n_folds, n_seeds=n_seeds, n_again=5)


def numbers(plan, units):
    arms = tables(made_up.arms(), plan, units)
    return arms["original"], arms["original_again"]


def a_a(n=5, difference=0.02, scores=(1.01, 1.03)):
    """Return n pairs of runs of the original that differ by so much, up and down."""
    shifted = (scores[0] + difference, scores[1] - difference)
    units = [made_up.unit("original", 42 + seed, scores=scores) for seed in range(n)]
    units += [made_up.unit("original_again", 1_042 + seed, scores=shifted) for seed in range(n)]
    return units


def test_before_anything_runs_there_is_a_rule_and_no_value():
    planned = planned_margin(calibrated_plan())
    assert planned["kind"] == "a_a"
    assert "from 10 folds of the original against itself" in planned["rule"]
    assert planned["fixed"] is None
    assert len(planned["order"]) == 3
    assert margin_in_force(planned) is None


def test_it_is_half_a_seeds_deviation_once_the_original_has_run_against_itself():
    plan = calibrated_plan()
    planned = planned_margin(plan)
    assert fixed_margin(planned, *numbers(plan, a_a()[:-1])) is None
    fixed = fixed_margin(planned, *numbers(plan, a_a()))
    assert fixed["value"] == pytest.approx(HALF_A_DEVIATION)
    assert fixed["source"] == "calibration"
    assert "10 pairs" in fixed["words"]
    json.dumps(fixed, allow_nan=False)


def test_runs_of_ours_have_no_say_in_it():
    plan = calibrated_plan()
    ours = [made_up.unit("optimized", 42 + seed, scores=(-5.0, 5.0)) for seed in range(5)]
    fixed = fixed_margin(planned_margin(plan), *numbers(plan, [*a_a(), *ours]))
    assert fixed["value"] == pytest.approx(HALF_A_DEVIATION)


def test_what_is_fixed_stays():
    plan = calibrated_plan()
    planned = planned_margin(plan)
    planned["fixed"] = fixed_margin(planned, *numbers(plan, a_a()))
    others = numbers(plan, a_a(difference=0.5))
    assert fixed_margin(planned, *others) is None
    assert margin_in_force(planned).value == pytest.approx(HALF_A_DEVIATION)


def test_too_few_pairs_fall_back_on_the_originals_score_and_that_stays_too():
    plan = calibrated_plan()
    failed = [
        {"arm": "original_again", "seed": 1_042, "status": "failed", "error": "boom"},
        *(unit for unit in a_a() if unit["seed"] != 1_042),
    ]
    planned = planned_margin(plan)
    planned["fixed"] = fixed_margin(planned, *numbers(plan, failed))
    assert planned["fixed"]["source"] == "reference"
    margin = margin_in_force(planned)
    assert margin.value == pytest.approx(0.05 * 1.02)
    assert "only 8 folds of the original against itself finished" in margin.words
    assert fixed_margin(planned, *numbers(plan, a_a())) is None


def test_an_original_that_always_scores_alike_leaves_no_margin():
    plan = calibrated_plan()
    fixed = fixed_margin(planned_margin(plan), *numbers(plan, a_a(difference=0.0)))
    assert fixed["value"] == 0


def test_one_ruined_fold_does_not_widen_it():
    plan = calibrated_plan()
    units = a_a()
    units[-1]["folds"][0]["test_score"] = math.log(1e-6)
    fixed = fixed_margin(planned_margin(plan), *numbers(plan, units))
    assert fixed["value"] == pytest.approx(HALF_A_DEVIATION)


def test_it_is_never_more_than_a_tenth_of_the_originals_typical_score():
    plan = calibrated_plan()
    fixed = fixed_margin(planned_margin(plan), *numbers(plan, a_a(difference=0.4)))
    # Sizes of 1.01, 1.41, 1.03 and 0.63, five of each: the middle half has the mean 1.02.
    assert fixed["value"] == pytest.approx(0.1 * 1.02)
    assert "no more than 0.1 of 1.02" in fixed["words"]


def test_by_a_margin_larger_than_the_score_nothing_is_not_worse():
    plan = calibrated_plan()
    units = a_a(scores=(0.5, -0.5), difference=0.01)  # one fold earns what the other loses
    fixed = fixed_margin(planned_margin(plan), *numbers(plan, units))
    assert 0 < fixed["value"] < 0.01
    assert "nothing passes as not worse" in fixed["words"]
    ours = {"wall_s": 1.0, "scores": (0.499, -0.501)}
    units += [made_up.unit("optimized", 42 + seed, **ours) for seed in range(5)]
    content = conclude(made_up.arms(), plan, units, config=BenchmarkConfig(), data=made_up.DATA)
    verdict = content["against_original"]["optimized"]["verdict"]
    assert verdict["text"] == "faster, quality unresolved (margin larger than the score)"


def test_without_time_for_it_the_margin_is_of_the_originals_score_and_fixed_when_that_has_run():
    plan = made_up.plan(kinds={"original": "whole", "optimized": "whole"})
    planned = planned_margin(plan)
    assert planned["kind"] == "default"
    runs = a_a(5)[:5]

    def fixed_by(of_plan, units):
        return fixed_margin(planned, tables(made_up.arms(), of_plan, units)["original"], None)

    assert fixed_by(plan, runs[:2]) is None
    assert margin_in_force(planned) is None
    failed = {"arm": "original", "seed": 44, "status": "failed", "error": "boom"}
    assert fixed_by(plan, [*runs[:2], failed])["value"] == pytest.approx(0.05 * 1.02)
    for unit in runs[3:]:  # seeds that are added later have no say in it
        unit["folds"][0]["test_score"] = 99.0
    planned["fixed"] = fixed_by(plan.with_seeds(5), runs)
    assert planned["fixed"]["value"] == pytest.approx(0.05 * 1.02)
    assert fixed_by(plan.with_seeds(5), runs) is None
    assert margin_in_force(planned).value == pytest.approx(0.05 * 1.02)


def test_a_rule_of_an_earlier_version_that_never_had_a_value_gets_one():
    plan = calibrated_plan()
    planned = planned_margin(plan)
    planned["fixed"] = {"source": "reference", "value": None, "words": "only 4 folds"}
    assert margin_in_force(planned) is None
    assert fixed_margin(planned, *numbers(plan, a_a()))["value"] == pytest.approx(HALF_A_DEVIATION)


@pytest.mark.parametrize(("is_fixed", "says"), [(False, "the margin waits"), (True, "not worse")])
def test_nothing_is_judged_before_the_margin_is_fixed(is_fixed, says):
    plan = calibrated_plan()
    units = a_a() if is_fixed else a_a()[:-1]
    units += [
        made_up.unit("optimized", 42 + seed, wall_s=1.0, scores=(1.01, 1.03)) for seed in range(5)
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
    plan = made_up.plan(kinds=kinds, n_seeds=5, n_again=5)
    planned = planned_margin(plan)
    assert "with other seeds (original_exact_again)" in planned["rule"]
    units = [{**unit, "arm": unit["arm"].replace("original", "original_exact")} for unit in a_a()]
    units += [made_up.unit("original", 42 + seed, "timed") for seed in range(5)]
    units += [made_up.unit("optimized", 42 + seed, scores=(1.01, 1.03)) for seed in range(5)]
    arms = tables(made_up.arms(), plan, units)
    fixed = fixed_margin(planned, arms["original_exact"], arms["original_exact_again"])
    assert fixed["value"] == pytest.approx(HALF_A_DEVIATION)
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
