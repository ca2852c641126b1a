"""The front of the search behind the profiles, on rows whose answer is worked by hand."""

import json

import pytest

from bench.search.front import layers, on_common_ground, read_rows, standings, survivors
from bench.search.told import front_table, original_fold_cpu_s, real_table


def row(candidate, *, ground="easy", seed=0, fold=0, share=1.0, cpu_s=1.0, steps=100, test=0.0):
    return {
        "candidate": candidate,
        "ground": ground,
        "seed": seed,
        "fold_index": fold,
        "fresh_share": share,
        "validation_score": 0.25,
        "test_score": test,
        "cpu_s": cpu_s,
        "n_steps": steps,
    }


def test_grounds_weigh_the_same_however_many_seeds_they_have():
    rows = [
        row("a", share=0.6),
        row("a", fold=1, share=1.0),
        row("a", ground="hard", share=0.1),
        row("a", ground="hard", seed=1, share=0.3),
    ]
    (found,) = standings(rows)
    assert found.by_ground == pytest.approx({"easy": 0.8, "hard": 0.2})
    assert found.share == pytest.approx(0.5)
    assert found.stuck_frac == pytest.approx(0.5)
    assert found.n_folds == 4
    assert found.interval is None


def test_real_bars_do_not_rank_candidates():
    assert standings([row("a", ground="gold")]) == []


def test_only_trials_that_all_candidates_had_are_compared():
    rows = [row("a", share=0.2), row("a", seed=7, share=1.0), row("b", share=0.4)]
    rows.append(row("b", ground="gold", seed=7))
    assert [(item["candidate"], item["seed"]) for item in on_common_ground(rows)] == [
        ("a", 0),
        ("b", 0),
    ]
    assert on_common_ground([]) == []


def test_equal_seeds_give_an_interval_of_one_point_and_others_a_wider_one():
    flat = standings([row("a", seed=seed, share=0.5) for seed in range(4)])[0]
    assert (flat.interval.low, flat.interval.high) == (0.5, 0.5)
    wide = standings([row("a", seed=seed, share=0.25 * seed) for seed in range(5)])[0]
    assert wide.interval.low < 0.5 < wide.interval.high


def test_a_front_holds_whoever_nobody_beats_in_both():
    rows = [
        row("best", share=0.9, cpu_s=4.0),
        row("quick", share=0.7, cpu_s=1.0),
        row("beaten", share=0.6, cpu_s=2.0),
        row("last", share=0.5, cpu_s=3.0),
    ]
    names = [[item.candidate for item in front] for front in layers(standings(rows))]
    assert names == [["best", "quick"], ["beaten"], ["last"]]


def test_equals_stay_on_the_front_together():
    assert len(layers(standings([row("a"), row("b")]))[0]) == 2


def test_survivors_are_whole_fronts_and_then_who_earns_most():
    rows = [
        row("best", share=0.9, cpu_s=4.0),
        row("quick", share=0.7, cpu_s=1.0),
        row("third", share=0.85, cpu_s=5.0),
        row("fourth", share=0.4, cpu_s=2.0),
    ]
    assert survivors(standings(rows), 3) == ["best", "quick", "third"]


def test_a_repeated_row_counts_once(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row("a", share=share)) + "\n" for share in (0.1, 0.9)))
    assert [item["fresh_share"] for item in read_rows(path)] == [0.1]


def test_every_timing_of_the_original_counts(tmp_path):
    path = tmp_path / "rows.jsonl"
    paces = [{"candidate": "pace", "ground": "easy", "cpu_s": s, "n_steps": 1} for s in (1.0, 2.0)]
    path.write_text("".join(json.dumps(item) + "\n" for item in paces))
    assert read_rows(path) == paces
    assert on_common_ground(paces) == []


def test_no_file_is_no_rows(tmp_path):
    assert read_rows(tmp_path / "rows.jsonl") == []


def test_the_original_costs_its_budget_at_the_median_pace():
    paces = [{"candidate": "pace", "cpu_s": cpu_s, "n_steps": 100} for cpu_s in (1.0, 2.0, 9.0)]
    assert original_fold_cpu_s(paces) == pytest.approx(2_000.0)  # 100,000 steps of 0.02 s
    assert original_fold_cpu_s([row("a")]) is None


def test_the_table_shows_the_front_in_bold_and_no_speed_without_a_pace():
    lines = front_table([row("best", cpu_s=2.0), row("worse", share=0.5, cpu_s=3.0)]).splitlines()
    assert lines[2].startswith("| **best** | 1.00 | 1.00 |")
    assert lines[3].startswith("| worse | 0.50 |")
    assert lines[3].endswith("| 3.00 | n/a |")


def test_test_scores_are_shown_of_the_chosen_only():
    rows = [row(name, ground="gold_later", test=0.125) for name in ("chosen", "other")]
    rows += [row(name, ground="gold") for name in ("chosen", "other")]
    lines = real_table(rows, ["chosen"]).splitlines()
    assert "+0.125 (1)" in lines[2]
    assert "+0.125" not in lines[3]
