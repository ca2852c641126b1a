"""The loop of a benchmark: measure the pace, plan, run arm after arm, seed after seed, and judge.

Every finished unit is a file of its own that is never run again; a benchmark that was interrupted
goes on at its first missing unit. Not here: what a unit does (`training.benchmark.unit`), what its
numbers mean (`training.benchmark.results`), the screen (`bot.cli.benchmark`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from envs.errors import ConfigError
from envs.fingerprint import fingerprint
from training import store as files
from training.benchmark import results
from training.benchmark.ablation import csv_text
from training.benchmark.arms import OPTIMIZED, ORIGINAL, ORIGINAL_16_ENVS, Arm
from training.benchmark.children import Answer, ChildRunner, Job
from training.benchmark.config import BenchmarkConfig
from training.benchmark.equity import stitched_equities
from training.benchmark.events import Calibrated, Planned, UnitFinished, UnitStarted
from training.benchmark.plan import ArmCost, Plan, PlannedArm, choose_plan
from training.benchmark.table import markdown
from training.config import to_json, with_values
from training.errors import StoreError, TrainingError
from training.events import Listener, Noticed
from training.identity import changed_settings
from training.store import RunStore, read_run_file
from training.summary import now

PLAN_FILE = files.BENCHMARK_PLAN_FILE
RESULT_FILE = files.BENCHMARK_FILE
TABLE_FILE = "table.md"
ABLATION_FILE = "ablation.csv"
UNITS, RUNS = "units", "runs"
_PATIENCE, _LEAST_PATIENCE_S = 5.0, 300.0
_TRIAL_FRAC = 0.1
_GRACE = 1.25
"""A unit is begun while its end is planned within so many times the time that was asked for."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is compared on what.

    Attributes:
        arms: The arms, the original first.
        n_folds: Folds that the bars have under these settings.
        bars_fingerprint: Of the bars' content.
        data: What `training.summary.describe_data` says of them.
        n_cores: Threads that may be worth trying.
    """

    arms: tuple[Arm, ...]
    n_folds: int
    bars_fingerprint: str
    data: Mapping[str, Any]
    n_cores: int

    def identity(self) -> dict[str, Any]:
        """Return what a folder's units must agree in."""
        return {
            "bars": self.bars_fingerprint,
            "arms": {arm.name: arm.config.fingerprint for arm in self.arms},
        }


@dataclass(kw_only=True)
class Session:
    """A benchmark while it runs.

    Attributes:
        subject: What is compared.
        config: What was asked for.
        store: The folder `results/<run>/benchmark`, open.
        runner: Runs a job in a child process.
        emit: Receives events.
        clock: Gives seconds.
    """

    subject: Subject
    config: BenchmarkConfig
    store: RunStore
    runner: ChildRunner
    emit: Listener
    clock: Callable[[], float] = perf_counter
    _started_s: float = field(init=False)

    def run(self) -> dict[str, Any]:
        """Run what is missing and return the content of `benchmark.json`.

        Raises:
            StoreError: If the folder holds a benchmark of other bars or settings.
            ConfigError: If the time does not suffice for anything.
            TrainingError: If not even the pace of the arms can be measured.
        """
        self._started_s = self.clock()
        planned = self._planned()
        plan = Plan.from_json(planned["plan"])
        self.emit(Planned(plan=planned["plan"], n_done=len(self._done(plan)), notes=_notes(plan)))
        n_left_out = self._run_units(plan)
        return self._conclude(planned, plan, n_left_out)

    def _planned(self) -> dict[str, Any]:
        """Go on with the plan of this folder, or make one."""
        stored = self.store.read(PLAN_FILE)
        if stored is None:
            return self._make_plan()
        self._check_same(stored)
        plan = Plan.from_json(stored["plan"])
        if (asked := self.config.n_seeds or 0) > plan.n_seeds:
            stored["plan"] = plan.with_seeds(asked).to_json()
            self._write(PLAN_FILE, stored)
        elif 0 < asked < plan.n_seeds:
            words = f"this benchmark was begun with {plan.n_seeds} seeds: it keeps them"
            self.emit(Noticed(level="info", message=words))
        return stored

    def _make_plan(self) -> dict[str, Any]:
        costs, start_s, speeds = self._calibrate()
        plan = choose_plan(
            costs,
            start_s=start_s,
            budget_s=self.config.minutes * 60 - self._spent_s,
            n_folds=self.subject.n_folds,
            n_seeds=self.config.n_seeds,
        )
        planned = {
            "identity": self.subject.identity(),
            "configs": {arm.name: to_json(arm.config) for arm in self.subject.arms},
            "calibration": {"start_s": start_s, "took_s": self._spent_s, "speeds": speeds},
            "plan": plan.to_json(),
            "begun": now(),
        }
        self._write(PLAN_FILE, planned)
        return planned

    def _calibrate(self) -> tuple[list[ArmCost], float, list[dict[str, Any]]]:
        """Measure the pace of every agent, the original's first; equal agents once."""
        arms = self.subject.arms
        answer = self._measure("calibrate", arms, timeout_s=_LEAST_PATIENCE_S)
        if answer.content is None:
            raise TrainingError(
                "The pace of every arm must be measurable before anything is planned",
                came=str(answer.error),
                mend="try walkfast train with the same flags: it shows the same mistake",
            )
        speeds: list[dict[str, Any]] = answer.content["speeds"]
        start_s = max(answer.process_s - sum(speed["took_s"] for speed in speeds), 0.0)
        measured = dict(zip(_distinct(arms), speeds, strict=True))
        paces = {arm.name: measured[_agent_key(arm)] for arm in arms}
        n_threads, many = self._try_all_cores(arms[0], paces[ORIGINAL], start_s)
        self.emit(
            Calibrated(
                steps_per_s=(many or paces[ORIGINAL])["steps_per_s"],
                n_threads=n_threads,
                took_s=self._spent_s,
                warm_up_s=paces[ORIGINAL]["warm_up_s"],
            )
        )
        told = [{"arm": name, **pace} for name, pace in paces.items()]
        if many is not None:
            told.append({"arm": ORIGINAL, "n_threads": n_threads, **many})
            paces[ORIGINAL] = many
        return [_cost(arm, paces[arm.name], n_threads) for arm in arms], start_s, told

    def _try_all_cores(
        self, original: Arm, pace: Mapping[str, float], start_s: float
    ) -> tuple[int, dict[str, Any] | None]:
        """Time the original on all cores, where that is cheap, and take it where it is faster.

        On a busy machine several threads can be slower by far: they get a tenth of the time.
        """
        own, n_cores = original.config.agent.n_threads, self.subject.n_cores
        most_s = _TRIAL_FRAC * self.config.minutes * 60
        if n_cores <= own or start_s + 2 * pace["took_s"] > most_s:
            return own, None
        many = original.with_agent(n_threads=n_cores)
        answer = self._measure("calibrate-threads", [many], timeout_s=most_s)
        if answer.content is None:
            return own, None
        found: dict[str, Any] = answer.content["speeds"][0]
        faster = found["steps_per_s"] > pace["steps_per_s"]
        return (n_cores, found) if faster else (own, None)

    def _measure(self, name: str, arms: Sequence[Arm], *, timeout_s: float) -> Answer:
        configs = [to_json(arm.config) for arm in _distinct(arms).values()]
        n_threads = max(arm.config.agent.n_threads for arm in arms)
        content = {"kind": "calibrate", "configs": configs}
        return self.runner(
            Job(name=name, content=content, n_threads=n_threads, timeout_s=timeout_s)
        )

    def _check_same(self, stored: Mapping[str, Any]) -> None:
        came = _differences(stored, self.subject)
        if came:
            raise StoreError(
                "A benchmark goes on only with the bars and settings it was begun with",
                came=came,
                where=str(self.store.folder),
                mend="give --fresh for a new folder, --run_name for one of your own, or the bars "
                "and settings of the first run",
            )

    def _run_units(self, plan: Plan) -> int:
        """Run the missing units, and return how many were left out for want of time."""
        missing = [unit for unit in plan.units if unit_name(*unit) not in self._done(plan)]
        for index, (planned, seed_index) in enumerate(missing):
            if index and self._spent_s + planned.unit_s > _GRACE * self.config.minutes * 60:
                return len(missing) - index
            name = unit_name(planned, seed_index)
            self.emit(
                UnitStarted(
                    name=name, number=index + 1, n_units=len(missing), planned_s=planned.unit_s
                )
            )
            unit = self._run_unit(plan, planned, seed_index)
            self._write(f"{UNITS}/{name}.json", unit)
            self.emit(
                UnitFinished(
                    name=name,
                    arm=planned.name,
                    kind=planned.kind,
                    steps_per_s=unit.get("steps_per_s"),
                    process_s=unit["process_s"],
                    error=unit["error"],
                )
            )
        return 0

    def _run_unit(self, plan: Plan, planned: PlannedArm, seed_index: int) -> dict[str, Any]:
        arm = next(arm for arm in self.subject.arms if arm.name == planned.name)
        arm = arm.with_agent(n_threads=planned.n_threads)
        seed = arm.config.seed + seed_index
        config = with_values(arm.config, {"seed": seed, "folds.max_folds": plan.n_folds})
        name = unit_name(planned, seed_index)
        answer = self.runner(
            Job(
                name=name,
                content={
                    "kind": planned.kind,
                    "config": to_json(config),
                    "n_steps": planned.n_steps,
                    "run_folder": str(self.store.path(RUNS) / name),
                },
                n_threads=planned.n_threads,
                timeout_s=max(_LEAST_PATIENCE_S, _PATIENCE * planned.unit_s),
            )
        )
        return _unit(planned, seed, answer)

    def _done(self, plan: Plan) -> dict[str, dict[str, Any]]:
        """Return the finished units of the plan; one that failed is not finished."""
        return {
            name: unit for name, unit in self._recorded(plan).items() if unit["status"] == "done"
        }

    def _recorded(self, plan: Plan) -> dict[str, dict[str, Any]]:
        names = [unit_name(*unit) for unit in plan.units]
        found = {name: read_run_file(self.store.path(f"{UNITS}/{name}.json")) for name in names}
        return {name: unit for name, unit in found.items() if unit is not None}

    def _conclude(self, planned: Mapping[str, Any], plan: Plan, n_left_out: int) -> dict[str, Any]:
        units = self._recorded(plan)
        content = results.conclude(
            self.subject.arms,
            plan,
            list(units.values()),
            config=self.config,
            data=self.subject.data,
            n_left_out=n_left_out,
            equities=stitched_equities(self.store.path(RUNS), units),
        )
        content = {**content, "planned": dict(planned), "took_s": self._spent_s}
        self._write(RESULT_FILE, content)
        self.store.path(TABLE_FILE).write_text(markdown(content), encoding="utf-8")
        if content["worth"]:
            self.store.path(ABLATION_FILE).write_text(csv_text(content["worth"]), encoding="utf-8")
        return content

    @property
    def _spent_s(self) -> float:
        return self.clock() - self._started_s

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        self.store.write(name, {k: v for k, v in content.items() if k != "format_version"})


def unit_name(planned: PlannedArm, seed_index: int) -> str:
    """Return the name of a unit, of its file and of the folder of its run."""
    return f"{planned.name}-{seed_index}"


def _unit(planned: PlannedArm, seed: int, answer: Answer) -> dict[str, Any]:
    return {
        "arm": planned.name,
        "seed": seed,
        "kind": planned.kind,
        "n_threads": planned.n_threads,
        "status": "failed" if answer.content is None else "done",
        "error": answer.error,
        "finished": now(),
        "process_s": answer.process_s,
        **(answer.content or {}),
    }


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


def _differences(stored: Mapping[str, Any], subject: Subject) -> str:
    was, is_now = stored["identity"], subject.identity()
    if was["bars"] != is_now["bars"]:
        return "other bars"
    if missing := was["arms"].keys() ^ is_now["arms"].keys():
        return f"other arms ({', '.join(sorted(missing))}): --ablation was given only once"
    listed: list[str] = []
    for arm in subject.arms:
        if was["arms"][arm.name] != is_now["arms"][arm.name]:
            listed += changed_settings(stored["configs"][arm.name], to_json(arm.config))
    return "; ".join(dict.fromkeys(listed))


def _notes(plan: Plan) -> tuple[str, ...]:
    """Say before the start what the plan will not be able to tell."""
    notes = []
    if not any(arm.name == ORIGINAL_16_ENVS for arm in plan.arms):
        notes.append("The original with 16 environments does not fit into the time: left out.")
    timed = [arm for arm in plan.arms if arm.kind == "timed"]
    if any(arm.name == ORIGINAL for arm in timed):
        notes.append(
            "Whole trainings of the original do not fit: its time a fold will be extrapolated from "
            "its measured pace, and whether ours is as good cannot be said."
        )
    if plan.n_seeds < results.SEEDS_FOR_QUALITY and not timed:
        notes.append(
            f"With {plan.n_seeds} seeds the difference in quality will have no interval where "
            f"folds are chained: that takes {results.SEEDS_FOR_QUALITY}."
        )
    if plan.n_seeds == 1:
        notes.append("With one seed there is no interval at all: no verdict but a first look.")
    return tuple(notes)


def check_subject(arms: Sequence[Arm]) -> None:
    """Refuse settings under which the arms would not be comparable.

    Raises:
        ConfigError: If one starts from a model, or the original itself is to be judged.
    """
    for arm in arms:
        if arm.config.initial_model is not None:
            raise ConfigError(
                "A benchmark starts every arm from fresh weights",
                came=f"--initial_model {arm.config.initial_model}",
                mend="drop --initial_model",
            )
        if arm.name == OPTIMIZED and arm.config.method == "original":
            raise ConfigError(
                "A benchmark compares the original with a profile",
                came="the original training as the one to judge",
                mend="drop --use_original_training and name a --profile; "
                "train_ppo.py is the original: use train_ppo_optimized.py or walkfast benchmark",
            )
