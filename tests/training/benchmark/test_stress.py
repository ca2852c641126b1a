"""The folds of a real run walked again: without a dearer market the test is the recorded one."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.training.small_runs import run, small_bars, tiny_config
from training.benchmark import stress
from training.benchmark.stress import stress_tests
from training.evaluate.baselines import baselines
from training.evaluate.stress import StressedMarket

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["rolling", "fitted"])
def finished(request, tmp_path_factory):
    config = tiny_config(folds__max_folds=2, features__scaling=request.param, seed=5)
    return config, run(tmp_path_factory.mktemp(request.param), config)


def walked_again(finished):
    config, event = finished
    return stress_tests(Path(event.run_folder), config, small_bars(), None)


def no_dearer(patch):
    """Put the market as it is in the place of both dearer ones."""
    patch.setattr(
        stress,
        "stressed_markets",
        lambda tape, env: dict.fromkeys(
            ("doubled_spread", "slippage"), StressedMarket(tape=tape, config=env)
        ),
    )


def test_the_kept_model_walks_the_very_test_that_was_recorded(finished, monkeypatch):
    no_dearer(monkeypatch)
    again, rows = walked_again(finished), finished[1].summary["folds"]
    recorded = [row["test_return_frac"] for row in rows]
    assert [fold["slippage"]["total_return_frac"] for fold in again] == recorded
    n_trades = [row["n_test_trades"] for row in rows]
    assert [fold["doubled_spread"]["n_trades"] for fold in again] == n_trades


def test_every_fold_has_both_markets_and_scores_that_are_logs_of_their_returns(finished):
    found = walked_again(finished)
    assert len(found) == 2
    for fold in found:
        assert set(fold) == {"doubled_spread", "slippage"}
        assert fold["slippage"]["slippage_points"] > 0
        assert "median spread" in fold["slippage"]["slippage_reason"]
        for market in fold.values():
            score = math.log1p(market["total_return_frac"])
            assert market["test_score"] == pytest.approx(score)


def test_who_trades_alike_pays_more_in_a_dearer_market(finished, monkeypatch):
    """A model may trade less where it is dear, and lose less: these actions are drawn blindly."""

    def drawn(_policy, tape, env, window, *, score):
        return baselines(tape, env, window, seed=1, n_random=1, score=score).random[0]

    monkeypatch.setattr(stress, "evaluate", drawn)
    dearer = walked_again(finished)
    no_dearer(monkeypatch)
    for fold, plain in zip(dearer, walked_again(finished), strict=True):
        as_it_was = plain["slippage"]
        doubled, slipped = fold["doubled_spread"], fold["slippage"]
        assert as_it_was["n_trades"] == doubled["n_trades"] == slipped["n_trades"] > 0
        paid = [market["total_return_frac"] for market in (as_it_was, doubled, slipped)]
        assert paid[0] > paid[1] > paid[2], "slippage by the spread costs two more, doubling one"
