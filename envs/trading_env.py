"""`TradingEnv`: one account as a `gymnasium.Env`.

The same `World` as `TradingVectorEnv`, on plain Python numbers instead of arrays; no arithmetic of
its own. There is no autoreset. Read next: `envs.registration`.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import InvalidAction, ResetNeeded
from numpy.typing import NDArray

from envs.config import EnvConfig
from envs.market import Ledger, Recorder, Tape, open_account
from envs.observations import ObservationLayout
from envs.vector_env import World, WorldState, checked_slice, draw_windows


class TradingEnv(gymnasium.Env[NDArray[np.float32], int]):
    """One account on a tape of NumPy arrays.

    Observations, rewards, ends and infos are those of one environment of `TradingVectorEnv`, to the
    last bit of the accounting.

    Args:
        tape: What is traded; NumPy arrays.
        config: How.
        start: First bar of a decision.
        stop: One past the last bar of a decision; None is the last bar of the tape.
        random_starts: Draw training episodes instead of walking the slice from its first bar.
        record: Keep a ledger and the path of equity.

    Raises:
        ConfigError: If the slice is empty or leaves the tape.
    """

    metadata = {"render_modes": []}  # noqa: RUF012  # gymnasium's own declaration

    def __init__(
        self,
        tape: Tape,
        config: EnvConfig,
        *,
        start: int = 0,
        stop: int | None = None,
        random_starts: bool = False,
        record: bool = False,
    ) -> None:
        self.world = World(tape, config, plain_numbers=True)
        self.start, self.stop = checked_slice(tape, start, stop)
        self.random_starts = random_starts
        self.recorder = Recorder(self.world.terms) if record else None
        self.observation_space = self.world.observation_space  # type: ignore[assignment]  # float32 inside
        self.action_space = self.world.action_space  # type: ignore[assignment]  # Discrete yields np.int64, an int to us
        self._n_actions = len(self.world.mode.labels)
        self._state: WorldState | None = None
        self._over = True

    @property
    def layout(self) -> ObservationLayout:
        """Columns of an observation."""
        return self.world.layout

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start an episode; the same seed gives the same one."""
        super().reset(seed=seed)
        first, last = self.start, self.stop
        if self.random_starts:
            length, slice_ = self.world.config.episode_bars, (first, last)
            drawn = draw_windows(self.np_random, 1, slice_, length, stagger=False)
            first, last = int(drawn[0][0]), int(drawn[1][0])
        account = open_account(self.world.terms, 0.0, 0)
        self._state = WorldState(account, first, last, (0.0, 0.0))
        self._over = False
        if self.recorder is not None:
            self.recorder.start(account.equity)
        return self._observe(self._state), self._info(self._state, (False, False, False))

    def step(self, action: int) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Play one bar.

        Raises:
            InvalidAction: If the action is not one of the action space.
            ResetNeeded: If the episode is over or never began.
        """
        if self._over or self._state is None:
            raise ResetNeeded("call reset: the episode is over or never began")
        action = int(action)
        if not 0 <= action < self._n_actions:
            raise InvalidAction(f"the action must lie in [0, {self._n_actions}), not {action}")
        played = self.world.step(self._state, action)
        outcome, self._state = played.outcome, played.state
        self._over = outcome.terminated or outcome.truncated
        if self.recorder is not None:
            self.recorder.record(outcome, self._state.bar)
        info = self._info(self._state, (played.invalid, outcome.refused, outcome.margin_call))
        observation = self._observe(self._state)
        return observation, played.reward, outcome.terminated, outcome.truncated, info

    def ledger(self) -> Ledger:
        """Return the trades closed since `reset`; only with `record=True`."""
        assert self.recorder is not None, "the environment was made with record=False"
        return self.recorder.ledger()

    def equity_path(self) -> NDArray[np.float64]:
        """Return equity `(n_steps + 1, 1)` since `reset`; only with `record=True`."""
        assert self.recorder is not None, "the environment was made with record=False"
        return self.recorder.equity_path()

    def _observe(self, state: WorldState) -> NDArray[np.float32]:
        features = self.world.tape.features
        n_features = features.shape[1]
        observation = np.empty(len(self.world.layout.names), np.float32)
        observation[:n_features] = features[state.bar]
        observation[n_features:] = self.world.account_columns(state)
        return observation

    def _info(self, state: WorldState, flags: tuple[bool, bool, bool]) -> dict[str, Any]:
        account = state.account
        return {
            "action_mask": np.array(self.world.mode.allowed(account.direction), np.int8),
            "bar_index": state.bar,
            "equity": account.equity,
            "balance": account.balance,
            "position": account.direction,
            "invalid_action": flags[0],
            "refused": flags[1],
            "margin_call": flags[2],
        }
