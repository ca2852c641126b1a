"""One run of one arm, measured: what a child process does. Nothing else runs in that process.

A unit is one arm with one seed over all folds of the plan, because warm start and adaptive
timesteps tie the folds of a seed together. Not here: starting the process
(`training.benchmark.children`), what follows from the numbers (`training.benchmark.results`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time
from typing import Any

from pydantic import TypeAdapter

from envs.array_cache import ArrayCache, default_cache_folder
from envs.data.load import LoadedBars
from training.benchmark.equity import thinned_equity
from training.benchmark.ground import ground
from training.benchmark.stress import stress_tests
from training.calibration import measure_pace
from training.clock import Instant, StageClock
from training.config import OutputConfig, RunConfig, with_values
from training.events import Evaluated, Event, FoldFinished, FoldStarted, Progressed, RunStarted
from training.machine import peak_memory_bytes
from training.metrics import Performance, log_growth
from training.prepare import prepare, settled_precision
from training.scene import Scene
from training.store import FOLD_FILE, fold_name, read_run_file
from training.summary import FoldRecord, added_up
from training.train_fold import FoldJob, train_fold
from training.walk_forward import walk_forward

_LEAST_ROUNDS = 2
Load = Callable[[RunConfig, ArrayCache | None], LoadedBars]


@dataclass(kw_only=True)
class FoldPace:
    """How a fold went by the clock.

    Attributes:
        fold_index: Its number.
        started: When work on it began: its market, the choice of its start.
        wall_s, cpu_s: Seconds that it took; 0 until it ends.
        marks: (env steps, seconds without evaluations) after each update.
        curve: Validation scores by wall seconds since then.
    """

    fold_index: int
    started: Instant
    wall_s: float = 0.0
    cpu_s: float = 0.0
    marks: list[tuple[int, float]] = field(default_factory=list)
    curve: list[dict[str, float]] = field(default_factory=list)


class PaceListener:
    """Times folds by their events. The first update of a fold is its warm-up, kept apart."""

    def __init__(self, clock: Callable[[], Instant] = Instant.now) -> None:
        self.folds: list[FoldPace] = []
        self._clock = clock
        self._evaluation_s = 0.0
        self._free_since: Instant | None = None

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        if isinstance(event, RunStarted):
            self._free_since = self._clock()
        elif isinstance(event, FoldStarted):
            self.begin(event.fold_index)
        elif isinstance(event, Progressed):
            fold = self.folds[-1]
            fold.marks.append((event.n_steps, self._since(fold) - self._evaluation_s))
        elif isinstance(event, Evaluated):
            fold = self.folds[-1]
            self._evaluation_s += event.cost_s
            at = {"n_steps": event.n_steps, "wall_s": self._since(fold), "score": event.score}
            fold.curve.append(at)
        elif isinstance(event, FoldFinished):
            self.end()

    def begin(self, fold_index: int) -> None:
        """Start the clock of a fold, at the end of the fold or of the setup before it."""
        self._evaluation_s = 0.0
        self.folds.append(
            FoldPace(fold_index=fold_index, started=self._free_since or self._clock())
        )

    def end(self) -> None:
        """Stop the clock of the fold."""
        fold, now = self.folds[-1], self._clock()
        fold.wall_s = now.wall_s - fold.started.wall_s
        fold.cpu_s = now.cpu_s - fold.started.cpu_s
        self._free_since = now

    @property
    def steps_per_s(self) -> float | None:
        """Env steps a second over rollouts and updates, warm-ups apart; None with one update."""
        steps = sum(fold.marks[-1][0] - fold.marks[0][0] for fold in self.folds if fold.marks)
        seconds = sum(fold.marks[-1][1] - fold.marks[0][1] for fold in self.folds if fold.marks)
        return steps / seconds if steps and seconds > 0 else None

    @property
    def warm_up_s(self) -> float:
        """Seconds up to the end of the first update of every fold."""
        return sum(fold.marks[0][1] for fold in self.folds if fold.marks)

    def _since(self, fold: FoldPace) -> float:
        return self._clock().wall_s - fold.started.wall_s


def run_job(job: Mapping[str, Any], load: Load) -> dict[str, Any]:
    """Do what a job says, in this process.

    Args:
        job: `kind` and what `training.benchmark.session` put beside it.
        load: Loads the bars of a configuration.

    Raises:
        WalkfastError: If the settings or the bars do not allow it.
    """
    if job["kind"] == "calibrate":
        return _calibrate(job, load)
    made_on = ground()  # before hours of training, in which files may change on disk
    config = read_config(job["config"])
    run = _run_whole if job["kind"] == "whole" else _run_timed
    content = run(job, config, load)
    return {
        "kind": job["kind"],
        **content,
        "ground": made_on,
        "peak_memory_bytes": peak_memory_bytes(),
        "process_cpu_s": process_time(),
        "load_average": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
    }


def read_config(content: Mapping[str, Any]) -> RunConfig:
    """Read back a configuration that `training.config.to_json` wrote."""
    return TypeAdapter(RunConfig).validate_python(content)


def test_score(performance: Performance) -> float:
    """Return the log of what the account became on test bars; ruin is floored, flat is 0.

    Higher is better, and it adds up over folds. Always of test bars: this module has no other.
    """
    return log_growth(performance.total_return_frac)


test_score.__test__ = False  # type: ignore[attr-defined]  # pytest takes the name for a test


def _calibrate(job: Mapping[str, Any], load: Load) -> dict[str, Any]:
    """Time a few rollouts and updates of every agent, one after the other.

    A rollout and one pass over it are timed and the pass counted `n_epochs` times; the first round
    of each agent warms up and is not counted. One that takes longer than `most_s` is given up: its
    speed is None.
    """
    speeds = []
    for content, most_s in zip(job["configs"], job["most_s"], strict=True):
        config, clock = read_config(content), StageClock()
        bars = load(config, _cache(config)).bars
        prepared = prepare(config, bars, cache=_cache(config), clock=clock)
        precision = settled_precision(prepared, config, None)["precision"]
        config = with_values(config, {"agent.precision": precision})
        pace = measure_pace(config, prepared, prepared.folds[0], most_s=most_s)
        speeds.append(pace.to_json() if pace.speed.n_rounds >= _LEAST_ROUNDS else None)
    return {"speeds": speeds}


def _run_whole(job: Mapping[str, Any], config: RunConfig, load: Load) -> dict[str, Any]:
    """Train and test every fold as `walkfast train` does, and keep its numbers, not its models."""
    folder, clock, listener = Path(job["run_folder"]), StageClock(), PaceListener()
    if folder.exists():
        shutil.rmtree(folder)  # of a unit that was interrupted: one is measured in one piece
    cache = _cache(config)
    with clock.stage("load"):
        loaded = load(config, cache)
    finished = walk_forward(
        config,
        loaded,
        OutputConfig(results_dir=folder.parent, run_name=folder.name, tensorboard=False),
        provenance={},
        listener=listener,
        cache=cache,
        clock=clock,
    )
    stress, stress_error = _stress(folder, config, loaded, cache)
    tests: Sequence[dict[str, Any] | None] = (
        stress if stress is not None else [None] * len(listener.folds)
    )
    for model in folder.rglob("*.zip"):
        model.unlink()
    folds = [
        {**_fold(folder, pace), "stress": test}
        for pace, test in zip(listener.folds, tests, strict=True)
    ]
    summary = finished.summary
    return {
        "setup_s": clock.to_json(),
        "setup_cpu_s": clock.cpu_to_json(),
        "stage_s": summary["stage_s"],
        "stage_cpu_s": summary["stage_cpu_s"],
        "folds": folds,
        "n_steps": sum(fold["n_steps"] for fold in folds),
        "n_updates": sum(fold["n_updates"] for fold in folds),
        "steps_per_s": listener.steps_per_s,
        "warm_up_s": listener.warm_up_s,
        "n_parameters": summary["n_parameters"],
        "out_of_sample": summary["out_of_sample"],
        "baselines": summary["baselines"],
        "equity": thinned_equity(folder),
        "stress_error": stress_error,
    }


def _stress(
    folder: Path, config: RunConfig, loaded: LoadedBars, cache: ArrayCache | None
) -> tuple[list[dict[str, Any]] | None, str | None]:
    """Return the stress tests of a run's folds, or nothing and why not."""
    try:
        return stress_tests(folder, config, loaded.bars, cache), None
    except Exception as error:  # noqa: BLE001 - an extra test may not throw hours of training away
        return None, f"{type(error).__name__}: {error}"


def _fold(folder: Path, pace: FoldPace) -> dict[str, Any]:
    content = read_run_file(folder / fold_name(pace.fold_index, FOLD_FILE))
    assert content is not None, f"fold {pace.fold_index} of {folder} was not saved"
    record = FoldRecord.from_json(content)
    return {
        "fold_index": record.fold.index,
        "n_steps": record.n_steps,
        "n_updates": record.n_updates,
        "budget_steps": record.outcome.budget_steps,
        "stopped_early": record.outcome.stopped_early,
        "warm_started_from": record.outcome.warm_started_from,
        "chosen": record.chosen,
        "wall_s": record.duration_s,
        "cpu_s": pace.cpu_s,
        "warm_up_s": pace.marks[0][1] if pace.marks else None,
        "stage_s": dict(record.stage_s),
        "stage_cpu_s": dict(record.stage_cpu_s),
        "validation_score": record.validation_score,
        "validation_curve": pace.curve,
        "test_score": test_score(record.test),
        "test": record.test.to_json(),
        "baseline_returns": {
            name: baseline.total_return_frac for name, baseline in record.baselines.items()
        },
    }


def _run_timed(job: Mapping[str, Any], config: RunConfig, load: Load) -> dict[str, Any]:
    """Train the first fold for some steps and time them. The unfinished model is not tested."""
    clock, listener = StageClock(), PaceListener()
    cache = _cache(config)
    with clock.stage("load"):
        loaded = load(config, cache)
    prepared = prepare(config, loaded.bars, cache=cache, clock=clock)
    precision = settled_precision(prepared, config, None)
    config = with_values(config, {"agent.precision": precision["precision"]})
    listener.begin(0)
    scene = Scene.open(prepared.folds[0], config, prepared, listener)
    fold_job = FoldJob(fold=scene.fold, tape=scene.tape, budget_steps=job["n_steps"])
    training = train_fold(fold_job, config, emit=listener, clock=scene.clock)
    listener.end()
    pace = listener.folds[0]
    return {
        "setup_s": clock.to_json(),
        "setup_cpu_s": clock.cpu_to_json(),
        "stage_s": added_up(clock.to_json(), scene.clock.to_json()),
        "stage_cpu_s": added_up(clock.cpu_to_json(), scene.clock.cpu_to_json()),
        "folds": [],
        "timed_wall_s": pace.wall_s,
        "timed_cpu_s": pace.cpu_s,
        "n_steps": training.n_steps,
        "n_updates": training.n_updates,
        "n_evaluations": len(training.evaluations),
        "steps_per_s": listener.steps_per_s,
        "warm_up_s": listener.warm_up_s,
        "n_parameters": sum(item.numel() for item in training.policy.parameters()),
    }


def _cache(config: RunConfig) -> ArrayCache | None:
    return ArrayCache(default_cache_folder()) if config.rules.cache.enabled else None
