"""`Engine`: what the scheduler asks of whoever runs jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from training.events import Event
from training.parallel.job import Answer, Order

Deliver = Callable[[Order, Event], None]
"""Receives an event that a job emitted."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """An attempt that is over.

    Attributes:
        order: The attempt.
        answer: What came of it.
    """

    order: Order
    answer: Answer


class Engine(Protocol):
    """Runs orders, up to `n_slots` at a time. Leaving it ends whatever still runs.

    Attributes:
        n_slots: Orders side by side.
    """

    n_slots: int

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def begin(self, order: Order) -> None:
        """Start an order; there must be a free slot."""

    def wait(self) -> list[Ended]:
        """Wait until something has ended, delivering what jobs say meanwhile."""
