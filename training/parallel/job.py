"""`Job`: what can be run side by side; `attempt`: how one attempt at it goes, on any engine."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

from envs.errors import WalkfastError
from training.events import Listener
from training.parallel.files import JobFiles


class Job(Protocol):
    """A plain, picklable, frozen value. It depends on nothing but itself and the files it names.

    All its random numbers come from its own seed, through generators of its own, so that it gives
    the same result wherever, in whatever order and however often it runs.
    """

    @property
    def name(self) -> str:
        """Name of its files: letters, digits, `-`, `_` and `.`; unique among the jobs."""

    @property
    def seed(self) -> int:
        """Root of all its random numbers."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """What decides its result, as JSON: a result of another identity is not taken."""

    def run(self, emit: Listener) -> Mapping[str, Any]:
        """Do the work.

        Args:
            emit: Receives what the parent should hear meanwhile.

        Returns:
            The result, strict JSON (no NaN).
        """


@dataclass(frozen=True, kw_only=True)
class Order:
    """One attempt at a job, as it is handed to an engine.

    Attributes:
        job: The job.
        attempt: 1, or more after failures.
        folder: Where its files lie.
    """

    job: Job
    attempt: int
    folder: Path

    @property
    def files(self) -> JobFiles:
        """The job's files."""
        return JobFiles(folder=self.folder, name=self.job.name)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of an attempt; the result itself lies in the job's file.

    Attributes:
        error: Why there is no result; None where there is one.
        is_final: Whether another attempt cannot help: the user's mistake.
        is_spent: Whether the process should not be trusted with another job.
        last_lines: The last that was said in the attempt, oldest first.
    """

    error: str | None = None
    is_final: bool = False
    is_spent: bool = False
    last_lines: tuple[str, ...] = ()


def attempt(order: Order, emit: Listener) -> Answer:
    """Try a job once and write its result; whatever a job raises becomes an answer.

    The traceback goes to standard error, which a worker keeps in the job's log.
    """
    started_s = perf_counter()
    try:
        result = order.job.run(emit)
        order.files.write_result(
            {
                "job": order.job.name,
                "seed": order.job.seed,
                "identity": dict(order.job.identity),
                "attempt": order.attempt,
                "duration_s": perf_counter() - started_s,
                "result": dict(result),
            }
        )
    except WalkfastError as error:
        return Answer(error=str(error), is_final=True)
    except MemoryError:
        traceback.print_exc()
        return Answer(error="it ran out of memory (MemoryError)", is_spent=True)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the job's last door: it is reported
        traceback.print_exc()
        return Answer(error="".join(traceback.format_exception_only(error)).strip())
    return Answer()
