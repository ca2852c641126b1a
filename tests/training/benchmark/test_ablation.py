"""What an optimization is worth: its word, its row, its file."""

from __future__ import annotations

import csv
import io

import pytest

from tests.training.benchmark import made_up
from training.benchmark.ablation import COLUMNS, csv_text, word
from training.benchmark.config import BenchmarkConfig
from training.benchmark.results import conclude
from training.significance.intervals import Estimate, Interval
from training.significance.margins import Margin


def estimate(value, low=None, high=None):
    interval = None
    if low is not None:
        interval = Interval(low=low, high=high, confidence=0.9, method="by hand")
    return Estimate(value=value, interval=interval, n_values=3)


@pytest.mark.parametrize(
    ("speed", "quality", "says"),
    [
        ((1.2, 1.1, 1.3), (0.0, -0.1, 0.1), "pays"),
        ((1.2, 1.1, 1.3), (0.0, -0.2, 0.2), "faster, quality unresolved"),  # -0.2 is the margin
        ((3.0, 2.9, 3.1), (-0.5,), "faster, quality unresolved"),
        ((1.2, 1.1, 1.3), (-0.2, -0.3, -0.1), "faster, but a lower score"),
        ((1.2, 1.0, 1.3), (0.0, -0.1, 0.1), "not shown to pay"),
        ((1.0, 0.9, 1.1), (0.2, 0.1, 0.3), "not shown to pay; a higher score"),
        ((1.0, 0.9, 1.1), (-0.2, -0.3, -0.1), "not shown to pay; a lower score"),
        ((0.8, 0.7, 0.9), (0.0, -0.1, 0.1), "slower"),
        ((0.8, 0.7, 0.9), (0.2, 0.1, 0.3), "slower; a higher score"),
        ((1.2, 1.1, 1.3), (None,), "faster, quality unresolved"),
        ((9.0,), (0.0, -0.1, 0.1), "no interval"),
        ((None,), (None,), "not measured"),
    ],
)
def test_only_what_the_whole_interval_says_is_said(speed, quality, says):
    margin = Margin(value=0.2, source="given", words="")
    assert word(estimate(*speed), estimate(*quality), margin) == says


def test_without_a_margin_or_with_failed_runs_a_faster_one_is_not_said_to_pay():
    both = estimate(1.2, 1.1, 1.3), estimate(0.0, -0.1, 0.1)
    assert word(*both, None) == "faster, quality unresolved"
    margin = Margin(value=0.2, source="given", words="")
    assert word(*both, margin, n_failed=1) == "faster, quality unresolved"


def rows_of(content):
    return list(csv.DictReader(io.StringIO(csv_text(content["worth"]))))


def test_the_file_has_a_row_for_each_switch_and_way():
    kinds = dict.fromkeys((arm.name for arm in made_up.arms(ablation=True)), "whole")
    units = [
        made_up.unit(
            name,
            42 + seed,
            wall_s=(20.0 if name == "without_cache" else 10.0) + seed / 10,
            scores=(0.01, 0.02) if name == "without_cache" else (0.04, 0.02),
        )
        for name in kinds
        for seed in range(3)
    ]
    content = conclude(
        made_up.arms(ablation=True),
        made_up.plan(kinds=kinds),
        units,
        config=BenchmarkConfig(ablation=True),
        data=made_up.DATA,
    )
    rows = rows_of(content)
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == len(kinds) - 4  # the original, two more ways to train it, and ours
    cache = next(row for row in rows if row["arm_without"] == "without_cache")
    assert (cache["optimization"], cache["how"], cache["word"]) == (
        "preprocessing cache",
        "left out",
        "pays",
    )
    assert float(cache["fold_s_with"]) == pytest.approx(10.1)
    assert float(cache["fold_s_without"]) == pytest.approx(20.1)
    assert float(cache["times_as_fast"]) == pytest.approx(1.99, abs=0.01)
    assert cache["interval_includes_1"] == "no"
    assert float(cache["test_score_difference"]) == pytest.approx(0.015)
    engine = next(row for row in rows if row["arm_with"] == "plus_engine")
    assert (engine["word"], engine["interval_includes_1"]) == ("not shown to pay", "yes")


def test_what_was_not_measured_is_empty_and_not_zero():
    kinds = {"original": "timed", "plus_engine": "timed", "optimized": "timed"}
    arms = [arm for arm in made_up.arms(ablation=True) if arm.name in kinds]
    content = conclude(
        arms, made_up.plan(kinds=kinds), [], config=BenchmarkConfig(), data=made_up.DATA
    )
    (row,) = rows_of(content)
    assert row["word"] == "not measured"
    assert row["times_as_fast"] == row["interval_includes_1"] == row["fold_s_with"] == ""
