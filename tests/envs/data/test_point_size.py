"""The price of a point from the decimals that are really used."""

import numpy as np
import pytest

from envs.data.point_size import infer_point_size, point_warning


@pytest.mark.parametrize(
    ("prices", "point"),
    [
        ([1755.069, 1756.287], 0.001),
        ([16541.77, 16545.7], 0.01),
        ([1.05236, 1.0524], 1e-5),
        ([107611.0, 96584.0], 1.0),
        ([151.123, 151.1], 0.001),
        ([4500.25, 4500.5], 0.01),
        ([198.528534, 199.524521], 1e-6),
        ([0.00001234, 0.00001235], 1e-8),
        ([600.1200000000001, 599.98], 0.01),
    ],
)
def test_the_decimals_of_the_prices_decide(prices, point):
    assert infer_point_size([np.array(prices)]) == point


def test_a_few_noisy_rows_do_not_change_the_point():
    prices = np.round(np.linspace(2000, 2100, 10_000), 2)
    prices[::500] += 0.00123456
    assert infer_point_size([prices]) == 0.01


def test_prices_that_went_through_single_precision_keep_their_decimals():
    prices = np.round(np.linspace(1.05, 1.06, 1001), 5).astype(np.float32).astype(np.float64)
    assert infer_point_size([prices]) == 1e-5


def test_missing_values_are_left_out():
    assert infer_point_size([np.array([np.nan, 1.5])]) == 0.1
    assert infer_point_size([np.array([np.nan])]) == 1.0


def test_the_classic_mistake_is_said_with_its_factor():
    assert "10 times larger" in point_warning(0.01, 0.001)
    assert "100 times smaller" in point_warning(1e-5, 0.001)
    assert point_warning(0.001, 0.001) == ""
    assert point_warning(None, 0.001) == ""
