"""Does the clock of a file change in the middle? Then the bars around the change come twice.

A site that moved its archive from one timezone to another leaves a seam: every bar of a few hours
stands once under the old clock and once under the new. Sorting such a file would play those hours
twice; moving the older part by the difference restores one series.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.data.draft import Draft

US_PER_HOUR = 3_600_000_000
MIN_REPEATED = 2


@dataclass(frozen=True, kw_only=True)
class ClockShift:
    """A seam between two clocks.

    Attributes:
        repeated: Positions of the rows that repeat their neighbour under the older clock.
        before: Bars before the seam.
        step_us: What has to be added to the times before the seam.
    """

    repeated: NDArray[np.int64]
    before: int
    step_us: int

    @property
    def hours(self) -> float:
        """The difference of the two clocks."""
        return self.step_us / US_PER_HOUR


def find_clock_shift(draft: Draft) -> ClockShift | None:
    """Find the seam, if the order of the file is broken by nothing else.

    The rows that break the order must all repeat the row just before them, in every column and
    with one and the same difference of time; and without them, with the earlier part moved, times
    must increase.
    """
    steps = np.diff(draft.time_us)
    broken = np.flatnonzero(steps < 0) + 1
    if len(broken) < MIN_REPEATED or np.unique(steps[broken - 1]).size != 1:
        return None
    if not all((column[broken] == column[broken - 1]).all() for column in draft.columns.values()):
        return None
    shift = ClockShift(
        repeated=broken, before=int(broken[0]) - 1, step_us=int(-steps[broken[0] - 1])
    )
    mended = np.diff(np.delete(moved_times(draft, shift), broken))
    return shift if (mended > 0).all() else None


def moved_times(draft: Draft, shift: ClockShift) -> NDArray[np.int64]:
    """Times with the part before the seam moved; the repeated rows are still there."""
    times = draft.time_us.copy()
    times[: shift.before] += shift.step_us
    return times
