"""The user's own feature functions: finding them, calling them, and saying clearly what is wrong.

A function takes `bars: Bars` and returns either a dict of `(n_bars,)` arrays by name, or an array
`(n_bars,)` or `(n_bars, k)`, named `<function>` or `<function>_0` and so on, or a pair of such an
array and its names. Leading NaN are warm-up; a NaN after the first value is an error. Whether it
looks ahead is for `envs.features.audit` to find out. Loading one runs its file: it is code.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.bars import Bars
from envs.errors import FeatureError, UnknownNameError


@dataclass(frozen=True, kw_only=True)
class UserFunction:
    """A function of the user's, with the content of its file at the time it was imported.

    Attributes:
        reference: As the user wrote it, `module:function`.
        compute: The function.
        source_sha256: Hash of the module's file; what that file imports is not in it.
    """

    reference: str
    compute: Callable[[Bars], Any]
    source_sha256: str


@dataclass(frozen=True, kw_only=True)
class UserColumn:
    """One column of a user's function, `(n_bars,) float64`, NaN before `first_bar` only."""

    name: str
    values: NDArray[np.float64]
    first_bar: int


@lru_cache(maxsize=64)
def load_user_function(reference: str) -> UserFunction:
    """Import a function once per process.

    Args:
        reference: `module:function`, or `path/to/file.py:function`.

    Raises:
        FeatureError: If the reference has another form, or the module cannot be found.
        UnknownNameError: If the module has no such function.
    """
    place, separator, name = reference.rpartition(":")
    if not (separator and place and name):
        raise FeatureError(
            "A feature function is named module:function", came=repr(reference), mend=_MEND
        )
    with _current_folder_searched():
        module, source = _load_file(place) if place.endswith(".py") else _load_module(place)
    compute = getattr(module, name, None)
    if not callable(compute):
        raise _unknown(module, place, name)
    return UserFunction(reference=reference, compute=compute, source_sha256=source)


def user_columns(function: UserFunction, bars: Bars) -> list[UserColumn]:
    """Call a function and check what it returns.

    Raises:
        FeatureError: If a column has another shape, is not numeric, or is not finite after its
            first value; the column and the row are named.
    """
    columns = _named(function, function.compute(bars))
    return [_checked(function.reference, name, values, len(bars)) for name, values in columns]


_MEND = (
    "write module:function with the module in the current folder or on PYTHONPATH, or "
    "path/to/file.py:function"
)


@contextmanager
def _current_folder_searched() -> Iterator[None]:
    """Search the current folder after all others, so that nothing in it hides what is installed."""
    folder = str(Path.cwd())
    if folder in sys.path:
        yield
        return
    sys.path.append(folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def _unknown(module: ModuleType, place: str, name: str) -> FeatureError | UnknownNameError:
    public = {key: it for key, it in vars(module).items() if key[0] != "_" and callable(it)}
    own = [key for key, it in public.items() if getattr(it, "__module__", "") == module.__name__]
    if not public:
        return FeatureError(
            "A feature function must be in its module", came=f"no public function in {place}"
        )
    return UnknownNameError.of(f"function of {place}", name, own or public)


def _searched() -> str:
    folders = [str(Path.cwd()), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return ", ".join([*filter(None, folders), "and the installed packages"])


def _load_module(name: str) -> tuple[ModuleType, str]:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # the module is there; something that it imports is not
        raise FeatureError(
            "The module of a feature function must be importable",
            came=repr(name),
            where=f"searched in {_searched()}",
            mend=_MEND,
        ) from error
    file = getattr(module, "__file__", None)
    if file is None:
        raise FeatureError("A feature function must come from a file", came=repr(name))
    return module, _sha256(Path(file))


def _load_file(place: str) -> tuple[ModuleType, str]:
    path = Path(place).resolve()
    if not path.is_file():
        raise FeatureError("The file of a feature function must exist", came=str(path), mend=_MEND)
    source = _sha256(path)
    name = f"walkfast_user_{path.stem}_{source[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None, "a .py file always has a loader"  # noqa: PT018  # one fact
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look a module up by its name
    spec.loader.exec_module(module)
    return module, source


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _named(function: UserFunction, result: Any) -> list[tuple[str, Any]]:
    if isinstance(result, Mapping):
        return [(str(name), values) for name, values in result.items()]
    name = function.reference.rpartition(":")[2]
    names = None
    if isinstance(result, tuple):
        if len(result) != 2:
            raise _wrong(function.reference, f"a tuple of {len(result)}")
        result, names = result
    matrix = np.asarray(result)
    if matrix.ndim == 1:
        return [(names[0] if names else name, matrix)]
    if matrix.ndim != 2 or (names is not None and len(names) != matrix.shape[1]):
        raise _wrong(function.reference, f"shape {matrix.shape} with names {names}")
    names = names or [f"{name}_{index}" for index in range(matrix.shape[1])]
    return [(str(names[index]), matrix[:, index]) for index in range(matrix.shape[1])]


def _checked(reference: str, name: str, values: Any, n_bars: int) -> UserColumn:
    try:
        column = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise _wrong(reference, f"values that are not numbers: {error}", name) from error
    if column.shape != (n_bars,):
        raise _wrong(reference, f"shape {column.shape} for {n_bars} bars", name)
    finite = np.isfinite(column)
    if not finite.any():
        raise _wrong(reference, "no finite value at all", name)
    first = int(np.argmax(finite))
    if not finite[first:].all():
        row = first + int(np.argmin(finite[first:]))
        raise FeatureError(
            "A feature must be finite after its warm-up",
            came=f"{column[row]} at row {row}, after the first value at row {first}",
            where=f"column {name!r} of {reference}",
            mend="fill it from earlier rows, never from later ones",
        )
    return UserColumn(name=name, values=column, first_bar=first)


def _wrong(reference: str, came: str, column: str | None = None) -> FeatureError:
    return FeatureError(
        "A feature function returns one number a bar: a dict of (n_bars,) arrays by name, or an "
        "(n_bars, k) array",
        came=came,
        where=reference if column is None else f"column {column!r} of {reference}",
    )
