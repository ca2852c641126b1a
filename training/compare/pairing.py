"""Which test slices and which seeds of two sides meet, and all that a reader has to know of it.

Pure: runs in, tables out. Folds meet where they tested exactly the same bars of the same data.
Runs that cannot be paired are refused with what differs. Not here: what the tables say
(`training.compare.conclude`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from envs.errors import ConfigError
from training.compare.finished import FinishedFold, FinishedRun
from training.compare.sides import Difference, Side, differences
from training.folds import Range
from training.metrics import Floats

MARKET = "env.market."
_SAME_HOLD = 1e-9
Pairs = tuple[tuple[FinishedRun | None, FinishedRun | None], ...]
_MACHINE = ("system", "architecture", "processor", "n_cores", "n_logical_cores", "n_usable_cores")


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairing:
    """Two sides on the test slices that they have in common.

    Attributes:
        a, b: The sides; b is judged against a.
        tests: The test slices in common, in time order.
        pairs: Run of a and run of b that meet; None where a seed has no partner.
        settings: What differs in settings.
        surroundings: What differs in versions and LSTM kernel.
        n_b_failed: Folds that runs of a finished and that unfinished runs of b still owe.
        machines: What differs in machines, in words; empty where all are alike.
        notes: What a reader has to know, as sentences.
    """

    a: Side
    b: Side
    tests: tuple[Range, ...]
    pairs: Pairs
    settings: tuple[Difference, ...]
    surroundings: tuple[Difference, ...]
    n_b_failed: int
    machines: str
    notes: tuple[str, ...]

    @property
    def why_no_times(self) -> str | None:
        """Why the times of the sides cannot be compared; None where they can."""
        if self.machines:
            return "the runs are of different machines, whose times cannot be compared"
        if len({run.is_one_of_seeds for run in (*self.a.runs, *self.b.runs)}) > 1:
            return (
                "only some runs are of train --seeds, which trains several at a time, so that "
                "times cannot be compared"
            )
        return None

    @property
    def n_pairs(self) -> int:
        """Seeds that both sides have a run of."""
        return len(self._met)

    @property
    def met(self) -> tuple[Side, Side]:
        """The sides without the runs that have no partner: what one figure a side is made of."""
        a, b = zip(*self._met, strict=True)
        return replace(self.a, runs=a), replace(self.b, runs=b)

    @property
    def _met(self) -> list[tuple[FinishedRun, FinishedRun]]:
        return [(a, b) for a, b in self.pairs if a is not None and b is not None]

    @property
    def is_chained(self) -> bool:
        """Whether the folds of a run hang together, on either side."""
        return self.a.is_chained or self.b.is_chained

    @property
    def market(self) -> tuple[Difference, ...]:
        """What differs in costs and rules of the account."""
        return tuple(item for item in self.settings if item.name.startswith(MARKET))

    def table(self, of: Callable[[FinishedFold], float]) -> tuple[Floats, Floats]:
        """Return a figure of every fold, `(n_folds, n_pairs)` for a and b; NaN = missing."""
        columns = zip(*self._met, strict=True)
        a, b = ([_column(run, self.tests, of) for run in side] for side in columns)
        return np.stack(a, axis=1), np.stack(b, axis=1)

    def panel(self, side: Side, of: Callable[[FinishedFold], float]) -> Floats:
        """Return a figure of every fold of one side's own runs, `(n_folds, n_runs)`."""
        return np.stack([_column(run, self.tests, of) for run in side.runs], axis=1)

    def returns(self) -> tuple[Floats, Floats]:
        """Return the simple returns of all test bars in common, `(n_bars,)` for a and b.

        Means over the pairs that both have the slice, so that neither is smoother by more seeds.
        """
        each = [_mean_returns(_meetings(self.pairs, test)) for test in self.tests]
        a, b = zip(*each, strict=True)
        return np.concatenate(a), np.concatenate(b)

    @property
    def fold_index(self) -> NDArray[np.int64]:
        """Number of the test slice of every bar of `returns`."""
        lengths = [test.n_bars for test in self.tests]
        return np.repeat(np.arange(len(lengths)), lengths)


def pair(a: Side, b: Side) -> Pairing:
    """Pair two sides.

    Raises:
        ConfigError: If they were not trained on the same bars, or tested none in common.
    """
    runs = (*a.runs, *b.runs)
    _check_bars(runs)
    pairs = _pair_seeds(a.runs, b.runs)
    tests = _common_tests(a, b, pairs)
    settings = differences(a.settings, b.settings)
    surroundings = _surroundings(a, b)
    machines = _machines(runs)
    return Pairing(
        a=a,
        b=b,
        tests=tests,
        pairs=pairs,
        settings=settings,
        surroundings=surroundings,
        n_b_failed=sum(_n_owed(*pair) for pair in pairs),
        machines=machines,
        notes=tuple(_notes(a, b, tests, pairs)),
    )


def _check_bars(runs: Sequence[FinishedRun]) -> None:
    """Refuse runs of other bars, with what differs."""
    first = runs[0]
    for run in runs[1:]:
        if run.data["fingerprint"] != first.data["fingerprint"]:
            raise ConfigError(
                "Runs can be compared on the very same bars only",
                came=f"{first.name}: {_bars(first)}; {run.name}: {_bars(run)}",
                mend="train both on the same file",
            )


def _bars(run: FinishedRun) -> str:
    data = run.data
    return (
        f"{data.get('symbol')} {data.get('timeframe')}, {data.get('n_bars')} bars from "
        f"{data.get('first_bar')} to {data.get('last_bar')}, fingerprint {data['fingerprint'][:12]}"
    )


def _common_tests(a: Side, b: Side, pairs: Pairs) -> tuple[Range, ...]:
    """Return the test slices on which at least one pair of seeds meets."""
    every = {fold.test for run in a.runs for fold in run.folds}
    common = sorted((t for t in every if _meetings(pairs, t)), key=lambda test: test.start)
    if not common:
        folds = [item for item in differences(a.settings, b.settings) if "folds." in item.name]
        cut = "; ".join(f"{item.name} {item.a!r} and {item.b!r}" for item in folds)
        raise ConfigError(
            "Runs that are compared must have tested the same bars",
            came="; ".join(_slices(side) for side in (a, b)) + (f"; {cut}" if cut else ""),
            mend="train both with the same --initial_window, --step_size and folds",
        )
    return tuple(common)


def _slices(side: Side) -> str:
    tests = sorted({fold.test for run in side.runs for fold in run.folds}, key=lambda t: t.start)
    first, last = tests[0], tests[-1]
    sizes = sorted({test.n_bars for test in tests})
    size = "/".join(f"{n_bars:,}" for n_bars in sizes)
    return f"{side.label} tested {len(tests)} slices of {size} bars, [{first.start}, {last.stop})"


def _pair_seeds(a: Sequence[FinishedRun], b: Sequence[FinishedRun]) -> Pairs:
    """Pair equal seeds, then the rest in order; those that are left over have no partner."""
    by_seed = {run.seed: run for run in b}
    same = [(run, by_seed.pop(run.seed)) for run in a if run.seed in by_seed]
    paired = {run.seed for run, _ in same}
    rest_a, rest_b = [run for run in a if run.seed not in paired], list(by_seed.values())
    n_rest = max(len(rest_a), len(rest_b))
    padded = [[*rest, *[None] * (n_rest - len(rest))] for rest in (rest_a, rest_b)]
    return (*same, *zip(*padded, strict=True))


def _n_owed(a: FinishedRun | None, b: FinishedRun | None) -> int:
    """Count the folds that a finished and an unfinished b still owes."""
    if a is None or b is None or b.is_complete:
        return 0
    n_later = sum(fold.test.start >= b.folds[-1].test.stop for fold in a.folds)
    return min(n_later, b.n_planned - len(b.folds))


def _surroundings(a: Side, b: Side) -> tuple[Difference, ...]:
    """Return what the sides ran with, where they or runs of one of them differ."""
    names = sorted({name for run in (*a.runs, *b.runs) for name in run.surroundings})
    told = []
    for name in names:
        found = [{str(run.surroundings.get(name)) for run in side.runs} for side in (a, b)]
        if len(found[0] | found[1]) > 1:
            values = [" and ".join(sorted(items)) for items in found]
            told.append(Difference(name=name, a=values[0], b=values[1]))
    return tuple(told)


def _machines(runs: Sequence[FinishedRun]) -> str:
    """Say what differs in the machines; memory that a kernel keeps for itself does not count."""
    told = []
    for name in _MACHINE:
        values = {str(run.machine[name]) for run in runs if run.machine.get(name) is not None}
        if len(values) > 1:
            told.append(
                f"{name.removeprefix('n_').replace('_', ' ')} {' and '.join(sorted(values))}"
            )
    return "; ".join(told)


def _notes(a: Side, b: Side, tests: Sequence[Range], pairs: Pairs) -> Iterator[str]:
    yield from _notes_on_folds(a, b, tests)
    for run in (*a.runs, *b.runs):
        if not run.is_complete:
            yield (
                f"{run.name} is not complete: {len(run.folds)} of {run.n_planned} folds are "
                "saved, and only those count."
            )
        if run.n_sessions > 1:
            yield f"{run.name} was interrupted and went on; a fold's time is of one piece."
    if all(run.is_one_of_seeds for run in (*a.runs, *b.runs)):
        yield "Time: seeds of train --seeds may have trained side by side, which slows each."
    yield from _notes_on_seeds(a, b)
    meetings = [both for test in tests for both in _meetings(pairs, test)]
    yield from _notes_on_sameness(a, b, meetings)


def _notes_on_folds(a: Side, b: Side, tests: Sequence[Range]) -> Iterator[str]:
    for side in (a, b):
        found = {fold.test for run in side.runs for fold in run.folds}
        if left := len(found - set(tests)):
            others = "A" if side is b else b.label
            yield (
                f"{left} of {len(found)} test slices of {side.label} are left out: {others} has "
                f"none of the same bars. Compared {'is' if len(tests) == 1 else 'are'} the "
                f"{len(tests)} in common."
            )
    if any(one.stop < other.start for one, other in itertools.pairwise(tests)):
        yield "The test slices in common do not follow each other without a gap."


def _notes_on_seeds(a: Side, b: Side) -> Iterator[str]:
    seeds = [[run.seed for run in side.runs] for side in (a, b)]
    if seeds[0] != seeds[1]:
        told = " and ".join(", ".join(map(str, items)) for items in seeds)
        yield f"The seeds differ ({told}): pairs have the bars in common, and no random numbers."
    if len(a.runs) != len(b.runs):
        left = abs(len(a.runs) - len(b.runs))
        told = "run has no partner and counts" if left == 1 else "runs have no partner and count"
        yield f"{left} {told} only in the probability that one beats the other."


def _notes_on_sameness(
    a: Side, b: Side, meetings: Sequence[tuple[FinishedFold, FinishedFold]]
) -> Iterator[str]:
    """Say where both sides have the same models, or other baselines on the same bars."""
    if all(one.weights_sha256 == other.weights_sha256 for one, other in meetings):
        yield "All models of both sides are the same, bit for bit."
    if any(item.name.startswith(MARKET) for item in differences(a.settings, b.settings)):
        return
    if any(abs(one.hold_frac - other.hold_frac) > _SAME_HOLD for one, other in meetings):
        yield (
            "Buy-and-hold earned other sums on the same bars: the market's rules changed between "
            "the versions that trained these runs."
        )


def _column(
    run: FinishedRun | None, tests: Sequence[Range], of: Callable[[FinishedFold], float]
) -> Floats:
    folds = [None if run is None else run.fold_at(test) for test in tests]
    return np.array([np.nan if fold is None else of(fold) for fold in folds])


def _meetings(pairs: Pairs, test: Range) -> list[tuple[FinishedFold, FinishedFold]]:
    """Return the folds of both sides that meet on a test slice, one item a pair of seeds."""
    folds = [
        (a.fold_at(test), b.fold_at(test)) for a, b in pairs if a is not None and b is not None
    ]
    return [(one, other) for one, other in folds if one is not None and other is not None]


def _mean_returns(meetings: Sequence[tuple[FinishedFold, FinishedFold]]) -> Floats:
    """Return the mean returns of a and of b, `(2, n_bars)`."""
    mean: Floats = np.mean([[one.returns, other.returns] for one, other in meetings], axis=0)
    return mean
