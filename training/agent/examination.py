"""What an agent's settings come to on this machine: precision, threads, speed, environments.

Precision and threads are chosen, as they change no result that matters or none at all; the number
of environments changes what is learned, and is only recommended. Not here: the single measurements
(`training.agent.probe`, `training.agent.speed`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter

from envs.actions import action_mode
from envs.config import EnvConfig
from envs.features import FeatureConfig, build_features
from envs.market import make_tape
from envs.observations import ObservationLayout
from envs.synthetic import sample_bars
from training.agent.build import resolve_device
from training.agent.config import AgentConfig
from training.agent.hardware import Contention, Hardware, find_hardware
from training.agent.probe import Clock, Probe, decide_precision
from training.agent.speed import Speed, SpeedTest, sizes_to_compare

WORTH_IT = 1.05
"""Ratio of two speeds from which the slower one is not as good."""
_N_BARS = 5_000
_SIZES_WITHIN_S = 5.0


@dataclass(frozen=True, kw_only=True)
class ThreadChoice:
    """How many threads to train with, and why.

    Attributes:
        n_threads: The number.
        reason: Why, as a clause.
        speedup: Speed of two threads by that of one; None where that was not measured.
    """

    n_threads: int
    reason: str
    speedup: float | None = None


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What was found and measured.

    Attributes:
        hardware: The machine.
        device: Kind of device that was trained on, `cpu` or `cuda`.
        probe: The precision.
        threads: The threads.
        speed: Of the agent as asked for, in that precision and with those threads.
        others: Of the same agent with other numbers of environments.
        n_left_out: Numbers of environments that there was no time for.
        other_cores: Cores that other processes kept busy while this was measured.
        stolen_cores: Cores that the hypervisor gave away meanwhile.
        duration_s: Wall seconds of all of it.
    """

    hardware: Hardware
    device: str
    probe: Probe
    threads: ThreadChoice
    speed: Speed
    others: tuple[Speed, ...]
    n_left_out: int
    other_cores: float
    stolen_cores: float
    duration_s: float

    @property
    def speeds(self) -> tuple[Speed, ...]:
        """All that was measured, fewest environments first."""
        return tuple(sorted((self.speed, *self.others), key=lambda speed: speed.config.n_envs))

    @property
    def recommended(self) -> Speed:
        """The fewest environments that come near the best speed, those asked for if they do."""
        enough = max(speed.steps_per_s for speed in self.speeds) / WORTH_IT
        if self.speed.steps_per_s >= enough:
            return self.speed
        return next(speed for speed in self.speeds if speed.steps_per_s >= enough)


@dataclass(kw_only=True)
class Examiner:
    """Examines one agent on the embedded planted market.

    Attributes:
        agent: Its settings; a precision of `auto` is chosen, others are kept.
        env: How the market is played.
        features: What is seen of it.
        device: `auto`, `cpu` or `cuda`.
        threads_are_set: Whether the agent's number of threads is to be kept.
        tell: Hears what is done now.
        clock: Gives seconds.
    """

    agent: AgentConfig
    env: EnvConfig
    features: FeatureConfig
    device: str = "auto"
    threads_are_set: bool = False
    tell: Callable[[str], None] = lambda _text: None
    clock: Clock = perf_counter

    def examine(self) -> Examination:
        """Look and measure; about ten seconds on two cores. Moves global random states.

        Raises:
            ConfigError: If the device is missing, bf16 is asked for where it is not fast, or the
                sizes do not fit each other.
        """
        started_s = self.clock()
        hardware, device = find_hardware(), resolve_device(self.device).type
        test, n_inputs = self._market()
        contention = Contention()
        probe = self._probe(n_inputs)
        agent = replace(self.agent, precision=probe.precision)
        threads, speed = self._threads(test, agent, hardware, device)
        sizes = list(sizes_to_compare(speed.config, device=device))
        self.tell(f"timing {', '.join(str(size.n_envs) for size in sizes)} environments")
        others = tuple(test.compare(sizes, speed, within_s=_SIZES_WITHIN_S))
        other_cores, stolen_cores = contention.cores()
        return Examination(
            hardware=hardware,
            device=device,
            probe=probe,
            threads=threads,
            speed=speed,
            others=others,
            n_left_out=len(sizes) - len(others),
            other_cores=other_cores,
            stolen_cores=stolen_cores,
            duration_s=self.clock() - started_s,
        )

    def _market(self) -> tuple[SpeedTest, int]:
        """Return a market to be timed on, and the length of its observations."""
        bars = sample_bars().slice(0, _N_BARS)
        features = build_features(bars, self.features)
        scale_bars = self.env.bars_held_scale_bars
        layout = ObservationLayout.of(features.names, bars_held_scale_bars=scale_bars)
        test = SpeedTest(
            tape=make_tape(bars, features, self.env.market),
            env=self.env,
            start=features.warmup_bars,
            device=self.device,
            clock=self.clock,
        )
        return test, len(layout.names)

    def _probe(self, n_inputs: int) -> Probe:
        self.tell("timing updates in float32 and bf16")
        return decide_precision(
            self.agent,
            n_inputs=n_inputs,
            n_actions=len(action_mode(self.env.action_mode).labels),
            device=resolve_device(self.device),
            clock=self.clock,
        )

    def _threads(
        self, test: SpeedTest, agent: AgentConfig, hardware: Hardware, device: str
    ) -> tuple[ThreadChoice, Speed]:
        """Choose the threads, and measure the agent with them."""
        fixed = self._fixed_threads(agent, hardware, device)
        if fixed is not None:
            self.tell("timing the agent as asked for")
            return fixed, test.measure(replace(agent, n_threads=fixed.n_threads))
        self.tell("timing one thread and two")
        one, two = (test.measure(replace(agent, n_threads=count)) for count in (1, 2))
        speedup = two.steps_per_s / one.steps_per_s
        reason = f"two train at {speedup:.2f} times the speed of one, and to the same bits"
        best = two if speedup >= 1 / WORTH_IT else one  # a busy machine hides what two gain
        choice = ThreadChoice(n_threads=best.config.n_threads, reason=reason, speedup=speedup)
        return choice, best

    def _fixed_threads(
        self, agent: AgentConfig, hardware: Hardware, device: str
    ) -> ThreadChoice | None:
        """Return the threads where there is nothing to choose; None where there is."""
        if self.threads_are_set:
            return ThreadChoice(n_threads=agent.n_threads, reason="as set")
        if device != "cpu":
            return ThreadChoice(n_threads=1, reason="updates run on the GPU")
        if agent.engine == "stock":
            reason = "more would change the last bits of stock's updates, and gain little"
            return ThreadChoice(n_threads=1, reason=reason)
        if hardware.usable_cores.value < 2:
            return ThreadChoice(n_threads=1, reason="this process has less than two cores")
        return None
