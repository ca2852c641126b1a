"""The few array-API functions that the rules use, for plain Python numbers.

With this module as the namespace the rule book runs on floats: at one environment a NumPy call
costs ten times the arithmetic in it (see `docs/decisions/031-scalars-for-one-env.md`).
"""

from __future__ import annotations

import math
from typing import TypeVar

T = TypeVar("T")

float64 = float
floor = math.floor
log = math.log
maximum = max
sqrt = math.sqrt


def where(condition: bool, if_true: T, if_false: T) -> T:
    """Choose between two numbers."""
    return if_true if condition else if_false


def logical_not(value: bool) -> bool:
    """Negate; `~True` would be -2."""
    return not value


def any(value: bool) -> bool:  # noqa: A001  # the array API's name for it
    """One value is its own `any`."""
    return value


def astype(value: float, dtype: type[float]) -> float:
    """Convert to `dtype`."""
    return dtype(value)
