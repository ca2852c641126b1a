"""What the parent hears of jobs: that they begin, what they say, how they end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from training.events import Event


@dataclass(frozen=True, kw_only=True)
class JobStarted(Event):
    """A job begins, for the first time or again.

    Attributes:
        job: Its name.
        attempt: 1, or more where an earlier attempt failed.
    """

    job: str
    attempt: int


@dataclass(frozen=True, kw_only=True)
class FromJob(Event):
    """Something that a job said while it ran.

    Attributes:
        job: Its name.
        event: What it said.
    """

    job: str
    event: Event

    def to_json(self) -> dict[str, Any]:
        """Return what the job said, with the job's name."""
        return {"job": self.job, **self.event.to_json()}


@dataclass(frozen=True, kw_only=True)
class JobFinished(Event):
    """A job has a result.

    Attributes:
        job: Its name.
        attempt: Which attempt it was.
        was_done: Whether the result was there before this session.
        duration_s: Wall seconds of the attempt that wrote the result.
    """

    job: str
    attempt: int
    was_done: bool
    duration_s: float


@dataclass(frozen=True, kw_only=True)
class JobFailed(Event):
    """An attempt at a job ended without a result.

    Attributes:
        job: Its name.
        attempt: Which attempt it was.
        error: What ended it.
        last_lines: The last that it wrote to its output, oldest first.
        gives_up: Whether there will be no other attempt.
    """

    job: str
    attempt: int
    error: str
    last_lines: tuple[str, ...]
    gives_up: bool
