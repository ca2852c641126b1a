"""Displays without a terminal: plain lines, JSON lines, and quiet.

Each is a listener. Lines carry no time stamps, so that two runs of the same command can be compared
line by line. Not here: the terminal view (`bot.live.view`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from time import perf_counter
from typing import Any, TextIO

from rich.console import Console

from bot.live.progress import RunProgress
from bot.live.sink import LineSink, fitted, told_columns
from bot.live.summary import final_line, render_summary
from bot.wording import (
    clean,
    compact,
    counted,
    decided_value,
    duration,
    percent,
    rule_name,
    score,
    whole,
)
from training.events import (
    Decided,
    Evaluated,
    Event,
    FirstPlayed,
    FoldFinished,
    FoldStarted,
    Noticed,
    OriginalTimed,
    Progressed,
    RunFinished,
    RunStarted,
)

_SUMMARY_WIDTH = 100
_FIRST_PATIENCE_S, _PATIENCE_S = 5.0, 30.0  # silence before a line of progress, in every fold
_UNREAD_RULES = frozenset({"evaluation_schedule"})  # its evaluations have lines of their own
_SAID_ONCE_RULES = frozenset({"phase_schedule", "preprocessing_cache", "fast_evaluation"})


class PlainLines:
    """One line for each thing worth reading, and the summary at the end.

    An update is worth one where nothing else was written for a while: a slow training is not
    silent, and a fast one writes what it always does.

    Args:
        stream: Where lines go; None is standard output.
        label: Whose run it is, where several run side by side: lines begin with it, and the end
            is one line.
        clock: Reads seconds.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        label: str | None = None,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self._sink = LineSink(stream)
        self._label = label
        self._clock, self._written_s, self._patience_s = clock, clock(), _FIRST_PATIENCE_S
        self._progress = RunProgress()
        self._said: dict[str, tuple[object]] = {}

    def __call__(self, event: Event) -> None:
        """Write what an event says, if it is worth a line."""
        self._progress(event)
        for line in self._lines(event):
            told = line if self._label is None else f"{self._label}: {line}"
            for fitting in fitted(told):
                self._sink.write(fitting)
            self._written_s = self._clock()

    def _lines(self, event: Event) -> list[str]:
        match event:
            case RunStarted():
                return [run_line(event)]
            case OriginalTimed():
                return [original_line(event)]
            case Noticed():
                return [notice_line(event)]
            case RunFinished():
                whole_end = ["", *_summary_lines(event), ""] if self._label is None else []
                return [*whole_end, final_line(event)]
        return [f"fold {index}: {said}" for index, said in self._of_fold(event)]

    def _of_fold(self, event: Event) -> Iterator[tuple[int, str]]:
        """Yield the number of a fold and what is said of it, if anything is."""
        match event:
            case FoldStarted():
                self._patience_s = _FIRST_PATIENCE_S
                yield event.fold_index, _start(event, self._asked_steps(event.fold_index))
            case Decided() if self._is_news(event):
                yield event.fold_index, _decision(event)
            case Evaluated():
                yield event.fold_index, self._evaluation(event)
            case FirstPlayed() if self._is_silent:
                yield event.fold_index, _played(event)
            case Progressed() if self._is_silent:
                yield event.fold_index, self._update(event)
            case FoldFinished():
                yield event.fold_index, _end(event) + self._to_go()

    def _asked_steps(self, fold_index: int) -> object:
        """Return the steps that a rule decided on for a fold; None where none did."""
        decided = self._progress.decisions.get("adaptive_timesteps")
        return decided.value if decided is not None and decided.fold_index == fold_index else None

    @property
    def _is_silent(self) -> bool:
        return self._clock() - self._written_s >= self._patience_s

    def _update(self, event: Progressed) -> str:
        self._patience_s = _PATIENCE_S
        return (
            f"step {whole(event.n_steps)} of {whole(event.budget_steps)}, "
            f"{whole(event.steps_per_s)} steps/s"
        )

    def _is_news(self, event: Decided) -> bool:
        """Say whether a decision is worth a line.

        Rules that speak all the time are left out, and settings are said when they change.
        """
        if event.rule in _UNREAD_RULES or (event.rule == "early_stopping" and not event.value):
            return False
        is_news = event.rule not in _SAID_ONCE_RULES or self._said.get(event.rule) != (event.value,)
        self._said[event.rule] = (event.value,)
        return is_news

    def _evaluation(self, event: Evaluated) -> str:
        latest = self._progress.latest
        budget = f" of {whole(latest.budget_steps)}" if latest else ""
        speed = f", {whole(latest.steps_per_s)} steps/s" if latest else ""
        best = "the best so far" if event.is_best else f"best {score(event.best_score)}"
        return (
            f"step {whole(event.n_steps)}{budget}: validation score {score(event.score)} "
            f"({best}){speed}"
        )

    def _to_go(self) -> str:
        run = self._progress.run
        n_left = run.n_folds - self._progress.n_folds_done if run else 0
        if n_left < 1:
            return ""
        return f"; {counted(n_left, 'fold')} to go, ETA {duration(self._progress.remaining_s)}"


class JsonLines:
    """One strict JSON object a line for every event, and nothing else.

    Args:
        stream: Where lines go; None is standard output.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._sink = LineSink(stream)

    def __call__(self, event: Event) -> None:
        """Write an event; numbers that JSON does not have become null."""
        self._sink.write(json.dumps(_strict(event.to_json()), allow_nan=False))


class Quiet:
    """Warnings on standard error, and the final line on standard output.

    Args:
        stream: Where the final line goes; None is standard output.
        warnings: Where warnings go; None is standard error.
    """

    def __init__(self, stream: TextIO | None = None, *, warnings: TextIO | None = None) -> None:
        self._sink = LineSink(stream)
        self._warnings = LineSink(warnings, errors=True)

    def __call__(self, event: Event) -> None:
        """Write warnings and the end."""
        if isinstance(event, Noticed) and event.level == "warning":
            self._warnings.write(notice_line(event))
        elif isinstance(event, RunFinished):
            self._sink.write(final_line(event))


def run_line(event: RunStarted) -> str:
    """Say what is about to be trained on what."""
    return (
        f"{clean(event.symbol)} {clean(event.timeframe)}: {whole(event.n_bars)} bars, "
        f"{event.n_features} features, {counted(event.n_folds, 'fold')}; {event.method} training, "
        f"profile {clean(event.profile)}, {event.device}; results in {clean(event.run_folder)}"
    )


def original_line(event: OriginalTimed) -> str:
    """Say how fast the original training is, and what it took to know."""
    when = "timed when this run was begun" if event.was_before else "timed"
    return (
        f"the original training, {when}: {compact(event.steps_per_s)} env steps/s on "
        f"{counted(event.n_threads, 'thread')} ({counted(event.n_rounds, 'update')}; "
        f"{duration(event.took_s)} in all, their warm-up included and not counted), so "
        f"{duration(event.fold_s)} for a fold of {whole(event.budget_steps)} steps"
    )


def notice_line(event: Noticed) -> str:
    """Write a notice with its level."""
    return f"{clean(event.level, max_length=20)}: {clean(event.message, max_length=2000)}"


def start_from(event: FoldStarted) -> str:
    """Say where a fold's weights come from."""
    if event.warm_start_from is None:
        return "fresh weights"
    return f"warm start from fold {event.warm_start_from}"


def _start(event: FoldStarted, asked_steps: object) -> str:
    """Say what a fold is trained on; where the steps asked for make no whole rollouts, so, too."""
    told = "" if asked_steps in (None, event.budget_steps) else " (whole rollouts)"
    return (
        f"train on bars [{event.train_start}, {event.train_stop}), "
        f"validate on [{event.validation_start}, {event.validation_stop}), "
        f"test on [{event.test_start}, {event.test_stop}); "
        f"up to {whole(event.budget_steps)} steps{told}, {start_from(event)}"
    )


def _played(event: FirstPlayed) -> str:
    return (
        f"the first {whole(event.n_steps)} steps are played, in {duration(event.duration_s)}; "
        "learning from them"
    )


def _decision(event: Decided) -> str:
    reason = clean(event.reason, max_length=1000)
    return f"{rule_name(event.rule)}: {decided_value(event.rule, event.value)} ({reason})"


def _end(event: FoldFinished) -> str:
    stopped = " (stopped early)" if event.stopped_early else ""
    return (
        f"done in {duration(event.duration_s)}, {whole(event.n_steps)} steps{stopped}: "
        f"test {percent(event.test_return_frac)}, "
        f"buy-and-hold {percent(event.test_buy_and_hold_frac)}, "
        f"{counted(event.n_test_trades, 'trade')}; validation score {score(event.validation_score)}"
    )


def _summary_lines(event: RunFinished) -> list[str]:
    width = told_columns() or _SUMMARY_WIDTH
    console = Console(width=width, no_color=True, force_terminal=False, color_system=None)
    with console.capture() as capture:
        console.print(render_summary(event.summary, event.optimization))
    return [line.rstrip() for line in capture.get().splitlines()]


def _strict(value: Any) -> Any:
    """Return a value with NaN and infinity as None, all the way down."""
    if isinstance(value, Mapping):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
