"""Time to quality, on curves that are worked by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.training.benchmark import made_up
from training.benchmark.numbers import ArmNumbers
from training.benchmark.quality_time import as_often, reached, time_to_quality

WHOLE = {"original": "whole", "optimized": "whole"}


@pytest.mark.parametrize(
    ("scores", "seconds"),
    [
        ((0.5,), None),  # once is not twice
        ((0.1, 0.5), None),
        ((0.5, 0.6), 20.0),
        ((0.5, 0.1, 0.6), None),
        ((0.9, 0.4, 0.5, 0.5, 0.1), 40.0),  # lost later
        ((0.4, 0.4), None),
        ((), None),
    ],
)
def test_a_score_is_reached_at_the_second_of_two_evaluations_in_a_row(scores, seconds):
    curve = made_up.curve(10.0 * len(scores), *scores)
    assert reached(curve, 0.5) == seconds


def test_whoever_looks_more_often_is_looked_at_as_often_as_the_original():
    curve = [{"n_steps": steps, "wall_s": 0.0, "score": 0.0} for steps in range(25, 500, 25)]
    reference = made_up.curve(3.0, 0.1, 0.2, 0.3)  # every 100 steps
    assert [point["n_steps"] for point in as_often(curve, reference)] == [100, 200, 300, 400]
    assert as_often(reference, curve) == reference


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
    """The last score is 0.2, reached twice in a row at 30 s: the best, 0.3, is not asked for."""
    return ("original", seed), [made_up.curve(30.0, 0.1, 0.3, 0.2)] * 2


NEVER = made_up.curve(3.0, 0.5, 0.1)


def test_ratios_are_of_the_times_at_which_both_were_at_the_originals_last_score_twice():
    ours = [made_up.curve(6.0, 0.1, 0.2, 0.2), made_up.curve(3.0, 0.25, 0.2, 0.1)]
    found = compared(dict([original(42), (("optimized", 42), ours)]))
    shared = {"seed": 42, "target": 0.2, "original_wall_s": 30.0, "original_reached": True}
    assert found["rows"] == [
        {"fold_index": 0, **shared, "wall_s": 6.0},
        {"fold_index": 1, **shared, "wall_s": 2.0},
    ]
    assert (found["n_rows"], found["n_reached"], found["n_still"]) == (2, 2, 0)
    assert found["speed"]["value"] == pytest.approx(75**0.5)  # between 5 and 15
    assert found["speed"]["interval"] is None
    assert "2 values are too few" in found["speed"]["warnings"][0]


def test_an_original_that_ended_first_is_taken_at_its_end():
    rising = [made_up.curve(30.0, 0.1, 0.15, 0.2)] * 2
    ours = [made_up.curve(6.0, 0.1, 0.2, 0.2)] * 2
    found = compared({("original", 42): rising, ("optimized", 42): ours})
    assert [row["original_reached"] for row in found["rows"]] == [False, False]
    assert [row["original_wall_s"] for row in found["rows"]] == [30.0, 30.0]


def test_stopping_early_does_not_bring_it_nearer():
    whole = made_up.curve(6.0, 0.1, 0.2, 0.2, 0.1)
    lost, cut, before = whole, whole[:3], whole[:2]
    speeds = [
        compared({**dict([original(42)]), ("optimized", 42): [curve] * 2})["speed"]["value"]
        for curve in (lost, cut, before)
    ]
    assert speeds == [pytest.approx(30 / 4.5), pytest.approx(30 / 4.5), None]


def test_folds_that_never_get_there_are_in_the_median_and_in_its_interval():
    curves = {}
    for seed in (42, 43, 44, 45):
        curves |= dict([original(seed)])
        curves["optimized", seed] = [made_up.curve(6.0, 0.1, 0.2, 0.2)] * 2
    curves["optimized", 45] = [NEVER] * 2
    found = compared(curves, n_seeds=4)
    assert (found["n_rows"], found["n_reached"]) == (8, 6)
    assert found["speed"]["value"] == pytest.approx(5.0)
    # Of eight the second from either end: below that lies the median with 3.5 %.
    interval = found["speed"]["interval"]
    assert (interval["low"], interval["high"]) == (0.0, pytest.approx(5.0))
    assert "2 of 8 never came to the goal" in found["speed"]["warnings"][0]


def test_where_half_of_the_folds_never_get_there_there_is_no_median():
    ours = [made_up.curve(6.0, 0.1, 0.2, 0.2), NEVER]
    found = compared(dict([original(42), (("optimized", 42), ours)]))
    assert [row["wall_s"] for row in found["rows"]] == [6.0, None]
    assert (found["n_rows"], found["n_reached"]) == (2, 1)
    assert found["speed"]["value"] is None
    assert found["speed"]["interval"] is None


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
        curves["optimized", seed] = [made_up.curve(seed - 40.0, 0.2, 0.2)] * 2
    assert compared(curves)["speed"]["n_values"] == 6
    chained = compared(curves, chained=True)
    assert chained["speed"]["n_values"] == 3
    assert chained["speed"]["n_folds"] == 2
    assert chained["speed"]["interval"] is None
    assert chained["speed"]["value"] == pytest.approx(compared(curves)["speed"]["value"])


@pytest.mark.parametrize("noise", [0.05, 0.3])
@pytest.mark.parametrize(("n_looks", "ends_after"), [(11, 11), (44, 44), (11, 5), (11, 3), (4, 4)])
def test_an_equal_arm_never_looks_faster_however_it_looks_and_stops(noise, n_looks, ends_after):
    rng = np.random.default_rng(4)

    def curve(n_looks):
        at = np.arange(1, n_looks + 1) / n_looks
        scores = 1 - np.exp(-at / 0.2) + rng.normal(0, noise, n_looks)
        steps = at * 4_400
        return [
            {"n_steps": round(n), "wall_s": s, "score": score}
            for n, s, score in zip(steps, at, scores, strict=True)
        ]

    ratios = []
    for _ in range(400):
        theirs, ours = curve(11), curve(n_looks)[:ends_after]
        target = theirs[-1]["score"]
        own_s = reached(as_often(ours, theirs), target)
        ratios.append((reached(theirs, target) or 1.0) / own_s if own_s else 0.0)
    assert np.median(ratios) < 0.9


def test_only_pairs_that_both_finished_are_compared():
    curves = dict([original(42), original(43)])
    curves["optimized", 43] = [made_up.curve(6.0, 0.2, 0.2)] * 2
    curves["optimized", 44] = [made_up.curve(6.0, 0.2, 0.2)] * 2
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
    rows = found["optimized"]["rows"]
    assert [row["original_wall_s"] for row in rows] == [20.0, 20.0]  # the end: 1,000 steps of 50/s
    assert [row["wall_s"] for row in rows] == [None, None]  # looked at every 500 steps, too
