"""What a comparison says: worked numbers, and verdicts that are never stronger than the data."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from tests.training.compare.made_up_runs import HOLD, make_run
from training.compare.conclude import compare
from training.compare.finished import read_finished
from training.compare.pairing import pair
from training.compare.record import content
from training.compare.sides import make_side
from training.significance.robust import SEEDS_FOR_QUALITY

GAINS = (0.010, 0.012, 0.008, 0.011, 0.009, 0.013)
TIMES = [10.0, 10.5, 9.5, 10.2, 9.8, 10.1]


@pytest.fixture
def compared(tmp_path):
    """Compare two sides of made-up runs, one a seed: options by side, seeds scatter a little."""

    def make(a=None, b=None, *, n_seeds=1):
        sides = []
        for label, options in (("A", a or {}), ("B", b or {})):
            runs = []
            for seed in range(n_seeds):
                shift = 0.0005 * seed
                gains = [gain + shift for gain in options.get("returns", GAINS)]
                times = [time + 0.1 * seed for time in options.get("times_s", TIMES[: len(gains)])]
                told = {"step": 50} | options | {"returns": gains, "times_s": times, "seed": seed}
                runs.append(read_finished(make_run(tmp_path / f"{label}{seed}", **told)))
            sides.append(make_side(label, runs))
        return compare(pair(*sides), rng=np.random.default_rng(0))

    return make


FAST = [time / 3 for time in TIMES]


def test_whole_seeds_take_as_many_as_a_benchmark_asks_for():
    assert SEEDS_FOR_QUALITY == 5


def test_the_numbers_of_one_seed_a_side_are_those_of_its_folds(compared):
    found = compared({"times_s": TIMES}, {"times_s": FAST, "returns": [x + 0.01 for x in GAINS]})
    assert found.speed.value == pytest.approx(3.0)
    assert (found.speed.n_values, found.speed.interval) == (1, None)
    pairs = sorted(math.log((1 + x + 0.01) / (1 + x)) for x in GAINS)
    assert found.quality.value == pytest.approx(np.mean(pairs[1:-1]))  # 6 values: one off each end
    assert found.quality.unit == "folds"
    assert found.quality.interval.low > 0
    assert found.improvement.value == 1.0
    assert found.a.return_frac == pytest.approx(math.prod(1 + x for x in GAINS) - 1)
    assert found.a.hold_frac == pytest.approx((1 + HOLD) ** 6 - 1)
    assert found.a.fold_s == pytest.approx(np.mean(TIMES))
    assert found.a.max_drawdown_frac == 0.0
    assert found.stitched.return_difference.unit == "folds"
    summed = 50 * sum((1 + x + 0.01) ** (1 / 50) - (1 + x) ** (1 / 50) for x in GAINS)
    assert found.stitched.return_difference.value == pytest.approx(summed)


def test_one_seed_a_side_gives_no_verdict_on_time_and_one_on_the_quality_of_unchained_folds(
    compared,
):
    found = compared({}, {"times_s": FAST})
    assert found.conclusion.kind is None
    assert found.conclusion.text == "no verdict: one seed a side does not show how times vary"
    assert found.conclusion.more_seeds == 1
    assert (
        found.conclusion.quality_text == "The whole interval is above minus the margin: not worse."
    )
    assert any("over folds" in warning for warning in found.quality.warnings)
    assert any("one pair of runs" in warning for warning in found.speed.warnings)


def test_equal_trainings_one_run_each_are_never_called_faster(compared):
    rng = np.random.default_rng(3)
    for _ in range(5):  # the hour of a run moves all its folds
        hours = np.exp(rng.normal(0, 0.3, size=2))
        found = compared(*({"times_s": [time * hour for time in TIMES]} for hour in hours))
        assert found.conclusion.kind is None


@pytest.mark.parametrize("shift", [0.05, 0.0, -0.05])
@pytest.mark.parametrize("chained", ["a", "b"])
def test_chained_folds_of_one_seed_settle_no_quality(compared, shift, chained):
    a, b = {"chained": chained == "a"}, {"chained": chained == "b"}
    found = compared(a, b | {"times_s": FAST, "returns": [x + shift for x in GAINS]})
    assert found.quality.interval is not None  # to look at
    conclusion = found.conclusion
    assert conclusion.text == (
        "no verdict: one seed a side does not show how times vary, and quality takes 5 a side"
    )
    assert conclusion.more_seeds == 4
    assert "worse" not in conclusion.reason
    assert conclusion.quality_text.startswith("Quality is not known.")
    assert "chain the folds" in conclusion.quality_text
    stitched = found.stitched
    assert found.improvement.interval is None
    for estimate in (stitched.return_difference, stitched.sharpe_difference):
        assert estimate.interval is None
        assert "No interval: it would take the chained folds" in estimate.warnings[-1]
    assert stitched.p_value is None


def test_two_chained_seeds_settle_no_quality(compared):
    found = compared({"chained": True}, {"chained": True, "times_s": FAST}, n_seeds=2)
    conclusion = found.conclusion
    assert conclusion.text == "faster, quality unresolved (needs about 3 more seeds)"
    assert "chain the folds" in conclusion.reason
    assert "resampled from 5 a side on" in conclusion.reason
    assert "seeds for each fold" not in conclusion.reason


def test_five_chained_seeds_are_resampled_whole(compared):
    found = compared({"chained": True}, {"chained": True, "times_s": FAST}, n_seeds=5)
    assert found.quality.unit == "seeds"
    assert found.speed.n_values == 5  # a seed is one pair, not six
    assert found.conclusion.text == "faster and not worse"
    assert found.improvement.interval is None  # it would take folds for unrelated


def test_unchained_seeds_are_resampled_within_folds(compared):
    found = compared({}, {"times_s": FAST}, n_seeds=3)
    assert found.quality.unit == "seeds_within_folds"
    assert found.improvement.interval is not None
    assert found.speed.n_values == 3


def test_a_worse_candidate_is_called_worse(compared):
    found = compared({}, {"times_s": FAST, "returns": [x - 0.02 for x in GAINS]}, n_seeds=2)
    assert found.conclusion.text == "faster but worse"


def test_a_slower_candidate_still_hears_of_its_quality(compared):
    gains = {"times_s": TIMES, "returns": [x + 0.02 for x in GAINS]}
    found = compared({"times_s": FAST}, gains, n_seeds=2)
    assert found.conclusion.text == "not faster"
    assert found.conclusion.quality_text == "The whole interval is above 0: better."


def test_runs_of_other_machines_get_no_verdict_and_keep_their_quality(compared):
    found = compared({}, {"times_s": FAST, "machine": {"processor": "Another 1"}})
    assert found.conclusion.kind is None
    assert found.conclusion.text.startswith("no verdict: the runs are of different machines")
    assert "not worse" in found.conclusion.quality_text


def test_only_one_side_of_train_seeds_gets_no_verdict_on_time(compared, tmp_path):
    (tmp_path / "seeds.json").write_text("{}")
    both = compared({}, {"times_s": FAST}, n_seeds=2)
    assert both.conclusion.text == "faster and not worse"
    assert any("side by side" in note for note in both.pairing.notes)
    alone = read_finished(make_run(tmp_path / "alone" / "B0", seed=0, step=50, times_s=FAST))
    found = compare(pair(both.pairing.a, make_side("B", [alone])), rng=np.random.default_rng(0))
    assert found.conclusion.kind is None
    assert "only some runs are of train --seeds" in found.conclusion.text
    assert "times as fast" not in found.conclusion.reason


def test_a_run_without_a_partner_moves_no_column_and_misses_no_time(compared):
    both = compared({}, {"returns": [gain + 0.02 for gain in GAINS]}, n_seeds=2).pairing
    alone = make_side("A", both.a.runs[:1])
    found = compare(pair(alone, both.b), rng=np.random.default_rng(0))
    partner = make_side("B", both.b.runs[:1])
    alike = compare(pair(alone, partner), rng=np.random.default_rng(0))
    assert (found.a, found.b) == (alike.a, alike.b)
    assert found.speed == alike.speed
    assert not any("missing" in warning for warning in found.speed.warnings)
    assert found.conclusion.text == "no verdict: one pair of runs does not show how times vary"


def test_a_single_fold_of_one_seed_gets_no_verdict(compared):
    found = compared({"returns": (0.01,)}, {"returns": (0.02,), "times_s": [1.0]})
    assert found.conclusion.text.startswith("no verdict: one seed a side")
    assert found.speed.interval is None
    assert found.quality.interval is None


def test_two_unchained_folds_want_the_seeds_that_make_an_interval(compared):
    found = compared(
        {"returns": (0.01, 0.02), "times_s": [9.0, 9.1]},
        {"returns": (0.01, 0.02), "times_s": [1.0, 1.0]},
        n_seeds=2,
    )
    assert found.conclusion.text == "faster, quality unresolved (needs about 1 more seed)"


def test_sides_of_other_costs_are_not_compared_in_quality(compared):
    market = {"env__market": {"slippage_points": 2.0}}
    found = compared({}, {"times_s": FAST, **market}, n_seeds=2)
    shown = (found.quality, found.improvement, found.stitched.return_difference)
    assert [estimate.interval for estimate in shown] == [None] * 3
    assert all("under other costs" in estimate.warnings[-1] for estimate in shown)
    assert found.conclusion.text == (
        "faster, quality unresolved (the sides traded under other costs or account rules: "
        "slippage_points)"
    )
    assert found.conclusion.more_seeds is None


def test_agents_that_never_trade_are_not_called_as_good(compared):
    idle = {"returns": (0.0,) * 6, "n_trades": 0}
    found = compared(idle, idle | {"times_s": FAST}, n_seeds=2)
    assert found.conclusion.text == "faster, quality unresolved (no agent of either ever traded)"
    assert found.margin.value == pytest.approx(0.0, abs=1e-4)


def test_identical_sides_are_not_faster_and_divide_nothing_by_zero(compared):
    found = compared({"weights": "w"}, {"weights": "w"}, n_seeds=2)
    assert found.conclusion.text == "not faster"
    assert found.quality.value == 0.0
    assert found.improvement.value == 0.5


def test_folds_that_b_still_owes_keep_it_from_not_worse(compared):
    found = compared(
        {"returns": (*GAINS, 0.01), "times_s": [*TIMES, 9.9]},
        {"returns": GAINS, "times_s": FAST, "n_planned": 7},
        n_seeds=2,
    )
    assert found.conclusion.text.startswith("faster, quality unresolved")
    assert "perhaps the bad ones" in found.conclusion.reason


def test_ruin_is_floored_and_stays_finite(compared):
    found = compared({"returns": (-1.0, *GAINS[1:])}, {"times_s": FAST})
    assert math.isfinite(found.quality.value)
    assert found.a.return_frac == -1.0
    assert found.a.max_drawdown_frac == 1.0


def test_less_than_a_month_has_no_sharpe(compared):
    found = compared({"years": 0.01}, {"years": 0.01})
    assert found.a.sharpe is None
    assert found.stitched.sharpe_difference.value is None
    assert "30 days" in found.stitched.sharpe_difference.warnings[0]


def test_the_same_runs_give_the_same_numbers_and_strict_json(compared, tmp_path):
    first, second = (
        content(compared({}, {"times_s": FAST}, n_seeds=2)),
        content(compared({}, {"times_s": FAST}, n_seeds=2)),
    )
    assert json.dumps(first, allow_nan=False) == json.dumps(second, allow_nan=False)
    assert first["folds"][0]["A"][0]["score"] == pytest.approx(math.log(1.01))
    assert first["verdict"]["text"] == "faster and not worse"
    assert first["b"]["runs"][0]["folder"] == str(tmp_path / "B0")
    assert first["pairs"] == [[0, 0], [1, 1]]
