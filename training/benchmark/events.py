"""What a benchmark tells the outside while it runs; see `training.events`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from training.events import Event


@dataclass(frozen=True, kw_only=True)
class Calibrated(Event):
    """The pace of every arm was measured, before anything is planned.

    Attributes:
        steps_per_s: Of the original, warm-up excluded.
        n_threads: Threads on which that was fastest.
        took_s: Seconds of the process that measured all arms.
        warm_up_s: Seconds of the original's warm-up, building included.
    """

    steps_per_s: float
    n_threads: int
    took_s: float
    warm_up_s: float


@dataclass(frozen=True, kw_only=True)
class Planned(Event):
    """It is settled what will run.

    Attributes:
        plan: `training.benchmark.plan.Plan` as JSON values.
        n_done: Units that were finished before.
        notes: What the plan will not be able to tell, sentences.
    """

    plan: Mapping[str, Any]
    n_done: int
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class UnitStarted(Event):
    """A child process begins one arm with one seed.

    Attributes:
        name: Of the unit.
        number: Its place among those of this session, from 1.
        n_units: Their number.
        planned_s: Seconds that it may take.
    """

    name: str
    number: int
    n_units: int
    planned_s: float


@dataclass(frozen=True, kw_only=True)
class UnitFinished(Event):
    """A child process ended.

    Attributes:
        name: Of the unit.
        arm: Name of its arm.
        kind: `whole` or `timed`.
        steps_per_s: Its pace; None where it failed or made a single update.
        process_s: Seconds of the process.
        error: Why it failed; None where it did not.
    """

    name: str
    arm: str
    kind: str
    steps_per_s: float | None
    process_s: float
    error: str | None
