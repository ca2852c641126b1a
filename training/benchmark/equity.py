"""The stitched test equity of a finished run, thinned so that it fits into a benchmark's file.

For pictures and first looks. Whoever computes from returns takes the whole table of the run
(`runs/<unit>/stitched_equity.csv`). Not here: how it is stitched (`training.tables`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from training.store import STITCHED_EQUITY_FILE
from training.tables import AGENT, BUY_AND_HOLD, RANDOM

MOST_POINTS = 500
_COLUMNS = ("time", "fold_index", AGENT, BUY_AND_HOLD, RANDOM)


def thinned_equity(run_folder: Path) -> dict[str, list[Any]]:
    """Return at most `MOST_POINTS` evenly spaced rows, the first and the last among them.

    Args:
        run_folder: Of a finished run.

    Returns:
        `time` (ISO, UTC), `fold_index`, and account values in USD of `agent`, `buy_and_hold` and
        `random` at the close of these bars; lists of one length.
    """
    table = pd.read_csv(run_folder / STITCHED_EQUITY_FILE, usecols=list(_COLUMNS))
    n_points = min(len(table), MOST_POINTS)
    rows = np.linspace(0, len(table) - 1, n_points).round().astype(np.int64)
    thinned = table.iloc[rows]
    return {name: thinned[name].tolist() for name in _COLUMNS}
