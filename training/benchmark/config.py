"""`BenchmarkConfig`: what a user may ask of a benchmark. Everything else is planned from it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from envs.errors import ConfigError

MOST_SEEDS = 100


@dataclass(frozen=True, kw_only=True)
class BenchmarkConfig:
    """How long a benchmark may take and what it compares.

    Raises:
        ConfigError: If a value is out of range.
    """

    minutes: float = 20.0
    """Time it may take, minutes, more than 0; folds, seeds and steps are chosen to fit."""
    n_seeds: int | None = None
    """Seeds of every arm, 1 to 100; None takes 5, or as few as 3 where whole trainings of the
    original then fit, and fewer only where nothing else does."""
    ablation: bool = False
    """Whether each optimization gets arms of its own: added in turn, and left out of the whole."""

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.minutes) and self.minutes > 0):
            raise ConfigError(
                "A benchmark needs some time",
                came=f"{self.minutes:g} minutes",
                where="--benchmark_minutes",
                mend="give minutes above 0, such as 20",
            )
        if self.n_seeds is not None and not 1 <= self.n_seeds <= MOST_SEEDS:
            raise ConfigError(
                f"The number of seeds must lie between 1 and {MOST_SEEDS}",
                came=str(self.n_seeds),
                where="--seeds",
            )
