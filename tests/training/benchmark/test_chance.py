"""What a benchmark says of chance: made-up runs with an edge, of noise, flat, alike or missing."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from envs.atomic import write_json
from tests.training.benchmark import made_up
from training.benchmark.config import BenchmarkConfig
from training.benchmark.equity import stitched_equities
from training.benchmark.results import conclude
from training.benchmark.table import sentences
from training.tables import iso_times

KINDS = {"original": "whole", "optimized": "whole"}
N_FOLDS, N_FOLD_BARS = 6, 200
N_BARS = N_FOLDS * N_FOLD_BARS
HOUR_US = 3_600_000_000


def equity(returns, *, hold=None, first_bar=500):
    n_bars = len(returns)
    hold = np.zeros(n_bars) if hold is None else hold
    path = {
        name: 10_000.0 * np.cumprod(np.concatenate([[1.0], 1.0 + values]))
        for name, values in (("agent", returns), ("buy_and_hold", hold))
    }
    return pd.DataFrame(
        {
            "time": iso_times(np.arange(n_bars + 1) * HOUR_US),
            "bar_index": np.arange(first_bar, first_bar + n_bars + 1),
            "fold_index": np.concatenate([[0], np.arange(n_bars) // N_FOLD_BARS]),
            **path,
            "random": np.full(n_bars + 1, 10_000.0),
        }
    )


def noise(seed, *, drift=0.0):
    return drift + 0.01 * np.random.default_rng(seed).normal(size=N_BARS)


def runs(drifts, n_seeds=3, *, make=noise):
    return {
        (arm, 42 + seed): equity(make(100 * place + seed, drift=drift))
        for place, (arm, drift) in enumerate(drifts.items())
        for seed in range(n_seeds)
    }


def stressed(returns):
    return {
        "doubled_spread": {"total_return_frac": returns[0], "test_score": 0.0, "n_trades": 3},
        "slippage": {
            "total_return_frac": returns[1],
            "test_score": 0.0,
            "n_trades": 3,
            "slippage_points": 160.0,
            "slippage_reason": "the median spread of these bars",
        },
    }


def unit(arm, seed, kind="whole", *, stress=(0.004, -0.01)):
    content = made_up.unit(
        arm, seed, kind, **({"scores": [0.01] * N_FOLDS} if kind == "whole" else {})
    )
    if stress is not None:
        for fold in content["folds"]:
            fold["stress"] = stressed(stress)
    return content


def concluded(equities, *, units=None, kinds=KINDS, n_seeds=3):
    if units is None:
        units = [unit(arm, seed) for arm, seed in equities]
    content = conclude(
        made_up.arms(),
        made_up.plan(kinds=kinds, n_seeds=n_seeds, n_folds=N_FOLDS),
        units,
        config=BenchmarkConfig(),
        data=made_up.DATA,
        equities=equities,
    )
    json.dumps(content, allow_nan=False)
    return content, list(sentences(content))


def test_an_edge_beats_chance_beside_an_arm_that_loses_a_lot():
    content, says = concluded(runs({"original": -0.005, "optimized": 0.002}))
    assert content["chance"]["optimized"]["beats_chance"] is True
    assert content["chance"]["original"]["beats_chance"] is False
    assert content["chance"]["optimized"]["n_runs"] == 3
    assert content["chance"]["optimized"]["deflated"]["n_trials"] == 6
    assert content["overfitting"]["n_configurations"] == 6
    assert "Beats chance: optimized. Not shown to: original." in says
    assert any(text.startswith("optimized: the deflated Sharpe ratio for 6") for text in says)


def test_one_configuration_alone_is_no_choice_whatever_its_seeds():
    kinds = {"original": "timed", "optimized": "whole"}
    content, says = concluded(runs({"optimized": 0.002}), kinds=kinds)
    assert content["overfitting"] is None
    assert content["chance"]["optimized"]["deflated"]["n_trials"] == 3
    assert any(text.startswith("optimized: the deflated Sharpe ratio for 3 runs") for text in says)
    assert not any("is overfitted: 0" in text for text in says)


def test_noise_is_not_shown_to_beat_chance():
    for shift in range(5):
        shifted = runs(
            {"original": 0.0, "optimized": 0.0},
            make=lambda seed, drift, shift=shift: noise(seed + 1_000 * shift, drift=drift),
        )
        content, says = concluded(shifted)
        assert not any(judged["beats_chance"] for judged in content["chance"].values())
        assert "Nothing here is shown to beat chance." in says


def test_flat_agents_and_identical_arms_have_no_number_made_up():
    content, says = concluded(
        runs({"original": 0.0, "optimized": 0.0}, make=lambda _seed, drift: np.full(N_BARS, drift))
    )
    judged = content["chance"]["optimized"]
    assert judged["beats_chance"] is False
    assert judged["sharpe"]["value"] is None
    assert judged["deflated"]["probability"] is None
    assert content["overfitting"]["probability"] is None
    assert "the returns do not vary" in " ".join(says)


def test_one_seed_of_one_arm_has_no_choice_to_judge():
    content, says = concluded(runs({"optimized": 0.002}, 1), n_seeds=1)
    assert content["overfitting"] is None
    assert content["chance"]["optimized"]["deflated"]["n_trials"] == 1
    assert "tried before count as well" in " ".join(says)


def test_failed_runs_count_as_tried():
    equities = runs({"original": 0.0, "optimized": 0.002})
    failed = {"arm": "original", "seed": 44, "kind": "whole", "status": "failed", "error": "boom"}
    units = [unit(arm, seed) for arm, seed in equities if (arm, seed) != ("original", 44)]
    del equities["original", 44]
    content, _ = concluded(equities, units=[*units, failed])
    assert content["chance"]["optimized"]["deflated"]["n_trials"] == 6
    assert content["overfitting"]["n_configurations"] == 5


def test_an_arm_that_was_only_timed_has_no_say_and_is_no_trial():
    kinds = {"original": "timed", "optimized": "whole"}
    equities = runs({"optimized": 0.002})
    units = [unit("original", 42 + seed, "timed") for seed in range(3)]
    units += [unit("optimized", 42 + seed) for seed in range(3)]
    content, _ = concluded(equities, units=units, kinds=kinds)
    assert list(content["chance"]) == ["optimized"]
    assert content["chance"]["optimized"]["deflated"]["n_trials"] == 3


def test_without_a_whole_run_chance_is_not_known():
    units = [unit(arm, 42, "timed") for arm in KINDS]
    content, says = concluded({}, units=units, kinds=dict.fromkeys(KINDS, "timed"), n_seeds=1)
    assert (content["chance"], content["overfitting"]) == ({}, None)
    assert "Whether anything here beats chance is not known: no arm trained whole." in says


def test_runs_of_other_bars_are_left_out():
    equities = runs({"original": 0.0, "optimized": 0.002})
    equities["optimized", 44] = equity(noise(7), first_bar=900)
    content, _ = concluded(equities)
    assert content["chance"]["optimized"]["n_runs"] == 2


def test_too_few_bars_leave_it_open():
    rising = np.array([0.01, 0.012, 0.01, 0.013, 0.012])
    content, says = concluded({("optimized", 42): equity(rising)}, n_seeds=1)
    judged = content["chance"]["optimized"]
    assert (judged["beats_chance"], judged["sharpe"]["value"]) == (None, None)
    assert "Whether anything here beats chance cannot be said yet." in says
    assert any(text.startswith("optimized: the return against flat, +5.70%, has") for text in says)


def test_stress_is_measured_as_the_test_return_is_and_told():
    content, says = concluded(runs({"original": 0.0, "optimized": 0.0}))
    stress = content["chance"]["optimized"]["stress"]
    assert stress["doubled_spread"]["value"] == pytest.approx(0.004)
    assert stress["slippage"]["value"] == pytest.approx(-0.01)
    assert stress["slippage"]["interval"] is not None
    told = next(text for text in says if text.startswith("Under stress"))
    assert "+0.40% (+0.40% to +0.40%) with the spread doubled" in told
    assert "slipped by 160 points (the median spread of these bars)" in told


def test_stress_of_one_seed_has_no_interval_and_that_of_nothing_is_not_told():
    content, _ = concluded(runs({"optimized": 0.0}, 1), n_seeds=1)
    content["chance"]["optimized"]["stress"]["doubled_spread"]["interval"] = None
    content["chance"]["optimized"]["stress"]["slippage"]["value"] = None
    told = next(text for text in sentences(content) if text.startswith("Under stress"))
    assert "returns +0.40% with the spread doubled and n/a with every fill slipped" in told
    content["arms"]["optimized"]["test_return"] = None
    assert not any(text.startswith("Under stress") for text in sentences(content))
    content["chance"] = {"original": {"beats_chance": None}}
    assert "Whether anything here beats chance cannot be said yet." in list(sentences(content))
    del content["chance"]
    assert not any("chance" in text for text in sentences(content))  # from before it was measured


def test_a_stress_test_that_failed_leaves_the_rest():
    equities = runs({"original": 0.0, "optimized": 0.0})
    units = [unit(*key) for key in equities]
    units[-1]["folds"][0]["stress"] = None
    content, says = concluded(equities, units=units)
    assert content["chance"]["optimized"]["stress"] is None
    assert not any(text.startswith("Under stress") for text in says)


def test_units_from_before_the_stress_test_have_none():
    equities = runs({"original": 0.0, "optimized": 0.0})
    content, says = concluded(equities, units=[unit(*key, stress=None) for key in equities])
    assert content["chance"]["optimized"]["stress"] is None
    assert not any(text.startswith("Under stress") for text in says)


def test_stitched_equity_is_read_of_whole_finished_units_that_left_it(tmp_path):
    units = {
        "optimized-0": unit("optimized", 42),
        "optimized-1": unit("optimized", 43),  # its folder was cleared
        "original-0": unit("original", 42, "timed"),
        "original-1": {"arm": "original", "seed": 43, "kind": "whole", "status": "failed"},
    }
    for name in ("optimized-0", "original-0", "original-1"):
        write_json(tmp_path / name / "made", {})
        equity(noise(1)).to_csv(tmp_path / name / "stitched_equity.csv", index=False)
    found = stitched_equities(tmp_path, units)
    assert list(found) == [("optimized", 42)]
    assert found["optimized", 42]["agent"].to_numpy() == pytest.approx(
        equity(noise(1))["agent"].to_numpy(), rel=1e-12
    )
