"""Where the time of a run went: wall and CPU seconds by named stage, measured, never estimated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Instant:
    """A moment on both clocks.

    Attributes:
        wall_s: Of `perf_counter`.
        cpu_s: Of `process_time`: CPU seconds of this process so far, all its threads together.
    """

    wall_s: float
    cpu_s: float

    @classmethod
    def now(cls) -> Self:
        """Read both clocks."""
        return cls(wall_s=perf_counter(), cpu_s=process_time())


class StageClock:
    """Adds up seconds by stage (`load`, `features`, `env`, `rollout`, `update`, ...)."""

    def __init__(self) -> None:
        self._wall_s: defaultdict[str, float] = defaultdict(float)
        self._cpu_s: defaultdict[str, float] = defaultdict(float)

    def add(self, stage: str, wall_s: float, cpu_s: float) -> None:
        """Count seconds that were measured elsewhere."""
        self._wall_s[stage] += wall_s
        self._cpu_s[stage] += cpu_s

    def add_since(self, stage: str, started: Instant) -> float:
        """Count the time since a moment, and return its wall seconds."""
        now = Instant.now()
        self.add(stage, now.wall_s - started.wall_s, now.cpu_s - started.cpu_s)
        return now.wall_s - started.wall_s

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure a block, also when it raises."""
        started = Instant.now()
        try:
            yield
        finally:
            self.add_since(name, started)

    def seconds(self, *stages: str) -> float:
        """Return the wall seconds spent in some stages together."""
        return sum(self._wall_s[stage] for stage in stages)

    def to_json(self) -> dict[str, float]:
        """Return wall seconds by stage, in the order the stages first ran."""
        return {stage: round(seconds, 6) for stage, seconds in self._wall_s.items()}

    def cpu_to_json(self) -> dict[str, float]:
        """Return CPU seconds of all threads by stage, in the same order."""
        return {stage: round(seconds, 6) for stage, seconds in self._cpu_s.items()}
