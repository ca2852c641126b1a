"""`walkfast benchmark`, and `train --benchmark_mode`: the original and ours, side by side.

Not here: what runs and what it means (`training.benchmark`), one run of it
(`bot.cli.benchmark_unit`).
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

import bot
from bot.cli.bars import load_bars, notices
from bot.cli.benchmark_report import draw_report
from bot.cli.boundary import DONE, FAILED, INTERRUPTED, complain, guarded, wants_tracebacks
from bot.cli.output import say, show
from bot.flags.benchmark_flags import BENCHMARK_MODE, HOW
from bot.flags.help_text import line
from bot.flags.parse import Words, add_flags
from bot.flags.resolve import Request, resolve
from bot.flags.table import BENCHMARK, GROUPS, SEVERAL_SEEDS, TrainingSettings
from bot.wording import clean, counted, duration
from envs.array_cache import ArrayCache, default_cache_folder
from envs.errors import ConfigError
from training import summary
from training.benchmark.arms import make_arms
from training.benchmark.children import ProcessRunner
from training.benchmark.events import Calibrated, Planned, UnitFinished, UnitStarted
from training.benchmark.plan import Plan
from training.benchmark.session import PLAN_FILE, TABLE_FILE, Session, Subject, check_subject
from training.benchmark.table import (
    NARROW,
    WORTH_HEADINGS,
    cells,
    number,
    sentences,
    worth_cells,
)
from training.calibration import MOST_THREADS
from training.clock import StageClock
from training.config import budget_of_both
from training.events import Event, Noticed
from training.machine import usable_cores
from training.prepare import prepare
from training.store import BENCHMARK_FOLDER, CONFIG_FILE, RunStore, free_folder

FOLDER = BENCHMARK_FOLDER
_DESCRIPTION = """\
Run the original training and these settings side by side on the same bars,
folds and seeds, one process each, and say with intervals how much faster they
are and whether they are as good. What fits into the time is chosen by timing a
few updates first. The same command goes on where it stopped; more --seeds add
runs. The other flags are those of walkfast train and set what is judged; bars,
market, features, folds and a typed --total_timesteps hold for the original,
too. Results: results/<run>/benchmark, with table.md and benchmark.json."""


def main(arguments: Sequence[str]) -> int:
    """Benchmark, and return the exit code."""

    def benchmark() -> int:
        given = _words().read(arguments)
        return run_benchmark(resolve({**given, BENCHMARK_MODE.name: True}), arguments)

    return guarded(benchmark, tracebacks=wants_tracebacks(arguments))


def run_benchmark(request: Request, arguments: Sequence[str]) -> int:
    """Compare what was asked for with the original, and return the exit code.

    Args:
        request: What was asked for.
        arguments: The words it was asked with.
    """
    assert request.benchmark is not None
    output = request.output
    root = output.results_dir / (output.run_name or str(request.config.seed))
    folder = (free_folder(root) if output.fresh else root) / FOLDER
    _check_resume(request, folder)
    subject = _subject(request, command=_command(arguments))
    screen = _Screen(shows=request.screen.verbose > 0 and not request.screen.json)
    for notice in _beside(folder):
        screen(notice)
    try:
        with _tidied(folder), tempfile.TemporaryDirectory() as jobs, RunStore(folder) as store:
            session = Session(
                subject=subject,
                config=request.benchmark,
                store=store,
                runner=_runner(jobs),
                emit=screen,
            )
            content = session.run()
    except KeyboardInterrupt:
        complain(_interrupted(folder))
        return INTERRUPTED
    drawn = draw_report(folder) if request.screen.report else None
    if request.screen.json:
        say(json.dumps(content, indent=2, allow_nan=False))
    else:
        _print(content, folder)
        if drawn is not None:
            _tell(drawn)
    return DONE if any(arm["n_done"] for arm in content["arms"].values()) else FAILED


def _beside(folder: Path) -> Iterator[Noticed]:
    """Say that a benchmark is begun in the folder of a training run."""
    if (folder.parent / CONFIG_FILE).is_file() and not (folder / PLAN_FILE).is_file():
        told = f"{folder.parent} holds a training run, which is left alone: this goes into {folder}"
        yield Noticed(level="info", message=told)


def _runner(jobs: str) -> ProcessRunner:
    return ProcessRunner(
        command=(sys.executable, "-P", "-m", "bot.cli.benchmark_unit"),
        folder=Path(jobs),
        environment={"PYTHONPATH": _python_path()},
    )


@contextmanager
def _tidied(folder: Path) -> Iterator[None]:
    """Leave no empty folder behind that was not there before."""
    made = [path for path in (folder.parent, folder.parent.parent) if not path.exists()]
    try:
        yield
    finally:
        for path in made:
            with contextlib.suppress(OSError):  # it holds something, or was never made
                path.rmdir()


def _subject(request: Request, *, command: str) -> Subject:
    """Load the bars and make the arms; every mistake in the flags ends here."""
    assert request.benchmark is not None
    config = request.config
    budget_steps = budget_of_both(config, request.provenance)
    arms = make_arms(config, ablation=request.benchmark.ablation, budget_steps=budget_steps)
    check_subject(arms)
    cache = ArrayCache(default_cache_folder())
    loaded = load_bars(config.data_path, config.data, cache=cache)
    if request.screen.verbose > 0 and not request.screen.json:
        for note in request.notes:
            _tell(note)
        for level, message in notices(loaded.source):
            _tell(f"warning: {message}" if level == "warning" else message)
    prepared = prepare(config, loaded.bars, cache=cache, clock=StageClock())
    return Subject(
        arms=arms,
        n_folds=len(prepared.folds),
        bars_fingerprint=loaded.bars.fingerprint,
        data=summary.describe_data(loaded, prepared),
        n_cores=min(int(usable_cores().value), MOST_THREADS),
        command=command,
    )


class _Screen:
    """Says what a benchmark does, line by line."""

    def __init__(self, *, shows: bool) -> None:
        self._shows = shows

    def __call__(self, event: Event) -> None:
        if not self._shows:
            return
        if isinstance(event, Calibrated):
            _tell(_calibrated(event))
        elif isinstance(event, Planned):
            for text in _planned(event):
                _tell(text)
        elif isinstance(event, UnitStarted):
            place = f"{event.number}/{event.n_units}"
            takes = f"about {duration(event.planned_s)} from {time.strftime('%H:%M:%S')} on"
            say(f"{place:>7}  {event.name} ({takes}) ...")
        elif isinstance(event, UnitFinished):
            say(_finished(event))
        elif isinstance(event, Noticed):
            _tell(f"warning: {event.message}" if event.level == "warning" else event.message)


def _calibrated(event: Calibrated) -> str:
    threads = "1 thread" if event.n_threads == 1 else f"{event.n_threads} threads"
    return (
        f"The original trains {number(event.steps_per_s)} env steps a second here, on {threads}. "
        f"Measuring every arm took {duration(event.took_s)}; the original's "
        f"warm-up of {duration(event.warm_up_s)} is not counted."
    )


def _planned(event: Planned) -> list[str]:
    plan = event.plan
    whole = [arm["name"] for arm in plan["arms"] if arm["kind"] == "whole"]
    timed = [f"{arm['name']} {arm['n_steps']:,}" for arm in plan["arms"] if arm["kind"] == "timed"]
    n_units = sum(1 for _ in Plan.from_json(plan).units)
    folds = "1 fold" if plan["n_folds"] == 1 else f"{plan['n_folds']} folds"
    seeds = "1 seed" if plan["n_seeds"] == 1 else f"{plan['n_seeds']} seeds"
    lines = []
    if whole:
        lines.append(f"Trained whole, {folds}, {seeds}: {', '.join(whole)}.")
    if timed:
        lines.append(f"Timed only, {seeds}, env steps: {', '.join(timed)}.")
    done = f", {event.n_done} of them done before" if event.n_done else ""
    lines.append(
        f"{counted(n_units, 'run')}{done}, each in a process of its own, taking turns: about "
        f"{duration(plan['duration_s'])}."
    )
    return [*lines, *event.notes]


def _finished(event: UnitFinished) -> str:
    if event.error is not None:
        last = clean(event.error.splitlines()[-1])
        return f"         failed after {duration(event.process_s)}: {last}"
    pace = "" if event.steps_per_s is None else f", {number(event.steps_per_s)} env steps a second"
    return f"         {duration(event.process_s)}{pace}"


def _print(content: Mapping[str, Any], folder: Path) -> None:
    say()
    show(_table(NARROW, list(cells(content, NARROW))))
    if content["worth"]:
        show(_table(WORTH_HEADINGS, list(worth_cells(content))))
    for text in sentences(content):
        _tell(text)
    _tell(f"{folder / TABLE_FILE}: this table for a README; all numbers in benchmark.json.")


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index else "left", overflow="fold")
    for row in rows:
        table.add_row(*(clean(cell) for cell in row))
    return table


def _tell(text: str) -> None:
    show(clean(text, max_length=2_000))


def _check_resume(request: Request, folder: Path) -> None:
    if request.resume and not (folder / PLAN_FILE).is_file():
        raise ConfigError(
            "--resume needs a benchmark that was begun",
            came="none",
            where=str(folder),
            mend="drop --resume, or name the run with --results_dir, --run_name or --seed",
        )


def _interrupted(folder: Path) -> str:
    if not (folder / PLAN_FILE).is_file():
        return "Interrupted before anything was planned; nothing was saved."
    n_done = len(list((folder / "units").glob("*.json")))
    if not n_done:
        return f"Interrupted before a run was finished; the plan is kept in {folder}."
    return (
        f"Interrupted: {counted(n_done, 'run')} saved in {folder}; the same command goes on from "
        f"there. What they show so far is in {TABLE_FILE}."
    )


def _command(arguments: Sequence[str]) -> str:
    """Return what to type for the same; of files elsewhere only the name, as it may be shown."""
    words = [word for word in arguments if word.replace("-", "_") != "__benchmark_mode"]
    shown = [Path(word).name if Path(word).is_absolute() else word for word in words]
    return shlex.join(["walkfast", "benchmark", *shown])


def _python_path() -> str:
    """Let the child find the very packages that run here, installed or not."""
    root = str(Path(bot.__file__).resolve().parents[1])
    return os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))


def _words() -> Words:
    words = Words("walkfast benchmark", description=_DESCRIPTION)
    words.usage = "walkfast benchmark [--data_path FILE] [--profile NAME] [flags]"
    others = (BENCHMARK, SEVERAL_SEEDS)
    kept = {title: flags for title, flags in GROUPS.items() if title not in others}
    add_flags(words, {"Benchmark": HOW, **kept}, root=TrainingSettings, says=line)
    return words
