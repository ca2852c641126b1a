"""`ProcessEngine`: worker processes of loky, each a pool of its own.

In a pool of several, one worker that dies breaks the pool: loky ends the others in the middle of
their jobs and fails them all, without saying whose fault it was. A pool of one breaks alone, and is
replaced. loky starts workers by fork and exec at once, never with a copy of this process's threads.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future
from concurrent.futures import wait as wait_for
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import TracebackType
from typing import Self

from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import BrokenProcessPool, TerminatedWorkerError

from training.parallel import worker
from training.parallel.engine import Deliver, Ended
from training.parallel.files import EventReader
from training.parallel.job import Answer, Order

_LOOK_EVERY_S = 0.05


class ProcessEngine:
    """Runs each order in a worker process; workers stay for the next one.

    Args:
        n_slots: Workers; one starts when it gets its first order.
        environment: Variables that each gets besides those of this process.
        deliver: Receives what jobs say.
    """

    def __init__(self, *, n_slots: int, environment: Mapping[str, str], deliver: Deliver) -> None:
        self.n_slots = n_slots
        self._slots = [_Slot(environment, deliver) for _ in range(n_slots)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for slot in self._slots:
            slot.end()

    def begin(self, order: Order) -> None:
        """Hand an order to a free worker."""
        next(slot for slot in self._slots if slot.is_free).begin(order)

    def wait(self) -> list[Ended]:
        """Wait until at least one order has ended, delivering what jobs say meanwhile."""
        busy = [slot for slot in self._slots if not slot.is_free]
        ended: list[Ended] = []
        while busy and not ended:
            wait_for(
                [slot.future for slot in busy if slot.future],
                timeout=_LOOK_EVERY_S,
                return_when=FIRST_COMPLETED,
            )
            for slot in busy:
                ended += slot.look()
        return ended


class _Slot:
    """One worker, its order and what it says."""

    def __init__(self, environment: Mapping[str, str], deliver: Deliver) -> None:
        self._environment, self._deliver = dict(environment), deliver
        self._pool: ProcessPoolExecutor | None = None
        self._order: Order | None = None
        self._reader: EventReader | None = None
        self.future: Future[Answer] | None = None

    @property
    def is_free(self) -> bool:
        return self.future is None

    def begin(self, order: Order) -> None:
        order.files.clear()
        self._order, self._reader = order, EventReader(order.files.events)
        try:
            self.future = self._submit(order)
        except BrokenProcessPool:  # its worker died while it had nothing to do
            self.end()
            self.future = self._submit(order)

    def look(self) -> Iterator[Ended]:
        """Deliver what is new, and yield the order if it has ended."""
        assert self.future is not None
        assert self._order is not None
        assert self._reader is not None
        over, order = self.future.done(), self._order
        for event in self._reader.read():
            self._deliver(order, event)
        if over:
            answer = _answer_of(self.future, order)
            self.future = None
            if answer.is_spent:
                self.end()
            yield Ended(order=order, answer=answer)

    def end(self) -> None:
        """End the worker, whatever it does; it has nothing that is not in a file."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, kill_workers=True)
        self._pool = self.future = None

    def _submit(self, order: Order) -> Future[Answer]:
        if self._pool is None:
            self._pool = self._new_pool()
        with _interrupts_held():
            future: Future[Answer] = self._pool.submit(worker.work, order)
        return future

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            max_workers=1,
            initializer=worker.begin,
            initargs=(os.getpid(),),
            env=self._environment,
        )


def _answer_of(future: Future[Answer], order: Order) -> Answer:
    """Read an answer; a worker that died after it had written the result has answered."""
    error = future.exception()
    if error is None:
        return future.result()
    if not isinstance(error, TerminatedWorkerError):
        return Answer(error=f"it could not be handed to a worker: {error}", is_final=True)
    if order.files.read_result(order.job.identity) is not None:
        return Answer(is_spent=True)
    return Answer(error=_death(str(error)), is_spent=True, last_lines=order.files.last_lines())


def _death(told: str) -> str:
    """Say how a worker ended, from what loky says: `{SIGKILL(-9)}`, `{EXIT(7)}`."""
    found = re.search(r"\{(\w+)\((-?\d+)\)", told)
    if found is None:
        return "its worker died"
    name, code = found.groups()
    if name == "SIGKILL":
        return "its worker was killed (SIGKILL: by hand, or because memory ran out)"
    if name.startswith("SIG"):
        return f"its worker was ended by {name}"
    return f"its worker ended with exit code {code}"


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let a worker that starts meanwhile inherit that SIGINT is blocked.

    Ctrl-C reaches every process of a terminal: the parent ends its workers, they need not know.
    A Ctrl-C that comes in between is delivered afterwards.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # its start would unblock the signal in the middle
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
