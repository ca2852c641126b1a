"""`walkfast history`: the runs and benchmarks of a folder with their headline numbers.

Not here: reading them (`training.history`), the lines (`bot.cli.history_page`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bot.cli.boundary import DONE, complain, guarded, wants_tracebacks
from bot.cli.history_page import lines
from bot.cli.output import say, width
from bot.flags.flag import Flag
from bot.flags.parse import Words, add_flags
from bot.flags.values import Kind
from bot.wording import clean
from envs.errors import ConfigError
from training.history import History, is_matching, read_history
from training.store import CONFIG_FILE

_TEXT, _SWITCH = Kind(scalar=str), Kind(scalar=bool)
_FLAGS = (
    Flag("results_dir", "folder of runs [results]", kind=_TEXT, word="FOLDER"),
    Flag("data", "only runs whose symbol, timeframe or file holds this text", kind=_TEXT),
    Flag("last", "only so many of the latest runs, and of the benchmarks", kind=Kind(scalar=int)),
    Flag("json", "one JSON object, nothing else", kind=_SWITCH),
    Flag("verbose", "2 shows tracebacks", kind=Kind(scalar=str, choices=("0", "1", "2")), bare="2"),
)
_DESCRIPTION = """\
List the runs and benchmarks of a results folder, the latest last. Returns,
Sharpe and fall (the deepest drawdown) are of test bars only; Hold is
buy-and-hold on the same bars. On a terminal that is too narrow a run takes two
lines; in a pipe it is always one."""


def main(arguments: Sequence[str]) -> int:
    """List what a results folder holds, and return the exit code."""
    return guarded(lambda: _run(arguments), tracebacks=wants_tracebacks(arguments))


def _run(arguments: Sequence[str]) -> int:
    given = _words().read(arguments)
    folder = Path(given.get("results_dir", "results")).expanduser()
    last, data = given.get("last"), given.get("data")
    if last is not None and last < 1:
        raise ConfigError(
            "--last must be 1 or more", came=str(last), mend="leave --last out to list all"
        )
    _check(folder)
    found = read_history(folder)
    chosen = _chosen(found, data=data, last=last)
    if given.get("json", False):
        say(json.dumps({"results_dir": str(folder), **chosen.to_json()}, allow_nan=False, indent=2))
        return DONE
    for item in found.damaged:
        complain(f"warning: {clean(item.folder)} cannot be read: {clean(item.error)}")
    wide = width() if sys.stdout is not None and sys.stdout.isatty() else None
    say("\n".join(lines(chosen, found, folder=folder, width=wide)))
    return DONE


def _check(folder: Path) -> None:
    """Refuse what is no folder of runs.

    Raises:
        ConfigError: If it does not exist, is a file, or is itself a run.
    """
    came, mend = None, ""
    if not folder.is_dir():
        came = "a file" if folder.exists() else "nothing there"
        mend = "train first, or name the folder of runs with --results_dir"
    elif (folder / CONFIG_FILE).is_file():
        came, mend = "the folder of a single run", f"name the folder above it: {folder.parent}"
    if came is not None:
        raise ConfigError(
            "--results_dir must be a folder of runs", came=came, where=str(folder), mend=mend
        )


def _chosen(found: History, *, data: str | None, last: int | None) -> History:
    """Return what the filters leave; --last counts after --data."""
    runs = tuple(run for run in found.runs if data is None or is_matching(run, data))
    benchmarks = tuple(x for x in found.benchmarks if data is None or is_matching(x, data))
    return replace(found, runs=runs[-(last or 0) :], benchmarks=benchmarks[-(last or 0) :])


def _words() -> Words:
    words = Words("walkfast history", description=_DESCRIPTION)
    words.usage = "walkfast history [--results_dir FOLDER] [--data TEXT] [--last N] [flags]"
    add_flags(words, {"Runs and screen": _FLAGS}, root=object, says=lambda flag: flag.help)
    return words
