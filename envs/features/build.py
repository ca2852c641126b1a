"""Bars -> `FeatureMatrix`: choose the columns, compute, scale, check, and keep in the cache.

Start here for features. The columns are listed in `envs.features.spec`, the arithmetic is in
`envs.features.indicators` and `envs.features.clock`, scaling in `envs.features.scaling`, the proof
that nothing looks ahead in `envs.features.audit`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache as remember
from functools import partial
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from envs.array_cache import JSON, ArrayCache, CachedArrays
from envs.bars import Bars
from envs.errors import FeatureError, UnknownNameError
from envs.features.cache import feature_key
from envs.features.config import FeatureConfig, FeatureMatrix
from envs.features.indicators import PriceView
from envs.features.scaling import scale_column, warmup_of_scaling
from envs.features.spec import feature_set
from envs.features.user_functions import UserFunction, load_user_function, user_columns

Built: TypeAlias = tuple[dict[str, NDArray[np.float32]], dict[str, JSON]]

EXTRA_PREFIX = "extra_"
_ROWS_PER_COPY = 8_192  # so that one block of the transposed copy stays in the processor's cache


@dataclass(frozen=True, kw_only=True)
class _Column:
    name: str
    compute: Callable[[], NDArray[np.float64]]
    first_bar: int
    is_scaled: bool


def build_features(
    bars: Bars, config: FeatureConfig, cache: ArrayCache | None = None
) -> FeatureMatrix:
    """Build the features of every bar, or take them from the cache.

    Row t uses bars <= t only. A cache that cannot be written does not stop the building; the
    reason is in `cache_failure`.

    Args:
        bars: At least one bar, with positive prices where the set needs them.
        config: What to build.
        cache: Where to look first and to store; None to build always.

    Raises:
        UnknownNameError: If a set, a name or a user's function is not there.
        FeatureError: If a column is not finite, has another length, or a name occurs twice.
    """
    if not len(bars):
        raise FeatureError("Features need bars", came="none")
    functions = [load_user_function(reference) for reference in config.user_functions]
    key = feature_key(bars, config, functions)
    build = partial(_build, bars, config, functions)
    if cache is None:
        arrays, meta = build()
        return _matrix(CachedArrays(arrays=arrays, meta=meta, from_cache=False), config, key)
    return _matrix(cache.get_or_build(key, build), config, key)


def feature_names(bars: Bars, config: FeatureConfig) -> tuple[str, ...]:
    """Name the columns that `build_features` would build, in order.

    Raises:
        UnknownNameError: If a name is not there.
    """
    functions = [load_user_function(reference) for reference in config.user_functions]
    return tuple(column.name for column in _columns(bars, config, functions))


def _build(bars: Bars, config: FeatureConfig, functions: Sequence[UserFunction]) -> Built:
    columns = _columns(bars, config, functions)
    stage = np.empty((len(columns), len(bars)), np.float32)
    for row, column in zip(stage, columns, strict=True):
        _fill(row, column, config)
    meta: dict[str, JSON] = {
        "names": [column.name for column in columns],
        "is_scaled": [column.is_scaled for column in columns],
        "warmup_bars": max(_warmup_bars(column, config) for column in columns),
    }
    return {"values": _transposed(stage)}, meta


def _columns(bars: Bars, config: FeatureConfig, functions: Sequence[UserFunction]) -> list[_Column]:
    """List the selected columns; the set's and the extra ones are computed only when filled."""
    every = [*_set_columns(bars, config), *_extra_columns(bars, config)]
    for function in functions:
        every += _user_columns(function, bars)
    known = _by_name(every)
    for name in config.names or ():
        if name not in known:
            raise UnknownNameError.of("feature", name, known)
    return every if config.names is None else [known[name] for name in config.names]


def _set_columns(bars: Bars, config: FeatureConfig) -> Iterable[_Column]:
    view = remember(lambda: PriceView(bars))  # only bars whose prices are used are checked
    for spec in feature_set(config.set_name).features:
        yield _Column(
            name=spec.name,
            compute=lambda spec=spec: spec.compute(view()),  # type: ignore[misc]  # mypy cannot infer a default of a lambda
            first_bar=spec.first_bar,
            is_scaled=spec.is_scaled,
        )


def _extra_columns(bars: Bars, config: FeatureConfig) -> Iterable[_Column]:
    for name, values in bars.extra.items() if config.extra_columns else ():
        yield _given(f"{EXTRA_PREFIX}{name}", values, 0)


def _user_columns(function: UserFunction, bars: Bars) -> list[_Column]:
    columns = user_columns(function, bars)
    return [_given(column.name, column.values, column.first_bar) for column in columns]


def _given(name: str, values: NDArray[np.float64], first_bar: int) -> _Column:
    return _Column(name=name, compute=lambda: values, first_bar=first_bar, is_scaled=True)


def _by_name(columns: Sequence[_Column]) -> dict[str, _Column]:
    known: dict[str, _Column] = {}
    for column in columns:
        if column.name in known:
            raise FeatureError("Names of features must differ", came=f"{column.name!r} twice")
        known[column.name] = column
    return known


def _fill(row: NDArray[np.float32], column: _Column, config: FeatureConfig) -> None:
    """Compute one column into `(n_bars,) float32`, zeros before its first bar."""
    values = np.ascontiguousarray(column.compute()[column.first_bar :])
    row[: column.first_bar] = 0.0
    _check_finite(values, column)
    if column.is_scaled and config.scaling == "rolling":
        values = scale_column(values, window_bars=config.scaling_window_bars, clip=config.clip)
    with np.errstate(over="ignore"):  # found below
        row[column.first_bar :] = values
    _check_finite(row[column.first_bar :], column)


def _check_finite(values: NDArray[np.floating], column: _Column) -> None:
    finite = np.isfinite(values)
    if not finite.all():
        row = int(np.argmin(finite))
        raise FeatureError(
            "A feature must be finite and fit in float32",
            came=f"{values[row]} at row {column.first_bar + row}",
            where=f"column {column.name!r}",
        )


def _warmup_bars(column: _Column, config: FeatureConfig) -> int:
    if column.is_scaled and config.scaling == "rolling":
        return column.first_bar + warmup_of_scaling(config.scaling_window_bars)
    return column.first_bar


def _transposed(stage: NDArray[np.float32]) -> NDArray[np.float32]:
    """Copy `(n_features, n_bars)` to `(n_bars, n_features)`, block by block."""
    out = np.empty(stage.shape[::-1], np.float32)
    for start in range(0, len(out), _ROWS_PER_COPY):
        out[start : start + _ROWS_PER_COPY] = stage[:, start : start + _ROWS_PER_COPY].T
    return out


def _matrix(found: CachedArrays, config: FeatureConfig, key: str) -> FeatureMatrix:
    values = found.arrays["values"]
    values.flags.writeable = False
    return FeatureMatrix(
        values=values,
        names=tuple(cast("list[str]", found.meta["names"])),
        version=feature_set(config.set_name).label,
        fingerprint=key,
        warmup_bars=cast("int", found.meta["warmup_bars"]),
        is_scaled=tuple(cast("list[bool]", found.meta["is_scaled"])),
        from_cache=found.from_cache,
        cache_failure=found.failure,
    )
