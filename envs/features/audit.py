"""The look-ahead audit: change the future of the bars, and see whether the past moves.

Here: the changes, the comparison, and the audit of features. `audit_causality` takes any function
of bars whose rows line up with them, so actions and scores are audited by the same means.

Bars after a cut t are changed in five ways: prices, volumes, spreads and extra columns raised;
lowered; shuffled; reversed with noise; and cut off. Times after the cut move too. Rows up to t must
then keep every bit. A pass is evidence, not proof: what looks ahead only around rare events may sit
between the cuts, so the number of cuts can be raised. Columns that come with the file are audited
in their scaling only: nobody can change the future that they were computed from (loading compares
them with the next bar, `envs.data.check_leaks`). The first cut is always near the start, where
values filled from later rows (`bfill`) lie.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.bars import Bars
from envs.errors import FeatureError
from envs.features.build import EXTRA_PREFIX, build_features, feature_names
from envs.features.config import FeatureConfig

_EARLY_CUT = 1
_PRICES = ("open", "high", "low", "close")
_CANNOT_SEE = (
    "the column itself comes with the file and cannot be audited: what it knew when it was written "
    "is for whoever wrote it to say"
)


@dataclass(frozen=True, kw_only=True)
class AuditResult:
    """What changing the future did to one thing's past.

    Attributes:
        name: What was audited.
        passed: True when no row up to any cut moved.
        first_bad_row: The earliest row that moved; None if none did.
        first_bad_column: Its column, by name where names are known; None if none moved.
        cut: The last bar that was left as it was, when that row moved.
        detail: A sentence for the reader.
    """

    name: str
    passed: bool
    first_bad_row: int | None = None
    first_bad_column: str | None = None
    cut: int | None = None
    detail: str = ""


@dataclass(frozen=True)
class _Leak:
    column: int
    row: int
    cut: int
    change: str
    before: float
    after: float


def audit_causality(
    compute: Callable[[Bars], NDArray[Any]],
    bars: Bars,
    *,
    n_cuts: int = 5,
    seed: int = 0,
    tolerance: float = 0.0,
    name: str = "computation",
) -> AuditResult:
    """Show that no row of `compute(bars)` depends on a later bar.

    Args:
        compute: Takes bars and returns `(n_bars,)` or `(n_bars, k)` numbers, row t decided by bars
            up to t. It must also work on shorter series, down to half of the bars.
        bars: At least 4; longer than the longest window of what is audited.
        n_cuts: Places after which the future is changed; 5 computations each.
        seed: Of the places and the changes.
        tolerance: Largest difference that counts as none; 0 compares bit by bit.
        name: For the result.

    Raises:
        FeatureError: If there are fewer than 4 bars, or the rows are not one a bar.
    """
    leaks = _first_leaks(compute, bars, _Plan(n_cuts=n_cuts, seed=seed, tolerance=tolerance))
    if not leaks:
        return _passed(name, n_cuts)
    return _failed(name, min(leaks, key=lambda leak: (leak.row, leak.column)), None)


def audit_features(
    bars: Bars, config: FeatureConfig, *, n_cuts: int = 8, seed: int = 0
) -> tuple[AuditResult, ...]:
    """Audit each column that `build_features` makes, the user's functions and scaling included.

    Returns:
        One result a column, in column order, named by it.

    Raises:
        FeatureError: If the features cannot be built, on these bars or on changed ones.
    """
    leaks = _first_leaks(
        lambda changed: build_features(changed, config).values,
        bars,
        _Plan(n_cuts=n_cuts, seed=seed, tolerance=0.0),
    )
    by_column = {leak.column: leak for leak in leaks}
    given = {f"{EXTRA_PREFIX}{name}" for name in bars.extra}
    return tuple(
        _failed(name, by_column[index], name)
        if index in by_column
        else _passed(name, n_cuts, is_given=name in given)
        for index, name in enumerate(feature_names(bars, config))
    )


def changed_futures(bars: Bars, cut: int, rng: np.random.Generator) -> Iterator[tuple[str, Bars]]:
    """Yield bars that equal `bars` up to bar `cut`, and differ after it, with a name for each."""
    future = np.arange(cut + 1, len(bars))
    yield "raised", _scaled(bars, cut, 1.37)
    yield "lowered", _scaled(bars, cut, 0.61)
    yield "shuffled", _rearranged(bars, cut, rng.permutation(future))
    noise = np.ones(len(bars))
    noise[future] = rng.uniform(0.5, 1.5, len(future))
    yield "reversed with noise", _scaled(_rearranged(bars, cut, future[::-1]), cut, noise)
    if 2 * cut >= len(bars):  # what needs a few bars to work still has them
        yield "cut off", bars.slice(0, cut + 1)


@dataclass(frozen=True, kw_only=True)
class _Plan:
    n_cuts: int
    seed: int
    tolerance: float


def _first_leaks(compute: Callable[[Bars], NDArray[Any]], bars: Bars, plan: _Plan) -> list[_Leak]:
    """Find, for each column that moved, the earliest row that did."""
    rng = np.random.default_rng(plan.seed)
    expected = _rows(compute(bars), len(bars))
    leaks: dict[int, _Leak] = {}
    for cut in _cuts(len(bars), plan.n_cuts, rng):
        for change, changed in changed_futures(bars, cut, rng):
            found = _rows(compute(changed), len(changed))
            for leak in _compare(expected, found, (cut, change), plan.tolerance):
                if leak.column not in leaks or leak.row < leaks[leak.column].row:
                    leaks[leak.column] = leak
    return [leaks[column] for column in sorted(leaks)]


def _cuts(n_bars: int, n_cuts: int, rng: np.random.Generator) -> list[int]:
    """One cut near the start, and the others at random, at least one in the later half."""
    if n_bars < 4:
        raise FeatureError("An audit needs at least 4 bars", came=f"{n_bars}")
    later = rng.integers(n_bars // 2, n_bars - 1, size=max(1, n_cuts // 2))
    anywhere = rng.integers(_EARLY_CUT, n_bars - 1, size=max(0, n_cuts - 1 - len(later)))
    return sorted({_EARLY_CUT, *later.tolist(), *anywhere.tolist()})


def _compare(
    expected: NDArray[Any], found: NDArray[Any], where: tuple[int, str], tolerance: float
) -> Iterator[_Leak]:
    cut, change = where
    before, after = expected[: cut + 1], found[: cut + 1]
    if before.shape != after.shape:
        raise FeatureError(
            "What is audited must keep its columns when the future changes",
            came=f"{after.shape[1]} columns instead of {before.shape[1]}",
            where=f"future {change} after row {cut}",
        )
    moved = _moved(before, after, tolerance)
    for column in np.flatnonzero(moved.any(axis=0)).tolist():
        row = int(np.argmax(moved[:, column]))
        yield _Leak(column, row, cut, change, float(before[row, column]), float(after[row, column]))


def _moved(before: NDArray[Any], after: NDArray[Any], tolerance: float) -> NDArray[np.bool_]:
    """Say which values differ: in any bit, or by more than a tolerance; NaN equals NaN."""
    both_nan = np.isnan(before) & np.isnan(after)
    if tolerance > 0:
        with np.errstate(invalid="ignore"):  # infinities of one sign are equal, below
            close = (before == after) | (np.abs(before - after) <= tolerance)
        return np.asarray(~(close | both_nan))
    differs = before.view(np.uint64) != after.view(np.uint64)
    return np.asarray(differs & ~both_nan)


def _rows(values: NDArray[Any], n_bars: int) -> NDArray[np.float64]:
    """View numbers as `(n_bars, k) float64`; float32 and integers keep every distinction."""
    array = np.asarray(values)
    if array.ndim == 0 or array.shape[0] != n_bars:
        raise FeatureError(
            "What is audited must have one row a bar", came=f"shape {array.shape}, {n_bars} bars"
        )
    return np.array(array.reshape(n_bars, -1), dtype=np.float64, order="C")


def _scaled(bars: Bars, cut: int, factor: float | NDArray[np.float64]) -> Bars:
    """Multiply prices after the cut; volumes, spreads and extra columns move by one more."""
    factors = np.ones(len(bars))
    factors[cut + 1 :] = np.broadcast_to(factor, len(bars))[cut + 1 :]
    offset = (factors != 1.0).astype(np.float64)
    columns = {name: getattr(bars, name) * factors for name in _PRICES}
    for name in ("volume", "spread_points"):
        columns[name] = getattr(bars, name) * factors + offset
    extra = {name: column * factors + offset for name, column in bars.extra.items()}
    return replace(bars, time_us=_stretched(bars, cut), extra=extra, **columns)


def _stretched(bars: Bars, cut: int) -> NDArray[np.int64]:
    """Times in which each step after the cut is one timeframe longer."""
    late = np.maximum(np.arange(len(bars)) - cut, 0)
    return np.asarray(bars.time_us + late * bars.timeframe.step_us)


def _rearranged(bars: Bars, cut: int, order: NDArray[np.intp]) -> Bars:
    """Take the bars after the cut in another order, at the times that were there."""
    rows = np.concatenate([np.arange(cut + 1), order])
    columns = {name: getattr(bars, name)[rows] for name in (*_PRICES, "volume", "spread_points")}
    extra = {name: column[rows] for name, column in bars.extra.items()}
    return replace(bars, extra=extra, **columns)


def _passed(name: str, n_cuts: int, *, is_given: bool = False) -> AuditResult:
    detail = f"no row moved when the future changed after {n_cuts} cuts"
    return AuditResult(
        name=name, passed=True, detail=f"{detail}; {_CANNOT_SEE}" if is_given else detail
    )


def _failed(name: str, leak: _Leak, column: str | None) -> AuditResult:
    column = str(leak.column) if column is None else column
    return AuditResult(
        name=name,
        passed=False,
        first_bad_row=leak.row,
        first_bad_column=column,
        cut=leak.cut,
        detail=(
            f"row {leak.row} of column {column} went from {leak.before:.9g} to {leak.after:.9g} "
            f"when the bars after row {leak.cut} were {leak.change}: it looks ahead"
        ),
    )
