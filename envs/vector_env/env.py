"""`TradingVectorEnv`: many accounts walking one tape, with gymnasium's SAME_STEP autoreset.

Not here: what a step does (`envs.vector_env.world`), which bars an episode gets
(`envs.vector_env.episodes`).
"""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from envs.config import EnvConfig
from envs.errors import ConfigError
from envs.market import Account, Ledger, Recorder, Tape, open_account
from envs.market.account import ACCOUNT_FIELDS, Array, choose
from envs.market.tape import take_rows
from envs.observations import ACCOUNT_NAMES, ObservationLayout
from envs.vector_env.episodes import checked_slice, draw_windows, pack_generator, unpack_generator
from envs.vector_env.infos import final_infos, host, running_infos
from envs.vector_env.play import Play
from envs.vector_env.replay import Replay
from envs.vector_env.windows import WindowQueue
from envs.vector_env.world import Played, World, WorldState


class TradingVectorEnv(VectorEnv[Any, Any, Any]):
    """`n_envs` independent accounts on one tape; gymnasium's SAME_STEP autoreset.

    Decisions are made on bars t in [start, stop) and fill at the open of t+1; the last transition
    uses bar `stop`, and nothing after it is ever read. Observations, rewards and infos are arrays
    of the tape's library: convert the tape (`Tape.to`) and the same class runs on torch tensors.
    Returned arrays are never written again.

    Infos are arrays with gymnasium's `_key` masks: `action_mask (n_envs, n_actions) int8`,
    `bar_index int64`, `equity`, `balance`, `position float64`, and the flags of the last bar
    `invalid_action`, `refused`, `margin_call bool`. Where an episode ended, they belong to the new
    one and `final_obs` and `final_info` hold the last of the old one.

    Args:
        tape: What is traded.
        config: How.
        n_envs: Number of accounts.
        start: First bar of a decision.
        stop: One past the last bar of a decision; None is the last bar of the tape.
        random_starts: Draw training episodes (`draw_windows`) instead of walking the slice once
            from its first bar.
        record: Keep a ledger and the path of equity.

    Raises:
        ConfigError: If the slice is empty or leaves the tape.
    """

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}  # noqa: RUF012  # gymnasium's own declaration

    def __init__(
        self,
        tape: Tape,
        config: EnvConfig,
        *,
        n_envs: int,
        start: int = 0,
        stop: int | None = None,
        random_starts: bool = False,
        record: bool = False,
    ) -> None:
        self.world = World(tape, config)
        self.start, self.stop = checked_slice(tape, start, stop)
        if n_envs < 1:
            raise ConfigError("There must be at least one environment", came=f"{n_envs}")
        self.num_envs = n_envs
        self.random_starts = random_starts
        self.recorder = Recorder(self.world.terms) if record else None
        self.single_observation_space = self.world.observation_space
        self.single_action_space = self.world.action_space
        self.observation_space = batch_space(self.single_observation_space, n_envs)
        self.action_space = batch_space(self.single_action_space, n_envs)
        self._prepare_constants()
        self._state: WorldState | None = None
        self._queue: WindowQueue | None = None
        self._replay: Replay | None = None
        if random_starts and not self._on_host:
            self._queue = WindowQueue(self.world.xp, self._draw, self._put, n_envs)

    @property
    def layout(self) -> ObservationLayout:
        """Columns of an observation."""
        return self.world.layout

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Start every environment anew; the same seed gives the same episodes.

        Args:
            seed: Seeds this environment's own generator; None goes on with it.
            options: Not used.

        Returns:
            Observations `(n_envs, n_columns) float32` and infos.
        """
        if self._queue is not None and self._state is not None:
            self._queue.settle()
        super().reset(seed=seed)
        starts, ends = self._draw(self.np_random, self.num_envs, stagger=True)
        memory = (self._zeros, self._zeros)
        self._state = WorldState(self._fresh, self._put(starts), self._put(ends), memory)
        if self._queue is not None:
            self._queue.begin(self.np_random)
        if self.recorder is not None:
            self.recorder.start(self._state.account.equity)
        flags = (self._copied(self._no), self._copied(self._no), self._copied(self._no))
        return self._observe(self._state), running_infos(self.world, self._state, flags)

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        """Play one bar everywhere and start anew where an episode ended.

        Args:
            actions: `(n_envs,)` integers.

        Returns:
            Observations float32, rewards float64, terminated, truncated (never both), infos.

        Raises:
            InvalidAction: If an action is not one of the action space.
            ResetNeeded: If `reset` was never called.
        """
        if self._state is None:
            raise ResetNeeded("call reset before step")
        played, play = self._advance(self._state, self.checked_actions(actions))
        outcome, done = played.outcome, play.terminated | play.truncated
        flags = (played.invalid, outcome.refused, outcome.margin_call)
        if play.last_observations is None or not self.world.xp.any(done):
            infos = running_infos(self.world, self._state, flags)
        else:
            last_infos = running_infos(self.world, played.state, flags)
            new_flags = tuple(flag & ~done for flag in flags)
            infos = running_infos(self.world, self._state, new_flags)
            infos |= final_infos(host(done), play.last_observations, last_infos)
        return play.observations, play.rewards, play.terminated, play.truncated, infos

    def play(self, actions: Array) -> Play:
        """Play one bar like `step`, to the last bit, without checks and infos.

        Args:
            actions: `(n_envs,) int64` of the tape's library, all of them in the action space.
        """
        assert self._state is not None, "call reset before play"
        if not self._on_host or self.recorder is not None:
            return self._advance(self._state, actions)[1]
        if self._replay is None:
            self._replay = Replay(self.world, self._fresh, self._state)
        self._replay.load(self._state)
        self._state = self._replay.state
        return self._replayed(self._replay, actions)

    def prepare(self, n_steps: int) -> None:
        """Draw ahead for the next `n_steps` calls of `play`, which then never wait for the device.

        Without it they are right, but wait now and then. NumPy arrays need no preparation.
        """
        assert self._state is not None, "call reset before prepare"
        if self._queue is not None:
            self._queue.prepare(n_steps)

    def ledger(self) -> Ledger:
        """Return the trades closed since `reset`; only with `record=True`."""
        assert self.recorder is not None, "the environment was made with record=False"
        return self.recorder.ledger()

    def equity_path(self) -> NDArray[np.float64]:
        """Return equity `(n_steps + 1, n_envs)` since `reset`; only with `record=True`."""
        assert self.recorder is not None, "the environment was made with record=False"
        return self.recorder.equity_path()

    def get_state(self) -> dict[str, NDArray[Any]]:
        """Copy everything that decides the future, generator included, to host arrays.

        A ledger is not part of it.
        """
        assert self._state is not None, "there is no state before reset"
        if self._queue is not None:
            self._queue.settle()
        state = {name: getattr(self._state.account, name) for name in ACCOUNT_FIELDS}
        state |= {"bar": self._state.bar, "end": self._state.end}
        state |= {f"memory_{i}": array for i, array in enumerate(self._state.memory)}
        copies = {name: np.array(host(array)) for name, array in state.items()}
        return copies | {"generator": pack_generator(self.np_random)}

    def set_state(self, state: dict[str, NDArray[Any]]) -> Array:
        """Go on from a `get_state`, bit for bit; returns the observations there."""
        arrays = {name: self._put(array) for name, array in state.items() if name != "generator"}
        account = Account(*(arrays[name] for name in ACCOUNT_FIELDS))
        memory = (arrays["memory_0"], arrays["memory_1"])
        self._state = WorldState(account, arrays["bar"], arrays["end"], memory)
        self.np_random = unpack_generator(state["generator"])
        if self._queue is not None:
            self._queue.begin(self.np_random)
        return self._observe(self._state)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the notes of `play`: their arrays share memory, which copies would not."""
        return {**self.__dict__, "_replay": None}

    def _prepare_constants(self) -> None:
        self._on_host = isinstance(self.world.tape.close, np.ndarray)
        self._device = array_api_compat.device(self.world.tape.close)
        self._zeros = self._put(np.zeros(self.num_envs))
        self._zero_bars = self._put(np.zeros(self.num_envs, np.int64))
        self._no = self._put(np.zeros(self.num_envs, np.bool_))
        self._fresh = open_account(self.world.terms, self._zeros, self._zero_bars)
        whole_slice = np.full(self.num_envs, self.start), np.full(self.num_envs, self.stop)
        self._whole_slice = self._put(whole_slice[0]), self._put(whole_slice[1])
        self._action_dtype: Any = None

    def _advance(self, state: WorldState, actions: Array) -> tuple[Played, Play]:
        """Move on by one bar, and into a new episode where one ended."""
        played = self.world.step(state, actions)
        outcome, self._state = played.outcome, played.state
        if self.recorder is not None:
            self.recorder.record(outcome, played.state.bar)
        observations, last = self._observe(played.state), None
        if outcome.at_close is not None:  # an episode ended, or nobody has asked
            last = observations
            observations = self._restart(outcome.terminated | outcome.truncated, last)
        return played, Play(
            observations, played.reward, outcome.terminated, outcome.truncated, last
        )

    def _replayed(self, replay: Replay, actions: NDArray[np.int64]) -> Play:
        has_ended = replay.step(actions)
        rewards = replay.rewards(has_ended=has_ended)
        last = replay.observations(has_ended=has_ended)
        if not has_ended:
            return Play(last, rewards, self._no.copy(), self._no.copy(), None)
        terminated, truncated = replay.ends()
        rows = np.flatnonzero(terminated | truncated)
        starts, ends = self._draw(self.np_random, len(rows))
        replay.restart(rows, starts, ends)
        observations = self._anew(last, rows, starts)
        return Play(observations, rewards, terminated, truncated, last)

    def _anew(self, last: Array, rows: Array, starts: Array) -> Array:
        """Copy observations and show in these rows the first ones of new episodes."""
        observations, n_features = self._copied(last), self.layout.n_features
        observations[rows, :n_features] = take_rows(self.world.tape.features, starts)
        observations[rows, n_features:] = 0.0
        return observations

    def _put(self, array: NDArray[Any]) -> Array:
        """Copy a host array to the tape's library and device."""
        return self.world.xp.asarray(array, device=self._device, copy=True)

    def _copied(self, array: Array) -> Array:
        return self.world.xp.asarray(array, copy=True)

    def checked_actions(self, actions: Array) -> Array:
        """Return actions as an array of this environment's, or refuse them.

        Raises:
            InvalidAction: If they are not `(n_envs,)` integers of the action space.
        """
        xp = self.world.xp
        actions = xp.asarray(actions, device=self._device)
        if actions.shape != (self.num_envs,):
            raise InvalidAction(
                f"actions must have shape ({self.num_envs},), not {tuple(actions.shape)}"
            )
        # asked once for each dtype, for it takes long; None would equal NumPy's float64
        if self._action_dtype is None or actions.dtype != self._action_dtype:
            if not xp.isdtype(actions.dtype, "integral"):
                raise InvalidAction(f"actions must be integers, not {actions.dtype}")
            self._action_dtype = actions.dtype
        n_actions = len(self.world.mode.labels)
        if xp.any((actions < 0) | (actions >= n_actions)):
            raise InvalidAction(f"every action must lie in [0, {n_actions})")
        return actions

    def _draw(
        self, generator: np.random.Generator, n_windows: int, *, stagger: bool = False
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if not self.random_starts:
            return np.full(n_windows, self.start), np.full(n_windows, self.stop)
        length = self.world.config.episode_bars
        return draw_windows(generator, n_windows, (self.start, self.stop), length, stagger=stagger)

    def _observe(self, state: WorldState) -> Array:
        """Assemble `(n_envs, n_columns) float32`, written anew each time."""
        xp, features = self.world.xp, self.world.tape.features
        n_features = features.shape[1]
        shape = (self.num_envs, n_features + len(ACCOUNT_NAMES))
        observations = xp.empty(shape, dtype=xp.float32, device=self._device)
        observations[:, :n_features] = take_rows(features, state.bar)
        for column, values in enumerate(self.world.account_columns(state), start=n_features):
            observations[:, column] = values
        return observations

    def _restart(self, done: Array, last: Array) -> Array:
        """Begin new episodes where `done`; returns the observations after that."""
        assert self._state is not None
        xp, old = self.world.xp, self._state
        starts, ends = self._next_windows(done)
        bar, end = xp.where(done, starts, old.bar), xp.where(done, ends, old.end)
        first, second = (xp.where(done, 0.0, average) for average in old.memory)
        account = choose(xp, done, self._fresh, old.account)
        self._state = WorldState(account, bar, end, (first, second))
        if self._on_host:
            rows = np.flatnonzero(done)
            return self._anew(last, rows, starts[rows])
        n_features = self.layout.n_features
        observations = xp.empty_like(last)
        observations[:, :n_features] = take_rows(self.world.tape.features, bar)
        columns = last[:, n_features:]
        observations[:, n_features:] = xp.where(done[:, None], xp.zeros_like(columns), columns)
        return observations

    def _next_windows(self, done: Array) -> tuple[Array, Array]:
        """Windows of new episodes where `done`, `(n_envs,)`; anything elsewhere."""
        if not self.random_starts:
            return self._whole_slice
        if self._queue is not None:
            return self._queue.take(done)
        windows = np.zeros((2, self.num_envs), np.int64)
        windows[:, done] = self._draw(self.np_random, int(np.count_nonzero(done)))
        return windows[0], windows[1]
