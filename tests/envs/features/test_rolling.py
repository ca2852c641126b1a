import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.features.rolling import rolling_deviation, rolling_sum


def slow_twin(values, window):
    rows = [values[max(0, t - window + 1) : t + 1] for t in range(len(values))]
    sums = np.array([row.sum() for row in rows])
    deviations = np.array([row[-1] - row.mean() for row in rows])
    return sums, deviations, np.array([row.std() for row in rows])


def test_sums_and_deviations_worked_by_hand():
    values = np.array([1.0, 2.0, 4.0, 8.0, 0.0])
    assert rolling_sum(values, window_bars=2).tolist() == [1.0, 3.0, 6.0, 12.0, 8.0]
    deviation, spread = rolling_deviation(values, window_bars=2)
    assert deviation.tolist() == [0.0, 0.5, 1.0, 2.0, -4.0]
    assert spread.tolist() == [0.0, 0.5, 1.0, 2.0, 4.0]


@pytest.mark.parity
@pytest.mark.parametrize("window", [1, 2, 7, 50, 400, 1000])
def test_every_value_equals_the_slow_twin(window):
    values = np.random.default_rng(0).standard_normal(400).cumsum() + 50.0
    sums, deviations, spreads = slow_twin(values, window)
    np.testing.assert_allclose(rolling_sum(values, window_bars=window), sums, rtol=1e-12)
    deviation, spread = rolling_deviation(values, window_bars=window)
    np.testing.assert_allclose(deviation, deviations, atol=1e-11)
    np.testing.assert_allclose(spread, spreads, atol=1e-10)


def test_a_huge_value_leaves_no_trace_once_it_left_the_window():
    values = np.random.default_rng(1).standard_normal(300)
    values[100] = 1e15
    sums, _, _ = slow_twin(values, 20)
    np.testing.assert_allclose(rolling_sum(values, window_bars=20)[120:], sums[120:], atol=1e-12)
    assert rolling_sum(np.array([1e300, 0.1, 0.0, 0.0]), window_bars=2)[3] == 0.0


def test_a_level_far_from_zero_does_not_cancel():
    values = 1e9 + np.random.default_rng(2).standard_normal(3000)
    _, _, spreads = slow_twin(values, 100)
    _, spread = rolling_deviation(values, window_bars=100)
    np.testing.assert_allclose(spread, spreads, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    n=st.integers(1, 200),
    window=st.integers(1, 60),
    data=st.data(),
)
def test_later_values_and_the_length_never_change_earlier_bits(seed, n, window, data):
    values = np.random.default_rng(seed).standard_normal(n) * 1e3
    cut = data.draw(st.integers(0, n - 1))
    changed = values.copy()
    changed[cut + 1 :] = 1e12
    for other in (changed, values[: cut + 1]):
        for function in (rolling_sum, rolling_deviation):
            before = np.atleast_2d(function(values, window_bars=window))[:, : cut + 1]
            after = np.atleast_2d(function(other, window_bars=window))[:, : cut + 1]
            assert before.tobytes() == after.tobytes()


def test_an_empty_series_gives_empty_results():
    assert rolling_sum(np.empty(0), window_bars=5).shape == (0,)
    assert [part.shape for part in rolling_deviation(np.empty(0), window_bars=5)] == [(0,), (0,)]
