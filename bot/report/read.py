"""Read the results folder of a run for its report.

Every file is optional but one of them; what is missing leaves its part of the report out. What is
there but damaged is an error, for a report must not look complete when it is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from training.errors import StoreError
from training.store import (
    CONFIG_FILE,
    FOLD_FILE,
    OPTIMIZATION_SUMMARY_FILE,
    PERFORMANCE_SUMMARY_FILE,
    STITCHED_EQUITY_FILE,
    STITCHED_LEDGER_FILE,
    read_run_file,
)

SAMPLE_VERDICT_FILE = "sample_verdict.json"
"""What share of the best policy's return was earned; runs on the embedded sample alone have it."""
CURVES = ("agent", "buy_and_hold", "random")
_MONEY = ("gross", "spread_cost", "slippage_cost", "commission", "swap", "net")


@dataclass(frozen=True, kw_only=True, eq=False)
class RunFiles:
    """Content of a results folder.

    Attributes:
        name: Name of the folder.
        config, summary, optimization: Content of the JSON files; empty where missing.
        folds: Content of each `fold.json`, in order.
        equity: `time` (UTC), `fold_index` and the curves, finite and positive at the start; None
            where missing.
        ledger: The stitched ledger's direction and money, scaled to the account that compounds
            over the folds, so that it adds up to the performance; None where missing.
        sample_verdict: Share of the best policy's return, in words; None but on the sample.
    """

    name: str
    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    optimization: Mapping[str, Any]
    folds: Sequence[Mapping[str, Any]]
    equity: pd.DataFrame | None
    ledger: pd.DataFrame | None
    sample_verdict: str | None = None


def read_run(folder: Path) -> RunFiles:
    """Read what a run left behind.

    Raises:
        StoreError: If the folder holds no results, or a file in it is damaged.
    """
    files = RunFiles(
        name=folder.resolve().name,
        config=read_run_file(folder / CONFIG_FILE) or {},
        summary=read_run_file(folder / PERFORMANCE_SUMMARY_FILE) or {},
        optimization=read_run_file(folder / OPTIMIZATION_SUMMARY_FILE) or {},
        folds=_folds(folder / "folds"),
        equity=_equity(folder / STITCHED_EQUITY_FILE),
        ledger=_ledger(folder / STITCHED_LEDGER_FILE),
        sample_verdict=_says(folder / SAMPLE_VERDICT_FILE),
    )
    if not (files.config or files.summary or files.folds):
        raise StoreError(
            "A report needs the results of a run",
            came="neither configuration, summary nor folds",
            where=str(folder),
            mend="name the folder of a run, such as results/42",
        )
    return files


def nested(source: object, *keys: str) -> Mapping[str, Any]:
    """Return a mapping inside mappings; an empty one where it is missing or something else."""
    for key in keys:
        source = source.get(key) if isinstance(source, Mapping) else None
    return source if isinstance(source, Mapping) else {}


def listed(source: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """Return a list of mappings; what is something else is left out."""
    value = source.get(key)
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, Mapping)]


def _says(path: Path) -> str | None:
    says = (read_run_file(path) or {}).get("says")
    return says if isinstance(says, str) else None


def _folds(folder: Path) -> list[dict[str, Any]]:
    contents = [read_run_file(path) for path in sorted(folder.glob(f"*/{FOLD_FILE}"))]
    return [content for content in contents if content is not None]


def _equity(path: Path) -> pd.DataFrame | None:
    table = _table(path, ("time", "agent"))
    if table is None:
        return None
    times = pd.to_datetime(table["time"], utc=True, errors="coerce", format="ISO8601")
    columns: dict[str, Any] = {"time": times}
    for name in ("fold_index", *CURVES):
        if name in table:
            columns[name] = pd.to_numeric(table[name], errors="coerce")
    numbers = pd.DataFrame(columns).replace([np.inf, -np.inf], np.nan).dropna()
    if numbers.empty or numbers["agent"].iloc[0] <= 0:
        return None
    useless = [name for name in CURVES if name in numbers and numbers[name].iloc[0] <= 0]
    return numbers.drop(columns=useless).reset_index(drop=True)


def _ledger(path: Path) -> pd.DataFrame | None:
    table = _table(path, ("net", "direction"))
    if table is None:
        return None
    names = [name for name in ("direction", *_MONEY, "account_scale") if name in table]
    columns = {name: pd.to_numeric(table[name], errors="coerce") for name in names}
    numbers = pd.DataFrame(columns).replace([np.inf, -np.inf], np.nan).dropna()
    numbers = numbers.reset_index(drop=True)
    if "account_scale" in numbers:
        money = [name for name in _MONEY if name in numbers]
        numbers[money] = numbers[money].mul(numbers.pop("account_scale"), axis=0)
    return numbers


def _table(path: Path, needed: Sequence[str]) -> pd.DataFrame | None:
    """Read a CSV file; None where it is missing, empty, or lacks a needed column."""
    try:
        table = pd.read_csv(path)
    except (FileNotFoundError, pd.errors.EmptyDataError):
        return None
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise StoreError(
            "A table of a run must be CSV", came=str(error), where=str(path), mend="restore it"
        ) from error
    return table if set(needed) <= set(table.columns) else None
