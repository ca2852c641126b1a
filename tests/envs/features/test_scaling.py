import json

import numpy as np
import pytest

from envs.errors import ConfigError
from envs.features.scaling import FittedScaler, rolling_scale, warmup_of_scaling


def slow_twin(values, window, clip):
    out = np.zeros(values.shape)
    for t in range(len(values)):
        rows = values[max(0, t - window + 1) : t + 1]
        spread = rows.std(axis=0)
        moved = spread > 1e-9
        out[t, moved] = ((values[t] - rows.mean(axis=0)) / np.where(moved, spread, 1.0))[moved]
    return np.clip(out, -clip, clip)


@pytest.mark.parity
@pytest.mark.parametrize("window", [2, 30, 500, 5000])
def test_rolling_scale_equals_its_slow_twin(window):
    rng = np.random.default_rng(0)
    values = rng.standard_normal((1200, 4)) * [1.0, 1e-4, 1e5, 0.0] + [0.0, 0.0, 1e7, 3.3]
    values[600:, 1] *= 50.0  # a change of regime
    scaled = rolling_scale(values, window_bars=window, clip=5.0)
    np.testing.assert_allclose(scaled, slow_twin(values, window, 5.0), atol=1e-5)
    assert scaled.dtype == np.float32
    assert scaled.flags.c_contiguous


def test_rolling_scale_worked_by_hand_and_clipped():
    values = np.array([[1.0], [3.0], [3.0], [1.0], [101.0]])
    # windows of 2: {1}, {1,3}, {3,3}, {3,1}, {1,101}
    assert rolling_scale(values, window_bars=2, clip=5.0)[:, 0].tolist() == [0, 1, 0, -1, 1]
    spike = np.zeros((200, 1))
    spike[-1] = 1.0
    assert rolling_scale(spike, window_bars=200, clip=5.0)[-1, 0] == 5.0


@pytest.mark.parametrize("constant", [0.0, 0.1, -1e9, 1 / 3, 1e-7])
def test_a_constant_column_becomes_zero(constant):
    values = np.full((500, 1), constant)
    assert (rolling_scale(values, window_bars=100, clip=5.0) == 0).all()
    fitted = FittedScaler.fit(values)
    assert fitted.scale == (1.0,)
    np.testing.assert_allclose(fitted.transform(values), 0.0, atol=1e-6)


def test_a_column_that_stops_moving_settles_at_zero():
    values = np.concatenate([np.random.default_rng(0).standard_normal(300), np.full(300, 7.7)])
    assert (rolling_scale(values[:, None], window_bars=100, clip=5.0)[500:] == 0).all()


def test_the_warm_up_is_a_hundred_bars_or_the_window():
    assert (warmup_of_scaling(1000), warmup_of_scaling(20)) == (99, 19)


def test_a_fitted_scaler_knows_its_slice_only_and_leaves_plain_columns_alone():
    train = np.array([[1.0, 0.5], [3.0, -0.5]], np.float32)
    scaler = FittedScaler.fit(train, is_scaled=(True, False), clip=4.0)
    assert (scaler.center, scaler.scale) == ((2.0, 0.0), (1.0, 1.0))
    later = np.array([[2.5, 0.25], [100.0, 1.0]], np.float32)
    out = scaler.transform(later)
    assert out.tolist() == [[0.5, 0.25], [4.0, 1.0]]
    assert out.dtype == np.float32


def test_a_fitted_scaler_survives_json_bit_for_bit():
    values = np.random.default_rng(0).standard_normal((50, 3))
    scaler = FittedScaler.fit(values)
    back = FittedScaler.from_json(json.loads(json.dumps(scaler.to_json(), allow_nan=False)))
    assert back == scaler


def test_a_fitted_scaler_refuses_no_rows_and_other_columns():
    with pytest.raises(ConfigError, match="rows"):
        FittedScaler.fit(np.empty((0, 3)))
    scaler = FittedScaler.fit(np.ones((5, 3)))
    with pytest.raises(ConfigError, match="3 columns"):
        scaler.transform(np.ones((5, 2)))
