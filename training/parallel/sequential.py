"""`SequentialEngine`: one job after the other, in this process. A job that kills it kills all."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from training.events import Event, Listener
from training.parallel.engine import Deliver, Ended
from training.parallel.job import Order, attempt


class SequentialEngine:
    """Runs a job while it is waited for.

    Args:
        deliver: Receives what jobs say.
    """

    n_slots = 1

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._orders: list[Order] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._orders.clear()

    def begin(self, order: Order) -> None:
        """Put a job down to be run."""
        self._orders.append(order)

    def wait(self) -> list[Ended]:
        """Run the jobs put down."""
        orders, self._orders = self._orders, []
        return [Ended(order=order, answer=attempt(order, self._emit(order))) for order in orders]

    def _emit(self, order: Order) -> Listener:
        def emit(event: Event) -> None:
            self._deliver(order, event)

        return emit
