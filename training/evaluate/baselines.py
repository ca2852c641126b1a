"""Baselines: what doing nothing, buying once and acting at random would have come to.

They walk the same window through the same environment at the same costs. Not here: policies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.actions import action_mode
from envs.config import EnvConfig
from envs.market import Tape
from training.evaluate.result import Evaluation
from training.evaluate.walk import buying_action, resting_action, walk
from training.folds import Range
from training.seeds import generator


@dataclass(frozen=True, kw_only=True, eq=False)
class Baselines:
    """The three baselines of one window.

    Attributes:
        flat: Never trades; scores 0.
        buy_and_hold: Goes long at the first bar, as often as the rules allow and demand it.
        random: Independent draws of an agent that picks every action with equal chance.
    """

    flat: Evaluation
    buy_and_hold: Evaluation
    random: tuple[Evaluation, ...]

    @property
    def random_equity(self) -> NDArray[np.float64]:
        """Mean equity of the random agents, `(window.n_bars + 1,)`."""
        equity: NDArray[np.float64] = np.mean([e.window_equity for e in self.random], axis=0)
        return equity


def baselines(
    tape: Tape,
    config: EnvConfig,
    window: Range,
    *,
    seed: int,
    n_random: int = 20,
    score: str = "log_return",
) -> Baselines:
    """Walk the three baselines over a window.

    Args:
        tape: The market.
        config: The environment.
        window: The decision bars.
        seed: Root of the random agents' own generator, which also knows the window's start.
        n_random: How many random agents, at least 1.
        score: A name of `SCORES`.

    Raises:
        ConfigError: If the window is empty or leaves the tape.
        TrainingError: If a result is not finite.
    """
    labels = action_mode(config.action_mode).labels
    flat, held = walk(
        _Fixed([resting_action(labels), buying_action(labels)]),
        tape,
        config,
        [window, window],
        score=score,
    )
    actor = _Random(generator(seed, "random-agent", window.start), len(labels))
    random = walk(actor, tape, config, [window] * n_random, score=score)
    return Baselines(flat=flat, buy_and_hold=held, random=tuple(random))


class _Fixed:
    """One action for each row, for ever."""

    def __init__(self, actions: list[int]) -> None:
        self._actions = np.array(actions, np.int64)

    def act(self, observations: NDArray[np.float32]) -> NDArray[np.int64]:
        return self._actions


class _Random:
    """Every action with equal chance."""

    def __init__(self, source: np.random.Generator, n_actions: int) -> None:
        self._source, self._n_actions = source, n_actions

    def act(self, observations: NDArray[np.float32]) -> NDArray[np.int64]:
        return self._source.integers(self._n_actions, size=len(observations))
