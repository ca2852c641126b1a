"""Where the time of a run went: seconds by named stage, measured, never estimated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter


class StageClock:
    """Adds up wall seconds by stage (`load`, `features`, `env`, `rollout`, `update`, ...)."""

    def __init__(self) -> None:
        self._spent_s: defaultdict[str, float] = defaultdict(float)

    def add(self, stage: str, seconds: float) -> None:
        """Count seconds that were measured elsewhere."""
        self._spent_s[stage] += seconds

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure a block, also when it raises."""
        started_s = perf_counter()
        try:
            yield
        finally:
            self.add(name, perf_counter() - started_s)

    def seconds(self, *stages: str) -> float:
        """Return the seconds spent in some stages together."""
        return sum(self._spent_s[stage] for stage in stages)

    def to_json(self) -> dict[str, float]:
        """Return seconds by stage, in the order the stages first ran."""
        return {stage: round(seconds, 6) for stage, seconds in self._spent_s.items()}
