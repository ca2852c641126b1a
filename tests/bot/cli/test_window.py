"""Bar numbers and dates to a range of decisions."""

from __future__ import annotations

import numpy as np
import pytest

from bot.cli.window import choose_window
from envs.bars import Bars
from envs.errors import ConfigError
from envs.timeframe import Timeframe
from training.folds import Range

HOUR_US = 3_600_000_000
NEW_YEAR_US = 1_704_067_200_000_000  # 2024-01-01 00:00 UTC


@pytest.fixture
def bars():
    flat = np.ones(100)
    return Bars(
        symbol="X",
        timeframe=Timeframe.parse("1h"),
        point_size=0.01,
        time_us=NEW_YEAR_US + HOUR_US * np.arange(100),
        open=flat,
        high=flat,
        low=flat,
        close=flat,
        volume=flat,
        spread_points=flat,
    )


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (None, None, Range(10, 99)),
        ("20", "30", Range(20, 30)),
        ("20", "5000", Range(20, 99)),
        ("2024-01-02", None, Range(24, 99)),
        ("2024-01-02T01:30", "2024-01-03", Range(26, 48)),
        ("2024-01-02 02:00+02:00", None, Range(24, 99)),
    ],
)
def test_a_window_is_what_was_asked_for(bars, start, stop, expected):
    assert choose_window(bars, start, stop, first_bar=10).range == expected


def test_a_window_says_its_times(bars):
    window = choose_window(bars, "24", "26", first_bar=10)
    assert (window.first_time, window.last_time) == ("2024-01-02 00:00", "2024-01-02 01:00")


@pytest.mark.parametrize(
    ("start", "stop", "says"),
    [
        ("5", None, "need 10 bars before"),
        ("50", "50", "must be a bar to decide on"),
        ("2025-01-01", None, "must be a bar to decide on"),
        ("soon", None, "--start must be a date or a bar number"),
        (None, "-3", "--stop must be a date or a bar number"),
    ],
)
def test_a_window_that_cannot_be_walked_is_refused(bars, start, stop, says):
    with pytest.raises(ConfigError) as refused:
        choose_window(bars, start, stop, first_bar=10)
    assert says in str(refused.value)
