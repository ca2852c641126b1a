"""The price of one point, from the decimals that the prices really use.

Trailing zeros do not count (Binance writes eight decimals of which two are real), and a few rows
with noise in the last digits do not either.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

MAX_DECIMALS = 8
MIN_SHARE = 0.995
_MAX_SAMPLES = 50_000
_MAX_PRICE = 1e12


def infer_point_size(columns: Iterable[NDArray[np.float64]]) -> float:
    """Find the smallest power of ten that nearly all prices are multiples of.

    Args:
        columns: Price columns, each `(n_rows,) float64`; non-finite values are left out.

    Returns:
        1.0 for whole prices, 0.001 for three decimals, 1e-8 at the least.
    """
    samples = [column[:: max(1, len(column) // _MAX_SAMPLES)] for column in columns]
    values = np.abs(np.concatenate(samples))
    values = values[values < _MAX_PRICE]  # and with it NaN and infinity
    if not values.size:
        return 1.0
    for decimals in range(MAX_DECIMALS):
        scaled = values * 10.0**decimals
        near = np.abs(scaled - np.rint(scaled)) <= _tolerance(values, scaled)
        if near.mean() >= MIN_SHARE:
            return float(f"1e-{decimals}")
    return float(f"1e-{MAX_DECIMALS}")


def point_warning(asked: float | None, inferred: float) -> str:
    """Say loudly that the user's point value contradicts the data; empty when it does not."""
    if asked is None or np.isclose(asked, inferred, rtol=1e-6, atol=0):
        return ""
    factor = asked / inferred
    change = f"{factor:g} times larger" if factor > 1 else f"{1 / factor:g} times smaller"
    return (
        f"POINT VALUE: --point_value {asked:g} contradicts the prices, whose decimals say "
        f"{inferred:g}. It is used as asked: every spread and slippage cost becomes {change}"
    )


def _tolerance(values: NDArray[np.float64], scaled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rounding error of the stored number: of float32 where all values passed through it."""
    with np.errstate(over="ignore"):
        is_single = bool((values.astype(np.float32).astype(np.float64) == values).all())
    epsilon = 6e-8 if is_single else 1e-15
    return np.minimum(np.maximum(scaled * epsilon, 1e-6), 0.2)
