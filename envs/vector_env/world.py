"""`World`: the step that every environment shares, without episodes, seeds or autoreset.

It plays one bar for arrays `(n_envs,)` of any array library, or for plain Python numbers.
Not here: the rules (`envs.market`). Read next: `envs.vector_env.env`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import array_api_compat
import numpy as np
from gymnasium.spaces import Box, Discrete

from envs.actions import action_mode
from envs.config import EnvConfig
from envs.market import Account, BarOutcome, Prices, Tape, Terms, scalar, trade_bar
from envs.market.account import Array, Namespace
from envs.market.unasked import Unasked
from envs.observations import ObservationLayout, account_columns
from envs.rewards import Memory, RewardScale, reward_named


@dataclass(slots=True)
class WorldState:
    """Where each environment stands.

    Attributes:
        account: Accounts at the close of `bar`.
        bar: int64 index of the bar whose close is known; the next decision is made on it.
        end: int64 index of the last bar of the episode.
        memory: The reward's own averages.
    """

    account: Account
    bar: Array
    end: Array
    memory: Memory


@dataclass(slots=True)
class Played:
    """One step: the state after it, the reward, what the market did and which actions were void."""

    state: WorldState
    reward: Array
    outcome: BarOutcome
    invalid: Array


class World:
    """The step from bar t to bar t+1, for arrays or for plain numbers; it keeps no state.

    Attributes:
        xp: Namespace of the arrays.
        layout: Columns of an observation.
    """

    def __init__(self, tape: Tape, config: EnvConfig, *, plain_numbers: bool = False) -> None:
        self.tape = tape
        self.config = config
        self.xp: Namespace = (
            scalar if plain_numbers else array_api_compat.array_namespace(tape.close)
        )
        on_host = plain_numbers or isinstance(tape.close, np.ndarray)
        self._rules_xp: Namespace = self.xp if on_host else Unasked(self.xp)
        self.mode = action_mode(config.action_mode)
        self.terms = Terms.of(
            config.market, point_size=tape.point_size, usd_per_price=tape.usd_per_price
        )
        self.layout = ObservationLayout.of(
            tape.feature_names, bars_held_scale_bars=config.bars_held_scale_bars
        )
        self._reward = reward_named(config.reward)
        self._reward_scale = RewardScale(
            initial_balance_usd=config.market.initial_balance_usd,
            decay=1.0 / config.reward_window_bars,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy what it was made of: a namespace is a module, which nothing can copy."""
        return partial(World, plain_numbers=self.xp is scalar), (self.tape, self.config)

    @property
    def observation_space(self) -> Box:
        """Any finite float32: scaled features are small, but a user's own need not be."""
        bound = np.finfo(np.float32).max
        return Box(-bound, bound, (len(self.layout.names),), np.float32)

    @property
    def action_space(self) -> Discrete:
        """One number for each label of the action mode."""
        return Discrete(len(self.mode.labels))

    def step(self, state: WorldState, actions: Array) -> Played:
        """Play the decision made at `state.bar` through the next bar."""
        bar = state.bar + 1
        return self.play_bar(self._rules_xp, state, actions, bar=bar, prices=self.tape.read(bar))

    def play_bar(
        self, xp: Namespace, state: WorldState, actions: Array, *, bar: Array, prices: Prices
    ) -> Played:
        """Play the decision of `state` through `bar`, the next one, at its prices."""
        account = state.account
        request = self.mode.decode(xp, actions, account.direction)
        outcome = trade_bar(
            xp,
            self.terms,
            account,
            target=request.target,
            bar=bar,
            prices=prices,
            window_ends=bar >= state.end,
        )
        reward, memory = self._reward(
            xp,
            account.equity,
            outcome.account.equity,
            memory=state.memory,
            scale=self._reward_scale,
        )
        after = WorldState(outcome.account, bar, state.end, memory)
        return Played(after, reward, outcome, request.invalid)

    def account_columns(
        self, state: WorldState, xp: Namespace | None = None
    ) -> tuple[Array, Array, Array, Array]:
        """Compute the last four columns of the observation."""
        scale = self.config.bars_held_scale_bars
        return account_columns(xp or self.xp, state.account, state.bar, scale)
