"""How fast an agent trains on a market, and how that moves with the number of environments.

Measured, on few rollouts: good to choose sizes by, no benchmark (`bench/engine.py` is one). Not
here: which of the sizes learns best, which no clock can say.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter
from types import MappingProxyType
from typing import Any, NamedTuple

from stable_baselines3.common.callbacks import BaseCallback

from envs.config import EnvConfig
from envs.errors import ConfigError
from envs.market import Tape
from training.agent.build import build_agent, resolve_device
from training.agent.config import AgentConfig
from training.agent.vec_env import training_env

Clock = Callable[[], float]
N_ENVS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"cpu": (16, 32, 64, 128, 256), "cuda": (64, 256, 1024, 4096)}
)
"""Numbers of environments that are worth comparing, by kind of device."""
SHORTEST_STEPS = 32
"""Bars below which an environment is not cut to keep the rollout's size: memory needs a past."""


_MOST_ROUNDS = 1_000


class Round(NamedTuple):
    """Seconds to play one rollout, and of one pass over it."""

    rollout_s: float
    epoch_s: float


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What a rollout and the update after it took.

    Attributes:
        config: Of the agent that was measured.
        rounds: What was timed, in order; the warm-up is not among them.
        mean_episode_bars: Env steps by ended episode, counted; None where none ended.
    """

    config: AgentConfig
    rounds: tuple[Round, ...]
    mean_episode_bars: float | None

    @property
    def n_rounds(self) -> int:
        """Rollouts that were timed."""
        return len(self.rounds)

    @property
    def rollout_s(self) -> float:
        """Median seconds to play a rollout."""
        return median(item.rollout_s for item in self.rounds)

    @property
    def epoch_s(self) -> float:
        """Median seconds of one pass over it."""
        return median(item.epoch_s for item in self.rounds)

    @property
    def update_s(self) -> float:
        """Seconds of all epochs: one was timed, and each is the same work."""
        return self.epoch_s * self.config.n_epochs

    @property
    def steps_per_s(self) -> float:
        """Env steps a second, end to end."""
        return self._pace(Round(self.rollout_s, self.epoch_s))

    @property
    def slowest_and_fastest(self) -> tuple[float, float]:
        """Env steps a second of the slowest single round and of the fastest."""
        paces = [self._pace(item) for item in self.rounds]
        return min(paces), max(paces)

    @property
    def round_s_per_step(self) -> float:
        """Seconds by env step of a round as it is timed, with one epoch."""
        return (self.rollout_s + self.epoch_s) / self.config.rollout_steps

    def _pace(self, item: Round) -> float:
        update_s = item.epoch_s * self.config.n_epochs
        return self.config.rollout_steps / (item.rollout_s + update_s)


@dataclass(kw_only=True)
class SpeedTest:
    """Measures agents on one market.

    Attributes:
        tape: The market.
        env: How it is played.
        start: First bar to play; those before it warm the features up.
        stop: One past the last bar to decide on; None is the tape's end.
        random_starts: Whether episodes begin at random bars; otherwise they walk all bars.
        device: `auto`, `cpu` or `cuda`.
        clock: Gives seconds.
    """

    tape: Tape
    env: EnvConfig
    start: int = 0
    stop: int | None = None
    random_starts: bool = True
    device: str = "auto"
    clock: Clock = perf_counter

    def measure(
        self,
        config: AgentConfig,
        *,
        at_least_s: float = 0.5,
        least_rounds: int = 2,
        most_s: float | None = None,
    ) -> Speed:
        """Time rollouts and updates of one epoch, after a round that warms up.

        Seeds the global generators and pins torch's threads, as every training does.

        Args:
            config: The agent.
            at_least_s: Rounds are repeated until they took so many seconds.
            least_rounds: Rounds that are timed at least.
            most_s: Seconds after which it ends in any case, with the rounds that there are, maybe
                none; None waits for them.

        Raises:
            ConfigError: If the sizes do not fit each other.
        """
        vec_env = training_env(
            self.tape,
            self.env,
            resolve_device("cpu" if config.engine == "stock" else self.device),
            n_envs=config.n_envs,
            start=self.start,
            stop=self.stop,
            random_starts=self.random_starts,
        )
        agent = build_agent(vec_env, replace(config, n_epochs=1), seed=0, device=self.device)
        stopwatch = _Stopwatch(self.clock, at_least_s, least_rounds, most_s)
        agent.learn(_MOST_ROUNDS * config.rollout_steps, callback=stopwatch)
        return Speed(
            config=config,
            rounds=stopwatch.timed_rounds,
            mean_episode_bars=stopwatch.mean_episode_bars,
        )

    def compare(
        self, configs: Iterable[AgentConfig], first: Speed, *, within_s: float
    ) -> Iterator[Speed]:
        """Measure agents one after the other, and leave out what would take too long.

        Args:
            configs: Agents of one network.
            first: One of them, measured; how long others take is guessed from the last one.
            within_s: Seconds for all of them.
        """
        last, end_s = first, self.clock() + within_s
        for config in configs:
            guess_s = 3 * config.rollout_steps * last.round_s_per_step  # one warms up
            left_s = end_s - self.clock()
            if guess_s > left_s:
                return
            last = self.measure(config, at_least_s=min(0.5, left_s / 2))
            yield last


def sizes_to_compare(config: AgentConfig, *, device: str = "cpu") -> Iterator[AgentConfig]:
    """Yield the same agent with other numbers of environments, the rollout's size kept if it can.

    Steps are never cut below `SHORTEST_STEPS` or the agent's own; then the rollout grows. Sizes
    that the minibatch or the chunk do not fit are left out, and so is its own number.

    Args:
        config: The agent.
        device: A kind of device, `cpu` or `cuda`.
    """
    shortest = min(SHORTEST_STEPS, config.n_steps)
    for n_envs in N_ENVS[device]:
        n_steps = max(config.rollout_steps // n_envs, shortest)
        if n_envs == config.n_envs:
            continue
        with contextlib.suppress(ConfigError):  # minibatch or chunk do not fit this rollout
            yield replace(config, n_envs=n_envs, n_steps=n_steps)


def short_rounds(config: AgentConfig) -> AgentConfig:
    """Return a stock agent with rounds of about one minibatch, of sequences as long as its own.

    Stock updates are slow and the same work for every minibatch, so that one of them tells the
    pace. Fewer environments step slower each: an agent with many is faster than that. Agents of
    our engines are returned as they are.
    """
    if config.engine != "stock":
        return config
    n_steps = min(config.n_steps, config.batch_size)
    n_envs = max(config.batch_size // n_steps, 1) if config.n_envs > 1 else 1
    if n_steps * n_envs % config.batch_size:
        return config
    return replace(config, n_steps=n_steps, n_envs=n_envs)


class _Stopwatch(BaseCallback):
    """Seconds of rollouts and of what lies between them, and the episodes that ended."""

    def __init__(
        self, clock: Clock, at_least_s: float, least_rounds: int, most_s: float | None
    ) -> None:
        super().__init__()
        self.rollouts_s: list[float] = []
        self.updates_s: list[float] = []
        self._clock, self._since_s = clock, clock()
        self._at_least_s, self._least_rounds = at_least_s, least_rounds
        self._end_s = None if most_s is None else self._since_s + most_s
        self._n_steps = 0
        self._n_ends: Any = 0  # stays on the device that counts it

    @property
    def timed_rounds(self) -> tuple[Round, ...]:
        pairs = zip(
            self.rollouts_s, self.updates_s, strict=False
        )  # the last rollout is not learned
        return tuple(Round(*pair) for pair in pairs)[1:]  # the first one warms up

    @property
    def mean_episode_bars(self) -> float | None:
        n_ends = int(self._n_ends)
        return self._n_steps / n_ends if n_ends else None

    def _on_rollout_start(self) -> None:
        if self.rollouts_s:
            self.updates_s.append(self._lap())
        self._lap()

    def _on_step(self) -> bool:
        dones = self.locals["dones"]
        self._n_steps += len(dones)
        self._n_ends = self._n_ends + dones.sum()
        return not self._has_enough()

    def _on_rollout_end(self) -> None:
        self.rollouts_s.append(self._lap())

    def _has_enough(self) -> bool:
        if self._end_s is not None and self._clock() > self._end_s:
            return True
        timed_s = sum(self.rollouts_s[1:]) + sum(self.updates_s[1:])
        return len(self.updates_s) > self._least_rounds and timed_s >= self._at_least_s

    def _lap(self) -> float:
        before_s, self._since_s = self._since_s, self._clock()
        return self._since_s - before_s
