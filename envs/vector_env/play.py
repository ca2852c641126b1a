"""`Play`: what one step leaves behind, without what only gymnasium asks for.

Read next: `envs.vector_env.env`, whose `play` and `step` both make it.
"""

from __future__ import annotations

from dataclasses import dataclass

from envs.market.account import Array


@dataclass(slots=True)
class Play:
    """One step of every environment; no array is ever written again.

    Attributes:
        observations: `(n_envs, n_columns) float32`; of the new episode where one ended.
        rewards: `(n_envs,) float64`.
        terminated, truncated: `(n_envs,) bool`; never both.
        last_observations: `(n_envs, n_columns) float32` before the restart. None when no episode
            ended, which NumPy knows and a device is not asked: there it is always an array.
    """

    observations: Array
    rewards: Array
    terminated: Array
    truncated: Array
    last_observations: Array | None
