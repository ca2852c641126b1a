"""One cached entry on disk: writing it whole, reading it verified, taking it away in one step.

Here: the form and its checksums. Not here: keys, locks, limits (`envs.array_cache.cache`).

    <folder>/<64 hex digits>/manifest.json      names, checksums, meta; its mtime is the last use
    <folder>/<64 hex digits>/000.npy, 001.npy   one file an array

An entry is written under a temporary name and renamed, and never changed in place, so a reader sees
all of it or nothing. Nothing is flushed to disk: after a power cut the checksums find a torn entry.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"
Arrays: TypeAlias = Mapping[str, NDArray[Any]]
Meta: TypeAlias = Mapping[str, JSON]

FORMAT_VERSION = 1
_KEY = re.compile(r"^[0-9a-f]{64}$")
_MANIFEST = "manifest.json"
_WRITING = ".writing-"
_REMOVING = ".removing-"
_HASH_THREADS = 4
_HEADER_BYTES = 65_536
_RENAME_ATTEMPTS = 5  # the other entry may itself go between a rename and a look


class DamagedEntryError(Exception):
    """A private signal: the bytes of an entry are not those that were stored."""


@dataclass(frozen=True)
class EntryOnDisk:
    """Where an entry lies, how large it is, and when it was last used."""

    path: Path
    n_bytes: int
    used_ns: int


def is_key(name: str) -> bool:
    """Say whether a name is 64 lower-case hex digits."""
    return _KEY.match(name) is not None


def write_entry(path: Path, arrays: Arrays, meta: Meta) -> None:
    """Write an entry that appears at `path` whole, in the place of an older one.

    Raises:
        OSError: If the folder cannot be written or is full; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=_WRITING))
    try:
        _write_files(temporary, arrays, meta)
        _move_into_place(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_entry(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, JSON]] | None:
    """Map the arrays of an entry read-only and verify every byte; None if there is no entry.

    Raises:
        DamagedEntryError: If a byte differs from what was stored, or a file is missing.
    """
    while (manifest := _read_manifest(path)) is not None:
        try:
            return _read_sealed(path, manifest)
        except DamagedEntryError:
            if _read_manifest(path) == manifest:  # not just replaced or removed under our eyes
                raise
    return None


def map_entry(path: Path, arrays: Arrays) -> dict[str, NDArray[Any]]:
    """Map the arrays that this process has just written, without verifying.

    An entry that another process evicted meanwhile leaves copies of the arrays themselves.
    """
    try:
        return {name: _map_array(path / _file_name(index)) for index, name in enumerate(arrays)}
    except OSError:
        return {name: array.copy() for name, array in arrays.items()}


def remove_entry(path: Path) -> bool:
    """Take an entry away in one step; False if another process did, or it cannot be moved."""
    trash = path.with_name(f"{_REMOVING}{uuid.uuid4().hex}")
    try:
        path.rename(trash)
    except OSError:  # gone already, or on Windows mapped by a reader
        return False
    shutil.rmtree(trash, ignore_errors=True)
    return True


def touch_entry(path: Path) -> None:
    """Remember that an entry was used now; a read-only cache forgets it."""
    with suppress(OSError):
        os.utime(path / _MANIFEST)


def list_entries(folder: Path) -> list[EntryOnDisk]:
    """Measure the entries of a cache folder; whatever else lies there is not looked at."""
    if not folder.is_dir():
        return []
    found = [_measure(path) for path in folder.iterdir() if is_key(path.name)]
    return [entry for entry in found if entry is not None]


def remove_abandoned(folder: Path, *, older_than_s: float) -> None:
    """Remove what killed processes left half written or half removed."""
    for prefix in (_WRITING, _REMOVING):
        for path in folder.glob(f"{prefix}*"):
            with suppress(OSError):
                age_s = datetime.now(UTC).timestamp() - path.stat().st_mtime
                if age_s >= older_than_s:
                    shutil.rmtree(path, ignore_errors=True)


def _write_files(folder: Path, arrays: Arrays, meta: Meta) -> None:
    checksums = [
        [name, _write_array(folder / _file_name(index), array)]
        for index, (name, array) in enumerate(arrays.items())
    ]
    body = json.dumps({"arrays": checksums, "meta": meta}, allow_nan=False)
    outer = {
        "format_version": FORMAT_VERSION,
        "written": uuid.uuid4().hex,  # tells a replaced entry from a damaged one
        "sha256": _sha256(body.encode()),
        "body": body,
    }
    (folder / _MANIFEST).write_text(json.dumps(outer, indent=1), encoding="utf-8")


def _write_array(path: Path, array: NDArray[Any]) -> str:
    """Write a .npy file of one array and return the SHA-256 of the whole file."""
    assert not array.dtype.hasobject, "object arrays have no stable bytes"
    array = np.asarray(array, order="C")
    header = io.BytesIO()
    np.lib.format.write_array_header_2_0(header, np.lib.format.header_data_from_array_1_0(array))
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for part in (header.getbuffer(), array.reshape(-1).view(np.uint8).data):
            digest.update(part)
            file.write(part)
    return digest.hexdigest()


def _move_into_place(temporary: Path, path: Path) -> None:
    """Rename a finished entry to its key; an older one goes, a simultaneous one stays."""
    for attempt in range(_RENAME_ATTEMPTS):
        remove_entry(path)
        try:
            temporary.rename(path)
        except OSError:
            if (path / _MANIFEST).is_file():  # another process was as quick
                return
            if attempt == _RENAME_ATTEMPTS - 1:
                raise
        else:
            return


def _read_manifest(path: Path) -> bytes | None:
    try:
        return (path / _MANIFEST).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DamagedEntryError from error


def _read_sealed(path: Path, manifest: bytes) -> tuple[dict[str, NDArray[Any]], dict[str, JSON]]:
    checksums, meta = _open_manifest(manifest)
    files = [path / _file_name(index) for index in range(len(checksums))]
    with ThreadPoolExecutor(max_workers=_HASH_THREADS) as pool:  # hashing leaves the lock
        arrays = list(pool.map(_map_verified, files, [sum_ for _, sum_ in checksums]))
    return {name: array for (name, _), array in zip(checksums, arrays, strict=True)}, meta


def _open_manifest(text: bytes) -> tuple[list[tuple[str, str]], dict[str, JSON]]:
    """Return the (name, SHA-256) of each array and the meta, once their own seal holds."""
    try:
        outer = json.loads(text)
        version, sha256, body = outer["format_version"], outer["sha256"], outer["body"].encode()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedEntryError from error
    if version != FORMAT_VERSION or _sha256(body) != sha256:
        raise DamagedEntryError
    content = json.loads(body)
    return [(name, checksum) for name, checksum in content["arrays"]], content["meta"]


def _map_verified(path: Path, checksum: str) -> NDArray[Any]:
    """Map a file once, so that the bytes that were verified are the bytes that are used."""
    try:
        raw = np.memmap(path, dtype=np.uint8, mode="r")
    except (OSError, ValueError) as error:  # missing, or cut to nothing
        raise DamagedEntryError from error
    if _sha256(raw.data) != checksum:
        raise DamagedEntryError
    return _as_array(raw)


def _map_array(path: Path) -> NDArray[Any]:
    return _as_array(np.memmap(path, dtype=np.uint8, mode="r"))


def _as_array(raw: NDArray[np.uint8]) -> NDArray[Any]:
    """View the bytes of a .npy file as its array; read-only as the mapping is."""
    header = io.BytesIO(raw[:_HEADER_BYTES].tobytes())
    np.lib.format.read_magic(header)
    shape, _, dtype = np.lib.format.read_array_header_2_0(header)
    return np.ndarray(shape, dtype, buffer=raw, offset=header.tell())


def _sha256(content: bytes | memoryview) -> str:
    return hashlib.sha256(content).hexdigest()


def _file_name(index: int) -> str:
    return f"{index:03d}.npy"


def _measure(path: Path) -> EntryOnDisk | None:
    """Size and last use of an entry, None if it went meanwhile; a headless one counts as oldest."""
    try:
        n_bytes = sum(file.stat().st_size for file in path.iterdir())
        manifest = path / _MANIFEST
        return EntryOnDisk(path, n_bytes, manifest.stat().st_mtime_ns if manifest.exists() else 0)
    except OSError:
        return None
