"""A job in a process of its own: started, waited for, its answer read. Threads are pinned.

A process for every run, so that no run inherits memory, threads, caches of torch or a warm
allocator from the one before it. Not here: what the process does (`training.benchmark.unit`).
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from envs.atomic import write_json
from training.machine import THREAD_VARIABLES

PARENT = "parent_pid"
"""Name, beside a job's content, of whose end also ends the process."""
_LAST_LINES = 12


@dataclass(frozen=True, kw_only=True)
class Job:
    """Work for a child process.

    Attributes:
        name: In messages and files.
        content: JSON values; `kind` says what is to be done.
        n_threads: Threads that numeric libraries may use in it.
        timeout_s: Seconds after which it is ended.
    """

    name: str
    content: Mapping[str, Any]
    n_threads: int
    timeout_s: float


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of a job.

    Attributes:
        content: What it measured; None where it failed.
        error: Why it failed; None where it did not.
        process_s: Wall seconds from start to end of the process.
    """

    content: dict[str, Any] | None
    error: str | None
    process_s: float


ChildRunner = Callable[[Job], Answer]


@dataclass(frozen=True, kw_only=True)
class ProcessRunner:
    """Runs jobs as `command JOB_FILE ANSWER_FILE`.

    Attributes:
        command: What to start, before the two names of files.
        folder: Where these files lie while the process runs.
        environment: Variables besides those of this process and the pinned threads.
    """

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]

    def __call__(self, job: Job) -> Answer:
        """Run a job and wait for it; a job that fails is an answer, too."""
        asked, answered = (self.folder / f"{job.name}.{what}.json" for what in ("job", "answer"))
        write_json(asked, {**job.content, PARENT: os.getpid()})
        threads = dict.fromkeys(THREAD_VARIABLES, str(job.n_threads))
        started_s = perf_counter()
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter and our own file names
                [*self.command, str(asked), str(answered)],
                env={**os.environ, **self.environment, **threads},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=job.timeout_s,
                check=False,
            )
            error = None if done.returncode == 0 else _told(done)
        except subprocess.TimeoutExpired:
            error = f"it was ended after {job.timeout_s:.0f} s, far beyond what was planned"
        finally:
            asked.unlink(missing_ok=True)
        process_s = perf_counter() - started_s
        content = None if error else json.loads(answered.read_bytes())
        answered.unlink(missing_ok=True)
        return Answer(content=content, error=error, process_s=process_s)


def _told(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    if not lines:
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"code {done.returncode}"
        return f"the process ended with {how} and said nothing (out of memory?)"
    return "\n".join(lines[-_LAST_LINES:])
