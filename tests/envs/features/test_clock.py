from datetime import UTC, datetime

import numpy as np

from envs.features import clock
from envs.timeframe import US_PER_SECOND


def at(*parts):
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * US_PER_SECOND


def bars_at(make_bars, *moments):
    return make_bars(len(moments), time_us=np.array([at(*moment) for moment in moments]))


def test_phases_worked_by_hand(make_bars):
    bars = bars_at(make_bars, (1969, 12, 29), (2024, 1, 1), (2024, 1, 3, 6), (2024, 12, 31, 12))
    np.testing.assert_allclose(clock.day_frac(bars), [0, 0, 0.25, 0.5])
    np.testing.assert_allclose(clock.week_frac(bars), [0, 0, 2.25 / 7, 1.5 / 7])
    np.testing.assert_allclose(clock.year_frac(bars), [362 / 366, 0, 2.25 / 366, 365.5 / 366])


def test_waves_are_sine_and_cosine_of_the_phase(make_bars):
    bars = bars_at(make_bars, (2024, 1, 1), (2024, 1, 1, 6), (2024, 1, 1, 12))
    np.testing.assert_allclose(clock.sine(clock.day_frac, bars), [0, 1, 0], atol=1e-15)
    np.testing.assert_allclose(clock.cosine(clock.day_frac, bars), [1, 0, -1], atol=1e-15)


def test_a_session_begins_with_its_first_hour_and_ends_before_its_last(make_bars):
    bars = bars_at(
        make_bars, (2024, 1, 1, 6, 59), (2024, 1, 1, 7), (2024, 1, 1, 15, 59), (2024, 1, 1, 16)
    )
    assert clock.session(bars, (7, 16)).tolist() == [0, 1, 1, 0]
