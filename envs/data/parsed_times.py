"""`ParsedTimes`: the times of a file after reading, before clocks and validation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class ParsedTimes:
    """Times as read.

    Attributes:
        time_us: `(n_rows,) int64` microseconds since 1970, UTC if `is_absolute`, else on the
            clock of the file; 0 where unreadable.
        unreadable: `(n_rows,) bool` rows without a readable time.
        kind: How times are written, for the report.
        is_absolute: Each time names its moment (an offset, or a unix number).
        is_epoch: Times are unix numbers.
        other_unit: Rows in another unit of unix time than most, None when there are none. Their
            `time_us` is right under their own unit.
        notes: What decided between readings.
    """

    time_us: NDArray[np.int64]
    unreadable: NDArray[np.bool_]
    kind: str
    is_absolute: bool
    is_epoch: bool = False
    other_unit: NDArray[np.bool_] | None = None
    notes: tuple[str, ...] = ()
