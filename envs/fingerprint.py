"""Content hashes: of bytes and values, never of ids, file names or modification times.

Every part is hashed with a type tag and its length, so that `("ab", "c")` and `("a", "bc")`, or
`1` and `"1"`, never share a fingerprint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def fingerprint(*parts: Any) -> str:
    """Hash values to 64 hex digits (SHA-256).

    Args:
        *parts: Any mix of None, bool, int, float, str, bytes, NumPy arrays, dataclasses, and
            sequences and string-keyed mappings of these. Mappings are hashed in key order.

    Raises:
        TypeError: If a part is of any other type: it would have no stable content.
    """
    digest = hashlib.sha256()
    for part in parts:
        _update(digest, part)
    return digest.hexdigest()


def _update(digest: Any, part: Any) -> None:
    if isinstance(part, np.ndarray):
        _update_array(digest, part)
    elif isinstance(part, bytes | str):
        content = part.encode() if isinstance(part, str) else part
        _tagged(digest, type(part).__name__, content)
    elif part is None or isinstance(part, bool | int | float | np.integer | np.floating):
        value = part.item() if isinstance(part, np.generic) else part
        _tagged(digest, type(value).__name__, repr(value).encode())
    else:
        _update_container(digest, part)


def _update_array(digest: Any, array: np.ndarray[Any, np.dtype[Any]]) -> None:
    if array.dtype.hasobject:
        raise TypeError("an object array has no stable content to fingerprint")
    array = np.ascontiguousarray(array)
    _tagged(digest, "array", f"{array.dtype.str}{array.shape}".encode())
    digest.update(array.reshape(-1).view(np.uint8).data)


def _update_container(digest: Any, part: Any) -> None:
    if is_dataclass(part) and not isinstance(part, type):
        _tagged(digest, "dataclass", type(part).__qualname__.encode())
        _update(digest, {field.name: getattr(part, field.name) for field in fields(part)})
    elif isinstance(part, Mapping):
        _tagged(digest, "mapping", str(len(part)).encode())
        for key in sorted(part):
            _update(digest, key)
            _update(digest, part[key])
    elif isinstance(part, Sequence):
        _tagged(digest, "sequence", str(len(part)).encode())
        for item in part:
            _update(digest, item)
    else:
        raise TypeError(f"cannot fingerprint a {type(part).__name__}")


def _tagged(digest: Any, tag: str, content: bytes) -> None:
    digest.update(f"{tag}:{len(content)}:".encode())
    digest.update(content)
