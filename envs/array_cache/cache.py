"""`ArrayCache`: a bounded folder of named arrays that several processes share.

Here: finding, building once, evicting, counting. Not here: the form on disk
(`envs.array_cache.entry`), what goes into a key (`envs.data.load`, `envs.features.cache`).

    <folder>/<key>/...           an entry
    <folder>/locks/<key>.lock    held while a process builds that key
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from filelock import FileLock
from platformdirs import user_cache_path

from envs.array_cache.entry import (
    Arrays,
    DamagedEntryError,
    Meta,
    is_key,
    list_entries,
    map_entry,
    read_entry,
    remove_abandoned,
    remove_entry,
    touch_entry,
    write_entry,
)
from envs.errors import CacheError

Built: TypeAlias = tuple[Arrays, Meta]

FOLDER_VARIABLE = "WALKFAST_CACHE_DIR"
_LOCKS = "locks"
_LOCK_TIMEOUT_S = 600.0
_ABANDONED_AFTER_S = 3_600.0


@dataclass(frozen=True, kw_only=True)
class CachedArrays:
    """Named arrays with what was said about them when they were stored.

    Attributes:
        arrays: Read-only arrays by name, in the order they were stored; memory-mapped when they
            lie in the cache.
        meta: What the builder said about them.
        from_cache: False for arrays that were built by this very call.
        failure: Why the arrays could not be stored; None when they were.
    """

    arrays: Arrays
    meta: Meta
    from_cache: bool
    failure: str | None = None


@dataclass(frozen=True, kw_only=True)
class CacheInfo:
    """What lies in the folder, and what this process did with it.

    Attributes:
        folder: Where the entries lie.
        max_bytes: Entries are evicted beyond this size.
        entries: Entries in the folder now.
        bytes: Their size on disk.
        hits, misses: Answers of `get` and `get_or_build` in this process.
        builds: Calls of a build function in this process; a hit makes none.
        corrupt: Entries found damaged, and removed, in this process.
        evicted: Entries removed for room in this process.
        failures: Entries that this process could not store.
        last_failure: Why, for the latest of them; None if there was none.
    """

    folder: Path
    max_bytes: int
    entries: int
    bytes: int
    hits: int
    misses: int
    builds: int
    corrupt: int
    evicted: int
    failures: int
    last_failure: str | None


@dataclass
class _Counters:
    hits: int = 0
    misses: int = 0
    builds: int = 0
    corrupt: int = 0
    evicted: int = 0
    failures: int = 0
    last_failure: str | None = None


def default_cache_folder() -> Path:
    """Return the folder named by WALKFAST_CACHE_DIR, else the user's cache folder."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else user_cache_path("walkfast", appauthor=False)


@dataclass
class ArrayCache:
    """A bounded, content-addressed store of arrays that several processes may share.

    Creating one touches no file; the folder appears with the first entry. A folder that cannot be
    written never stops `get_or_build`: it builds, and says so in `failure` and in `info()`.

    Attributes:
        folder: Where the entries lie; shared by all processes that name it.
        max_bytes: Beyond this size the least recently used entries go.
    """

    folder: Path
    max_bytes: int = field(default=4 * 2**30, kw_only=True)
    _counters: _Counters = field(default_factory=_Counters, init=False, repr=False)

    def get(self, key: str) -> CachedArrays | None:
        """Find an entry and verify every byte of it.

        A damaged entry is removed and counted, and answers None like one that was never there.

        Args:
            key: 64 hex digits, the fingerprint of everything the arrays depend on.
        """
        found = self._find(key)
        self._counters.hits += found is not None
        self._counters.misses += found is None
        return found

    def put(self, key: str, arrays: Arrays, meta: Meta) -> CachedArrays:
        """Store arrays, replacing an entry of the same key, and return them memory-mapped.

        Args:
            key: 64 hex digits.
            arrays: Arrays of any shape and plain dtype (no objects), by any name.
            meta: Strict JSON (no NaN) to keep with them.

        Raises:
            CacheError: If the folder cannot be written, or the entry is larger than the cache.
        """
        path = self._path(key)
        try:
            self._check_size(arrays)
            write_entry(path, arrays, meta)
        except OSError as error:
            raise self._failed(error) from error
        mapped = map_entry(path, arrays)
        self._evict(keep=key)
        return _frozen(mapped, meta, from_cache=False)

    def get_or_build(self, key: str, build: Callable[[], Built]) -> CachedArrays:
        """Find an entry, or build and store it; of several processes only one builds.

        Whatever `build` raises comes out unchanged, and nothing is stored.

        Args:
            key: 64 hex digits.
            build: Returns the arrays by name and their meta; called at most once.
        """
        if (found := self._find(key)) is None:
            with self._build_lock(key):
                found = self._find(key) or self._build(key, build)  # built while we waited?
        self._counters.hits += found.from_cache
        self._counters.misses += not found.from_cache
        return found

    def info(self) -> CacheInfo:
        """Count what lies in the folder and what this process did."""
        entries = list_entries(self.folder)
        return CacheInfo(
            folder=self.folder,
            max_bytes=self.max_bytes,
            entries=len(entries),
            bytes=sum(entry.n_bytes for entry in entries),
            **vars(self._counters),
        )

    def clear(self) -> int:
        """Remove every entry, leaving other files of the folder alone.

        Returns:
            How many entries were removed.

        Raises:
            CacheError: If entries are left that could not be removed.
        """
        removed = sum(remove_entry(entry.path) for entry in list_entries(self.folder))
        remove_abandoned(self.folder, older_than_s=0.0)
        shutil.rmtree(self.folder / _LOCKS, ignore_errors=True)
        if left := len(list_entries(self.folder)):
            raise CacheError(
                "Cached entries must be removable",
                came=f"{left} entries that are in use or may not be deleted",
                where=str(self.folder),
                mend="stop the programs that use them, or delete the folder yourself",
            )
        return removed

    def _find(self, key: str) -> CachedArrays | None:
        path = self._path(key)
        try:
            found = read_entry(path)
        except DamagedEntryError:
            self._counters.corrupt += 1
            remove_entry(path)
            return None
        if found is None:
            return None
        touch_entry(path)
        return _frozen(*found, from_cache=True)

    def _build(self, key: str, build: Callable[[], Built]) -> CachedArrays:
        arrays, meta = build()
        self._counters.builds += 1
        try:
            return self.put(key, arrays, meta)
        except CacheError as error:
            return _frozen(arrays, meta, from_cache=False, failure=str(error))

    @contextmanager
    def _build_lock(self, key: str) -> Iterator[None]:
        """Hold the right to build `key`, or go on without it where no lock can be had.

        Building without a lock costs at most the same work twice: storing is atomic by itself.
        """
        lock = FileLock(self.folder / _LOCKS / f"{key}.lock")
        try:
            (self.folder / _LOCKS).mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=_LOCK_TIMEOUT_S)
        except (OSError, NotImplementedError):  # unwritable, held too long, or no locks here
            yield
            return
        try:
            yield
        finally:
            lock.release()

    def _path(self, key: str) -> Path:
        assert is_key(key), f"a cache key is 64 hex digits, not {key!r}"
        return self.folder / key

    def _check_size(self, arrays: Arrays) -> None:
        n_bytes = sum(array.nbytes for array in arrays.values())
        if n_bytes > self.max_bytes:
            raise OSError(f"an entry of {n_bytes} bytes in a cache of {self.max_bytes}")

    def _failed(self, error: OSError) -> CacheError:
        failure = CacheError(
            "A cache folder must be writable and have room",
            came=str(error),
            where=str(self.folder),
            mend=f"free some space, raise the limit, or name another folder in {FOLDER_VARIABLE}",
        )
        self._counters.failures += 1
        self._counters.last_failure = str(failure)
        return failure

    def _evict(self, *, keep: str) -> None:
        entries = sorted(list_entries(self.folder), key=lambda entry: entry.used_ns)
        excess = sum(entry.n_bytes for entry in entries) - self.max_bytes
        for entry in entries:
            if excess > 0 and entry.path.name != keep and remove_entry(entry.path):
                excess -= entry.n_bytes
                self._counters.evicted += 1
        remove_abandoned(self.folder, older_than_s=_ABANDONED_AFTER_S)


def _frozen(
    arrays: Arrays, meta: Meta, *, from_cache: bool, failure: str | None = None
) -> CachedArrays:
    """Wrap arrays read-only; the builder's own stay as they were."""
    views = {name: array.view() for name, array in arrays.items()}
    for view in views.values():
        view.flags.writeable = False
    return CachedArrays(
        arrays=MappingProxyType(views),
        meta=MappingProxyType(dict(meta)),
        from_cache=from_cache,
        failure=failure,
    )
