"""`Run`: all state of a training that outlives a fold, and the folder it is kept in.

Here: begin, go on, record a fold, finish. Everything that a later fold may look at is in `records`
and in the saved models, so that a run that goes on cannot know more than one that never stopped.
Not here: what happens in a fold (`training.walk_forward`), what the files say
(`training.summary`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

from envs.atomic import write_bytes
from envs.data.load import LoadedBars
from training import store as files
from training import summary
from training.agent.build import resolve_device
from training.agent.checkpoint import load_model
from training.agent.kernel import kernel_state
from training.calibration import Calibration, calibrate
from training.clock import StageClock
from training.config import (
    OutputConfig,
    RunConfig,
    budget_of_both,
    to_json,
    with_values,
)
from training.errors import StoreError
from training.evaluate import Baselines, baselines, evaluate
from training.events import Event, Listener, Noticed, RunFinished, RunStarted, RunStopped
from training.folds import Fold
from training.identity import changed_surroundings, differences, identity, surroundings
from training.machine import describe_machine, versions
from training.prepare import Prepared, scaled_market, settled_precision
from training.rules.counters import RuleCounters, add_budget_saving, add_stop_saving
from training.rules.decision import EVALUATION_SCHEDULE, PREPROCESSING_CACHE, Decision
from training.store import RunStore, fold_name, free_folder
from training.summary import FoldRecord
from training.tables import chance_of_run, stitch_tests

_LONGEST_ERROR = 500


class Run:
    """One run: its settings, its bars, the folds done so far, and its folder while it is open.

    Attributes:
        config: What is trained; from `begin` on with the precision that was decided on.
        prepared: Bars, features, market and folds.
        records: The finished folds, in order.
        counters: What each rule decided, saved and cost.
    """

    def __init__(
        self,
        config: RunConfig,
        loaded: LoadedBars,
        prepared: Prepared,
        *,
        output: OutputConfig,
        listener: Listener,
        clock: StageClock,
    ) -> None:
        folder = output.results_dir / (output.run_name or str(config.seed))
        self.config, self.prepared = config, prepared
        self.records: list[FoldRecord] = []
        self.counters = RuleCounters()
        self.store = RunStore(free_folder(folder) if output.fresh else folder)
        self._loaded, self._output, self._listener, self._clock = loaded, output, listener, clock
        self._baselines: dict[int, Baselines] = {}
        self._started = summary.now()
        self._sessions: list[dict[str, Any]] = []
        self._precision: dict[str, Any] = {}
        self._begun = False
        self._calibration: Calibration | None = None

    def __enter__(self) -> Self:
        self.store.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._begun and error is not None:
            self._note_end(error)
        self.store.__exit__(kind, error, trace)

    def _note_end(self, error: BaseException) -> None:
        """Write down that the run stopped, where that can still be written."""
        stopped = RunStopped(reason="interrupted")
        if isinstance(error, Exception):
            says = " ".join(f"{type(error).__name__}: {error}".split())
            stopped = RunStopped(reason="failed", error=says[:_LONGEST_ERROR])
        with contextlib.suppress(OSError):
            self.store.append_event(stopped)

    @property
    def tensorboard_folder(self) -> Path | None:
        """Where scalars go; None writes none."""
        return self.store.path("tensorboard") if self._output.tensorboard else None

    def begin(self, provenance: Mapping[str, str]) -> None:
        """Write the configuration, or check that a run begun here before is this one.

        Raises:
            StoreError: If the folder holds a run of other settings or other bars.
        """
        state = self.store.read(files.STATE_FILE)
        self._settle_precision(state)
        if state is None:
            self._write_configuration(provenance)
            self._count_cache()
        else:
            self._go_on(state)
        self._begun = True
        self._begin_session()
        self._announce()

    def time_original(self, provenance: Mapping[str, str]) -> None:
        """Time the original training where that is asked for; a run keeps what it found first.

        A typed budget holds for the original, too.
        """
        was_before = self._calibration is not None
        if not was_before and self._output.calibrate and self.unfinished_folds():
            told = "timing a few updates of the original training, for the speed-up"
            self.emit(Noticed(level="info", message=told))
            budget_steps, fold = budget_of_both(self.config, provenance), self.unfinished_folds()[0]
            with self._clock.stage("calibration"):
                self._calibration = calibrate(
                    self.config, self.prepared, fold, budget_steps=budget_steps
                )
            self._write_state()
        if self._calibration is not None:
            self.emit(self._calibration.event(was_before=was_before))

    def _settle_precision(self, state: Mapping[str, Any] | None) -> None:
        recorded = None if state is None else state["precision"]
        self._precision = settled_precision(self.prepared, self.config, recorded)
        chosen = {"agent.precision": self._precision["precision"]}
        self.config = with_values(self.config, chosen)

    def unfinished_folds(self) -> tuple[Fold, ...]:
        """Return the folds that are still to be trained."""
        return self.prepared.folds[len(self.records) :]

    def emit(self, event: Event) -> None:
        """Write an event down and pass it on."""
        self.store.append_event(event)
        self._listener(event)

    @contextmanager
    def counted(self, rule: str) -> Iterator[None]:
        """Count the seconds of a block as the cost of a rule."""
        started_s = perf_counter()
        yield
        self.counters.add_cost(rule, perf_counter() - started_s)

    def policy(self, fold_index: int) -> RecurrentActorCriticPolicy:
        """Load the model of an earlier fold from its file, on the CPU."""
        path = self.store.fold_path(fold_index, files.MODEL_FILE)
        return load_model(path, device="cpu").policy

    def baselines(self, fold: Fold) -> Baselines:
        """Walk the baselines over a fold's test bars; once in the life of this object."""
        if fold.index not in self._baselines:
            config, tape = self.config, self.prepared.tape
            self._baselines[fold.index] = baselines(
                tape, config.env, fold.test, seed=config.seed, score=config.score
            )
        return self._baselines[fold.index]

    def save_fold(self, record: FoldRecord) -> None:
        """Write a finished fold down; from here on the run goes on behind it."""
        self.store.write(fold_name(record.fold.index, files.FOLD_FILE), record.to_json())
        self.records.append(record)
        self._count(record)
        self._write_state()
        self.emit(summary.fold_finished(record))

    def finish(self) -> RunFinished:
        """Stitch the test slices, write the summaries, and say that the run is complete."""
        complete_before = self.store.read(files.PERFORMANCE_SUMMARY_FILE) is not None
        if not complete_before:
            self._write_results()
        finished = RunFinished(
            run_folder=str(self.store.folder),
            summary=self.store.read(files.PERFORMANCE_SUMMARY_FILE) or {},
            optimization=self.store.read(files.OPTIMIZATION_SUMMARY_FILE) or {},
        )
        if complete_before:
            self._listener(finished)
        else:
            self.emit(finished)
        return finished

    def _write_results(self) -> None:
        self._copy_models()
        others = [self.baselines(record.fold) for record in self.records]
        stitched = stitch_tests(self.store, self.prepared.tape, self.records, others=others)
        self.store.write_table(files.STITCHED_EQUITY_FILE, stitched.equity)
        self.store.write_table(files.STITCHED_LEDGER_FILE, stitched.ledger)
        policy = self.policy(self.records[-1].fold.index)
        facts = summary.RunFacts(
            config=self.config,
            folder=self.store.folder,
            records=self.records,
            counters=self.counters,
            data=summary.describe_data(self._loaded, self.prepared),
            calibration=self._calibration,
            setup_s=self._clock.to_json(),
            setup_cpu_s=self._clock.cpu_to_json(),
            n_parameters=sum(parameter.numel() for parameter in policy.parameters()),
            out_of_sample=stitched.measures.agent,
            baselines=stitched.measures.baselines,
            chance=chance_of_run(stitched.equity, seed=self.config.seed),
            price_change_frac=summary.price_change_frac(
                self.prepared.bars, self.records[0].fold, self.records[-1].fold
            ),
        )
        self.store.write(files.OPTIMIZATION_SUMMARY_FILE, summary.optimization_summary(facts))
        self.store.write(files.PERFORMANCE_SUMMARY_FILE, summary.performance_summary(facts))

    def _copy_models(self) -> None:
        """Copy the last fold's model, and the best of the latest ones on its validation bars."""
        last = self.records[-1].fold
        latest = range(max(0, last.index + 1 - self.config.rules.warm_start.last_k), last.index + 1)
        best = max(latest, key=lambda index: (self._score_as_served(index, last), index))
        for index, name in ((best, files.BEST_MODEL_FILE), (last.index, files.FINAL_MODEL_FILE)):
            source = self.store.fold_path(index, files.MODEL_FILE)
            write_bytes(self.store.path(name), source.read_bytes())

    def _score_as_served(self, fold_index: int, fold: Fold) -> float:
        """Score an earlier model on a fold's validation bars, its own scaler before it."""
        path = self.store.fold_path(fold_index, files.MODEL_FILE)
        model, config = load_model(path, device="cpu"), self.config
        return evaluate(
            model.policy,
            scaled_market(self.prepared, None if model.card is None else model.card.scaler),
            config.env,
            fold.validation,
            score=config.score,
            fast=config.rules.fast_evaluation.enabled,
        ).score

    def _write_configuration(self, provenance: Mapping[str, str]) -> None:
        config, loaded = self.config, self._loaded
        self.store.write(
            files.CONFIG_FILE,
            {
                "walkfast_version": versions()["walkfast"],
                "config": to_json(config),
                "provenance": dict(provenance),
                "versions": versions(),
                "data": summary.describe_data(loaded, self.prepared),
                "machine": describe_machine(),
                "precision": self._precision,
                "lstm_kernel": kernel_state().reason,
            },
        )
        self.store.write(files.OPTIMIZATION_CONFIG_FILE, summary.optimization_config(config))

    def _write_state(self) -> None:
        state = summary.training_state(self.records, len(self.prepared.folds))
        self.store.write(
            files.STATE_FILE,
            {
                "training_start": self._started,
                "model_path": self._latest_model(),
                "timestamp": summary.now(),
                **state,
                "optimization_stats": self.counters.to_json(),
                "sessions": self._sessions,
                "identity": identity(self.config, self.prepared),
                "precision": self._precision,
                "calibration": None if self._calibration is None else self._calibration.to_json(),
                "config": to_json(self.config),
            },
        )

    def _go_on(self, state: Mapping[str, Any]) -> None:
        now = identity(self.config, self.prepared)
        if state["identity"] != now:
            raise StoreError(
                "A run goes on only with the settings and bars it was begun with",
                came=differences(state, self.config, now),
                where=str(self.store.folder),
                mend="give --fresh for a new folder, --run_name for one of your own, or the "
                "settings of the first run",
            )
        self._started = state["training_start"]
        self._sessions = state["sessions"]
        if (timed := state.get("calibration")) is not None:
            self._calibration = Calibration.from_json(timed)
        self.counters = RuleCounters.from_json(state["optimization_stats"])
        for index in range(state["completed_iterations"]):
            content = self.store.read(fold_name(index, files.FOLD_FILE))
            if content is None:
                raise StoreError(
                    "A run that goes on needs the files of its finished folds",
                    came=f"fold {index} is missing",
                    where=str(self.store.folder),
                    mend="restore it, or start anew with --fresh",
                )
            self.records.append(FoldRecord.from_json(content))

    def _begin_session(self) -> None:
        """Note with which versions this session trains, and from which fold on."""
        if self.unfinished_folds():
            first = len(self.records)
            session = {"first_fold": first, "started": summary.now(), "versions": surroundings()}
            self._sessions.append(session)
            self._write_state()

    def _announce(self) -> None:
        prepared, n_done = self.prepared, len(self.records)
        self.emit(
            RunStarted(
                run_folder=str(self.store.folder),
                method=self.config.method,
                profile=self.config.profile,
                symbol=prepared.bars.symbol,
                timeframe=prepared.bars.timeframe.name,
                n_bars=len(prepared.bars),
                n_features=len(prepared.features.names),
                n_folds=len(prepared.folds),
                first_fold_index=n_done,
                device=str(resolve_device(self.config.device)),
            )
        )
        if n_done < len(prepared.folds):  # else there is no fold that it is said of
            self.emit(summary.decided(n_done, self._cache_decision()))
        if self._precision["asked"] == "auto":
            told = f"precision {self._precision['precision']}: {self._precision['reason']}"
            self.emit(Noticed(level="info", message=told))
        for doubt in prepared.doubts:
            self.emit(Noticed(level="warning", message=doubt))
        if prepared.features.cache_failure is not None:
            message = f"features were not kept in the cache: {prepared.features.cache_failure}"
            self.emit(Noticed(level="warning", message=message))
        for change in changed_surroundings(self._sessions[0]["versions"]):
            message = f"this run was begun with {change}: results may differ in their last digits"
            self.emit(Noticed(level="warning", message=message))
        if n_done:
            complete = n_done == len(prepared.folds)
            done = "1 fold was" if n_done == 1 else f"{n_done} folds were"
            what = f"fold {n_done} is next"
            if complete:
                what = "it is complete, and its figures follow; --fresh trains anew"
            self.emit(Noticed(level="info", message=f"{done} done before: {what}"))

    def _cache_decision(self) -> Decision:
        """Say whether the features were found or built."""
        enabled, found = self.config.rules.cache.enabled, self.prepared.features.from_cache
        built = "not in the cache yet: built" if enabled else "off: built"
        reason = "features found in the cache" if found else f"features {built}"
        return Decision(rule=PREPROCESSING_CACHE, value=found, reason=reason)

    def _count_cache(self) -> None:
        self.counters.count_decision(PREPROCESSING_CACHE)
        if self.config.rules.cache.enabled:
            how = "features that were found in the cache instead of being built"
            found = int(self.prepared.features.from_cache)
            self.counters.add_saved(PREPROCESSING_CACHE, found, how_measured=how)

    def _count(self, record: FoldRecord) -> None:
        counters, outcome = self.counters, record.outcome
        for decision in record.decisions:
            counters.count_decision(decision.rule)
        counters.add_cost(EVALUATION_SCHEDULE, record.stage_s.get("evaluation", 0.0))
        budget_steps = self.config.agent.whole_rollouts(outcome.budget_steps)
        if self.config.rules.adaptive_timesteps.enabled:
            base = self.config.rules.adaptive_timesteps.base_timesteps
            base_steps = self.config.agent.whole_rollouts(base)
            add_budget_saving(counters, base_steps=base_steps, budget_steps=budget_steps)
        if outcome.stopped_early:
            add_stop_saving(
                counters, budget_steps=budget_steps, steps_trained=outcome.steps_trained
            )

    def _latest_model(self) -> str | None:
        if not self.records:
            return None
        return str(self.store.fold_path(len(self.records) - 1, files.MODEL_FILE))
