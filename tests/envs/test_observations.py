"""The account's columns by hand, and the layout that travels with a model."""

import json

import numpy as np
import pytest

from envs.config import EnvConfig
from envs.errors import ConfigError
from envs.market import MarketConfig, make_tape
from envs.observations import ACCOUNT_NAMES, ObservationLayout
from envs.trading_env import TradingEnv
from tests.envs.slow_market import make_bars

SHORT, FLAT, LONG = 0, 1, 2


def observe(actions, closes):
    """Observations of a 100-ounce contract at 2000: 0.1 lots, 10.00 for each 1.00."""
    bars = make_bars([2000.0] * len(closes), closes)
    features = np.arange(2 * len(closes), dtype=np.float32).reshape(-1, 2)
    market = MarketConfig(balance_per_lot_usd=1_000.0, max_drawdown_frac=None)
    config = EnvConfig(market=market, bars_held_scale_bars=4.0)
    env = TradingEnv(make_tape(bars, features, config.market), config)
    first, _ = env.reset(seed=0)
    return [first, *(env.step(action)[0] for action in actions)]


def test_a_row_is_the_features_of_its_own_bar_then_the_account():
    rows = observe([FLAT, LONG, LONG], [2000, 2000, 2100, 2050, 2000])
    assert rows[0].tolist() == [0, 1, 0, 0, 0, 0]
    assert rows[1].tolist() == [2, 3, 0, 0, 0, 0]
    # the long came in at 2000 and is marked at 2100: 1,000 of 11,000; held 1 of a scale of 4
    np.testing.assert_allclose(rows[2], [4, 5, 1, 1_000 / 11_000, 1 / 5, 0], rtol=1e-6)
    # at 2050: 500 of 10,500, held 2; 500 below the peak of 11,000
    np.testing.assert_allclose(rows[3], [6, 7, 1, 500 / 10_500, 2 / 6, 500 / 11_000], rtol=1e-6)
    assert all(row.dtype == np.float32 for row in rows)


def test_a_reversal_starts_the_age_anew_and_closing_clears_it():
    rows = observe([LONG, SHORT, FLAT], [2000] * 5)
    assert [row[2] for row in rows] == [0, 1, -1, 0]
    np.testing.assert_allclose([row[4] for row in rows], [0, 0.2, 0.2, 0], rtol=1e-6)


LAYOUT = ObservationLayout.of(("rsi", "atr"), bars_held_scale_bars=100.0)


def test_a_layout_survives_json():
    assert ObservationLayout.from_json(json.loads(json.dumps(LAYOUT.to_json()))) == LAYOUT
    assert LAYOUT.names == ("rsi", "atr", *ACCOUNT_NAMES)
    assert LAYOUT.n_features == 2


def test_an_incomplete_layout_is_refused():
    with pytest.raises(ConfigError, match="no names"):
        ObservationLayout.from_json({"version": "1", "bars_held_scale_bars": 1.0})


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (ObservationLayout.of(("atr", "rsi"), bars_held_scale_bars=100.0), "column 0 is 'atr'"),
        (ObservationLayout.of(("rsi",), bars_held_scale_bars=100.0), "column 1 is 'position'"),
        (
            ObservationLayout(
                version="1", names=(*LAYOUT.names, "more"), bars_held_scale_bars=100.0
            ),
            "7 columns",
        ),
        (ObservationLayout.of(("rsi", "atr"), bars_held_scale_bars=9.0), "9.0 bars instead"),
        (
            ObservationLayout(version="2", names=LAYOUT.names, bars_held_scale_bars=100.0),
            "version 2",
        ),
    ],
)
def test_another_layout_is_refused_with_the_first_difference(other, difference):
    with pytest.raises(ConfigError, match=difference):
        LAYOUT.check_same(other)


def test_the_same_layout_passes():
    LAYOUT.check_same(ObservationLayout.of(("rsi", "atr"), bars_held_scale_bars=100.0))
