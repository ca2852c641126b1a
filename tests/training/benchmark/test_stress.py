"""The folds of a real run walked again: without a dearer market the test is the recorded one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.small_runs import run, small_bars, tiny_config
from training.benchmark import stress
from training.benchmark.stress import stress_tests
from training.evaluate.stress import StressedMarket

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["rolling", "fitted"])
def finished(request, tmp_path_factory):
    config = tiny_config(folds__max_folds=2, features__scaling=request.param, seed=5)
    return config, run(tmp_path_factory.mktemp(request.param), config)


def test_the_kept_model_walks_the_very_test_that_was_recorded(finished, monkeypatch):
    config, event = finished
    monkeypatch.setattr(
        stress,
        "stressed_markets",
        lambda tape, env: dict.fromkeys(
            ("doubled_spread", "slippage"), StressedMarket(tape=tape, config=env)
        ),
    )
    again = stress_tests(_folder(event), config, small_bars(), None)
    recorded = [row["test_return_frac"] for row in event.summary["folds"]]
    assert [fold["slippage"]["total_return_frac"] for fold in again] == recorded
    n_trades = [row["n_test_trades"] for row in event.summary["folds"]]
    assert [fold["doubled_spread"]["n_trades"] for fold in again] == n_trades


def test_what_trades_pays_more_in_a_dearer_market(finished):
    config, event = finished
    found = stress_tests(_folder(event), config, small_bars(), None)
    assert len(found) == 2
    for fold in found:
        assert set(fold) == {"doubled_spread", "slippage"}
        assert fold["slippage"]["slippage_points"] > 0
        assert "median spread" in fold["slippage"]["slippage_reason"]


def _folder(event):
    return Path(event.run_folder)
