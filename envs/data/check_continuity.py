"""Does each bar begin where the one before it ended? If only with open and close exchanged, no.

Of honest bars the open lies beside the close before, and two bars' moves away from what it is
compared with when the labels are exchanged. The same picture comes of rows that run backwards under
times that run forwards.
"""

from __future__ import annotations

import numpy as np

from envs.data.draft import Draft, row_text
from envs.data.problems import first_rows
from envs.data.report import Problem

MIN_PAIRS = 30
MIN_RATIO = 4.0
MIN_SHARE = 0.9


def check_continuity(draft: Draft) -> list[Problem]:
    """Compare open and the close before, as labelled and exchanged, on bars that follow on."""
    steps = np.diff(draft.time_us)
    steps = steps[steps > 0]
    if len(steps) < MIN_PAIRS:
        return []
    follows = np.flatnonzero(np.diff(draft.time_us) == np.median(steps))
    open_, close = draft.columns["open"], draft.columns["close"]
    labelled = np.abs(open_[follows + 1] - close[follows])
    exchanged = np.abs(close[follows + 1] - open_[follows])
    informative = (labelled != exchanged) & np.isfinite(labelled) & np.isfinite(exchanged)
    labelled, exchanged = labelled[informative], exchanged[informative]
    if len(labelled) < MIN_PAIRS or (exchanged < labelled).mean() < MIN_SHARE:
        return []
    if np.median(labelled) <= MIN_RATIO * np.median(exchanged):
        return []
    return [
        Problem(
            kind="open_close_exchanged", count=len(labelled), severity="error",
            first_rows=first_rows(f"{draft.where(i)}: {row_text(draft, i)}" for i in (0, 1)),
            says="Each bar begins where the one before it ended only if the columns "
            f"open and close are exchanged (typical jump {np.median(exchanged):g} instead of "
            f"{np.median(labelled):g}): their labels stand in the wrong order, or the rows run "
            "backwards under times that run forwards",
            mend="exchange the two names in the header, or bring rows and times together",
        )
    ]  # fmt: skip
