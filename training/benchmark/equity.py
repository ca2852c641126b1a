"""The stitched test equity of finished runs: whole, or thinned to fit into a benchmark's file.

Thinned for pictures and first looks; whoever computes from returns takes the whole table of the run
(`runs/<unit>/stitched_equity.csv`). Not here: how it is stitched (`training.tables`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from training.store import STITCHED_EQUITY_FILE
from training.tables import AGENT, BUY_AND_HOLD, RANDOM

MOST_POINTS = 500
_COLUMNS = ("time", "fold_index", AGENT, BUY_AND_HOLD, RANDOM)


def stitched_equities(
    runs_folder: Path, units: Mapping[str, Mapping[str, Any]]
) -> dict[tuple[str, int], pd.DataFrame]:
    """Return the whole tables of finished runs by arm and seed; a run without one is left out.

    Args:
        runs_folder: Where each unit has a folder of its name.
        units: The units by name.
    """
    found: dict[tuple[str, int], pd.DataFrame] = {}
    for name, unit in units.items():
        path = runs_folder / name / STITCHED_EQUITY_FILE
        if unit["status"] == "done" and unit["kind"] == "whole" and path.is_file():
            found[unit["arm"], unit["seed"]] = pd.read_csv(path)
    return found


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
