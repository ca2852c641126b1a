"""Walk one policy over one window on plain numbers: the quick way for a single account.

The market is `World`, as in `TradingEnv`, without what only gymnasium asks for. A large network
looks a few bars ahead as if the position stayed; what it says there counts up to the first change
(`docs/decisions/111-one-window.md`). Many rows: `training.evaluate.walk`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

from envs.config import EnvConfig
from envs.market import BarOutcome, Ledger, Recorder, Tape, open_account
from envs.observations import ACCOUNT_NAMES
from envs.vector_env import World, WorldState, checked_slice
from training.agent.shadows import Shadow
from training.agent.single import SingleActor
from training.evaluate.result import Evaluation
from training.evaluate.walk import finished
from training.folds import Range


def walk_alone(
    policy: RecurrentActorCriticPolicy,
    tape: Tape,
    config: EnvConfig,
    window: Range,
    *,
    score: str = "log_return",
) -> tuple[Evaluation, NDArray[np.floating[Any]]]:
    """Let a policy walk a window once from its first bar.

    Args:
        policy: Over a flat observation and discrete actions.
        tape: The market, as NumPy arrays.
        config: The environment; random starts and `episode_bars` play no part.
        window: The decision bars.
        score: A name of `SCORES`.

    Returns:
        The walk, and `(n_bars,)` how near each decision was to another (`Shadow.nearness`).

    Raises:
        ConfigError: If the window is empty or leaves the tape.
        TrainingError: If a result is not finite.
    """
    market = _Market(tape, config, window)
    features = tape.features[window.start : window.stop]
    actor = SingleActor(policy, features)
    accounts = np.zeros((window.n_bars, len(ACCOUNT_NAMES)), np.float32)
    logits = np.zeros((window.n_bars, len(market.world.mode.labels)), actor.dtype)
    bar = n_changes = 0
    while not market.over:
        # About as far as the position has stayed so far: looking further is mostly in vain.
        reach = min(max(2, bar // (n_changes + 1)), actor.max_block_bars, window.n_bars - bar)
        drafts = market.drafts(reach)
        end = bar + len(drafts)
        accounts[bar:end] = [market.world.account_columns(state) for state in drafts]
        with np.errstate(over="ignore", invalid="ignore"):  # told by the nearness
            logits[bar:end] = actor.logits(accounts[bar:end])
        n_kept = market.follow(drafts, logits[bar:end])
        actor.keep(n_kept)
        bar += n_kept
        n_changes += bar < end
    seen = np.concatenate([features[:bar], accounts[:bar]], axis=1)
    nearness = Shadow(policy).nearness(
        torch.from_numpy(seen)[:, None], torch.from_numpy(logits[:bar])[:, None]
    )
    return market.evaluation(tape, window, score), nearness[:, 0].numpy()


class _Market:
    """One account on its window, with what an `Evaluation` needs of it."""

    def __init__(self, tape: Tape, config: EnvConfig, window: Range) -> None:
        checked_slice(tape, window.start, window.stop)
        self.world = World(tape, config, plain_numbers=True)
        account = open_account(self.world.terms, 0.0, 0)
        self._state = WorldState(account, window.start, window.stop, (0.0, 0.0))
        self._equity, self._actions = [account.equity], list[int]()
        self._closed: list[tuple[BarOutcome, int]] = []
        self._n_refused = 0
        self._stays = _staying_actions(self.world)
        self.over = self._terminated = False

    def drafts(self, n_bars: int) -> list[WorldState]:
        """The states of the next bars if the position stays, the present one first."""
        state = self._state
        states = [state]
        while len(states) < n_bars:
            played = self.world.step(state, self._stays[state.account.direction][0])
            if played.outcome.terminated or played.outcome.truncated:
                break
            state = played.state
            states.append(state)
        return states

    def follow(self, drafts: Sequence[WorldState], logits: NDArray[np.floating[Any]]) -> int:
        """Act on drafted bars up to the first change; returns how many that were."""
        actions = logits.argmax(axis=1).tolist()
        for index, after in enumerate(drafts[1:]):
            if actions[index] not in self._stays[self._state.account.direction]:
                self._act(actions[index])
                return index + 1
            self._actions.append(actions[index])
            self._equity.append(after.account.equity)
            self._state = after
        self._act(actions[-1])
        return len(drafts)

    def _act(self, action: int) -> None:
        played = self.world.step(self._state, action)
        outcome, self._state = played.outcome, played.state
        self._actions.append(action)
        self._equity.append(self._state.account.equity)
        self._n_refused += outcome.refused
        self._terminated, self.over = outcome.terminated, outcome.terminated or outcome.truncated
        if outcome.at_open.mask or self.over:
            self._closed.append((outcome, self._state.bar))

    def evaluation(self, tape: Tape, window: Range, score: str) -> Evaluation:
        walked = finished(
            tape,
            window,
            actions=np.array(self._actions, np.int64),
            equity=np.array(self._equity),
            ledger=self._ledger(),
            terminated=self._terminated,
            score=score,
        )
        return replace(walked, n_refused=self._n_refused)

    def _ledger(self) -> Ledger:
        *at_opens, (last, last_bar) = self._closed
        recorder = Recorder(self.world.terms)
        recorder.start(np.zeros(len(at_opens)))
        if at_opens:  # noting each by itself takes longer than the walk
            outcomes, bars = zip(*at_opens, strict=True)
            recorder.record(_side_by_side(outcomes), np.array(bars))
        recorder.record(last, last_bar)
        return recorder.ledger()


def _side_by_side(outcomes: Sequence[Any]) -> Any:
    """Put the numbers of several outcomes into one of arrays `(n_outcomes,)`."""
    first = outcomes[0]
    if is_dataclass(first):
        parts = [[getattr(outcome, f.name) for outcome in outcomes] for f in fields(first)]
        make: Any = type(first)
        return make(*map(_side_by_side, parts))
    if isinstance(first, tuple):
        return type(first)(*map(_side_by_side, zip(*outcomes, strict=True)))
    return None if first is None else np.array(outcomes)


def _staying_actions(world: World) -> dict[float, tuple[int, ...]]:
    """For each position the actions that leave it as it is."""
    actions, decode = range(len(world.mode.labels)), world.mode.decode
    return {
        side: tuple(a for a in actions if decode(world.xp, a, side).target == side)
        for side in (-1.0, 0.0, 1.0)
    }
