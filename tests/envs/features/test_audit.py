from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from envs.errors import FeatureError
from envs.features import FeatureConfig, build_features
from envs.features.audit import audit_causality, audit_features, changed_futures


def shifted(bars):
    return pd.Series(bars.close).shift(-1).to_numpy()


def filled_backwards(bars):
    return pd.Series(bars.close).rolling(20).mean().bfill().to_numpy()


def scaled_by_the_whole_slice(bars):
    return (bars.close - bars.close.mean()) / bars.close.std()


def centred(bars):
    return pd.Series(bars.close).rolling(5, center=True).mean().to_numpy()


def sign_of_the_next_return(bars):
    return np.append(np.sign(np.diff(bars.close)), 0.0)


def time_to_the_next_bar(bars):
    return np.append(np.diff(bars.time_us), 0)


def volume_share_of_the_total(bars):
    return bars.volume / bars.volume.sum()


LEAKS = [
    shifted,
    filled_backwards,
    scaled_by_the_whole_slice,
    centred,
    sign_of_the_next_return,
    time_to_the_next_bar,
    volume_share_of_the_total,
]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_caught_whatever_the_seed(make_bars, leak, seed):
    result = audit_causality(leak, make_bars(300), seed=seed, name="mine")
    assert not result.passed
    assert result.name == "mine"
    assert result.first_bad_row <= result.cut
    assert result.first_bad_column == "0"
    assert "looks ahead" in result.detail


@pytest.mark.parametrize(
    "honest",
    [
        lambda bars: pd.Series(bars.close).shift(1).to_numpy(),
        lambda bars: pd.Series(bars.close).rolling(20).mean().ffill().to_numpy(),
        lambda bars: np.sign(np.cumsum(bars.close)).astype(np.int64),
        lambda bars: np.stack([bars.open, bars.time_us], axis=1),
    ],
    ids=["lag", "rolling", "actions", "two columns"],
)
def test_what_uses_the_past_only_passes(make_bars, honest):
    result = audit_causality(honest, make_bars(300))
    assert result.passed
    assert (result.first_bad_row, result.first_bad_column, result.cut) == (None, None, None)


def test_the_column_the_row_and_the_cut_of_a_shift_are_exact(make_bars):
    def two(bars):
        return np.stack([bars.open, shifted(bars)], axis=1)

    result = audit_causality(two, make_bars(300))
    assert (result.first_bad_column, result.first_bad_row, result.cut) == ("1", 1, 1)


def test_a_tolerance_forgives_rounding_but_no_leak(make_bars):
    def nearly(bars):
        return bars.close + 1e-12 * bars.close.mean()

    assert not audit_causality(nearly, make_bars(300)).passed
    assert audit_causality(nearly, make_bars(300), tolerance=1e-6).passed
    assert not audit_causality(shifted, make_bars(300), tolerance=1e-6).passed


def test_rows_that_do_not_line_up_with_bars_are_refused(make_bars):
    with pytest.raises(FeatureError, match="one row a bar"):
        audit_causality(lambda bars: bars.close[1:], make_bars(50))
    with pytest.raises(FeatureError, match="at least 4"):
        audit_causality(lambda bars: bars.close, make_bars(3))


def test_a_number_of_columns_that_depends_on_the_future_is_refused(make_bars):
    def wide(bars):
        return np.zeros((len(bars), 1 + int(bars.close[-1] > 2500)))

    bars = make_bars(50)
    assert bars.close[-1] < 2500
    with pytest.raises(FeatureError, match="keep its columns"):
        audit_causality(wide, bars)


def test_changed_futures_keep_the_past_and_change_every_column_after_it(make_bars):
    bars = make_bars(100, extra={"mood": np.zeros(100)}, volume=np.zeros(100))
    futures = list(changed_futures(bars, 60, np.random.default_rng(0)))
    kinds = ["raised", "lowered", "shuffled", "reversed with noise", "cut off"]
    assert [change for change, _ in futures] == kinds
    for change, changed in futures:
        for name in ("time_us", "open", "high", "low", "close", "volume", "spread_points"):
            before, after = getattr(bars, name), getattr(changed, name)
            np.testing.assert_array_equal(after[:61], before[:61])
            if change == "raised":
                assert (after[61:] != before[61:]).all(), name
        np.testing.assert_array_equal(changed.extra["mood"][:61], 0.0)
        assert (changed.low <= np.minimum(changed.open, changed.close)).all()
        assert (changed.high >= np.maximum(changed.open, changed.close)).all()


@pytest.mark.parametrize("scaling", ["rolling", "fitted"])
def test_the_default_set_passes_column_by_column(make_bars, scaling):
    bars = make_bars(1500, extra={"mood": np.sin(np.arange(1500.0))})
    config = FeatureConfig(scaling=scaling, scaling_window_bars=300)
    results = audit_features(bars, config, n_cuts=5)
    assert [result.name for result in results] == list(build_features(bars, config).names)
    assert [result.name for result in results if not result.passed] == []


def test_a_users_leaking_column_is_named_and_the_others_pass(make_bars, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "import numpy as np\n"
        "def f(bars):\n"
        "    tomorrow = np.append(bars.close[1:], bars.close[-1])\n"
        "    return {'honest': bars.close - bars.open, 'tomorrow': tomorrow}\n"
    )
    config = FeatureConfig(user_functions=(f"{path}:f",))
    results = audit_features(make_bars(600), config, n_cuts=5)
    (bad,) = [result for result in results if not result.passed]
    assert (bad.name, bad.first_bad_column) == ("tomorrow", "tomorrow")
    assert bad.first_bad_row <= bad.cut


def test_a_column_of_the_file_passes_with_the_word_that_it_cannot_be_audited(make_bars):
    bars = make_bars(400)
    bars = replace(bars, extra={"leak": np.append(np.diff(bars.close), 0.0)})
    results = audit_features(bars, FeatureConfig(names=("return_1", "extra_leak")), n_cuts=2)
    by_name = {result.name: result for result in results}
    assert "cannot be audited" in by_name["extra_leak"].detail
    assert "cannot be audited" not in by_name["return_1"].detail
