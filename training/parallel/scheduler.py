"""`run_jobs`: run what has no result yet, side by side, each job at most so often.

What is in a job's result file is true, all else is only news: a job that is done is not run again,
and one that ran twice counts once. Not here: how a job is run (`training.parallel.job` and the
engines), what it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.events import Event, Listener
from training.parallel import worker
from training.parallel.config import ParallelConfig, Shares, shares
from training.parallel.engine import Ended, Engine
from training.parallel.events import FromJob, JobFailed, JobFinished, JobStarted
from training.parallel.job import Job, Order
from training.parallel.processes import ProcessEngine
from training.parallel.sequential import SequentialEngine


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A job that was given up.

    Attributes:
        n_attempts: How often it was tried in this session.
        error: What ended the last attempt.
        is_final: Whether it was a mistake of the user, which no other attempt mends.
        last_lines: The last that it printed, oldest first.
    """

    n_attempts: int
    error: str
    is_final: bool
    last_lines: tuple[str, ...]


@dataclass(kw_only=True)
class Outcome:
    """What a set of jobs came to; every job is in one of the two.

    Attributes:
        results: Content of the result file of each job that is done, by name.
        failures: The jobs that were given up, by name.
    """

    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)


def run_jobs(
    jobs: Sequence[Job],
    *,
    folder: Path,
    config: ParallelConfig,
    listener: Listener,
    n_cores: int | None = None,
    variables: Mapping[str, str] | None = None,
) -> Outcome:
    """Run jobs until each has a result or is given up.

    Whatever ends this call, Ctrl-C too, ends the workers; results written by then stay, and the
    next call takes them. Who calls sees to it that no second call works in the same folder.

    Args:
        jobs: What to run; names are unique.
        folder: Where their files lie; made where it is missing.
        config: Where they run.
        listener: Receives the events of `training.parallel.events`.
        n_cores: Cores to divide among workers; None takes those that this process may use.
        variables: Environment variables that workers get besides this process's; None is none.

    Raises:
        StoreError: If a result file is not one.
    """
    names = [job.name for job in jobs]
    assert len(set(names)) == len(names), f"two jobs of one name: {names}"
    folder.mkdir(parents=True, exist_ok=True)
    session = _Session(folder, config, listener)
    session.take_finished(jobs)
    if session.waiting:
        share = shares(config, n_jobs=len(session.waiting), n_cores=n_cores)
        with _engine(config, share, variables or {}, session) as engine:
            _run(session, engine)
    return session.outcome


def _run(session: _Session, engine: Engine) -> None:
    n_running = 0
    while session.waiting or n_running:
        while session.waiting and n_running < engine.n_slots:
            order = session.waiting.popleft()
            session.listener(JobStarted(job=order.job.name, attempt=order.attempt))
            engine.begin(order)
            n_running += 1
        for ended in engine.wait():
            n_running -= 1
            session.close(ended)


def _engine(
    config: ParallelConfig, share: Shares, variables: Mapping[str, str], session: _Session
) -> Engine:
    if config.engine == "sequential":
        return SequentialEngine(session.deliver)
    environment = {**variables, **worker.environment(share.n_threads)}
    return ProcessEngine(n_slots=share.n_workers, environment=environment, deliver=session.deliver)


class _Session:
    """What is still to be done, and what was."""

    def __init__(self, folder: Path, config: ParallelConfig, listener: Listener) -> None:
        self.listener = listener
        self.outcome = Outcome()
        self.waiting: deque[Order] = deque()
        self._folder, self._most_attempts = folder, config.n_retries + 1

    def take_finished(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            order = Order(job=job, attempt=1, folder=self._folder)
            content = order.files.read_result(job.identity)
            if content is None:
                self.waiting.append(order)
            else:
                self._keep(order, content, was_done=True)

    def deliver(self, order: Order, event: Event) -> None:
        self.listener(FromJob(job=order.job.name, event=event))

    def close(self, ended: Ended) -> None:
        """Keep a result, try again, at the end of the queue, or give up."""
        order, answer = ended.order, ended.answer
        if answer.error is None:
            content = order.files.read_result(order.job.identity)
            assert content is not None, "an answer without an error means a result"
            order.files.clear()
            self._keep(order, content, was_done=False)
            return
        order.files.events.unlink(missing_ok=True)
        gives_up = answer.is_final or order.attempt >= self._most_attempts
        self.listener(
            JobFailed(
                job=order.job.name,
                attempt=order.attempt,
                error=answer.error,
                last_lines=answer.last_lines,
                gives_up=gives_up,
            )
        )
        if gives_up:
            self.outcome.failures[order.job.name] = Failure(
                n_attempts=order.attempt,
                error=answer.error,
                is_final=answer.is_final,
                last_lines=answer.last_lines,
            )
        else:
            self.waiting.append(
                Order(job=order.job, attempt=order.attempt + 1, folder=self._folder)
            )

    def _keep(self, order: Order, content: Mapping[str, Any], *, was_done: bool) -> None:
        self.outcome.results[order.job.name] = dict(content)
        self.listener(
            JobFinished(
                job=order.job.name,
                attempt=content["attempt"],
                was_done=was_done,
                duration_s=content["duration_s"],
            )
        )
