import json

import numpy as np
import pytest

from bot.cli.sample import decided_positions, keep_sample_verdict, sample_verdict
from bot.report.read import SAMPLE_VERDICT_FILE
from envs.config import EnvConfig
from envs.features import FeatureConfig, build_features
from envs.market import make_tape
from envs.synthetic import (
    bayes_filter,
    optimum_of,
    planted_market,
    sample_market,
    threshold_positions,
)
from training.evaluate.walk import walk
from training.folds import Range
from training.store import STITCHED_EQUITY_FILE, STITCHED_LEDGER_FILE
from training.tables import equity_table, trades_table

N_BARS = 400


class Scripted:
    """Takes the target positions it is given, one a bar."""

    def __init__(self, positions):
        self.actions, self.bar = positions + 1, -1

    def act(self, observations):
        self.bar += 1
        return self.actions[self.bar : self.bar + 1]


def walked(market, positions, window):
    tape = make_tape(market.bars, build_features(market.bars, FeatureConfig()), EnvConfig().market)
    return tape, walk(Scripted(positions), tape, EnvConfig(), [window])[0]


def test_positions_are_read_back_from_the_trades():
    market, window = planted_market(n_bars=N_BARS, seed=1), Range(100, 300)
    wanted = np.random.default_rng(0).integers(-1, 2, window.n_bars)
    _, tested = walked(market, wanted, window)
    positions = decided_positions(tested.ledger, N_BARS)
    np.testing.assert_array_equal(positions[100:300], wanted)
    assert not positions[:100].any()
    assert not positions[300:].any()


@pytest.mark.parametrize(("scale", "share"), [(1, "100%"), (0, "0%")])
def test_the_best_policy_earns_all_of_it_and_flat_nothing(tmp_path, scale, share):
    market, window = sample_market(), Range(6000, 9000)
    config = market.config
    posterior = bayes_filter(
        market.returns[6000:9001], drift=config.drift, p_switch=config.p_switch
    )
    best = threshold_positions(posterior, optimum_of(config).policy)[:-1]
    tape, tested = walked(market, best * scale, window)
    trades_table(tape, tested).to_csv(tmp_path / STITCHED_LEDGER_FILE)

    class Others:
        buy_and_hold = tested
        random_equity = tested.window_equity

    equity_table(tape, tested, Others()).to_csv(tmp_path / STITCHED_EQUITY_FILE)
    assert f"earned {share} of" in sample_verdict(tmp_path)
    says = keep_sample_verdict(tmp_path)
    kept = json.loads((tmp_path / SAMPLE_VERDICT_FILE).read_text())
    assert kept == {"format_version": 1, "says": sample_verdict(tmp_path)}
    assert kept["says"] == says
