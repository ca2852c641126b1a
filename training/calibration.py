"""How fast the original training is here: a few of its rounds, timed before a run trains.

Here: the pace of any training on the bars of a run, the original's among them, and the ratio that
a run makes of it. Not here: what a round is (`training.agent.speed`), whether ours is as good
(`training.benchmark`). Argued in `docs/decisions/145-calibration.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

from training.agent.speed import Speed, SpeedTest, short_rounds
from training.clock import Instant
from training.config import RunConfig, on_the_same_ground, original_config, with_values
from training.events import OriginalTimed
from training.folds import Fold
from training.machine import usable_cores
from training.prepare import Prepared, fold_market
from training.seeds import globals_kept

LEAST_ROUNDS = 5
"""Rounds of the original that are timed at least, after one that warms up."""
LEAST_S = 2.0
"""Seconds that they take at least."""
TRIAL_PATIENCE = 1.5
"""Times what one thread took, before several are given up."""
OWN_CORE = 0.9
"""Share of a core from which on a thread had it to itself."""
MOST_THREADS = 8
"""More threads than these do not help networks of this size."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast a training is.

    Attributes:
        speed: What was timed.
        took_s: Seconds of all of it, building and warming up included.
        cpu_s: CPU seconds of the process meanwhile.
    """

    speed: Speed
    took_s: float
    cpu_s: float

    @property
    def core_frac(self) -> float:
        """CPU seconds by wall seconds, at most 1: what a single thread had of a core."""
        return min(self.cpu_s / self.took_s, 1.0)

    @property
    def warm_up_s(self) -> float:
        """Seconds that were not timed: building, and the first round."""
        timed_s = sum(item.rollout_s + item.epoch_s for item in self.speed.rounds)
        return max(self.took_s - timed_s, 0.0)

    def to_json(self) -> dict[str, Any]:
        """Return the pace as JSON values."""
        speed = self.speed
        return {
            "steps_per_s": speed.steps_per_s,
            "rollout_s": speed.rollout_s,
            "update_s": speed.update_s,
            "n_rounds": speed.n_rounds,
            "took_s": self.took_s,
            "warm_up_s": self.warm_up_s,
            "core_frac": self.core_frac,
        }


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How fast the original training is here; part of the resumable state of a run.

    Attributes:
        steps_per_s: Env steps a second in rollouts and updates, of the median round.
        slowest_steps_per_s, fastest_steps_per_s: The same of single rounds.
        n_rounds: Rounds that were timed.
        n_threads: Threads of a single operation: those on which it is fastest.
        tried_threads: Those that were tried.
        budget_steps: Env steps of a fold of the original, in whole rollouts.
        fold_index: Fold before which it was timed, on whose train bars.
        took_s: Seconds of all of it.
        warm_up_s: Seconds of them that were not timed.
        core_frac: Share of a core that the single thread had, 1 on a quiet machine.
    """

    steps_per_s: float
    slowest_steps_per_s: float
    fastest_steps_per_s: float
    n_rounds: int
    n_threads: int
    tried_threads: tuple[int, ...]
    budget_steps: int
    fold_index: int
    took_s: float
    warm_up_s: float
    core_frac: float

    @property
    def fold_s(self) -> float:
        """Seconds of a fold of the original in rollouts and updates, evaluations left out."""
        return self.budget_steps / self.steps_per_s

    def event(self, *, was_before: bool) -> OriginalTimed:
        """Say in an event what was found."""
        return OriginalTimed(
            steps_per_s=self.steps_per_s,
            n_rounds=self.n_rounds,
            n_threads=self.n_threads,
            budget_steps=self.budget_steps,
            fold_s=self.fold_s,
            shortest_fold_s=self.budget_steps / self.fastest_steps_per_s,
            longest_fold_s=self.budget_steps / self.slowest_steps_per_s,
            took_s=self.took_s,
            was_before=was_before,
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {**asdict(self), "tried_threads": list(self.tried_threads)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Calibration:
        """Read back what `to_json` wrote."""
        return cls(**{**content, "tried_threads": tuple(content["tried_threads"])})


@dataclass(frozen=True, kw_only=True)
class SpeedUp:
    """How many times as fast a fold of a run is as a fold of the original.

    Attributes:
        value: Seconds of the original's fold by the mean seconds of the run's folds.
        low, high: The same by the original's fastest round, and by its slowest. How much the run's
            own folds differ is not in it.
        original_fold_s: Seconds of the original's fold in rollouts and updates; evaluations, the
            test and saving are left out.
        mean_fold_s: Mean seconds of the run's folds, all of that included.
        steps_ratio: The run's env steps a second in rollouts and updates by the original's.
    """

    value: float
    low: float
    high: float
    original_fold_s: float
    mean_fold_s: float
    steps_ratio: float


def against_original(
    calibration: Calibration, *, mean_fold_s: float, steps_per_s: float
) -> SpeedUp:
    """Compare a run with the original.

    Args:
        calibration: How fast the original is here.
        mean_fold_s: Mean wall seconds of the run's folds.
        steps_per_s: Its env steps a second in rollouts and updates.
    """
    fold_steps = calibration.budget_steps / mean_fold_s
    return SpeedUp(
        value=fold_steps / calibration.steps_per_s,
        low=fold_steps / calibration.fastest_steps_per_s,
        high=fold_steps / calibration.slowest_steps_per_s,
        original_fold_s=calibration.fold_s,
        mean_fold_s=mean_fold_s,
        steps_ratio=steps_per_s / calibration.steps_per_s,
    )


def measure_pace(
    config: RunConfig,
    prepared: Prepared,
    fold: Fold,
    *,
    at_least_s: float = 0.5,
    least_rounds: int = 2,
    most_s: float | None = None,
) -> Pace:
    """Time rollouts and updates of a training on a fold's train bars. Moves global random states.

    Agents of stock's loops are timed on rounds of one minibatch; one pass over a rollout is timed
    and counted as often as it is made.

    Args:
        config: The training, its precision decided.
        prepared: Its market.
        fold: Whose train bars are played.
        at_least_s: Seconds that rounds take at least.
        least_rounds: Rounds that are timed at least.
        most_s: Seconds after which it ends, with fewer rounds or none; None waits for them.
    """
    started = Instant.now()
    tape, _ = fold_market(prepared, fold, config)
    test = SpeedTest(
        tape=tape,
        env=config.env,
        start=fold.train.start,
        stop=fold.train.stop,
        random_starts=config.random_starts,
        device=config.device,
    )
    speed = test.measure(
        short_rounds(config.agent),
        at_least_s=at_least_s,
        least_rounds=least_rounds,
        most_s=most_s,
    )
    ended = Instant.now()
    return Pace(
        speed=speed, took_s=ended.wall_s - started.wall_s, cpu_s=ended.cpu_s - started.cpu_s
    )


def calibrate(
    config: RunConfig, prepared: Prepared, fold: Fold, *, budget_steps: int | None
) -> Calibration:
    """Time the original training where a run trains, and leave all random states as they were.

    On one thread and on all cores, and the faster counts: the comparison is with the original at
    its best. On a busy machine several threads are slower by far: where one thread did not have a
    core to itself they are not tried, and they are given up where they take longer.

    Args:
        config: The run that is compared with it.
        prepared: Its market and folds.
        fold: Whose train bars are played.
        budget_steps: Env steps of a fold that were asked for of both; None leaves the original its
            own.
    """
    started_s = perf_counter()
    original = on_the_same_ground(original_config(), config, budget_steps=budget_steps)
    n_cores = min(int(usable_cores().value), MOST_THREADS)
    with globals_kept():
        paces = {1: _pace_on(1, original, prepared, fold)}
        if n_cores > 1 and paces[1].core_frac >= OWN_CORE:
            most_s = TRIAL_PATIENCE * paces[1].took_s
            paces[n_cores] = _pace_on(n_cores, original, prepared, fold, most_s=most_s)
    complete = [count for count in paces if paces[count].speed.n_rounds >= LEAST_ROUNDS]
    best = max(complete, key=lambda count: paces[count].speed.steps_per_s)
    speed = paces[best].speed
    slowest, fastest = speed.slowest_and_fastest
    return Calibration(
        steps_per_s=speed.steps_per_s,
        slowest_steps_per_s=slowest,
        fastest_steps_per_s=fastest,
        n_rounds=speed.n_rounds,
        n_threads=best,
        tried_threads=tuple(paces),
        budget_steps=_fold_steps(original),
        fold_index=fold.index,
        took_s=perf_counter() - started_s,
        warm_up_s=sum(pace.warm_up_s for pace in paces.values()),
        core_frac=paces[1].core_frac,
    )


def _pace_on(
    n_threads: int,
    original: RunConfig,
    prepared: Prepared,
    fold: Fold,
    *,
    most_s: float | None = None,
) -> Pace:
    config = with_values(original, {"agent.n_threads": n_threads})
    return measure_pace(
        config, prepared, fold, at_least_s=LEAST_S, least_rounds=LEAST_ROUNDS, most_s=most_s
    )


def _fold_steps(config: RunConfig) -> int:
    return config.agent.whole_rollouts(config.rules.adaptive_timesteps.base_timesteps)
