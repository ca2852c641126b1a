"""`Replay`: the step of `World` on NumPy arrays, noted once and run again and again in place.

Not here: the rules (`envs.market`), how they are noted (`envs.vector_env.program`), which bars an
episode gets (`envs.vector_env.env`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.market import Account, Prices
from envs.market.account import ACCOUNT_FIELDS
from envs.vector_env.noting import Noted, Noting
from envs.vector_env.program import Program
from envs.vector_env.world import World, WorldState

MONEY_FIELDS = tuple(name for name in ACCOUNT_FIELDS if name != "entry_bar")
_ONE = np.array(1)  # spares converting a number in every step
_REWARD, _COLUMNS, _ENDS = 0, slice(1, 5), slice(5, 7)
"""Where the results of the noted step are; the ends only if an episode ended."""


class Replay:
    """`n_envs` accounts in arrays that every step writes over.

    Attributes:
        state: Where the environments stand; the arrays stay, their contents change.

    Args:
        world: What is played; its tape holds NumPy arrays.
        fresh: Accounts at the start of an episode.
        state: Where to begin; it is copied.
    """

    def __init__(self, world: World, fresh: Account, state: WorldState) -> None:
        self._world = world
        n_envs = len(state.bar)
        self._money = np.zeros((len(MONEY_FIELDS) + 2, n_envs))
        self._entry_bar, self._bar, self._end = np.zeros((3, n_envs), np.int64)
        money = dict(zip(MONEY_FIELDS, self._money, strict=False))
        account = Account(**money, entry_bar=self._entry_bar)
        self.state = WorldState(account, self._bar, self._end, (self._money[-2], self._money[-1]))
        self._actions = np.zeros(n_envs, np.int64)
        self._prices = np.zeros((n_envs, len(Prices._fields)))
        self._columns = Prices(*self._prices.T)
        self._features = np.zeros((n_envs, world.layout.n_features), np.float32)
        start = [getattr(fresh, name)[0] for name in MONEY_FIELDS]
        self._fresh = np.array([*start, 0.0, 0.0])[:, None]
        self.load(state)
        with np.errstate(all="ignore"):  # it runs on prices of zero here
            self._program = Program(self._noted_step)
        self.load(state)

    def load(self, state: WorldState) -> None:
        """Go on from `state`, which is copied."""
        if state is self.state:
            return
        for name in ACCOUNT_FIELDS:
            np.copyto(getattr(self.state.account, name), getattr(state.account, name))
        np.copyto(self._bar, state.bar)
        np.copyto(self._end, state.end)
        for ours, theirs in zip(self.state.memory, state.memory, strict=True):
            np.copyto(ours, theirs)

    def step(self, actions: NDArray[np.int64]) -> bool:
        """Play one bar in place; returns whether an episode ended somewhere."""
        np.copyto(self._actions, actions)
        np.add(self._bar, _ONE, self._bar)
        self._world.tape.prices.take(self._bar, 0, self._prices, "clip")
        return self._program.run()

    def rewards(self, *, has_ended: bool) -> NDArray[np.float64]:
        """Copy the rewards of the last step."""
        return self._program.results[has_ended][_REWARD].copy()

    def ends(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Copy which episodes were terminated and truncated by the last step, if any was."""
        terminated, truncated = self._program.results[True][_ENDS]
        return terminated.copy(), truncated.copy()

    def observations(self, *, has_ended: bool) -> NDArray[np.float32]:
        """Assemble `(n_envs, n_columns)` after the last step, before any restart."""
        features = self._features
        n_envs, n_features = features.shape
        self._world.tape.features.take(self._bar, 0, features, "clip")
        columns = self._program.results[has_ended][_COLUMNS]
        observations = np.empty((n_envs, n_features + len(columns)), np.float32)
        observations[:, :n_features] = features
        for index, column in enumerate(columns, start=n_features):
            observations[:, index] = column
        return observations

    def restart(
        self, rows: NDArray[np.intp], starts: NDArray[np.int64], ends: NDArray[np.int64]
    ) -> None:
        """Open new accounts in these rows, for episodes from `starts` to `ends`."""
        self._money[:, rows] = self._fresh
        self._entry_bar[rows] = 0
        self._bar[rows], self._end[rows] = starts, ends

    def _noted_step(self, noting: Noting) -> list[tuple[Noted, NDArray[Any] | None]]:
        """Results in the order of `_REWARD`, `_COLUMNS`, `_ENDS`, then the new state."""
        old = self.state
        account = Account(*(Noted(noting, getattr(old.account, name)) for name in ACCOUNT_FIELDS))
        bar, end, *memory = (Noted(noting, array) for array in (old.bar, old.end, *old.memory))
        prices = Prices(*(Noted(noting, column) for column in self._columns))
        state = WorldState(account, bar, end, (memory[0], memory[1]))
        actions = Noted(noting, self._actions)
        played = self._world.play_bar(noting, state, actions, bar=bar, prices=prices)
        outcome, after = played.outcome, played.state
        columns = self._world.account_columns(after, noting)
        ends = (outcome.terminated, outcome.truncated) if outcome.at_close is not None else ()
        new = [
            (getattr(after.account, name), getattr(old.account, name)) for name in ACCOUNT_FIELDS
        ]
        new += zip(after.memory, old.memory, strict=True)
        return [(result, None) for result in (played.reward, *columns, *ends)] + new
