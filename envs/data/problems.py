"""Small words shared by the checks: the first rows of a problem."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from envs.data.draft import Draft
from envs.data.report import N_FIRST_ROWS, Problem


def first_rows(texts: Iterable[str]) -> tuple[str, ...]:
    """Take the first few of them."""
    return tuple(islice(texts, N_FIRST_ROWS))


def problem_where(
    draft: Draft,
    bad: NDArray[np.bool_],
    *,
    kind: str,
    says: str,
    tell: Callable[[int], Any],
    mend: str = "",
    severity: Literal["error", "warning"] = "error",
) -> list[Problem]:
    """One problem for the rows of a mask, or none.

    Args:
        draft: The rows.
        bad: `(n_rows,) bool` where it holds.
        kind: See `Problem`.
        says: See `Problem`.
        tell: Position to what the row holds.
        mend: See `Problem`.
        severity: See `Problem`.
    """
    index = np.flatnonzero(bad)
    if not index.size:
        return []
    rows = first_rows(f"{draft.where(int(i))}: {tell(int(i))}" for i in index)
    found = Problem(
        kind=kind, count=len(index), first_rows=rows, severity=severity, says=says, mend=mend
    )
    return [found]
