"""`walkfast train`, and the historical scripts: flags -> bars -> walk-forward -> report.

Not here: what a flag means (`bot.flags`), the loop (`training.walk_forward`), what is drawn
(`bot.live`), the report (`bot.report`).
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from bot.cli.bars import load_bars, notices
from bot.cli.boundary import DONE, INTERRUPTED, complain, guarded, wants_tracebacks
from bot.cli.sample import keep_sample_verdict
from bot.flags.help_text import training_words
from bot.flags.resolve import Request, Screen, leaves, resolve
from bot.live import Form, PlainLines, choose_display
from bot.report import write_report
from envs.array_cache import ArrayCache, default_cache_folder
from envs.data.load import LoadedBars
from envs.errors import ConfigError
from training.clock import StageClock
from training.events import (
    Event,
    FoldFinished,
    Listener,
    Noticed,
    RunFinished,
    RunStarted,
)
from training.store import STATE_FILE
from training.walk_forward import walk_forward


def main(
    arguments: Sequence[str],
    *,
    program: str = "walkfast train",
    original: bool = False,
    results_dir: Path | None = None,
) -> int:
    """Train, and return the exit code.

    Args:
        arguments: Flags, without the program's name.
        program: What the user typed, for the help and for messages.
        original: Whether the original training is the default (`train_ppo.py`).
        results_dir: Where runs go unless a flag says otherwise; None is `results`.
    """

    def train() -> int:
        given = training_words(program).read(arguments)
        return _train(resolve(given, original=original, results_dir=results_dir))

    return guarded(train, tracebacks=wants_tracebacks(arguments))


@dataclass
class Progress:
    """How far a run has come, for the message of an interrupted one."""

    run_folder: str | None = None
    n_folds: int = 0
    n_saved: int = 0

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        if isinstance(event, RunStarted):
            self.run_folder, self.n_folds = event.run_folder, event.n_folds
            self.n_saved = event.first_fold_index
        elif isinstance(event, FoldFinished):
            self.n_saved += 1


def _train(request: Request) -> int:
    if request.benchmark is not None:
        command = importlib.import_module("bot.cli.benchmark")  # scipy: a training needs none
        code: int = command.run_benchmark(request)
        return code
    _check_resume(request)
    progress = Progress()
    try:
        _run(request, progress)
    except KeyboardInterrupt:
        complain(how_to_go_on(progress, fresh=request.output.fresh))
        return INTERRUPTED
    return DONE


def _run(request: Request, progress: Progress) -> None:
    config, cache = request.config, None
    if config.rules.cache.enabled:
        cache = ArrayCache(default_cache_folder())
    clock = StageClock()
    with clock.stage("load"):
        loaded = load_bars(config.data_path, config.data, cache=cache)
    with _display(request.screen) as display:
        for notice in _opening(request, loaded):
            display(notice)
        finished = walk_forward(
            config,
            loaded,
            request.output,
            provenance=request.provenance,
            listener=_both(progress, _judged(display) if config.data_path is None else display),
            cache=cache,
            clock=clock,
        )
        if request.screen.report:
            path = write_report(Path(finished.run_folder))
            display(Noticed(level="info", message=f"report: {path}"))


def _display(screen: Screen) -> AbstractContextManager[Listener]:
    if screen.verbose > 1 and not screen.json:
        return contextlib.nullcontext(PlainLines())
    form: Form = "json" if screen.json else "quiet" if screen.verbose == 0 else "auto"
    return choose_display(form)


def _both(first: Listener, second: Listener) -> Listener:
    def listen(event: Event) -> None:
        first(event)
        second(event)

    return listen


def _judged(listener: Listener) -> Listener:
    """Add to the end of a run on the embedded sample what share of the best return it earned."""

    def listen(event: Event) -> None:
        if isinstance(event, RunFinished):
            says = keep_sample_verdict(Path(event.run_folder))
            listener(Noticed(level="info", message=says))
            event = replace(event, summary={**event.summary, "sample_verdict": says})
        listener(event)

    return listen


def _opening(request: Request, loaded: LoadedBars) -> Iterator[Noticed]:
    """Say what the dials did and what the file is like, before anything is trained."""
    for note in request.notes:
        yield Noticed(level="info", message=note)
    for level, message in notices(loaded.source):
        yield Noticed(level=level, message=message)
    if request.screen.verbose > 1:
        for path, value in leaves(request.config):
            source = request.provenance[path]
            if source != "default":
                yield Noticed(level="info", message=f"{path} = {value} ({source})")


def _check_resume(request: Request) -> None:
    output = request.output
    folder = output.results_dir / (output.run_name or str(request.config.seed))
    if request.resume and not (folder / STATE_FILE).is_file():
        raise ConfigError(
            "--resume needs a run that was begun",
            came="none",
            where=str(folder),
            mend="drop --resume, or name the run with --results_dir, --run_name or --seed",
        )


def how_to_go_on(progress: Progress, *, fresh: bool) -> str:
    """Say what an interrupted run has saved, and how it goes on."""
    if progress.run_folder is None:
        return "Interrupted before training began; nothing was saved."
    folder = Path(progress.run_folder)
    way = "the same command goes on from there"
    if fresh:
        way = (
            f"the same command with --run_name {folder.name} instead of --fresh goes on from there"
        )
    return (
        f"Interrupted: {progress.n_saved} of {progress.n_folds} folds are saved in {folder}; {way}."
    )
