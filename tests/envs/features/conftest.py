import numpy as np
import pytest

from envs.bars import Bars
from envs.timeframe import Timeframe

STEP_US = 900_000_000
START_US = 1_577_923_200_000_000  # Thursday 2020-01-02 00:00 UTC


def random_bars(n_bars, seed=0, **changes):
    """A random walk of 15-minute bars with volume, spread and gaps between close and open."""
    rng = np.random.default_rng(seed)
    close = 2000.0 * np.exp(np.cumsum(rng.standard_normal(n_bars) * 1e-3))
    opening = np.append(close[:1], close[:-1]) * np.exp(rng.standard_normal(n_bars) * 1e-4)
    wick = np.abs(rng.standard_normal((2, n_bars))) * 3e-4
    columns = {
        "time_us": START_US + STEP_US * np.arange(n_bars, dtype=np.int64),
        "open": opening,
        "high": np.maximum(opening, close) * (1.0 + wick[0]),
        "low": np.minimum(opening, close) * (1.0 - wick[1]),
        "close": close,
        "volume": rng.integers(0, 1000, n_bars).astype(float),
        "spread_points": rng.integers(10, 50, n_bars).astype(float),
    }
    fixed = {"symbol": "X", "timeframe": Timeframe(step_us=STEP_US), "point_size": 0.001}
    return Bars(**{**fixed, **columns, **changes})


@pytest.fixture(scope="session")
def make_bars():
    return random_bars
