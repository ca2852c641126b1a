"""Timeframes: the regular distance between bars, its name, and inferring it from times.

A timeframe is stored in microseconds, the resolution of `Bars.time_us`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.errors import ConfigError

US_PER_SECOND = 1_000_000
SECONDS_PER_DAY = 86_400
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": SECONDS_PER_DAY, "w": 7 * SECONDS_PER_DAY}
_PATTERN = re.compile(r"^(\d+)([smhdw])$")


@dataclass(frozen=True, kw_only=True)
class Timeframe:
    """The regular distance between two bars.

    Attributes:
        step_us: Distance in microseconds, positive.
    """

    step_us: int

    def __post_init__(self) -> None:
        if self.step_us <= 0:
            raise ConfigError("A timeframe must be positive", came=f"{self.step_us} us")

    @property
    def name(self) -> str:
        """Short name in the largest whole unit: `15m`, `1h`, `1d`."""
        seconds, rest = divmod(self.step_us, US_PER_SECOND)
        if rest:
            return f"{self.step_us}us"
        for unit in ("w", "d", "h", "m"):
            count, remainder = divmod(seconds, _UNIT_SECONDS[unit])
            if count and not remainder:
                return f"{count}{unit}"
        return f"{seconds}s"

    @classmethod
    def parse(cls, text: str) -> Timeframe:
        """Read a name such as `15m`, `1h` or `1d`.

        Raises:
            ConfigError: If the text is not a positive count and one of the units s, m, h, d, w.
        """
        match = _PATTERN.match(text.strip().lower())
        if match is None:
            raise ConfigError(
                "A timeframe must be a count and a unit",
                came=repr(text),
                mend="write 15m, 1h or 1d",
            )
        return cls(step_us=int(match[1]) * _UNIT_SECONDS[match[2]] * US_PER_SECOND)

    @classmethod
    def infer(cls, time_us: NDArray[np.int64]) -> Timeframe:
        """Take the most frequent positive distance between neighbouring bars.

        Args:
            time_us: `(n_bars,) int64` open times in microseconds; at least two.

        Raises:
            ConfigError: If there are fewer than two distinct times.
        """
        steps = np.diff(time_us)
        steps = steps[steps > 0]
        if steps.size == 0:
            raise ConfigError("A timeframe needs two bars with distinct times", came="fewer")
        values, counts = np.unique(steps, return_counts=True)
        return cls(step_us=int(values[np.argmax(counts)]))
