"""Walk any actor through the environment, over many windows side by side.

The market is `envs`' own: a vector environment, or for one or two rows the single one, which steps
faster there. Not here: what an actor is made of (`training.agent.stacked`, `baselines`), and the
quickest way for one policy on one window (`training.evaluate.alone`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from envs.config import EnvConfig
from envs.market import Ledger, Tape
from envs.trading_env import TradingEnv
from envs.vector_env import TradingVectorEnv, checked_slice
from training.evaluate.result import Evaluation, scored
from training.folds import Range

MAX_SINGLE_ROWS = 2
"""Up to so many rows single environments step faster than the vector (decision 053)."""
_AT_REST = ("flat", "hold")
_LONG = ("long", "buy")


class Actor(Protocol):
    """Chooses an action for every row, bar after bar."""

    def act(self, observations: NDArray[np.float32]) -> NDArray[np.int64]:
        """Take `(n_rows, n_columns)`, return `(n_rows,)`; called once a bar, in order."""
        ...


def walk(
    actor: Actor,
    tape: Tape,
    config: EnvConfig,
    windows: Sequence[Range],
    *,
    score: str = "log_return",
) -> list[Evaluation]:
    """Let an actor walk each window once from its first bar; row i walks `windows[i]`.

    Args:
        actor: Is asked about all rows at every bar; answers for ended rows are ignored.
        tape: The market, as NumPy arrays.
        config: The environment; random starts and `episode_bars` play no part.
        windows: One for each row; they may overlap and differ in length.
        score: A name of `SCORES`.

    Raises:
        ConfigError: If a window is empty or leaves the tape.
        TrainingError: If a result is not finite.
    """
    single = len(windows) <= MAX_SINGLE_ROWS
    lanes = (_SingleLanes if single else _VectorLanes)(tape, config, windows)
    actions = np.zeros((max(window.n_bars for window in windows), len(windows)), np.int64)
    for chosen in actions:
        chosen[:] = actor.act(lanes.observations)
        lanes.step(chosen)
        if lanes.over.all():
            break
    ledgers, equity = lanes.recorded()
    rows = [
        finished(
            tape,
            window,
            actions=actions[: lanes.n_bars[row], row],
            equity=equity[row],
            ledger=ledgers[row],
            terminated=bool(lanes.terminated[row]),
            score=score,
        )
        for row, window in enumerate(windows)
    ]
    return [replace(row, n_refused=n) for row, n in zip(rows, lanes.n_refused(), strict=True)]


def finished(
    tape: Tape,
    window: Range,
    *,
    actions: NDArray[np.int64],
    equity: NDArray[np.float64],
    ledger: Ledger,
    terminated: bool,
    score: str,
) -> Evaluation:
    """Put a walk into its result.

    Raises:
        TrainingError: If it is not finite.
    """
    return Evaluation(
        window=window,
        score_name=score,
        score=scored(score, equity, window),
        actions=actions,
        equity=equity,
        time_us=tape.time_us[window.start : window.start + len(equity)],
        ledger=replace(ledger, env=np.zeros_like(ledger.env)),
        terminated=terminated,
    )


def resting_action(labels: Sequence[str]) -> int:
    """Return the action that keeps a flat account flat."""
    return _index_of(labels, _AT_REST)


def buying_action(labels: Sequence[str]) -> int:
    """Return the action that goes long, or stays so."""
    return _index_of(labels, _LONG)


def _index_of(labels: Sequence[str], names: Sequence[str]) -> int:
    return next(index for index, label in enumerate(labels) if label in names)


class _VectorLanes:
    """Rows of one vector environment, each put at the start of its window.

    The environment restarts ended rows by itself; they are held flat and no longer looked at.
    """

    def __init__(self, tape: Tape, config: EnvConfig, windows: Sequence[Range]) -> None:
        for window in windows:
            checked_slice(tape, window.start, window.stop)
        self._env = TradingVectorEnv(
            tape,
            config,
            n_envs=len(windows),
            start=min(window.start for window in windows),
            stop=max(window.stop for window in windows),
            record=True,
        )
        self._env.reset(seed=0)
        state = self._env.get_state()
        state["bar"] = np.array([window.start for window in windows])
        state["end"] = np.array([window.stop for window in windows])
        self.observations: NDArray[np.float32] = self._env.set_state(state)
        self.n_bars = np.zeros(len(windows), np.int64)
        self.terminated, self.over = (np.zeros(len(windows), np.bool_) for _ in range(2))
        self._rest = resting_action(self._env.world.mode.labels)

    def step(self, actions: NDArray[np.int64]) -> None:
        held = np.where(self.over, self._rest, actions)
        played = self._env.play(held)
        self.observations = played.observations
        self.n_bars += ~self.over
        self.terminated |= played.terminated & ~self.over
        self.over |= played.terminated | played.truncated

    def recorded(self) -> tuple[list[Ledger], list[NDArray[np.float64]]]:
        ledger, equity = self._env.ledger(), self._env.equity_path()
        rows = range(len(self.n_bars))
        paths = [equity[: self.n_bars[row] + 1, row].copy() for row in rows]
        return [ledger.of_env(row) for row in rows], paths

    def n_refused(self) -> list[int]:
        return _refused(self._env)


class _SingleLanes:
    """The same with one environment a row."""

    def __init__(self, tape: Tape, config: EnvConfig, windows: Sequence[Range]) -> None:
        self._envs = [
            TradingEnv(tape, config, start=window.start, stop=window.stop, record=True)
            for window in windows
        ]
        self.observations = np.stack([env.reset(seed=0)[0] for env in self._envs])
        self.n_bars = np.zeros(len(windows), np.int64)
        self.terminated, self.over = (np.zeros(len(windows), np.bool_) for _ in range(2))

    def step(self, actions: NDArray[np.int64]) -> None:
        for row, env in enumerate(self._envs):
            if self.over[row]:
                continue
            observation, _, terminated, truncated, _ = env.step(int(actions[row]))
            self.observations[row] = observation
            self.n_bars[row] += 1
            self.terminated[row] = terminated
            self.over[row] = terminated or truncated

    def recorded(self) -> tuple[list[Ledger], list[NDArray[np.float64]]]:
        paths = [env.equity_path()[:, 0] for env in self._envs]
        return [env.ledger() for env in self._envs], paths

    def n_refused(self) -> list[int]:
        return [_refused(env)[0] for env in self._envs]


def _refused(env: TradingEnv | TradingVectorEnv) -> list[int]:
    assert env.recorder is not None
    return [int(count) for count in env.recorder.n_refused]
