"""`walkfast compare RUN_A RUN_B`: paired statistics on finished runs.

Not here: what is paired and what follows (`training.compare`), the page (`bot.cli.compare_page`).
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from bot.cli.boundary import DONE, complain, guarded, wants_tracebacks
from bot.cli.compare_page import page
from bot.cli.output import say, show
from bot.flags.flag import Flag
from bot.flags.parse import Given, UsageError, Words, add_flags
from bot.flags.values import Kind
from envs.errors import ConfigError
from training.compare.conclude import Comparison, compare
from training.compare.finished import FinishedRun, is_of_seeds, is_run, read_finished, runs_in
from training.compare.pairing import pair
from training.compare.record import content
from training.compare.sides import Side, check_distinct, group, make_side
from training.store import FOLD_FILE

_SWITCH = Kind(scalar=bool)
_FLAGS = (
    Flag("results_dir", "folder of runs that are given by name [results]", kind=Kind(scalar=str)),
    Flag("json", "one JSON object, nothing else", kind=_SWITCH),
    Flag("verbose", "2 shows tracebacks", kind=Kind(scalar=str, choices=("0", "1", "2")), bare="2"),
)
_SEED = 0
"""Of the resamples: the same runs give the same intervals."""
_DESCRIPTION = """\
Compare finished runs on the test slices that they have in common: time of a
fold, test scores in pairs, the stitched equity, the settings that differ, and a
verdict. B, the second run, is judged against A, the first. RUN is a results
folder, or the name of one in --results_dir; a folder of train --seeds stands
for all its seeds.

Several seeds a side say far more than one. More than two runs are sorted by
their settings: those that differ in their seeds only are one side, and every
other side is judged against that of the first run. --a and --b say it outright."""


def main(arguments: Sequence[str]) -> int:
    """Compare runs and return the exit code."""
    return guarded(lambda: _run(arguments), tracebacks=wants_tracebacks(arguments))


def _run(arguments: Sequence[str]) -> int:
    given = _words().read(arguments)
    first, *others = _sides(given)
    rng = np.random.default_rng(_SEED)
    comparisons = [compare(pair(first, other), rng=rng) for other in others]
    if given.get("json", False):
        say(json.dumps(_content(comparisons), indent=2, allow_nan=False))
    else:
        for index, comparison in enumerate(comparisons):
            if index:
                say()
            for part in page(comparison, n_comparisons=len(comparisons)):
                show(part)
    return DONE


def _content(comparisons: Sequence[Comparison]) -> dict[str, object]:
    return {"comparisons": [content(comparison) for comparison in comparisons]}


def _sides(given: Given) -> Sequence[Side]:
    """Find the runs and sort them into sides.

    Raises:
        ConfigError: If they are no two sides.
        StoreError: If one of them is no run, or damaged.
    """
    results_dir = Path(given.get("results_dir", "results")).expanduser()
    named = {name: list(given.get(name) or ()) for name in ("runs", "a", "b")}
    _check_words(named)
    runs = {
        name: [_read(_locate(word, results_dir)) for word in words] for name, words in named.items()
    }
    check_distinct(run for words in runs.values() for found in words for run in found)
    if runs["runs"]:
        return group(runs["runs"])
    return [make_side(name.upper(), list(chain(*runs[name]))) for name in ("a", "b")]


def _read(folder: Path) -> list[FinishedRun]:
    """Read a run, or all of `train --seeds`; seeds without a whole fold are left out and said."""
    if is_run(folder) or not is_of_seeds(folder):
        return [read_finished(folder)]
    begun = runs_in(folder)
    found = [path for path in begun if any(path.glob(f"folds/*/{FOLD_FILE}"))]
    for path in begun:
        if path not in found:
            complain(f"warning: {path} has no whole fold and is left out")
    return [read_finished(path) for path in found or begun or [folder]]


def _check_words(named: dict[str, list[str]]) -> None:
    came = None
    if named["runs"] and (named["a"] or named["b"]):
        came = f"--a or --b, and {' '.join(named['runs'])} beside it"
    elif named["runs"] and len(named["runs"]) < 2:
        came = f"one run, {named['runs'][0]}"
    elif not named["runs"] and not (named["a"] and named["b"]):
        came = "one side only" if named["a"] or named["b"] else "no run"
    if came is not None:
        raise UsageError(
            "Two runs, or --a RUN ... --b RUN ..., must be named",
            came=came,
            mend="walkfast history lists the runs; see walkfast compare --help",
        )


def _locate(word: str, results_dir: Path) -> Path:
    """Return the folder that a word means: a path, or a name in the folder of runs."""
    paths = (Path(word).expanduser(), results_dir / word)
    for path in paths:
        if is_run(path) or is_of_seeds(path):
            return path
    for path in paths:
        if path.exists():
            return path  # reading it says what it is instead
    known = _names(results_dir)
    near = difflib.get_close_matches(Path(word).name, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    mend = f"{hint}walkfast history --results_dir {results_dir} lists the {len(known)} runs there"
    if not known:
        mend = f"no run is in {results_dir}: train first, or name their folder with --results_dir"
    raise ConfigError(
        "A run must be a results folder, or the name of one in --results_dir",
        came=repr(word),
        where=f"{paths[0]} and {paths[1]}",
        mend=mend,
    )


def _names(results_dir: Path) -> list[str]:
    if not results_dir.is_dir():
        return []
    return sorted(path.name for path in results_dir.iterdir() if is_run(path) or is_of_seeds(path))


def _words() -> Words:
    words = Words("walkfast compare", description=_DESCRIPTION)
    words.usage = (
        "walkfast compare RUN_A RUN_B [RUN ...] [flags]\n"
        "       walkfast compare --a RUN [RUN ...] --b RUN [RUN ...] [flags]"
    )
    words.add_argument("runs", metavar="RUN", nargs="*", help="results folder, or its name")
    words.add_argument("--a", metavar="RUN", nargs="+", help="what is compared with, a run a seed")
    words.add_argument("--b", metavar="RUN", nargs="+", help="what is judged, a run a seed")
    add_flags(words, {"Runs and screen": _FLAGS}, root=object, says=lambda flag: flag.help)
    return words
