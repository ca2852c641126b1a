"""Bringing columns to a common scale: rolling and causal, or fitted on a train slice and frozen.

Here: `rolling_scale` (used by `build_features`) and `FittedScaler` (used by a fold).
Read next: `envs.features.rolling` for the arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.errors import ConfigError
from envs.features.rolling import Floats, rolling_deviation

MINIMUM_WINDOW_BARS = 100
_RELATIVE_FLOOR = 1e-9
_ABSOLUTE_FLOOR = 1e-12
_ROWS_AT_A_TIME = 32_768  # so that the temporaries stay in the processor's cache


def rolling_scale(
    values: NDArray[np.floating[Any]], *, window_bars: int, clip: float
) -> NDArray[np.float32]:
    """Scale each column by mean and deviation of its last `window_bars` values, clipped.

    Causal: row t uses rows <= t only, its own included, and later rows cannot change its bits.
    Until the window is full it grows from the first row; rows before the 100th (or the window, if
    shorter) rest on few values and are not for decisions. A constant column becomes 0.

    Args:
        values: `(n_bars, n_features)`, finite.
        window_bars: Window in bars, at least 2.
        clip: Largest magnitude that comes out, in deviations.

    Returns:
        `(n_bars, n_features) float32`, C-contiguous, new.
    """
    out = np.empty(values.shape, np.float32)
    for index in range(values.shape[1]):
        column = np.ascontiguousarray(values[:, index], np.float64)
        out[:, index] = scale_column(column, window_bars=window_bars, clip=clip)
    return out


def scale_column(values: Floats, *, window_bars: int, clip: float) -> Floats:
    """Scale one column `(n_bars,) float64`; see `rolling_scale`."""
    deviation, spread = rolling_deviation(values, window_bars=window_bars)
    for start in range(0, len(values), _ROWS_AT_A_TIME):
        rows = slice(start, start + _ROWS_AT_A_TIME)
        _divide(deviation[rows], spread[rows], values[rows])
    return np.clip(deviation, -clip, clip, out=deviation)


def _divide(deviation: Floats, spread: Floats, values: Floats) -> None:
    """Divide the first by the second in place; 0 where the window is constant but for rounding."""
    is_constant = spread <= _floor(values - deviation)
    spread[is_constant] = 1.0
    deviation /= spread
    deviation[is_constant] = 0.0


def warmup_of_scaling(window_bars: int) -> int:
    """Bars from the first value of a column until its scaled values may be used."""
    return min(window_bars, MINIMUM_WINDOW_BARS) - 1


@dataclass(frozen=True, kw_only=True)
class FittedScaler:
    """Centre and scale of each column, fitted on one slice and applied unchanged to every other.

    Attributes:
        center: Mean of each column in the slice that was fitted; 0 for columns left as they are.
        scale: Standard deviation (ddof 0); 1 for constant columns and those left as they are.
        clip: Largest magnitude that comes out.
    """

    center: tuple[float, ...]
    scale: tuple[float, ...]
    clip: float = 5.0

    @classmethod
    def fit(
        cls,
        values: NDArray[np.floating[Any]],
        *,
        clip: float = 5.0,
        is_scaled: Sequence[bool] | None = None,
    ) -> FittedScaler:
        """Fit on a fold's train slice, and on nothing later.

        Args:
            values: `(n_bars, n_features)`, finite, at least one row.
            clip: Largest magnitude of what `transform` returns.
            is_scaled: Which columns to scale, `FeatureMatrix.is_scaled`; None for all.

        Raises:
            ConfigError: If there is no row.
        """
        if not len(values):
            raise ConfigError("A scaler needs rows to fit", came="none")
        keep = np.ones(values.shape[1], bool) if is_scaled is None else np.asarray(is_scaled, bool)
        exact = np.asarray(values, np.float64)
        mean, spread = exact.mean(axis=0), exact.std(axis=0)
        center = np.where(keep, mean, 0.0)
        scale = np.where(keep & (spread > _floor(mean)), spread, 1.0)
        return cls(center=tuple(center.tolist()), scale=tuple(scale.tolist()), clip=clip)

    def transform(self, values: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Scale `(n_bars, n_features)` to a new C-contiguous `float32` matrix.

        Raises:
            ConfigError: If the number of columns differs from what was fitted.
        """
        if values.ndim != 2 or values.shape[1] != len(self.center):
            raise ConfigError(
                "A scaler takes the columns that it was fitted on",
                came=f"shape {values.shape} for {len(self.center)} columns",
            )
        scaled = (np.asarray(values, np.float64) - self.center) / self.scale
        return np.ascontiguousarray(np.clip(scaled, -self.clip, self.clip), np.float32)

    def to_json(self) -> dict[str, Any]:
        """Return strict JSON that `from_json` reads back bit for bit."""
        return {"center": list(self.center), "scale": list(self.scale), "clip": self.clip}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> FittedScaler:
        """Build from what `to_json` returned."""
        return cls(center=tuple(value["center"]), scale=tuple(value["scale"]), clip=value["clip"])


def _floor(mean: Floats) -> Floats:
    """Deviation below which a column counts as constant: rounding, not movement."""
    return np.asarray(_ABSOLUTE_FLOOR + _RELATIVE_FLOOR * np.abs(mean))
