"""`walkfast train`, and the historical scripts: flags -> bars -> walk-forward -> report.

Not here: what a flag means (`bot.flags`), the loop (`training.walk_forward`), what is drawn
(`bot.live`), the report (`bot.report`).
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bot.cli.bars import load_bars, notices
from bot.cli.boundary import DONE, INTERRUPTED, complain, guarded, wants_tracebacks
from bot.cli.chain import Chain, cache_for
from bot.flags.help_text import training_words
from bot.flags.resolve import Request, Screen, leaves, resolve
from bot.live import Form, PlainChains, PlainLines, choose_display
from bot.wording import counted
from envs.data.load import LoadedBars
from envs.errors import ConfigError
from training.clock import StageClock
from training.events import (
    Event,
    FoldFinished,
    Listener,
    Noticed,
    RunStarted,
)
from training.store import STATE_FILE


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
        request = resolve(given, original=original, results_dir=results_dir)
        return _train(request, arguments)

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


def _train(request: Request, arguments: Sequence[str]) -> int:
    code: int
    if request.benchmark is not None:  # imported here, for scipy: a single training needs none
        benchmark = importlib.import_module("bot.cli.benchmark")
        code = benchmark.run_benchmark(request, arguments)
        return code
    if request.chains is not None:
        code = importlib.import_module("bot.cli.seeds").run_seeds(request)
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
    config, cache, clock = request.config, cache_for(request.config), StageClock()
    with clock.stage("load"):
        loaded = load_bars(config.data_path, config.data, cache=cache)
    chain = Chain(
        config=config,
        output=request.output,
        provenance=request.provenance,
        report=request.screen.report,
        identity={"bars": loaded.bars.fingerprint},
    )
    with display_for(request.screen) as display:
        for notice in opening(request, loaded):
            display(notice)
        chain.train(loaded, listener=_both(progress, display), cache=cache, clock=clock)


def display_for(screen: Screen, *, several: bool = False) -> AbstractContextManager[Listener]:
    """Return the display that the flags ask for."""
    if screen.verbose > 1 and not screen.json:
        return contextlib.nullcontext(PlainChains() if several else PlainLines())
    form: Form = "json" if screen.json else "quiet" if screen.verbose == 0 else "auto"
    return choose_display(form, several=several)


def _both(first: Listener, second: Listener) -> Listener:
    def listen(event: Event) -> None:
        first(event)
        second(event)

    return listen


def opening(request: Request, loaded: LoadedBars) -> Iterator[Noticed]:
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
    folds = f"{progress.n_saved} of {counted(progress.n_folds, 'fold')}"
    return f"Interrupted: {folds} saved in {folder}; {way}."
