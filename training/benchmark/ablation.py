"""What each optimization is worth: with it against without it, all else the same.

A row for each switch and way: added on top of the ones before, and left out of the whole. Not
here: which arms there are (`training.benchmark.arms`), tables for people
(`training.benchmark.table`). Argued in `docs/decisions/132-what-pays.md`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from training.benchmark.arms import ENGINE, SWITCHES, WITHOUT
from training.benchmark.numbers import ArmNumbers, bootstrap_for, mean, not_measured
from training.seeds import generator
from training.significance.intervals import Estimate
from training.significance.margins import Margin
from training.significance.robust import paired_difference
from training.significance.speed import speed_up
from training.significance.verdict import VerdictKind, judge_quality

Row = Mapping[str, Any]
PAYS = "pays"
"""Faster, and its test score is shown to be not worse."""
OPEN = "faster, quality unresolved"
LOWER = "faster, but a lower score"
NOT_SHOWN = "not shown to pay"
"""The interval of the times as fast includes 1."""
COLUMNS = (
    "optimization",
    "switch",
    "how",
    "word",
    "judged_by",
    "times_as_fast",
    "times_as_fast_low",
    "times_as_fast_high",
    "interval_includes_1",
    "n_time_pairs",
    "fold_s_with",
    "fold_s_without",
    "test_score_difference",
    "test_score_difference_low",
    "test_score_difference_high",
    "n_score_pairs",
    "arm_with",
    "arm_without",
)


def worth(numbers: Mapping[str, ArmNumbers], margin: Margin | None) -> list[dict[str, Any]]:
    """Return a row for each arm of the ablation, in the order of the arms.

    Args:
        numbers: The finished runs of all arms.
        margin: That of the benchmark; None = not fixed, so that no score passes as not worse.
    """
    return [_row(item, numbers, margin) for item in numbers.values() if item.arm.follows]


def word(speed: Estimate, quality: Estimate, margin: Margin | None, *, n_failed: int = 0) -> str:
    """Say whether an optimization pays; faster and slower only where the whole interval is.

    Args:
        speed: Times as fast with it as without.
        quality: Test score with it minus without.
        margin: The loss of score that counts as none; None = not fixed.
        n_failed: Runs with it that failed and finished without it.
    """
    if speed.value is None:
        return "not measured"
    if speed.interval is None:
        return "no interval"
    loses = quality.interval is not None and quality.interval.high < 0
    gains = quality.interval is not None and quality.interval.low > 0
    if speed.interval.low > 1:
        return LOWER if loses else PAYS if _holds(quality, margin, n_failed) else OPEN
    time = "slower" if speed.interval.high < 1 else NOT_SHOWN
    return f"{time}; a higher score" if gains else f"{time}; a lower score" if loses else time


def _holds(quality: Estimate, margin: Margin | None, n_failed: int) -> bool:
    """Whether the score is shown to be not worse."""
    if margin is None:
        return False
    return judge_quality(quality, margin, n_candidate_failed=n_failed)[0] is VerdictKind.NOT_WORSE


def csv_text(rows: Sequence[Row]) -> str:
    """Return `ablation.csv`: a row for each switch and way; empty where nothing was measured."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_cells(row) for row in rows)
    return text.getvalue()


def _row(
    item: ArmNumbers, numbers: Mapping[str, ArmNumbers], margin: Margin | None
) -> dict[str, Any]:
    assert item.arm.follows is not None
    other = numbers[item.arm.follows]
    is_left_out = item.arm.name.startswith(WITHOUT)
    on, off = (other, item) if is_left_out else (item, other)
    rng = generator(item.arm.config.seed, "benchmark", "worth", item.arm.name)
    both_whole = on.is_whole and off.is_whole
    speed = _speed(item.arm.switch, on, off, rng=rng)
    quality = not_measured("only whole trainings show it")
    if on.has_scores and off.has_scores:
        config = bootstrap_for(on, off)
        quality = paired_difference(on.scores, off.scores, rng=rng, config=config)
    n_failed = int((np.isnan(on.scores) & ~np.isnan(off.scores)).sum())
    return {
        "switch": item.arm.switch,
        "how": "left out" if is_left_out else "added",
        "word": word(speed, quality, margin, n_failed=n_failed),
        "with": on.arm.name,
        "without": off.arm.name,
        "judged_by": "a fold's time" if both_whole else "the pace of training",
        "fold_s_with": mean(on.fold_s) if both_whole else None,
        "fold_s_without": mean(off.fold_s) if both_whole else None,
        "speed": speed.to_json(),
        "quality": quality.to_json(),
    }


def _speed(
    switch: str | None, on: ArmNumbers, off: ArmNumbers, *, rng: np.random.Generator
) -> Estimate:
    """Compare the times of folds where both trained whole.

    Where an arm was only timed, its evaluations and the end of its folds were not: then the engine
    alone can be judged, by its pace.
    """
    if on.is_whole and off.is_whole:
        return speed_up(off.fold_s, on.fold_s, rng=rng)
    if switch == ENGINE:
        return speed_up(1 / off.steps_per_s, 1 / on.steps_per_s, rng=rng)
    return not_measured("only whole trainings show it")


def _cells(row: Row) -> dict[str, Any]:
    speed, quality = row["speed"], row["quality"]
    values = {
        "optimization": SWITCHES[row["switch"]],
        "switch": row["switch"],
        "how": row["how"],
        "word": row["word"],
        "judged_by": row["judged_by"],
        "interval_includes_1": _includes_1(speed["interval"]),
        "n_time_pairs": speed["n_values"],
        "fold_s_with": row["fold_s_with"],
        "fold_s_without": row["fold_s_without"],
        "n_score_pairs": quality["n_values"],
        "arm_with": row["with"],
        "arm_without": row["without"],
        **dict(_ends("times_as_fast", speed)),
        **dict(_ends("test_score_difference", quality)),
    }
    return {name: "" if value is None else value for name, value in values.items()}


def _ends(name: str, estimate: Mapping[str, Any]) -> Iterator[tuple[str, float | None]]:
    interval = estimate["interval"] or {"low": None, "high": None}
    yield name, estimate["value"]
    yield f"{name}_low", interval["low"]
    yield f"{name}_high", interval["high"]


def _includes_1(interval: Mapping[str, float] | None) -> str | None:
    if interval is None:
        return None
    return "yes" if interval["low"] <= 1 <= interval["high"] else "no"
