"""The bytes of a local file, and their hash; nothing is ever fetched from the network.

Read next: `envs.data.container`.
"""

from __future__ import annotations

import difflib
import hashlib
import io
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from envs.errors import DataError

_CHUNK_BYTES = 2**20
_N_PARTS = 2


def read_file(path: Path | str) -> bytes:
    """Read a whole file.

    Raises:
        DataError: If it is a web address, missing, a folder, unreadable or empty.
    """
    with _opened(path) as file:
        content = file.read()
    if not content[:_CHUNK_BYTES].strip() and not content.strip():
        raise _refuse("an empty file", str(path), "export the bars again")
    return content


def content_digest(content: bytes) -> str:
    """Hash bytes as `file_digest` hashes a file of them."""
    parts = [hashlib.sha256(content[start:stop]) for start, stop in _parts(len(content))]
    return _joined([part.digest() for part in parts])


def file_digest(path: Path | str) -> str:
    """Hash a file in two halves at the same time, which takes half as long as in one go.

    Returns:
        64 hex digits: SHA-256 of the SHA-256 of both halves. It is not the SHA-256 of the file.

    Raises:
        DataError: As `read_file`.
    """
    with _opened(path) as file:
        n_bytes = os.fstat(file.fileno()).st_size
    with ThreadPoolExecutor(_N_PARTS) as pool:
        return _joined(pool.map(lambda part: _hash_part(path, *part), _parts(n_bytes)))


def _hash_part(path: Path | str, start: int, stop: int) -> bytes:
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_CHUNK_BYTES))
    with _opened(path) as file:
        file.seek(start)
        while start < stop and (count := file.readinto(buffer[: stop - start])):
            digest.update(buffer[:count])
            start += count
    return digest.digest()


def _parts(n_bytes: int) -> list[tuple[int, int]]:
    middle = n_bytes // _N_PARTS
    return [(0, middle), (middle, n_bytes)]


def _joined(digests: Iterator[bytes] | list[bytes]) -> str:
    return hashlib.sha256(b"".join(digests)).hexdigest()


@contextmanager
def _opened(path: Path | str) -> Iterator[io.FileIO]:
    if "://" in str(path):
        raise _refuse("a web address", str(path), "download the file first: nothing is fetched")
    path = Path(path)
    try:
        with path.open("rb", buffering=0) as raw:
            yield raw  # unbuffered: we read in large pieces
    except FileNotFoundError as error:
        raise _refuse("no such file", str(path), _neighbours(path)) from error
    except IsADirectoryError as error:
        raise _refuse("a folder", str(path), "name one file in it") from error
    except (OSError, ValueError) as error:
        came = "a folder" if path.is_dir() else str(error)  # Windows says: permission denied
        raise _refuse(came, str(path), "check the path and the permissions") from error


def _neighbours(path: Path) -> str:
    """Say what to do about a file that does not exist: what is like it, or lies beside it."""
    try:
        names = sorted(
            entry.name
            for entry in path.parent.iterdir()
            if entry.is_file() and not entry.name.startswith(".")
        )
    except OSError:
        return f"check the path: the folder {path.parent} does not exist either"
    if near := difflib.get_close_matches(path.name, names, n=1):
        return f"did you mean {near[0]}? Of files the folder holds {', '.join(names[:8])}"
    if names:
        return f"check the path: of files the folder holds {', '.join(names[:8])}"
    return "check the path: there is no file in that folder"


def _refuse(came: str, where: str, mend: str) -> DataError:
    return DataError("Bars are read from a local file", came=came, where=where, mend=mend)
