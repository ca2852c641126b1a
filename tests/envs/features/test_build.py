from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.array_cache import ArrayCache
from envs.errors import ConfigError, FeatureError, UnknownNameError
from envs.features import FeatureConfig, build_features, feature_names, rolling_scale
from envs.features.audit import changed_futures
from envs.features.indicators import PriceView
from envs.features.spec import FEATURE_SETS

DEFAULT = FeatureConfig()
SPECS = {spec.name: spec for spec in FEATURE_SETS["default"].features}


def column(matrix, name):
    return matrix.values[:, matrix.names.index(name)]


def test_the_default_set_is_a_read_only_contiguous_float32_matrix(make_bars):
    matrix = build_features(make_bars(500), DEFAULT)
    assert matrix.values.shape == (500, 38)
    assert matrix.values.dtype == np.float32
    assert matrix.values.flags.c_contiguous
    assert not matrix.values.flags.writeable
    assert np.isfinite(matrix.values).all()
    assert matrix.version == "default-1"
    assert matrix.names == tuple(SPECS) == feature_names(make_bars(5), DEFAULT)


def test_the_warm_up_is_that_of_the_slowest_column_with_its_scaling(make_bars):
    bars = make_bars(500)
    assert build_features(bars, DEFAULT).warmup_bars == 98 + 99  # MACD, then 100 bars to scale by
    assert build_features(bars, FeatureConfig(scaling="fitted")).warmup_bars == 98
    few = FeatureConfig(names=("return_4", "hour_sin"))
    assert build_features(bars, few).warmup_bars == 4 + 99
    assert build_features(bars, FeatureConfig(names=("hour_sin",))).warmup_bars == 0
    assert build_features(make_bars(30), DEFAULT).warmup_bars == 197


def test_scaled_columns_are_scaled_from_their_first_bar_and_plain_ones_are_not(make_bars):
    bars = make_bars(600)
    matrix = build_features(bars, FeatureConfig(scaling_window_bars=150))
    view = PriceView(bars)
    for name, spec in SPECS.items():
        raw = spec.compute(view)[spec.first_bar :]
        if spec.is_scaled:
            expected = rolling_scale(raw[:, None], window_bars=150, clip=5.0)[:, 0]
        else:
            expected = raw.astype(np.float32)
        np.testing.assert_array_equal(column(matrix, name)[spec.first_bar :], expected)
        assert (column(matrix, name)[: spec.first_bar] == 0).all()
    assert matrix.is_scaled == tuple(spec.is_scaled for spec in SPECS.values())


def test_plain_columns_stay_within_their_bounds(make_bars):
    matrix = build_features(make_bars(3000), DEFAULT)
    for name, spec in SPECS.items():
        assert np.abs(column(matrix, name)).max() <= (5.0 if spec.is_scaled else 1.0 + 1e-6), name


def test_names_select_columns_in_their_order(make_bars):
    bars = make_bars(300)
    few = build_features(bars, FeatureConfig(names=("rsi_14", "return_1")))
    whole = build_features(bars, DEFAULT)
    assert few.names == ("rsi_14", "return_1")
    for name in few.names:
        np.testing.assert_array_equal(column(few, name), column(whole, name))


def test_an_unknown_name_gets_the_nearest_match(make_bars):
    with pytest.raises(UnknownNameError, match="did you mean 'rsi_14'"):
        build_features(make_bars(50), FeatureConfig(names=("rsi_13",)))
    with pytest.raises(UnknownNameError, match="did you mean 'default'"):
        build_features(make_bars(50), FeatureConfig(set_name="defualt"))


@pytest.mark.parametrize(
    "settings",
    [
        {"names": ()},
        {"names": ("body", "body")},
        {"scaling": "rollin"},
        {"scaling_window_bars": 1},
        {"clip": 0.5},
        {"clip": float("nan")},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ConfigError):
        FeatureConfig(**settings)


def test_extra_columns_become_features_by_name(make_bars):
    mood = np.linspace(-1.0, 1.0, 300)
    bars = make_bars(300, extra={"mood": mood})
    assert build_features(bars, DEFAULT).names[-1] == "extra_mood"
    raw = build_features(bars, FeatureConfig(names=("extra_mood",), scaling="none"))
    np.testing.assert_array_equal(raw.values[:, 0], mood.astype(np.float32))
    assert len(build_features(bars, FeatureConfig(extra_columns=False)).names) == 38
    with pytest.raises(UnknownNameError):
        build_features(bars, FeatureConfig(extra_columns=False, names=("extra_mood",)))


@pytest.mark.parametrize("scaling", ["rolling", "none"])
def test_constant_prices_without_volume_and_range_give_finite_neutral_values(make_bars, scaling):
    flat, nothing = np.full(600, 1234.5), np.zeros(600)
    bars = make_bars(
        600, open=flat, high=flat, low=flat, close=flat, volume=nothing, spread_points=nothing
    )
    matrix = build_features(bars, FeatureConfig(scaling=scaling))
    timeless = [n for n in matrix.names if not n.startswith(("hour", "week", "session"))]
    for name in timeless:
        np.testing.assert_allclose(column(matrix, name), 0.0, atol=1e-9, err_msg=name)


def test_prices_that_stop_moving_stay_finite_and_small(make_bars):
    bars = make_bars(3000)
    columns = {n: getattr(bars, n).copy() for n in ("open", "high", "low", "close", "volume")}
    for values in columns.values():
        values[1000:] = columns["close"][999]
    columns["volume"][1000:] = 0.0
    matrix = build_features(make_bars(3000, **columns), DEFAULT)
    assert np.isfinite(matrix.values).all()
    assert np.abs(column(matrix, "bollinger_20")[2200:]).max() < 0.01
    assert np.abs(column(matrix, "vwap_distance_24")[2200:]).max() < 0.01


@pytest.mark.parametrize("n_bars", [1, 2, 3, 14, 15, 100])
def test_short_series_have_rows_but_none_that_is_usable(make_bars, n_bars):
    matrix = build_features(make_bars(n_bars), DEFAULT)
    assert matrix.values.shape == (n_bars, 38)
    assert matrix.warmup_bars > n_bars


def test_no_bars_at_all_are_refused(make_bars):
    with pytest.raises(FeatureError, match="need bars"):
        build_features(make_bars(5).slice(0, 0), DEFAULT)


def test_prices_are_checked_only_where_they_are_used(make_bars):
    bars = make_bars(20, low=np.full(20, -1.0), extra={"mood": np.arange(20.0)})
    with pytest.raises(FeatureError, match="positive"):
        build_features(bars, DEFAULT)
    build_features(bars, FeatureConfig(names=("extra_mood",)))


def test_a_value_beyond_float32_is_refused_with_column_and_row(make_bars):
    huge = np.zeros(20)
    huge[11] = 1e39
    bars = make_bars(20, extra={"funding": huge})
    with pytest.raises(FeatureError, match=r"row 11[\s\S]*extra_funding"):
        build_features(bars, FeatureConfig(names=("extra_funding",), scaling="none"))


def test_a_cache_hit_builds_nothing_and_is_equal(make_bars, tmp_path, monkeypatch):
    bars, cache = make_bars(400), ArrayCache(tmp_path)
    built = build_features(bars, DEFAULT, cache)
    monkeypatch.setattr("envs.features.build._fill", None)  # building would fail
    found = build_features(bars, DEFAULT, cache)
    assert (built.from_cache, found.from_cache) == (False, True)
    assert cache.info().builds == 1
    np.testing.assert_array_equal(found.values, built.values)
    assert replace(found, values=built.values, from_cache=False).__dict__ == built.__dict__
    assert not found.values.flags.writeable
    assert found.values.flags.c_contiguous


def test_whatever_the_values_depend_on_changes_the_fingerprint(make_bars, tmp_path):
    bars = make_bars(300)
    base = build_features(bars, DEFAULT).fingerprint
    others = [
        build_features(make_bars(300, seed=1), DEFAULT),
        build_features(bars, FeatureConfig(clip=4.0)),
        build_features(bars, FeatureConfig(names=("body", "range"))),
        build_features(bars, FeatureConfig(names=("range", "body"))),
    ]
    for number, text in enumerate(["return bars.close", "return bars.open"]):
        path = tmp_path / f"{number}" / "mine.py"
        path.parent.mkdir()
        path.write_text(f"def f(bars):\n    {text}\n")
        config = FeatureConfig(user_functions=(f"{path}:f",))
        others.append(build_features(bars, config))
    fingerprints = {base, *(other.fingerprint for other in others)}
    assert len(fingerprints) == 7
    assert build_features(make_bars(300), DEFAULT).fingerprint == base


@pytest.mark.parametrize("changed", ["numpy.__version__", "talib.__version__"])
def test_another_library_version_is_another_fingerprint(make_bars, monkeypatch, changed):
    base = build_features(make_bars(50), DEFAULT).fingerprint
    monkeypatch.setattr(changed, "0.0.1")
    assert build_features(make_bars(50), DEFAULT).fingerprint != base


def test_a_users_file_that_changed_is_built_anew_by_the_next_process(make_bars, tmp_path):
    from envs.features.user_functions import load_user_function

    path, cache = tmp_path / "mine.py", ArrayCache(tmp_path / "cache")
    config = FeatureConfig(user_functions=(f"{path}:f",), names=("f",), scaling="none")
    sums = []
    for text in ("return bars.close", "return bars.close * 2"):
        path.write_text(f"def f(bars):\n    {text}\n")
        load_user_function.cache_clear()  # as a new process begins
        sums.append(build_features(make_bars(20), config, cache).values)
    np.testing.assert_allclose(sums[1], sums[0] * 2)


def test_an_unwritable_cache_does_not_stop_the_building(make_bars, tmp_path):
    (tmp_path / "file").write_text("")
    matrix = build_features(make_bars(50), DEFAULT, ArrayCache(tmp_path / "file"))
    assert matrix.values.shape == (50, 38)
    assert not matrix.values.flags.writeable
    assert "writable" in matrix.cache_failure


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), n_bars=st.integers(250, 700), data=st.data())
def test_future_bars_cannot_change_the_past(make_bars, seed, n_bars, data):
    bars = make_bars(n_bars, seed=seed)
    config = FeatureConfig(scaling_window_bars=data.draw(st.sampled_from([20, 100, 1000])))
    cut = data.draw(st.integers(0, n_bars - 2))
    before = build_features(bars, config)
    futures = [changed for _, changed in changed_futures(bars, cut, np.random.default_rng(seed))]
    for changed in [*futures, bars.slice(0, cut + 1)]:
        after = build_features(changed, config)
        assert after.values[: cut + 1].tobytes() == before.values[: cut + 1].tobytes()
