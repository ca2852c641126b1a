"""What numbers allow to say, on units whose answer is known."""

from __future__ import annotations

import json
import math

import pytest

from tests.training.benchmark import made_up
from training.benchmark.config import BenchmarkConfig
from training.benchmark.gaps import LATE
from training.benchmark.numbers import tables
from training.benchmark.results import Course, conclude
from training.benchmark.table import cells, markdown, sentences

WHOLE = {"original": "whole", "optimized": "whole"}


def concluded(units, *, kinds=WHOLE, chained=False, n_seeds=3, n_folds=2, n_left_out=0):
    content = conclude(
        made_up.arms(chained=chained),
        made_up.plan(kinds=kinds, n_seeds=n_seeds, n_folds=n_folds),
        units,
        config=BenchmarkConfig(),
        data=made_up.DATA,
        course=Course(n_left_out=n_left_out, why_not_run=LATE),
    )
    json.dumps(content, allow_nan=False)
    markdown(content)
    return content


def pairs(n_seeds=3, *, ours=10.0, theirs=1_000.0, gain=0.0, **both):
    units = []
    for seed in range(n_seeds):
        scores = (0.01 + seed / 1_000, 0.02 - seed / 1_000)
        shifted = [score + gain for score in scores]
        drift = 1 + seed / 100
        units.append(
            made_up.unit("original", 42 + seed, scores=scores, wall_s=theirs * drift, **both)
        )
        units.append(made_up.unit("optimized", 42 + seed, scores=shifted, wall_s=ours, **both))
    return units


def verdict(content, arm="optimized"):
    return content["against_original"][arm]["verdict"]["text"]


def test_a_hundred_times_as_fast_and_as_good():
    content = concluded(pairs())
    speed = content["against_original"]["optimized"]["speed"]
    assert speed["value"] == pytest.approx(100 * math.exp(sum(map(math.log, (1, 1.01, 1.02))) / 3))
    assert speed["interval"]["low"] > 95
    assert verdict(content) == "faster and not worse"


def test_a_clear_loss_is_worse():
    assert verdict(concluded(pairs(gain=-0.5))) == "faster but worse"


def test_identical_arms_are_not_faster():
    content = concluded(pairs(ours=10.0, theirs=10.0 / 1.01))
    assert verdict(content) == "not faster"
    units = [made_up.unit(arm, 42 + seed) for arm in WHOLE for seed in range(3)]
    content = concluded(units)
    assert content["against_original"]["optimized"]["speed"]["value"] == pytest.approx(1)
    assert verdict(content) == "not faster"


def test_one_seed_gives_no_verdict():
    content = concluded(pairs(1), n_seeds=1)
    assert verdict(content) == "no verdict: no interval"
    assert "(?)" in next(row for row in cells(content) if row[0] == "optimized")[3]


def test_agents_that_never_trade_leave_quality_open():
    units = [
        made_up.unit(arm, 42 + seed, scores=(0.0, 0.0), n_trades=0, wall_s=seconds)
        for arm, seconds in (("original", 100.0), ("optimized", 1.0))
        for seed in range(3)
    ]
    content = concluded(units)
    assert verdict(content) == "faster, quality unresolved (no agent of either ever traded)"


def test_negative_scores_of_the_original_make_no_negative_margin():
    units = pairs(gain=0.0)
    for unit in units:
        for fold in unit["folds"]:
            fold["test_score"] -= 0.5
    content = concluded(units)
    assert content["against_original"]["optimized"]["margin"]["value"] > 0
    assert verdict(content) == "faster and not worse"


def test_a_timed_original_is_extrapolated_and_says_so():
    units = [
        made_up.unit("original", 42 + seed, "timed", steps_per_s=50.0 + seed) for seed in range(3)
    ]
    units += [made_up.unit("optimized", 42 + seed, wall_s=20.0) for seed in range(3)]
    content = concluded(units, kinds={"original": "timed", "optimized": "whole"})
    original = content["arms"]["original"]
    assert original["fold_s_is"] == "extrapolated"
    assert original["fold_s"] == pytest.approx(sum(100_352 / pace for pace in (50, 51, 52)) / 3)
    assert original["test_return"] is None
    assert verdict(content) == "faster, quality unresolved (original was only timed)"
    assert next(iter(cells(content)))[2].startswith("~")
    says = " ".join(sentences(content))
    assert "(extrapolated)" in says
    assert "1,024 env steps" in says
    assert "less than an episode of its 2,000 train bars" in says


STANDS_IN = {"original": "timed", "original_exact": "whole", "optimized": "whole"}


def test_scores_of_the_exact_engine_stand_in_for_those_of_an_original_that_was_timed():
    units = []
    for unit in pairs(theirs=150.0):
        stands_in = unit["arm"] == "original"
        units.append({**unit, "arm": "original_exact"} if stands_in else unit)
    units += [
        made_up.unit("original", 42 + seed, "timed", steps_per_s=50.0 + seed) for seed in range(3)
    ]
    content = concluded(units, kinds=STANDS_IN)
    compared = content["against_original"]["optimized"]
    assert verdict(content) == "faster and not worse"
    assert compared["quality_of"] == "original_exact"
    assert compared["quality"]["value"] == pytest.approx(0.0, abs=1e-12)
    assert compared["speed"]["value"] == pytest.approx(
        math.prod(100_352 / pace / 10.0 for pace in (50, 51, 52)) ** (1 / 3)
    ), "times are the original's own, not those of its stand-in"
    its_own = content["against_original"]["original_exact"]
    assert its_own["quality"]["value"] is None
    assert "stands in for the original" in its_own["verdict"]["text"]
    assert "but for float32 rounding" in " ".join(sentences(content))
    assert content["time_to_quality"].keys() == {"optimized"}


def test_an_original_that_trained_whole_needs_no_stand_in():
    content = concluded(pairs())
    assert content["against_original"]["optimized"]["quality_of"] == "original"
    assert "float32 rounding" not in " ".join(sentences(content))


def timed_fold_s(name, **values):
    kinds = dict.fromkeys(("original", "original_16_envs", "optimized"), "timed")
    units = [{**made_up.unit(arm, 42, "timed"), **values} for arm in kinds]
    return concluded(units, kinds=kinds, n_seeds=1)["arms"][name]["fold_s"]


@pytest.mark.parametrize("name", ["original", "original_16_envs"])
def test_no_extrapolated_fold_of_stock_has_its_evaluations(name):
    assert timed_fold_s(name) == pytest.approx(1_003.52)


def test_an_extrapolated_fold_of_another_arm_has_its_evaluations():
    assert timed_fold_s("optimized") == pytest.approx(1_064.96 * 1.1)  # may cost a tenth


@pytest.mark.parametrize(
    ("told", "evaluation_s"),
    [({"n_evaluations": 2}, 0.125), ({"n_evaluations": None, "n_steps": 18_432}, 0.125)],
)
def test_an_evaluation_takes_what_one_of_those_that_were_made_took(told, evaluation_s):
    arms = made_up.arms(ablation=True)
    plan = made_up.plan(kinds={"plus_engine": "timed"}, n_seeds=1)
    unit = {**made_up.unit("plus_engine", 42, "timed"), **told}
    numbers = tables(arms, plan, [unit])["plus_engine"]
    assert numbers.fold_s[0, 0] == pytest.approx(1_003.52 + 11 * evaluation_s)  # of 100,352 steps


def test_a_timed_fold_of_a_single_update_has_the_time_of_that_training():
    timed = [made_up.unit("original", 42 + s, "timed", steps_per_s=50.0 + s) for s in range(3)]
    single = [
        {**made_up.unit("optimized", 42 + s, "timed", steps_per_s=None), "timed_wall_s": 8.0 + s}
        for s in range(3)
    ]
    content = concluded([*timed, *single], kinds={"original": "timed", "optimized": "timed"})
    ours = content["arms"]["optimized"]
    assert (ours["fold_s"], ours["fold_s_is"], ours["steps_per_s"]) == (9.0, "measured", None)
    compared = content["against_original"]["optimized"]
    assert compared["speed"]["value"] == pytest.approx(
        math.prod(100_352 / (50.0 + s) / (8.0 + s) for s in range(3)) ** (1 / 3)
    )
    assert "quality unresolved" in compared["verdict"]["text"]
    said = list(sentences(content))
    assert sum(one.startswith("optimized made a single update in a fold (") for one in said) == 1
    assert not any("optimized was timed" in one for one in said)


def test_the_mean_pace_makes_the_mean_time():
    timed = [made_up.unit("original", 42 + s, "timed", steps_per_s=50.0 * 4**s) for s in range(2)]
    ours = [made_up.unit("optimized", 42 + s) for s in range(2)]
    kinds = {"original": "timed", "optimized": "whole"}
    original = concluded([*timed, *ours], kinds=kinds, n_seeds=2)["arms"]["original"]
    assert original["steps_per_s"] == pytest.approx(80.0)  # of 50 and 200
    assert original["fold_s"] == pytest.approx(100_352 / 80.0)


def test_a_single_update_of_stock_has_no_evaluation_in_its_time():
    assert timed_fold_s("original", steps_per_s=None) == 8.0 - 0.25
    assert timed_fold_s("optimized", steps_per_s=None) == 8.0


def test_all_arms_are_compared_with_the_original_with_16_environments_where_it_ran():
    kinds = {"original": "whole", "original_16_envs": "whole", "optimized": "whole"}
    many = [made_up.unit("original_16_envs", 42 + s, wall_s=100.0 + s) for s in range(3)]
    content = concluded([*pairs(), *many], kinds=kinds)
    ours = content["against_original_16_envs"]["optimized"]
    assert ours["speed"]["value"] == pytest.approx((10.0 * 10.1 * 10.2) ** (1 / 3))
    assert ours["speed"]["interval"]["low"] > 9
    assert not ours["is_extrapolated"]
    assert content["against_original_16_envs"]["original"]["speed"]["value"] < 0.11
    assert concluded(pairs())["against_original_16_envs"] is None


def test_a_ratio_of_extrapolated_times_is_about_in_the_verdict():
    timed = [made_up.unit("original", 42 + s, "timed", steps_per_s=50.0 + s) for s in range(3)]
    ours = [made_up.unit("optimized", 42 + s, wall_s=20.0) for s in range(3)]
    content = concluded([*timed, *ours], kinds={"original": "timed", "optimized": "whole"})
    reason = content["against_original"]["optimized"]["verdict"]["reason"]
    assert reason.startswith("About 98.4")
    assert reason.endswith("A fold of original is extrapolated.")
    assert content["against_original"]["optimized"]["is_extrapolated"]
    measured = concluded(pairs())["against_original"]["optimized"]
    assert not measured["is_extrapolated"]
    assert "bout" not in measured["verdict"]["reason"]


def test_versions_and_machine_are_those_of_the_runs():
    content = concluded(pairs())
    assert content["machine"]["processor"] == "abacus"
    assert content["versions"]["torch"] == "2.9"
    assert content["code"] == "a" * 64
    assert content["missing"] == []


def test_runs_of_another_code_are_told_as_mixed():
    units = pairs()
    units[-1] = {**units[-1], "ground": {**made_up.GROUND, "code": "b" * 64}}
    (told,) = concluded(units)["missing"]
    assert told.startswith("The runs are mixed: walkfast's source aaaaaaaaaaaa (")
    assert "and 3 more), bbbbbbbbbbbb (optimized 44). Times" in told


@pytest.mark.parametrize(("load", "is_busy"), [(2.4, False), (2.6, True)])
def test_a_busy_machine_is_told(load, is_busy):
    units = pairs()
    for unit in units[1:]:
        unit["load_average"] = [load, 9.0, 9.0]
    content = concluded(units)
    told = " ".join(content["missing"])
    words = "at the end of 5 of 5 runs it had more to do than its 2 cores can (load 2.6, up to 2.6)"
    assert (words in told) == is_busy
    assert f", load {load} (up to {load}); torch" in markdown(content)
    assert "load" not in markdown(concluded(pairs()))  # a system may not tell it


def test_the_share_of_the_best_policy_is_the_stand_ins_where_it_has_the_scores():
    units = [made_up.unit("original", 42, "timed")]
    for name, share in (("original_exact", 0.25), ("optimized", 0.75)):
        units.append({**made_up.unit(name, 42), "bayes_share": share})
    said = " ".join(sentences(concluded(units, kinds=STANDS_IN, n_seeds=1)))
    assert "ours earned 75%, the original's stand-in (original exact) 25%." in said


def test_a_stress_test_that_failed_is_told():
    units = pairs()
    units[1] = {**units[1], "stress_error": "ValueError: a\nboom"}
    (told,) = concluded(units)["missing"]
    assert told.startswith("The test in dearer markets failed: optimized, seed 42: boom.")


def test_chained_folds_need_whole_seeds():
    assert verdict(concluded(pairs(), chained=True)) == (
        "faster, quality unresolved (needs about 2 more seeds)"
    )
    assert verdict(concluded(pairs(5), chained=True, n_seeds=5)) == "faster and not worse"


def test_a_failed_run_is_told_and_its_pair_left_out():
    units = pairs()
    failed = {"arm": "optimized", "seed": 44, "status": "failed", "error": "a\nboom"}
    content = concluded([*units[:-1], failed])
    assert content["arms"]["optimized"]["n_done"] == 2
    assert content["against_original"]["optimized"]["speed"]["n_values"] == 2
    assert "Failed: optimized, seed 44: boom" in list(sentences(content))


def test_an_original_that_never_finished_gives_no_verdict():
    failed = [
        {"arm": "original", "seed": 42 + seed, "status": "failed", "error": "boom"}
        for seed in range(3)
    ]
    content = concluded([*failed, *pairs()[1::2]])
    assert verdict(content) == "no verdict: no time of a fold to compare"
    assert content["arms"]["original"]["fold_s"] is None


def test_seconds_by_stage_are_means_over_the_runs_that_measured_them():
    units = pairs(2)
    for unit in units[2:]:  # of a version that did not
        del unit["stage_cpu_s"]
    ours = concluded(units, n_seeds=2)["arms"]["optimized"]
    assert ours["stage_s"] == {"load": 0.5, "rollout": 1.0, "update": 4.0, "evaluation": 0.25}
    assert ours["stage_cpu_s"]["update"] == 7.5


def test_nothing_at_all_finished():
    content = concluded([], n_left_out=6)
    assert verdict(content) == "no verdict: no time of a fold to compare"
    says = list(sentences(content))
    waiting = "longer than planned: 3 runs of original, 3 runs of optimized. The same command"
    assert any(waiting in text for text in says)
    assert any("nothing can be compared yet" in text for text in says)


def test_the_worth_of_a_switch_needs_whole_trainings_unless_it_is_the_engine():
    added = ["original", "plus_engine", "plus_early_stopping", "plus_schedule", "plus_cache"]
    names = [*added, "optimized", "without_cache"]
    kinds = dict.fromkeys(names, "timed") | dict.fromkeys(("optimized", "without_cache"), "whole")
    arms = made_up.arms(ablation=True)
    plan = made_up.plan(kinds=kinds)
    pace = dict.fromkeys(added, 500.0) | {"original": 50.0}
    units = [
        made_up.unit(name, 42 + seed, kind, steps_per_s=pace.get(name, 1.0), wall_s=5.0)
        for name, kind in kinds.items()
        for seed in range(3)
    ]
    arms = [arm for arm in arms if arm.name in names]
    content = conclude(arms, plan, units, config=BenchmarkConfig(), data=made_up.DATA)
    worth = {(row["switch"], row["how"]): row["speed"]["value"] for row in content["worth"]}
    assert worth["engine", "added"] == pytest.approx(10)
    assert worth["cache", "added"] is None
    assert worth["cache", "left out"] == pytest.approx(1)
    assert "| the engine | added | 10 (10-10) | n/a | faster, quality unresolved |" in markdown(
        content
    )
