"""The spread over seeds, worked by hand."""

import pytest

from training.over_seeds import SeedRun, over_seeds


def summary(total, *, sharpe=1.0, hold=0.05, random=-0.1):
    def performance(value):
        return {
            "total_return_frac": value,
            "sharpe": sharpe,
            "max_drawdown_frac": 0.1,
            "n_trades": 4,
        }

    return {
        "out_of_sample": performance(total),
        "baselines": {
            "flat": performance(0.0),
            "buy_and_hold": performance(hold),
            "random": performance(random),
        },
        "duration_s": 2.0,
        "data": {"symbol": "X"},
    }


def runs(*totals, **more):
    return [
        SeedRun(seed=seed, run_folder=f"r/{seed}", summary=summary(total, **more))
        for seed, total in enumerate(totals)
    ]


def test_mean_deviation_and_ends_are_those_of_the_seeds():
    told = over_seeds(runs(0.10, 0.20, 0.60))["measures"]["total_return_frac"]
    assert told["mean"] == pytest.approx(0.3)
    assert told["standard_deviation"] == pytest.approx(0.07**0.5)  # (.2^2 + .1^2 + .3^2) / 2
    assert (told["least"], told["most"], told["n_values"]) == (0.1, 0.6, 3)
    assert told["estimate"]["interval"] is None
    assert told["estimate"]["warnings"] == ("No interval: it takes 5 seeds, and these are 3.",)


def test_five_seeds_carry_an_interval_of_the_middle_halfs_mean():
    estimate = over_seeds(runs(0.0, 0.1, 0.2, 0.3, 1.0))["measures"]["total_return_frac"][
        "estimate"
    ]
    assert estimate["value"] == pytest.approx(0.2)  # 0 and 1 are cut off
    low, high = estimate["interval"]["low"], estimate["interval"]["high"]
    assert 0.0 <= low < 0.2 < high <= 1.0
    assert estimate["unit"] == "seeds"


def test_each_seed_is_held_against_its_baselines():
    content = over_seeds(runs(-0.2, 0.01, 0.2))
    assert content["n_above"] == {"flat": 2, "buy_and_hold": 1, "random": 2}
    assert content["baselines"]["buy_and_hold"]["total_return_frac"] == 0.05
    assert content["baselines"]["random"]["mean_total_return_frac"] == pytest.approx(-0.1)


def test_a_seed_that_failed_is_named_and_counts_nowhere_else():
    lost = SeedRun(seed=9, run_folder="r/9", error="its worker was killed")
    content = over_seeds([*runs(0.1, 0.3), lost])
    assert (content["n_seeds"], content["n_done"], content["n_failed"]) == (3, 2, 1)
    assert content["measures"]["total_return_frac"]["mean"] == pytest.approx(0.2)
    row = content["seeds"][2]
    assert (row["state"], row["error"]) == ("failed", "its worker was killed")
    assert row["total_return_frac"] is None


def test_where_all_failed_nothing_is_measured():
    content = over_seeds([SeedRun(seed=1, run_folder="r/1", error="x")])
    assert content["measures"] == {
        "total_return_frac": None,
        "sharpe": None,
        "max_drawdown_frac": None,
        "n_trades": None,
    }
    assert content["baselines"] == {}
    assert content["data"] is None


def test_an_undefined_sharpe_is_left_out_and_not_a_zero():
    some = [*runs(0.1, 0.2), SeedRun(seed=5, run_folder="r/5", summary=summary(0.3, sharpe=None))]
    assert over_seeds(some)["measures"]["sharpe"]["n_values"] == 2
