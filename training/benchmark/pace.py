"""How fast every arm trains, measured before anything is planned; equal agents once.

Not here: what a child does for it (`training.benchmark.unit`), the plan made from it
(`training.benchmark.plan`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from envs.fingerprint import fingerprint
from training.benchmark.arms import ORIGINAL, Arm
from training.benchmark.children import Answer, ChildRunner, Job
from training.benchmark.plan import ArmCost
from training.config import to_json
from training.errors import TrainingError

PATIENCE_S = 600.0
"""Seconds after which measuring is given up; the least that any child gets."""
_TRIAL_FRAC = 0.1


@dataclass(frozen=True, kw_only=True)
class Paces:
    """What was measured.

    Attributes:
        costs: Of every arm, in their order.
        start_s: Seconds until a child process trains.
        original: The pace of the original, on the threads that it takes.
        n_threads: Those threads; they hold for all stock arms.
        told: Every measurement, as JSON values.
    """

    costs: list[ArmCost]
    start_s: float
    original: Mapping[str, float]
    n_threads: int
    told: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class PaceTest:
    """Measures paces in child processes.

    Attributes:
        arms: The arms, the original first.
        runner: Runs a job in a child process.
        n_cores: Threads that may be worth trying.
        budget_s: Seconds that the whole benchmark may take.
    """

    arms: Sequence[Arm]
    runner: ChildRunner
    n_cores: int
    budget_s: float

    def measure(self) -> Paces:
        """Measure every agent, the original's first.

        Raises:
            TrainingError: If not even that works.
        """
        answer = self._ask("calibrate", self.arms, timeout_s=PATIENCE_S)
        if answer.content is None:
            raise TrainingError(
                "The pace of every arm must be measurable before anything is planned",
                came=str(answer.error),
                mend="try walkfast train with the same flags: it shows the same mistake",
            )
        speeds: list[dict[str, Any]] = answer.content["speeds"]
        start_s = max(answer.process_s - sum(speed["took_s"] for speed in speeds), 0.0)
        measured = dict(zip(_distinct(self.arms), speeds, strict=True))
        paces = {arm.name: measured[_agent_key(arm)] for arm in self.arms}
        told = [{"arm": name, **pace} for name, pace in paces.items()]
        n_threads, many = self._try_all_cores(paces[ORIGINAL], start_s)
        if many is not None:
            told.append({"arm": ORIGINAL, "n_threads": n_threads, **many})
            paces[ORIGINAL] = many
        return Paces(
            costs=[_cost(arm, paces[arm.name], n_threads) for arm in self.arms],
            start_s=start_s,
            original=paces[ORIGINAL],
            n_threads=n_threads,
            told=told,
        )

    def _try_all_cores(
        self, pace: Mapping[str, float], start_s: float
    ) -> tuple[int, dict[str, Any] | None]:
        """Time the original on all cores, where that is cheap, and take it where it is faster.

        On a busy machine several threads can be slower by far: they get a tenth of the time.
        """
        original = self.arms[0]
        own, most_s = original.config.agent.n_threads, _TRIAL_FRAC * self.budget_s
        if self.n_cores <= own or start_s + 2 * pace["took_s"] > most_s:
            return own, None
        many = original.with_agent(n_threads=self.n_cores)
        answer = self._ask("calibrate-threads", [many], timeout_s=most_s)
        if answer.content is None:
            return own, None
        found: dict[str, Any] = answer.content["speeds"][0]
        faster = found["steps_per_s"] > pace["steps_per_s"]
        return (self.n_cores, found) if faster else (own, None)

    def _ask(self, name: str, arms: Sequence[Arm], *, timeout_s: float) -> Answer:
        configs = [to_json(arm.config) for arm in _distinct(arms).values()]
        n_threads = max(arm.config.agent.n_threads for arm in arms)
        content = {"kind": "calibrate", "configs": configs}
        return self.runner(
            Job(name=name, content=content, n_threads=n_threads, timeout_s=timeout_s)
        )


def _cost(arm: Arm, pace: Mapping[str, float], stock_threads: int) -> ArmCost:
    """Return what an arm costs; the original's number of threads holds for all stock arms."""
    return ArmCost(
        name=arm.name,
        steps_per_s=pace["steps_per_s"],
        rollout_steps=arm.config.agent.rollout_steps,
        budget_steps=arm.budget_steps,
        n_threads=stock_threads if arm.is_stock else arm.config.agent.n_threads,
    )


def _distinct(arms: Sequence[Arm]) -> dict[str, Arm]:
    """Return the first arm of each agent: the pace depends on nothing else."""
    found: dict[str, Arm] = {}
    for arm in arms:
        found.setdefault(_agent_key(arm), arm)
    return found


def _agent_key(arm: Arm) -> str:
    content = to_json(arm.config)
    return fingerprint("benchmark-agent-1", [content["agent"], content["env"]])
