import hashlib
import json
import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pytest

from envs.array_cache import ArrayCache, default_cache_folder
from envs.errors import CacheError


def key_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


KEY = key_of("a")


@pytest.fixture
def cache(tmp_path):
    return ArrayCache(tmp_path / "cache")


def some_arrays():
    return {"prices": np.array([1.5, 2.5, 3.5]), "flags/odd name": np.array([[1], [0]], np.int8)}


def test_what_was_stored_comes_back_equal_named_and_in_order(cache):
    cache.put(KEY, some_arrays(), {"rows": 3, "why": ["a", None, 0.5]})
    found = cache.get(KEY)
    assert list(found.arrays) == ["prices", "flags/odd name"]
    for name, array in some_arrays().items():
        np.testing.assert_array_equal(found.arrays[name], array)
        assert found.arrays[name].dtype == array.dtype
    assert dict(found.meta) == {"rows": 3, "why": ["a", None, 0.5]}
    assert found.from_cache
    assert found.failure is None


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(0),
        np.zeros((0, 4), np.float32),
        np.array(7.0),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(10.0)[::2],
        np.array(["2020-01-01"], "datetime64[us]"),
        np.array(["ä", "long text"]),
        np.array([(1, 2.5)], np.dtype([("bar", "i8"), ("net", "f8")])),
    ],
    ids=["empty", "no rows", "scalar", "fortran", "strided", "times", "text", "records"],
)
def test_every_plain_shape_and_dtype_survives(cache, array):
    stored = cache.put(KEY, {"x": array}, {}).arrays["x"]
    found = cache.get(KEY).arrays["x"]
    for back in (stored, found):
        assert back.shape == array.shape
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, array)


def test_arrays_are_read_only_and_mapped_and_the_callers_own_stay_writable(cache):
    mine = np.ones(1000)
    stored = cache.put(KEY, {"x": mine}, {}).arrays["x"]
    mine[0] = 2.0
    assert stored[0] == 1.0
    for array in (stored, cache.get(KEY).arrays["x"]):
        assert isinstance(array.base, np.memmap) or isinstance(array.base.base, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 5.0


def test_a_hit_builds_nothing(cache):
    calls = []

    def build():
        calls.append(1)
        return some_arrays(), {}

    first, second = cache.get_or_build(KEY, build), cache.get_or_build(KEY, build)
    assert (first.from_cache, second.from_cache, len(calls)) == (False, True, 1)
    info = cache.info()
    assert (info.hits, info.misses, info.builds, info.entries) == (1, 1, 1, 1)


def test_another_key_is_a_miss(cache):
    cache.put(KEY, some_arrays(), {})
    assert cache.get(key_of("b")) is None
    assert cache.info().misses == 1


def test_a_key_that_is_no_hash_is_our_mistake(cache):
    with pytest.raises(AssertionError, match="64 hex"):
        cache.get("../../etc")


def flip(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("position", [3, 60, -1], ids=["magic", "header", "last byte"])
def test_a_flipped_bit_in_an_array_is_a_miss_removed_and_rebuilt(cache, position):
    cache.put(KEY, some_arrays(), {})
    flip(cache.folder / KEY / "000.npy", position)
    assert cache.get(KEY) is None
    assert not (cache.folder / KEY).exists()
    assert cache.info().corrupt == 1
    rebuilt = cache.get_or_build(KEY, lambda: (some_arrays(), {}))
    np.testing.assert_array_equal(rebuilt.arrays["prices"], some_arrays()["prices"])


def test_every_flipped_bit_of_the_manifest_is_found_or_harmless(cache):
    cache.put(KEY, some_arrays(), {"n": 41})
    manifest = cache.folder / KEY / "manifest.json"
    good = manifest.read_bytes()
    for position in range(len(good)):
        cache.put(KEY, some_arrays(), {"n": 41})
        flip(manifest, position)
        found = cache.get(KEY)
        assert found is None or (dict(found.meta) == {"n": 41} and len(found.arrays) == 2)


@pytest.mark.parametrize("size", [0, 100])
def test_a_file_cut_short_is_a_miss(cache, size):
    cache.put(KEY, some_arrays(), {})
    os.truncate(cache.folder / KEY / "001.npy", size)
    assert cache.get(KEY) is None


def test_a_missing_file_or_another_format_version_is_a_miss(cache):
    cache.put(KEY, some_arrays(), {})
    (cache.folder / KEY / "001.npy").unlink()
    assert cache.get(KEY) is None
    cache.put(KEY, some_arrays(), {})
    manifest = cache.folder / KEY / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format_version": 99}))
    assert cache.get(KEY) is None
    assert cache.info().corrupt == 2


def test_the_least_recently_used_entry_goes_first(tmp_path):
    cache = ArrayCache(tmp_path, max_bytes=30_000)
    a, b, c = key_of("a"), key_of("b"), key_of("c")
    for age, key in ((30, a), (20, b)):
        cache.put(key, {"x": np.zeros(1_500)}, {})
        moment = time.time_ns() - age * 10**9
        os.utime(tmp_path / key / "manifest.json", ns=(moment, moment))
    assert cache.get(a) is not None  # now b is the older one
    cache.put(c, {"x": np.zeros(1_500)}, {})
    assert [cache.get(key) is not None for key in (a, b, c)] == [True, False, True]
    assert cache.info().evicted == 1
    assert cache.info().bytes <= 30_000


def test_the_entry_just_written_stays_whatever_the_clock_says(tmp_path):
    cache = ArrayCache(tmp_path, max_bytes=20_000)
    cache.put(key_of("b"), {"x": np.zeros(1_500)}, {})
    tomorrow = time.time_ns() + 86_400 * 10**9
    os.utime(tmp_path / key_of("b") / "manifest.json", ns=(tomorrow, tomorrow))
    cache.put(KEY, {"x": np.zeros(1_500)}, {})
    assert cache.get(KEY) is not None
    assert cache.get(key_of("b")) is None


def test_a_recent_touch_never_makes_a_damaged_entry_good(cache):
    cache.put(KEY, some_arrays(), {})
    flip(cache.folder / KEY / "000.npy", -1)
    os.utime(cache.folder / KEY / "manifest.json")
    assert cache.get(KEY) is None


def test_an_entry_larger_than_the_cache_is_refused_but_still_built(tmp_path):
    cache = ArrayCache(tmp_path, max_bytes=100)
    with pytest.raises(CacheError, match="raise the limit"):
        cache.put(KEY, {"x": np.zeros(100)}, {})
    built = cache.get_or_build(KEY, lambda: ({"x": np.arange(100.0)}, {}))
    np.testing.assert_array_equal(built.arrays["x"], np.arange(100.0))
    assert cache.info().entries == 0


def test_a_folder_that_cannot_be_made_still_builds_and_says_why(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    cache = ArrayCache(tmp_path / "file" / "cache")
    built = cache.get_or_build(KEY, lambda: (some_arrays(), {"n": 1}))
    np.testing.assert_array_equal(built.arrays["prices"], some_arrays()["prices"])
    assert not built.arrays["prices"].flags.writeable
    assert "writable" in built.failure
    assert "WALKFAST_CACHE_DIR" in built.failure
    assert (cache.info().failures, cache.info().last_failure) == (1, built.failure)


def test_a_write_that_fails_midway_leaves_nothing_behind(cache, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("envs.array_cache.entry._move_into_place", full)
    with pytest.raises(CacheError, match="No space left"):
        cache.put(KEY, some_arrays(), {})
    assert list(cache.folder.iterdir()) == []


def test_an_error_of_the_builder_comes_out_unchanged_and_nothing_is_stored(cache):
    def build():
        raise FileNotFoundError("the builder's own")

    with pytest.raises(FileNotFoundError, match="the builder's own"):
        cache.get_or_build(KEY, build)
    assert cache.info().entries == 0


def test_a_builder_may_use_the_cache_itself(cache):
    def outer():
        inner = cache.get_or_build(key_of("inner"), lambda: ({"x": np.ones(2)}, {}))
        return {"y": inner.arrays["x"] * 2}, {}

    np.testing.assert_array_equal(cache.get_or_build(KEY, outer).arrays["y"], [2.0, 2.0])
    assert cache.info().builds == 2


def test_clear_removes_entries_and_leftovers_but_no_other_file(cache):
    cache.get_or_build(KEY, lambda: (some_arrays(), {}))
    cache.put(key_of("b"), some_arrays(), {})
    (cache.folder / ".writing-killed").mkdir()
    (cache.folder / "notes.txt").write_text("mine")
    assert cache.clear() == 2
    assert [path.name for path in cache.folder.iterdir()] == ["notes.txt"]
    assert ArrayCache(cache.folder / "never made").clear() == 0


def test_a_reader_keeps_its_arrays_when_the_entry_is_replaced_and_removed(cache):
    cache.put(KEY, {"x": np.full(10_000, 1.0)}, {})
    held = cache.get(KEY).arrays["x"]
    cache.put(KEY, {"x": np.full(10_000, 2.0)}, {})
    cache.clear()
    np.testing.assert_array_equal(held, np.full(10_000, 1.0))


def test_the_environment_variable_names_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("WALKFAST_CACHE_DIR", str(tmp_path))
    assert default_cache_folder() == tmp_path
    monkeypatch.delenv("WALKFAST_CACHE_DIR")
    assert "walkfast" in str(default_cache_folder())


def build_slowly(folder, log):
    def build():
        with Path(log).open("a") as file:
            file.write("x")
        time.sleep(0.3)
        return {"x": np.arange(50_000.0)}, {}

    found = ArrayCache(Path(folder)).get_or_build(KEY, build).arrays["x"]
    assert (found == np.arange(50_000.0)).all()


def test_processes_that_want_one_key_build_it_once(tmp_path):
    run_together(build_slowly, 3, (str(tmp_path / "cache"), str(tmp_path / "log")))
    assert (tmp_path / "log").read_text() == "x"


def write_and_read(folder, _):
    cache = ArrayCache(Path(folder), max_bytes=100_000)
    rng = np.random.default_rng(os.getpid())
    for _ in range(40):
        key = key_of(str(rng.integers(4)))
        value = float(rng.integers(1000))
        cache.put(key, {"a": np.full(2_000, value), "b": np.full(2_000, value)}, {"v": value})
        found = cache.get(key)
        if found is not None:  # another process may have evicted it
            assert (found.arrays["a"] == found.meta["v"]).all()
            assert (found.arrays["b"] == found.meta["v"]).all()
    assert cache.info().corrupt == 0


def test_processes_that_write_and_evict_the_same_keys_never_see_half_an_entry(tmp_path):
    run_together(write_and_read, 3, (str(tmp_path), ""))


def run_together(target, count, arguments):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=target, args=arguments) for _ in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * count
