"""`WindowQueue`: windows of coming episodes, drawn ahead so that a device never asks the host.

A device alone knows how many episodes a step ended, and only the host can draw. So windows are
drawn ahead from a copy of the generator, in the order in which on-demand drawing would make them,
and uploaded in one block; each step takes as many as it needs by a counter on the device. Drawing
n + m windows gives those of drawing n and then m, so that both ways play the same episodes.

Not here: what a window is (`envs.vector_env.episodes`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from envs.market.account import Array, Namespace
from envs.vector_env.episodes import pack_generator, unpack_generator

Windows = tuple[NDArray[np.int64], NDArray[np.int64]]
STEPS_UNASKED = 64
"""For so many steps windows are drawn where nobody called `prepare`."""


class WindowQueue:
    """Windows in the order of drawing, as two arrays on a device.

    It holds one window for each environment and prepared step, 16 bytes each. No run of episodes
    can take more, for an episode lasts at least one step. Only what was taken is drawn anew.

    Args:
        xp: Namespace of the device's arrays.
        draw: Draws so many windows from a generator.
        put: Copies a host array to the device.
        n_envs: Number of environments.
    """

    def __init__(
        self,
        xp: Namespace,
        draw: Callable[[np.random.Generator, int], Windows],
        put: Callable[[NDArray[np.int64]], Array],
        n_envs: int,
    ) -> None:
        self._xp = xp
        self._draw = draw
        self._put = put
        self._n_envs = n_envs
        self._starts = self._ends = put(np.zeros(0, np.int64))
        self._n_taken = put(np.zeros(1, np.int64))

    def begin(self, generator: np.random.Generator) -> None:
        """Forget all windows and go on from `generator`, which `settle` moves."""
        self._generator = generator
        self._ahead = unpack_generator(pack_generator(generator))
        self._drawn = np.zeros((2, 0), np.int64)
        self._n_settled = 0
        self._n_steps_left = 0
        self._is_settled = True
        self._n_taken[:] = 0

    def prepare(self, n_steps: int) -> None:
        """Have windows for `n_steps` calls of `take`; waits for the device."""
        if n_steps <= self._n_steps_left:
            return
        self.settle()
        kept = self._drawn[:, self._n_settled :]
        n_missing = n_steps * self._n_envs - kept.shape[1]
        if n_missing > 0:
            kept = np.concatenate([kept, self._draw(self._ahead, n_missing)], axis=1)
        self._upload(kept)
        self._n_settled, self._n_steps_left = 0, n_steps
        self._n_taken[:] = 0

    def take(self, done: Array) -> tuple[Array, Array]:
        """Hand the next windows to the environments where `done`, in their order.

        Without a call of `prepare` for this step it makes one, and waits for the device.

        Returns:
            Starts and ends, `(n_envs,) int64`; anything where not `done`.
        """
        if self._n_steps_left == 0:
            self.prepare(STEPS_UNASKED)
        self._n_steps_left -= 1
        self._is_settled = False
        xp = self._xp
        counts = xp.cumulative_sum(xp.astype(done, xp.int64))
        index = xp.where(done, self._n_taken + counts - 1, 0)
        self._n_taken += counts[-1:]
        return xp.take(self._starts, index), xp.take(self._ends, index)

    def settle(self) -> None:
        """Move the generator to where on-demand drawing would have it; waits for the device."""
        if self._is_settled:
            return
        n_taken = int(self._n_taken)
        self._draw(self._generator, n_taken - self._n_settled)
        self._n_settled, self._is_settled = n_taken, True

    def _upload(self, drawn: NDArray[np.int64]) -> None:
        """Write the windows where they were before, if they fit: addresses may be known."""
        self._drawn = drawn
        if drawn.shape[1] != len(self._starts):
            self._starts, self._ends = map(self._put, drawn)
            return
        self._starts[:], self._ends[:] = map(self._put, drawn)
