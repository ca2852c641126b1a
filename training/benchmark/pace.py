"""How fast every arm trains, measured before anything is planned; equal agents once.

Not here: what a child does for it (`training.benchmark.unit`), the plan made from it
(`training.benchmark.plan`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from envs.fingerprint import fingerprint
from training.benchmark.arms import ORIGINAL, ORIGINAL_16_ENVS, Arm
from training.benchmark.children import Answer, ChildRunner, Job
from training.benchmark.plan import ArmCost
from training.calibration import OWN_CORE, TRIAL_PATIENCE
from training.config import to_json
from training.errors import TrainingError

PATIENCE_S = 600.0
"""Seconds after which measuring is given up; the least that any child gets."""
_TRIAL_FRAC = 0.1
_TRIED = (ORIGINAL, ORIGINAL_16_ENVS)


@dataclass(frozen=True, kw_only=True)
class Paces:
    """What was measured.

    Attributes:
        costs: Of every arm, in their order.
        start_s: Seconds until a child process trains.
        original: The pace of the original, on the threads that it takes.
        n_threads: Those threads; stock arms that were not tried themselves take them, too.
        told: Every measurement, as JSON values.
        threads: By arm that was to be tried on all cores, `n_threads` and `why`: in words, why
            these; None where they are the faster ones of both.
    """

    costs: list[ArmCost]
    start_s: float
    original: Mapping[str, float]
    n_threads: int
    told: list[dict[str, Any]]
    threads: dict[str, dict[str, Any]]


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
        tried = self._try_all_cores(paces, start_s)
        for name, (threads, many) in tried.found.items():
            if many is not None:
                told.append({"arm": name, "n_threads": threads, **many})
                paces[name] = many
        n_threads = tried.n_threads[ORIGINAL]
        return Paces(
            costs=[
                _cost(arm, paces[arm.name], tried.n_threads.get(arm.name, n_threads))
                for arm in self.arms
            ],
            start_s=start_s,
            original=paces[ORIGINAL],
            n_threads=n_threads,
            told=told,
            threads=tried.to_json(),
        )

    def _try_all_cores(self, paces: Mapping[str, Mapping[str, float]], start_s: float) -> _Tried:
        """Time stock's own arms on all cores, each for its own minibatches, as `calibrate` does.

        On a busy machine several threads are slower by far: where one thread had no core to itself
        they are not tried, and where they take longer they are given up. They get a tenth of the
        time: where that does not suffice for all, the original is tried and the other arm takes its
        threads.
        """
        stock = [arm for arm in self.arms if arm.name in _TRIED]
        own = self.arms[0].config.agent.n_threads
        tried = _Tried(found={arm.name: (own, None) for arm in stock}, why={})
        if self.n_cores <= own:
            return tried
        most_s = _TRIAL_FRAC * self.budget_s
        why = f"{self.n_cores} were not tried, which would take more than a tenth of the time"
        if min(paces[arm.name]["core_frac"] for arm in stock) < OWN_CORE:
            why = f"{self.n_cores} were not tried, because one had no core to itself"
            return replace(tried, why=dict.fromkeys(tried.found, why))
        for arms in (stock, stock[:1]):
            longest_s = sum(TRIAL_PATIENCE * paces[arm.name]["took_s"] for arm in arms)
            if start_s + longest_s <= most_s:
                return self._try(arms, paces, tried, timeout_s=PATIENCE_S)
        return replace(tried, why=dict.fromkeys(tried.found, why))

    def _try(
        self,
        arms: Sequence[Arm],
        paces: Mapping[str, Mapping[str, float]],
        tried: _Tried,
        *,
        timeout_s: float,
    ) -> _Tried:
        many = [arm.with_agent(n_threads=self.n_cores) for arm in arms]
        most_s = {
            _agent_key(wide): TRIAL_PATIENCE * paces[arm.name]["took_s"]
            for arm, wide in zip(arms, many, strict=True)
        }
        answer = self._ask("calibrate-threads", many, timeout_s=timeout_s, most_s=most_s)
        if answer.content is None:
            why = f"{self.n_cores} were tried in vain ({str(answer.error).splitlines()[-1]})"
            return replace(tried, why=dict.fromkeys(tried.found, why))
        speeds = dict(zip(_distinct(many), answer.content["speeds"], strict=True))
        found, why_not = dict(tried.found), {}
        for arm, wide in zip(arms, many, strict=True):
            speed = speeds[_agent_key(wide)]
            if speed is not None and speed["steps_per_s"] > paces[arm.name]["steps_per_s"]:
                found[arm.name] = (self.n_cores, speed)
        for name in found.keys() - {arm.name for arm in arms}:
            found[name] = (found[ORIGINAL][0], None)
            why_not[name] = "the original's; there was no time to try it by itself"
        return _Tried(found=found, why=why_not)

    def _ask(
        self,
        name: str,
        arms: Sequence[Arm],
        *,
        timeout_s: float,
        most_s: Mapping[str, float] | None = None,
    ) -> Answer:
        """Time each agent once; `most_s` is by agent, without it none is given up."""
        distinct = _distinct(arms)
        configs = [to_json(arm.config) for arm in distinct.values()]
        n_threads = max(arm.config.agent.n_threads for arm in arms)
        content = {
            "kind": "calibrate",
            "configs": configs,
            "most_s": [None if most_s is None else most_s[key] for key in distinct],
        }
        return self.runner(
            Job(name=name, content=content, n_threads=n_threads, timeout_s=timeout_s)
        )


@dataclass(frozen=True, kw_only=True)
class _Tried:
    """How many threads the stock arms take: by arm their number and pace on them, if several."""

    found: dict[str, tuple[int, dict[str, Any] | None]]
    why: dict[str, str]

    @property
    def n_threads(self) -> dict[str, int]:
        return {name: count for name, (count, _) in self.found.items()}

    def to_json(self) -> dict[str, dict[str, Any]]:
        return {
            name: {"n_threads": count, "why": self.why.get(name)}
            for name, count in self.n_threads.items()
        }


def _cost(arm: Arm, pace: Mapping[str, float], stock_threads: int) -> ArmCost:
    """Return what an arm costs, a stock arm on so many threads."""
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
