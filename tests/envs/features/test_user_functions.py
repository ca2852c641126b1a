import sys

import numpy as np
import pytest

from envs.errors import FeatureError, UnknownNameError
from envs.features import FeatureConfig, build_features
from envs.features.user_functions import load_user_function

SOURCE = """
import numpy as np

def momentum(bars):
    out = np.full(len(bars), np.nan)
    out[3:] = bars.close[3:] - bars.close[:-3]
    return {"momentum_3": out, "is_up": bars.close > bars.open}

def plain(bars):
    return bars.close

def pair(bars):
    return np.stack([bars.open, bars.close], axis=1)

def named(bars):
    return pair(bars), ["o", "c"]

def short(bars):
    return {"x": bars.close[1:]}

def words(bars):
    return {"x": ["a"] * len(bars)}

def hole(bars):
    out = bars.close.copy()
    out[:2] = np.nan
    out[17] = np.inf
    return {"holey": out}

def never(bars):
    return {"x": np.full(len(bars), np.nan)}

def cube(bars):
    return np.zeros((len(bars), 2, 2))

def triple(bars):
    return bars.close, ["a"], 3

def clash(bars):
    return {"rsi_14": bars.close}
"""


@pytest.fixture
def user_file(tmp_path):
    path = tmp_path / "my_features.py"
    path.write_text(SOURCE)
    return path


def build(bars, reference, **settings):
    return build_features(bars, FeatureConfig(user_functions=(reference,), **settings))


@pytest.mark.parametrize(
    ("function", "names"),
    [
        ("momentum", ("momentum_3", "is_up")),
        ("plain", ("plain",)),
        ("pair", ("pair_0", "pair_1")),
        ("named", ("o", "c")),
    ],
)
def test_every_documented_form_becomes_columns_by_name(make_bars, user_file, function, names):
    bars = make_bars(50)
    matrix = build(bars, f"{user_file}:{function}", names=names, scaling="none")
    assert matrix.names == names
    if function == "momentum":
        assert matrix.warmup_bars == 3
        np.testing.assert_array_equal(
            matrix.values[3:, 0], (bars.close[3:] - bars.close[:-3]).astype(np.float32)
        )
        assert (matrix.values[:3, 0] == 0).all()


def test_users_columns_follow_the_set_and_are_scaled(make_bars, user_file):
    matrix = build(make_bars(400), f"{user_file}:momentum")
    assert matrix.names[-2:] == ("momentum_3", "is_up")
    assert len(matrix.names) == 40
    assert np.abs(matrix.values[200:, -2]).max() <= 5.0


def test_a_module_on_the_path_is_imported_once(make_bars, user_file, monkeypatch):
    monkeypatch.syspath_prepend(str(user_file.parent))
    user_file.rename(user_file.with_name("features_on_the_path.py"))
    first = load_user_function("features_on_the_path:plain")
    assert load_user_function("features_on_the_path:plain") is first
    assert build(make_bars(20), "features_on_the_path:plain", names=("plain",)).values.any()
    del sys.modules["features_on_the_path"]


def test_a_module_in_the_current_folder_is_found_and_the_path_is_left_as_it_was(
    user_file, monkeypatch
):
    folder = user_file.parent
    user_file.rename(folder / "features_where_i_stand.py")
    (folder / "json.py").write_text("raise SystemExit('hides the installed one')")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    before = list(sys.path)
    assert load_user_function("features_where_i_stand:plain").compute is not None
    assert sys.path == before
    with pytest.raises(UnknownNameError, match="function of json"):
        load_user_function("json:plain")
    del sys.modules["features_where_i_stand"]


def test_a_module_that_is_nowhere_is_told_with_the_searched_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    with pytest.raises(FeatureError) as refused:
        load_user_function("no_such_module_here:f")
    assert refused.value.where == f"searched in {tmp_path}, elsewhere, and the installed packages"
    assert "path/to/file.py:function" in refused.value.mend


def test_only_the_users_own_public_functions_are_offered(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("from pathlib import Path\ndef shown(b): ...\ndef _hidden(b): ...\n")
    with pytest.raises(UnknownNameError) as refused:
        load_user_function(f"{path}:show")
    assert refused.value.mend == "did you mean 'shown'? Choose from: shown"
    path.write_text("x = 1\n")
    with pytest.raises(FeatureError, match="no public function"):
        load_user_function(f"{path}:x")


@pytest.mark.parametrize("reference", ["no_colon", ":name", "module:", "no.such.module:f"])
def test_a_reference_that_leads_nowhere_says_how_to_write_one(reference):
    with pytest.raises(FeatureError, match="module:function"):
        load_user_function(reference)


def test_a_missing_file_and_a_builtin_module_are_refused(tmp_path):
    with pytest.raises(FeatureError, match="must exist"):
        load_user_function(f"{tmp_path}/none.py:f")
    with pytest.raises(FeatureError, match="from a file"):
        load_user_function("sys:exit")


def test_an_import_that_fails_inside_the_module_is_the_users_own_error(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("import no_such_package_at_all\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_package_at_all"):
        load_user_function(f"{path}:f")


def test_a_misspelt_function_gets_the_nearest_name(user_file):
    with pytest.raises(UnknownNameError, match="did you mean 'momentum'"):
        load_user_function(f"{user_file}:momentun")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("short", r"shape \(49,\) for 50 bars"),
        ("words", "not numbers"),
        ("hole", r"inf at row 17, after the first value at row 2[\s\S]*'holey'"),
        ("never", "no finite value"),
        ("cube", r"shape \(50, 2, 2\)"),
        ("triple", "a tuple of 3"),
        ("clash", "'rsi_14' twice"),
    ],
)
def test_what_a_function_may_not_return_is_named(make_bars, user_file, function, message):
    with pytest.raises(FeatureError, match=message):
        build(make_bars(50), f"{user_file}:{function}")
