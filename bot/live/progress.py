"""`RunProgress`: what a run looks like right now, folded from its events. Nothing is drawn here.

Every figure comes from an event or from a clock reading at an event; what no event has told yet is
None. Read next: `bot.live.view`, which draws it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import fmean
from time import perf_counter

from training.events import (
    Decided,
    Evaluated,
    Event,
    FoldFinished,
    FoldStarted,
    Noticed,
    OriginalTimed,
    Progressed,
    RunFinished,
    RunStarted,
)


@dataclass(kw_only=True)
class Counters:
    """What the rules came to so far, in this session.

    Attributes:
        untrained_steps: Budgeted env steps that folds stopped early did not train.
        n_early_stops: Folds stopped early.
        n_warm_starts: Folds that started from an earlier model.
        n_cache_hits: Decisions of the preprocessing cache that found what they wanted; None while
            it has told of none.
    """

    untrained_steps: int = 0
    n_early_stops: int = 0
    n_warm_starts: int = 0
    n_cache_hits: int | None = None


@dataclass
class RunProgress:
    """A listener that only remembers.

    Attributes:
        clock: Reads seconds, for elapsed times.
        run: How the run began.
        original: How fast the original training is here; None where it was not timed.
        fold: How the current fold began; None between folds.
        latest: Its last rollout and update.
        evaluations: Its validation scores, in order.
        decisions: The last decision of each rule, in the order the rules first spoke.
        finished: The finished folds of this session, in order.
        counters: What the rules came to.
        notices: What the user should know, in order.
        ended: The end of the run.
    """

    clock: Callable[[], float] = perf_counter
    run: RunStarted | None = None
    original: OriginalTimed | None = None
    fold: FoldStarted | None = None
    latest: Progressed | None = None
    evaluations: list[Evaluated] = field(default_factory=list)
    decisions: dict[str, Decided] = field(default_factory=dict)
    finished: list[FoldFinished] = field(default_factory=list)
    counters: Counters = field(default_factory=Counters)
    notices: list[Noticed] = field(default_factory=list)
    ended: RunFinished | None = None
    _run_started_s: float | None = None
    _fold_started_s: float | None = None

    def __call__(self, event: Event) -> None:
        """Take one event in; kinds that are not known are ignored."""
        match event:
            case RunStarted():
                self.run, self._run_started_s = event, self.clock()
            case OriginalTimed():
                self.original = event
            case FoldStarted():
                self._start_fold(event)
            case Decided():
                self._decide(event)
            case Progressed():
                self.latest = event
            case Evaluated():
                self.evaluations.append(event)
            case FoldFinished():
                self._finish_fold(event)
            case Noticed():
                self.notices.append(event)
            case RunFinished():
                self.ended = event

    @property
    def n_folds_done(self) -> int:
        """Folds finished, those of an earlier session included."""
        return (self.run.first_fold_index if self.run else 0) + len(self.finished)

    @property
    def elapsed_s(self) -> float | None:
        """Seconds since the run began; None before."""
        return None if self._run_started_s is None else self.clock() - self._run_started_s

    @property
    def mean_fold_s(self) -> float | None:
        """Mean duration of the folds finished in this session; None before the first."""
        return fmean(fold.duration_s for fold in self.finished) if self.finished else None

    @property
    def remaining_s(self) -> float | None:
        """Seconds to go if the remaining folds take the mean of the measured ones.

        None until a fold was measured. The time already spent on the current fold is subtracted,
        up to one mean.
        """
        mean_s = self.mean_fold_s
        if mean_s is None or self.run is None:
            return None
        started_s = self._fold_started_s
        spent_s = 0.0 if started_s is None else min(self.clock() - started_s, mean_s)
        return max((self.run.n_folds - self.n_folds_done) * mean_s - spent_s, 0.0)

    def _start_fold(self, event: FoldStarted) -> None:
        self.fold, self._fold_started_s = event, self.clock()
        self.latest, self.evaluations = None, []
        self.counters.n_warm_starts += event.warm_start_from is not None

    def _decide(self, event: Decided) -> None:
        self.decisions[event.rule] = event
        if event.rule == "preprocessing_cache":
            hits = self.counters.n_cache_hits or 0
            self.counters.n_cache_hits = hits + (event.value is True)

    def _finish_fold(self, event: FoldFinished) -> None:
        self.finished.append(event)
        if event.stopped_early:
            budget_steps = self.fold.budget_steps if self.fold else event.n_steps
            self.counters.untrained_steps += max(budget_steps - event.n_steps, 0)
            self.counters.n_early_stops += 1
        self._fold_started_s = None
