"""What a worker process is before its first job, and how it takes one. Runs in the worker only."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from training.machine import SHARE_VARIABLE, THREAD_VARIABLES
from training.parallel.files import EventWriter, output_to
from training.parallel.job import Answer, Order, attempt
from training.parallel.lifeline import end_with_parent


def environment(n_threads: int) -> dict[str, str]:
    """Return the variables of a worker: they are read when libraries are loaded, so at its start.

    loky starts it as `python -m`, which would look for modules in the current folder first, where a
    user may keep a `random.py`: not in a worker.

    Args:
        n_threads: Threads that numeric libraries may use in it.
    """
    threads = dict.fromkeys((*THREAD_VARIABLES, SHARE_VARIABLE), str(n_threads))
    return {**threads, "PYTHONSAFEPATH": "1"}


def begin(parent_pid: int) -> None:
    """Prepare a worker; the first thing that runs in it."""
    end_with_parent(parent_pid)


def work(order: Order) -> Answer:
    """Try a job; what it says and prints goes into its files."""
    with output_to(order.files.log), contextlib.closing(EventWriter(order.files.events)) as emit:
        answer = attempt(order, emit)
    return answer if answer.error is None else replace(answer, last_lines=order.files.last_lines())
