"""Time to quality, on curves that are worked by hand."""

from __future__ import annotations

import json

import pytest

from tests.training.benchmark import made_up
from training.benchmark.numbers import ArmNumbers
from training.benchmark.quality_time import reached_and_held, time_to_quality

WHOLE = {"original": "whole", "optimized": "whole"}


@pytest.mark.parametrize(
    ("scores", "seconds"),
    [
        ((0.5,), 10.0),
        ((0.1, 0.5), 20.0),
        ((0.5, 0.6), 10.0),
        ((0.5, 0.1), None),  # reached and lost
        ((0.9, 0.4, 0.5), 30.0),  # lost, and reached again
        ((0.4, 0.4), None),
        ((), None),
    ],
)
def test_a_score_is_held_from_the_evaluation_after_which_none_falls_below(scores, seconds):
    curve = made_up.curve(10.0 * len(scores), *scores)
    assert reached_and_held(curve, 0.5) == seconds


def compared(curves, *, arm="optimized", kinds=WHOLE, chained=False, n_seeds=3):
    """Compare runs whose curves are given as {(arm, seed): [curve of fold 0, of fold 1]}."""
    units = []
    for (name, seed), folds in curves.items():
        unit = made_up.unit(name, seed)
        for fold, curve in zip(unit["folds"], folds, strict=True):
            fold["validation_curve"] = curve
        units.append(unit)
    plan = made_up.plan(kinds=kinds, n_seeds=n_seeds)
    numbers = {
        item.name: ArmNumbers.of(item, plan, units)
        for item in made_up.arms(chained=chained)
        if item.name in kinds
    }
    found = time_to_quality(numbers)
    json.dumps(found, allow_nan=False)
    return found[arm]


def original(seed):
    """The last score is 0.2, held from 20 s on: the best one, 0.3, is not what is asked for."""
    return ("original", seed), [made_up.curve(30.0, 0.1, 0.3, 0.2)] * 2


def test_ratios_are_of_the_times_at_which_both_reached_and_held_the_originals_last_score():
    ours = [made_up.curve(6.0, 0.1, 0.2, 0.2), made_up.curve(3.0, 0.25, 0.2, 0.3)]
    found = compared(dict([original(42), (("optimized", 42), ours)]))
    assert found["rows"] == [
        {"fold_index": 0, "seed": 42, "target": 0.2, "original_wall_s": 20.0, "wall_s": 4.0},
        {"fold_index": 1, "seed": 42, "target": 0.2, "original_wall_s": 20.0, "wall_s": 1.0},
    ]
    assert (found["n_rows"], found["n_reached"], found["n_still"]) == (2, 2, 0)
    assert found["speed"]["value"] == pytest.approx(10.0)  # sqrt(5 * 20)
    assert found["speed"]["interval"] is not None
    assert found["speed"]["warnings"] == ("The interval rests on 2 pairs of runs only.",)


def test_a_fold_that_never_gets_there_is_counted_and_is_no_ratio():
    ours = [made_up.curve(6.0, 0.1, 0.2, 0.2), made_up.curve(3.0, 0.5, 0.1)]
    found = compared(dict([original(42), (("optimized", 42), ours)]))
    assert [row["wall_s"] for row in found["rows"]] == [4.0, None]
    assert (found["n_rows"], found["n_reached"]) == (2, 1)
    assert found["speed"]["value"] == pytest.approx(5.0)
    assert found["speed"]["interval"] is None
    assert "1 of 2 folds never reached it" in found["speed"]["warnings"][-1]


def test_an_arm_that_never_gets_there_has_no_ratio_at_all():
    found = compared(dict([original(42), (("optimized", 42), [made_up.curve(6.0, 0.1)] * 2)]))
    assert (found["n_rows"], found["n_reached"]) == (2, 0)
    assert found["speed"]["value"] is None
    assert "no fold reached" in found["speed"]["warnings"][0]


def test_an_original_whose_score_never_moves_leaves_nothing_to_reach():
    flat = [made_up.curve(30.0, 0.0, 0.0, 0.0), made_up.curve(30.0, 0.1, 0.3, 0.2)]
    ours = [made_up.curve(6.0, 0.0, 0.2)] * 2
    found = compared({("original", 42): flat, ("optimized", 42): ours})
    assert [row["fold_index"] for row in found["rows"]] == [1]
    assert found["n_still"] == 1


def test_chained_folds_of_a_seed_count_once():
    curves = {}
    for seed in (42, 43, 44):
        curves |= dict([original(seed)])
        curves["optimized", seed] = [made_up.curve(seed - 40.0, 0.2)] * 2
    assert compared(curves)["speed"]["n_values"] == 6
    chained = compared(curves, chained=True)
    assert chained["speed"]["n_values"] == 3
    assert chained["speed"]["n_folds"] == 2
    assert chained["speed"]["value"] == pytest.approx(compared(curves)["speed"]["value"])


def test_only_pairs_that_both_finished_are_compared():
    curves = dict([original(42), original(43)])
    curves["optimized", 43] = [made_up.curve(6.0, 0.2)] * 2
    curves["optimized", 44] = [made_up.curve(6.0, 0.2)] * 2
    assert {row["seed"] for row in compared(curves)["rows"]} == {43}


def test_where_the_original_was_only_timed_there_is_no_target():
    kinds = {"original": "timed", "optimized": "whole"}
    arms = {arm.name: arm for arm in made_up.arms()}
    plan = made_up.plan(kinds=kinds)
    units = [made_up.unit("original", 42, "timed"), made_up.unit("optimized", 42)]
    numbers = {name: ArmNumbers.of(arms[name], plan, units) for name in kinds}
    assert time_to_quality(numbers) is None


def test_a_stand_ins_scores_come_at_the_originals_pace():
    kinds = {"original": "timed", "original_exact": "whole", "optimized": "whole"}
    arms = {arm.name: arm for arm in made_up.arms()}
    plan = made_up.plan(kinds=kinds)
    stands_in = made_up.unit("original_exact", 42)
    for fold in stands_in["folds"]:
        fold["validation_curve"] = [
            {"n_steps": 500, "wall_s": 1.0, "score": 0.1},
            {"n_steps": 1_000, "wall_s": 2.0, "score": 0.2},
        ]
    ours = made_up.unit("optimized", 42)
    for fold in ours["folds"]:
        fold["validation_curve"] = made_up.curve(6.0, 0.1, 0.2, 0.2)
    timed = made_up.unit("original", 42, "timed", steps_per_s=50.0)
    numbers = {name: ArmNumbers.of(arms[name], plan, [timed, stands_in, ours]) for name in kinds}
    found = time_to_quality(numbers)
    assert found.keys() == {"optimized"}
    assert [row["original_wall_s"] for row in found["optimized"]["rows"]] == [20.0, 20.0]
    assert found["optimized"]["speed"]["value"] == pytest.approx(5.0)
