"""What to build (`FeatureConfig`) and what came out (`FeatureMatrix`).

Read next: `envs.features.build`, which turns one into the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from envs.errors import ConfigError, UnknownNameError

Scaling = Literal["rolling", "fitted", "none"]


@dataclass(frozen=True, kw_only=True)
class FeatureConfig:
    """Which columns to build, and how to scale them.

    Attributes:
        set_name: The feature set; `envs.features.spec` lists them.
        names: Columns to keep, in this order, of the set, the extra columns and the user's
            functions; None for all of them.
        extra_columns: Whether `Bars.extra` columns become features, each as `extra_<name>`.
        user_functions: The user's own, as `module:function` or `path/to/file.py:function`.
        scaling: `rolling`: by the last `scaling_window_bars`, causal. `fitted`: left unscaled here,
            for a `FittedScaler` that each fold fits on its train slice. `none`: left unscaled.
        scaling_window_bars: Window of rolling scaling, at least 2.
        clip: Largest magnitude of a scaled value, in standard deviations, at least 1.

    Raises:
        ConfigError: If a value is out of range, or a name is given twice.
    """

    set_name: str = "default"
    names: tuple[str, ...] | None = None
    extra_columns: bool = True
    user_functions: tuple[str, ...] = ()
    scaling: Scaling = "rolling"
    scaling_window_bars: int = 1000
    clip: float = 5.0

    def __post_init__(self) -> None:
        if self.scaling not in get_args(Scaling):
            raise UnknownNameError.of("scaling", self.scaling, get_args(Scaling))
        if self.scaling_window_bars < 2:
            raise ConfigError("A scaling window holds bars", came=f"{self.scaling_window_bars}")
        if not 1.0 <= self.clip < np.inf:
            raise ConfigError("The clip must be at least 1 deviation", came=f"{self.clip}")
        self._check_names()

    def _check_names(self) -> None:
        for field, names in (("names", self.names), ("user_functions", self.user_functions)):
            if names is not None and len(set(names)) < len(names):
                twice = next(name for name in names if names.count(name) > 1)
                raise ConfigError("Names must differ", came=f"{twice!r} twice", where=field)
        if self.names == ():
            raise ConfigError("A selection names features", came="none", mend="leave it out")


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureMatrix:
    """Features of every bar, built once and sliced per fold without copying.

    Row t uses bars <= t only.

    Attributes:
        values: `(n_bars, n_features) float32`, C-contiguous, read-only, finite.
        names: One for each column.
        version: Name and version of the feature set, as models store it.
        fingerprint: Hash of all that these values were made from: bars, settings, code, libraries.
        warmup_bars: Rows at the start that are not for decisions (zeros, or scaled by few values);
            may exceed the number of bars.
        is_scaled: Columns that are to be scaled; the others mean something as they are.
        from_cache: Whether nothing was built.
        cache_failure: Why the matrix could not be stored; None if it was, or was not asked to be.
    """

    values: NDArray[np.float32]
    names: tuple[str, ...]
    version: str
    fingerprint: str
    warmup_bars: int
    is_scaled: tuple[bool, ...]
    from_cache: bool = False
    cache_failure: str | None = None
