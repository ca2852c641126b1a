"""What the key of loaded bars depends on besides the file."""

import shutil
from pathlib import Path

import pytest

from envs.array_cache import ArrayCache
from envs.data import reader_version
from envs.data.load import load

ENVS = Path(reader_version.__file__).parents[1]


@pytest.fixture
def copied(tmp_path):
    """Copy the readers' sources to change them."""
    shutil.copytree(ENVS / "data", tmp_path / "envs" / "data")
    for name in ("bars.py", "timeframe.py"):
        shutil.copy(ENVS / name, tmp_path / "envs" / name)
    return tmp_path / "envs" / "data"


@pytest.mark.parametrize("name", ["point_size.py", "readers/plain.py", "../bars.py"])
def test_a_change_of_any_reader_changes_the_digest(copied, name):
    before = reader_version.source_digest(copied)
    assert before == reader_version.source_digest(ENVS / "data")
    (copied / name).write_text((copied / name).read_text() + "# changed\n")
    assert reader_version.source_digest(copied) != before


@pytest.mark.parametrize("package", ["pandas", "pyarrow", "tzdata"])
def test_another_version_of_a_library_is_another_reader(monkeypatch, package):
    before = reader_version.reader_version.__wrapped__()
    real = reader_version._version
    monkeypatch.setattr(reader_version, "_version", lambda n: "0" if n == package else real(n))
    assert reader_version.reader_version.__wrapped__() != before


def test_bars_of_other_readers_are_not_answered_by_the_cache(write, plain, tmp_path, monkeypatch):
    cache = ArrayCache(tmp_path / "cache")
    path = write("XAUUSD_1h.csv", plain(50))
    load(path, cache=cache)
    monkeypatch.setattr("envs.data.load.reader_version", lambda: "0" * 64)
    assert not load(path, cache=cache).source.from_cache
