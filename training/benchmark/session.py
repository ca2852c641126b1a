"""The loop of a benchmark: measure the pace, plan, run arm after arm, seed after seed, and judge.

Every finished unit is a file of its own that is never run again; a benchmark that was interrupted
goes on at its first missing unit. Not here: what a unit does (`training.benchmark.unit`), what its
numbers mean (`training.benchmark.results`), the screen (`bot.cli.benchmark`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from envs.atomic import write_bytes
from envs.errors import ConfigError
from training import store as files
from training.benchmark import results
from training.benchmark.ablation import csv_text
from training.benchmark.arms import AGAIN, OPTIMIZED, PLUS, WITHOUT, Arm, arm_named
from training.benchmark.children import Answer, ChildRunner, Job
from training.benchmark.config import BenchmarkConfig
from training.benchmark.equity import stitched_equities
from training.benchmark.events import Calibrated, Planned, UnitFinished, UnitStarted
from training.benchmark.gaps import INTERRUPTED, LATE, foretold, single_updates
from training.benchmark.ground import ground
from training.benchmark.looks import look_at, looked
from training.benchmark.margin import fixed_margin, planned_margin
from training.benchmark.numbers import scored_original, tables
from training.benchmark.pace import PATIENCE_S, Paces, PaceTest
from training.benchmark.plan import Plan, PlannedArm, choose_plan
from training.benchmark.resume import changed_surroundings, describe_bars, kept
from training.benchmark.table import markdown
from training.config import to_json, with_values
from training.errors import StoreError
from training.events import Listener, Noticed
from training.identity import changed_settings
from training.store import FOLD_FILE, RunStore, read_run_file
from training.summary import now

PLAN_FILE = files.BENCHMARK_PLAN_FILE
RESULT_FILE = files.BENCHMARK_FILE
TABLE_FILE = "table.md"
ABLATION_FILE = "ablation.csv"
UNITS, RUNS = "units", "runs"
_MEASURING = (
    "Measuring how fast every arm trains, before anything is planned; this may take a minute or "
    "more ..."
)
_PATIENCE = 5.0
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
        command: What to type for the same once more; None is not told.
    """

    arms: tuple[Arm, ...]
    n_folds: int
    bars_fingerprint: str
    data: Mapping[str, Any]
    n_cores: int
    command: str | None = None

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
        self.emit(Planned(plan=planned["plan"], n_done=len(self._done(plan)), notes=foretold(plan)))
        try:
            n_left_out = self._run_units(planned, plan)
        except KeyboardInterrupt:
            if self._recorded(plan):
                self._conclude(planned, plan, why=INTERRUPTED)
            raise
        return self._conclude(planned, plan, n_left_out=n_left_out, why=LATE)

    def _planned(self) -> dict[str, Any]:
        """Go on with the plan of this folder, or make one."""
        stored = self.store.read(PLAN_FILE)
        if stored is None:
            return self._make_plan()
        self._check_same(stored)
        for words in kept(stored, self.config):
            self.emit(Noticed(level="info", message=words))
        plan = Plan.from_json(stored["plan"])
        if (
            changed := changed_surroundings(stored, list(self._recorded(plan).values()))
        ) is not None:
            self.emit(Noticed(level="warning", message=changed))
        stored.setdefault("margin", planned_margin(plan))
        if (asked := self.config.n_seeds or 0) > plan.n_seeds:
            stored["plan"] = plan.with_seeds(asked).to_json()
            self._write(PLAN_FILE, stored)
        return stored

    def _make_plan(self) -> dict[str, Any]:
        for words in single_updates(self.subject.arms):
            self.emit(Noticed(level="warning", message=words))
        self.emit(Noticed(level="info", message=_MEASURING))
        paces = self._measure()
        plan = choose_plan(
            paces.costs,
            start_s=paces.start_s,
            budget_s=self.config.minutes * 60 - self._spent_s,
            n_folds=self.subject.n_folds,
            n_seeds=self.config.n_seeds,
        )
        planned = {
            "identity": self.subject.identity(),
            "configs": {arm.name: to_json(arm.config) for arm in self.subject.arms},
            "calibration": {
                "start_s": paces.start_s,
                "took_s": self._spent_s,
                "speeds": paces.told,
                "threads": paces.threads,
            },
            "asked": self.config.to_json(),
            "plan": plan.to_json(),
            "margin": planned_margin(plan),
            "data": dict(self.subject.data),
            **ground(),
            "begun": now(),
        }
        self._write(PLAN_FILE, planned)
        return planned

    def _measure(self) -> Paces:
        budget_s = self.config.minutes * 60
        test = PaceTest(
            arms=self.subject.arms,
            runner=self.runner,
            n_cores=self.subject.n_cores,
            budget_s=budget_s,
        )
        paces = test.measure()
        self.emit(
            Calibrated(
                steps_per_s=paces.original["steps_per_s"],
                n_threads=paces.n_threads,
                took_s=self._spent_s,
                warm_up_s=paces.original["warm_up_s"],
            )
        )
        return paces

    def _check_same(self, stored: Mapping[str, Any]) -> None:
        came = _differences(stored, self.subject)
        if came:
            raise StoreError(
                "A benchmark goes on only with the bars and settings it was begun with",
                came=came,
                where=str(self.store.folder),
                mend="give --fresh for a new folder, --run_name for one of your own, or the bars "
                "and settings of the first run. What benchmark.json and table.md in it say still "
                "holds for these",
            )

    def _run_units(self, plan_file: dict[str, Any], plan: Plan) -> int:
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
            self._fix_margin(plan_file, plan)
        return 0

    def _run_unit(self, plan: Plan, planned: PlannedArm, seed_index: int) -> dict[str, Any]:
        arm = arm_named(planned.name, self.subject.arms).with_agent(n_threads=planned.n_threads)
        seed = arm.config.seed + seed_index
        config = with_values(arm.config, {"seed": seed, "folds.max_folds": plan.n_folds})
        name = unit_name(planned, seed_index)
        run_folder = self.store.path(RUNS) / name
        answer = self.runner(
            Job(
                name=name,
                content={
                    "kind": planned.kind,
                    "config": to_json(config),
                    "n_steps": planned.n_steps,
                    "run_folder": str(run_folder),
                },
                n_threads=planned.n_threads,
                timeout_s=max(PATIENCE_S, _PATIENCE * planned.unit_s),
            )
        )
        return _unit(planned, seed, answer, run_folder)

    def _done(self, plan: Plan) -> dict[str, dict[str, Any]]:
        """Return the finished units of the plan; one that failed is not finished."""
        return {
            name: unit for name, unit in self._recorded(plan).items() if unit["status"] == "done"
        }

    def _recorded(self, plan: Plan) -> dict[str, dict[str, Any]]:
        names = [unit_name(*unit) for unit in plan.units]
        found = {name: read_run_file(self.store.path(f"{UNITS}/{name}.json")) for name in names}
        return {name: unit for name, unit in found.items() if unit is not None}

    def _fix_margin(self, plan_file: dict[str, Any], plan: Plan) -> None:
        """Write the margin into the plan as soon as it follows from the original alone."""
        arms = tables(self.subject.arms, plan, list(self._recorded(plan).values()))
        scored = scored_original(arms)
        fixed = fixed_margin(plan_file["margin"], scored, arms.get(scored.arm.name + AGAIN))
        if fixed is not None:
            plan_file["margin"] = {**plan_file["margin"], "fixed": fixed}
            self._write(PLAN_FILE, plan_file)

    def _conclude(
        self, plan_file: dict[str, Any], plan: Plan, *, n_left_out: int = 0, why: str
    ) -> dict[str, Any]:
        self._fix_margin(plan_file, plan)
        units = self._recorded(plan)
        looks = plan_file.setdefault("looks", [])
        look = look_at(looks, n_pairs=self._n_pairs(plan))
        content = results.conclude(
            self.subject.arms,
            plan,
            list(units.values()),
            config=self.config,
            data=self.subject.data,
            course=results.Course(
                margin=plan_file["margin"], look=look, n_left_out=n_left_out, why_not_run=why
            ),
            equities=stitched_equities(self.store.path(RUNS), units),
        )
        if look > len(looks) and (told := looked(content, look)) is not None:
            looks.append(told)
            self._write(PLAN_FILE, plan_file)
        content |= {
            "looks": list(looks),
            "command": self.subject.command,
            "planned": dict(plan_file),
            "took_s": self._spent_s,
        }
        self._write(RESULT_FILE, content)
        write_bytes(self.store.path(TABLE_FILE), markdown(content).encode())
        ablation = self.store.path(ABLATION_FILE)
        if content["worth"]:
            write_bytes(ablation, csv_text(content["worth"]).encode())
        else:
            ablation.unlink(missing_ok=True)
        return content

    def _n_pairs(self, plan: Plan) -> int:
        """Count the folds and seeds with scores of both ours and the original."""
        arms = tables(self.subject.arms, plan, list(self._recorded(plan).values()))
        both = arms[OPTIMIZED].scores - scored_original(arms).scores
        return int((~np.isnan(both)).sum())

    @property
    def _spent_s(self) -> float:
        return self.clock() - self._started_s

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        self.store.write(name, {k: v for k, v in content.items() if k != "format_version"})


def unit_name(planned: PlannedArm, seed_index: int) -> str:
    """Return the name of a unit, of its file and of the folder of its run."""
    return f"{planned.name}-{seed_index}"


def _unit(planned: PlannedArm, seed: int, answer: Answer, run_folder: Path) -> dict[str, Any]:
    failed = answer.content is None
    return {
        "arm": planned.name,
        "seed": seed,
        "kind": planned.kind,
        "n_threads": planned.n_threads,
        "status": "failed" if failed else "done",
        "error": answer.error,
        "failed_in_fold": _n_folds(run_folder) if failed else None,
        "finished": now(),
        "process_s": answer.process_s,
        **(answer.content or {}),
    }


def _n_folds(run_folder: Path) -> int | None:
    """Count the folds that a run finished; None where it did not come to a fold."""
    folds = run_folder / "folds"
    return len(list(folds.glob(f"*/{FOLD_FILE}"))) if folds.is_dir() else None


def _differences(stored: Mapping[str, Any], subject: Subject) -> str:
    was, is_now = stored["identity"], subject.identity()
    if was["bars"] != is_now["bars"]:
        then = f", not those of {describe_bars(stored['data'])}" if "data" in stored else ""
        return f"other bars ({describe_bars(subject.data)}{then})"
    others = was["arms"].keys() ^ is_now["arms"].keys()
    if any(name.startswith((PLUS, WITHOUT)) for name in others):
        return f"other arms ({', '.join(sorted(others))}): --ablation was given only once"
    if gone := was["arms"].keys() - is_now["arms"].keys():
        return f"arms of another version of walkfast ({', '.join(sorted(gone))})"
    listed: list[str] = []
    for arm in subject.arms:  # one that came with a later version is not in the plan
        if was["arms"].get(arm.name, is_now["arms"][arm.name]) != is_now["arms"][arm.name]:
            changed = changed_settings(stored["configs"][arm.name], to_json(arm.config))
            listed += changed or [f"the settings of {arm.name} by another version of walkfast"]
    return "; ".join(dict.fromkeys(listed))


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
