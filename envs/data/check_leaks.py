"""Does an extra column of the file know the next bar?

The look-ahead audit changes bars and watches features, so it cannot see what was computed before
the file was written. Here: an extra column that repeats a value of the next bar, or whose number or
change is the next bar's return. A pass is no proof: a leak from further ahead or with noise stays.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from envs.data.draft import PRICE_NAMES, Draft, row_text
from envs.data.problems import first_rows
from envs.data.report import Problem

MIN_ROWS = 30
MIN_EQUAL_SHARE = 0.98
MIN_CORRELATION = 0.99
MAX_SAME_BAR_CORRELATION = 0.9  # above it the next return is known from this one
_REPEATED = (*PRICE_NAMES, "volume")


def check_leaks(draft: Draft) -> list[Problem]:
    """Compare each extra column with the bar after; needs rows oldest first."""
    if len(draft) <= MIN_ROWS or not (np.diff(draft.time_us) > 0).all():
        return []
    found = []
    for name, column in draft.extra.items():
        if says := next(_leaks(draft, column), ""):
            found.append(_problem(draft, name, column, says))
    return found


def _leaks(draft: Draft, column: NDArray[np.float64]) -> Iterator[str]:
    for target in _REPEATED:
        if _repeats_next(draft, column, draft.columns[target]):
            yield f"is the {target} of the next bar"
    with np.errstate(all="ignore"):
        returns = np.diff(np.log(draft.columns["close"]))
    for name, values in (
        ("is", column),
        ("changes with", np.diff(column, prepend=column[:1])),
    ):
        for what, target_returns in (("return", returns), ("direction", np.sign(returns))):
            if _foretells(values, target_returns):
                yield f"{name} the {what} of the next bar"


def _repeats_next(draft: Draft, column: NDArray[np.float64], target: NDArray[np.float64]) -> bool:
    """Tell whether the column equals the next value where no value of this bar explains it."""
    following, now = target[1:], column[:-1]
    explained = np.any([draft.columns[name][:-1] == following for name in _REPEATED], axis=0)
    telling = ~explained & np.isfinite(now) & np.isfinite(following)
    if telling.sum() < MIN_ROWS:
        return False
    equal = np.abs(now - following) <= 1e-9 * np.abs(following)
    return bool(equal[telling].mean() >= MIN_EQUAL_SHARE)


def _foretells(values: NDArray[np.float64], returns: NDArray[np.float64]) -> bool:
    """Tell whether values of bar t go with the return of bar t+1, and not with their own."""
    ahead = _correlation(values[1:-1], returns[1:])
    return (
        ahead > MIN_CORRELATION
        and _correlation(values[1:-1], returns[:-1]) < MAX_SAME_BAR_CORRELATION
        and _correlation(returns[:-1], returns[1:]) < MAX_SAME_BAR_CORRELATION
    )


def _correlation(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """Absolute correlation; 0 where it is not defined."""
    both = np.isfinite(left) & np.isfinite(right)
    if both.sum() < MIN_ROWS:
        return 0.0
    left, right = left[both] - left[both].mean(), right[both] - right[both].mean()
    size = float(np.sqrt((left @ left) * (right @ right)))
    return abs(float(left @ right)) / size if size > 0 else 0.0


def _problem(draft: Draft, name: str, column: NDArray[np.float64], says: str) -> Problem:
    rows = (
        f"{draft.where(i)}: {name} {column[i]:.10g}, then {row_text(draft, i + 1)}" for i in (0, 1)
    )
    return Problem(
        kind="extra_knows_next_bar", count=len(draft), severity="error",
        first_rows=first_rows(rows),
        says=f"Extra column {name!r} {says}: what is learned from it cannot be had live",
        mend="remove the column, or write each value one bar later",
    )  # fmt: skip
