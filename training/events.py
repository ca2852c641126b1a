"""What learning tells the outside: frozen events, sent to one listener.

`training` never prints or draws. The live view, the plain log, `events.jsonl` and the tests all
listen to the same stream. Read next: `training.walk_forward`, which emits most of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

Scalar = bool | int | float | str | None


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events."""

    def to_json(self) -> dict[str, Any]:
        """Return the event as JSON values, with its class name under `event`."""
        return {"event": type(self).__name__, **asdict(self)}


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    """The run is checked and about to train; nothing can fail for the user's settings any more.

    Attributes:
        run_folder: Where results go.
        method: `optimized` or `original`.
        profile: Name of the profile in force.
        symbol, timeframe: Of the bars.
        n_bars: Bars in the file.
        n_features: Columns of the feature matrix.
        n_folds: Folds to train.
        first_fold_index: Where this session begins; above 0 when a run goes on.
        device: `cpu` or `cuda`.
    """

    run_folder: str
    method: str
    profile: str
    symbol: str
    timeframe: str
    n_bars: int
    n_features: int
    n_folds: int
    first_fold_index: int
    device: str


@dataclass(frozen=True, kw_only=True)
class OriginalTimed(Event):
    """A few rollouts and updates of the original training were timed, or had been when it began.

    Attributes:
        steps_per_s: Its env steps a second in rollouts and updates, of the median round.
        n_rounds: Rollouts with their update that were timed; the warm-up is not among them.
        n_threads: Threads on which it was timed: those on which it is fastest.
        budget_steps: Env steps of a fold of it.
        fold_s: Seconds of that in rollouts and updates, without evaluations.
        shortest_fold_s, longest_fold_s: The same by the fastest round and by the slowest.
        took_s: Seconds that timing it took, warm-up included.
        was_before: Whether it was timed when the run began, and this session goes on with it.
    """

    steps_per_s: float
    n_rounds: int
    n_threads: int
    budget_steps: int
    fold_s: float
    shortest_fold_s: float
    longest_fold_s: float
    took_s: float
    was_before: bool


@dataclass(frozen=True, kw_only=True)
class Decided(Event):
    """A rule decided something.

    Attributes:
        fold_index: In which fold.
        rule: Name of the rule.
        value: What was decided.
        reason: Why, as a sentence with the numbers.
    """

    fold_index: int
    rule: str
    value: Scalar
    reason: str


@dataclass(frozen=True, kw_only=True)
class FoldStarted(Event):
    """A fold begins to train.

    Attributes:
        fold_index: Position in the walk-forward.
        budget_steps: Env steps it may take, in whole rollouts.
        warm_start_from: Fold whose model it starts from; None from fresh weights.
        train_start, train_stop, validation_start, validation_stop, test_start, test_stop: Bars.
    """

    fold_index: int
    budget_steps: int
    warm_start_from: int | None
    train_start: int
    train_stop: int
    validation_start: int
    validation_stop: int
    test_start: int
    test_stop: int


@dataclass(frozen=True, kw_only=True)
class FirstPlayed(Event):
    """The first rollout of a fold is played and is now learned from: a sign of life.

    Attributes:
        fold_index: Position in the walk-forward.
        n_steps: Env steps of the rollout.
        duration_s: Seconds that it took.
    """

    fold_index: int
    n_steps: int
    duration_s: float


@dataclass(frozen=True, kw_only=True)
class Progressed(Event):
    """One rollout and its update are done.

    Attributes:
        fold_index: Position in the walk-forward.
        n_steps: Env steps trained in this fold so far.
        budget_steps: Env steps it may take, in whole rollouts.
        steps_per_s: Env steps a second over this fold's rollouts and updates so far.
        learning_rate, n_epochs, ent_coef, clip_range: Hyperparameters in force, read back from
            the optimizer and the agent.
    """

    fold_index: int
    n_steps: int
    budget_steps: int
    steps_per_s: float
    learning_rate: float
    n_epochs: int
    ent_coef: float
    clip_range: float


@dataclass(frozen=True, kw_only=True)
class Evaluated(Event):
    """A model was scored on the fold's validation bars.

    Attributes:
        fold_index: Position in the walk-forward.
        n_steps: Env steps trained when it was scored.
        score: Validation score.
        best_score: Best validation score of this fold so far, this one included.
        is_best: Whether this evaluation is the new best.
        cost_s: Seconds the evaluation took.
    """

    fold_index: int
    n_steps: int
    score: float
    best_score: float
    is_best: bool
    cost_s: float


@dataclass(frozen=True, kw_only=True)
class FoldFinished(Event):
    """A fold is trained, chosen, tested and saved.

    Attributes:
        fold_index: Position in the walk-forward.
        n_steps: Env steps trained.
        stopped_early: Whether early stopping ended it.
        validation_score: Score of the chosen model on validation bars.
        test_return_frac: Net return of the chosen model on the test bars.
        test_buy_and_hold_frac: The same bars, bought at their start.
        n_test_trades: Trades closed on the test bars.
        duration_s: Wall time of the fold.
    """

    fold_index: int
    n_steps: int
    stopped_early: bool
    validation_score: float
    test_return_frac: float
    test_buy_and_hold_frac: float
    n_test_trades: int
    duration_s: float


@dataclass(frozen=True, kw_only=True)
class Noticed(Event):
    """Something the user should know, loud (`warning`) or not (`info`)."""

    level: str
    message: str


@dataclass(frozen=True, kw_only=True)
class RunFinished(Event):
    """The walk-forward is complete and its files are written.

    Attributes:
        run_folder: Where they are.
        summary: Content of `training_performance_summary.json`.
        optimization: Content of `optimization_summary.json`.
    """

    run_folder: str
    summary: Mapping[str, Any]
    optimization: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class RunStopped(Event):
    """The run ended before it was complete; only written down, for those who look later.

    Attributes:
        reason: `interrupted` (Ctrl-C) or `failed`.
        error: What ended it, one line; None where it was interrupted.
    """

    reason: str
    error: str | None = None


Listener = Callable[[Event], None]


def event_of(content: Mapping[str, Any]) -> Event:
    """Read back what `Event.to_json` wrote; sequences come back as lists."""
    values = dict(content)
    name = values.pop("event")
    return _kinds()[name](**values)


def _kinds() -> dict[str, type[Event]]:
    return {kind.__name__: kind for kind in Event.__subclasses__()}
