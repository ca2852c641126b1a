"""Curves of a benchmark as arrays: validation scores by wall time, stitched equity by arm. Pure.

Not here: how they are drawn (`bot.report.benchmark.trace_charts`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bot.report.axes import drawn_growth
from bot.report.benchmark.read import ArmView, Benchmark
from bot.report.curves import Floats
from bot.report.read import listed, nested
from bot.wording import as_number
from training.benchmark.arms import OPTIMIZED, ORIGINAL, ORIGINAL_EXACT

BASELINE_CURVES = ("buy_and_hold", "random")


@dataclass(frozen=True, kw_only=True)
class Trace:
    """Validation scores of one fold of one run.

    Attributes:
        arm: Name of the arm.
        seed: Seed of the run.
        wall_s: Seconds since the fold began, above 0.
        scores: In the same order.
        reached: Wall seconds and score at which the original's final score was reached;
            None where it never was, or was not asked.
    """

    arm: str
    seed: float | None
    wall_s: tuple[float, ...]
    scores: tuple[float, ...]
    reached: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class FoldTraces:
    """All traces of a fold.

    Attributes:
        fold_index: Which fold.
        traces: Of every arm and seed.
        targets: Final validation scores of the original, one for each seed.
    """

    fold_index: int
    traces: tuple[Trace, ...]
    targets: tuple[float, ...]


def validation_traces(benchmark: Benchmark) -> list[FoldTraces]:
    """Collect the validation curves of all arms, fold by fold."""
    found: dict[int, list[Trace]] = {}
    for arm in benchmark.arms:
        reached = _reached(benchmark, arm.name)
        for unit, fold in arm.folds():
            index, seed = as_number(fold.get("fold_index")), as_number(unit.get("seed"))
            points = _points(fold)
            if index is not None and points:
                trace = Trace(
                    arm=arm.name,
                    seed=seed,
                    wall_s=tuple(wall_s for wall_s, _ in points),
                    scores=tuple(score for _, score in points),
                    reached=reached.get((int(index), seed)),
                )
                found.setdefault(int(index), []).append(trace)
    return [
        FoldTraces(fold_index=index, traces=tuple(traces), targets=_targets(traces))
        for index, traces in sorted(found.items())
    ]


def _points(fold: Mapping[str, Any]) -> list[tuple[float, float]]:
    return [
        (wall_s, score)
        for item in listed(fold, "validation_curve")
        if (wall_s := as_number(item.get("wall_s"))) is not None
        and wall_s > 0
        and (score := as_number(item.get("score"))) is not None
    ]


def _targets(traces: Sequence[Trace]) -> tuple[float, ...]:
    """Return the original's final scores, or those of the arm that stands in for its scores."""
    finals = {
        name: tuple(trace.scores[-1] for trace in traces if trace.arm == name)
        for name in (ORIGINAL, ORIGINAL_EXACT)
    }
    return finals[ORIGINAL] or finals[ORIGINAL_EXACT]


def _reached(benchmark: Benchmark, arm: str) -> dict[tuple[int, float | None], tuple[float, float]]:
    """Return by (fold, seed) when the original's final score was reached."""
    found = nested(benchmark.content, "time_to_quality")
    names, key = ([*found], "original_wall_s") if arm == ORIGINAL else ([arm], "wall_s")
    return {
        (int(as_number(row.get("fold_index")) or 0), as_number(row.get("seed"))): (wall_s, target)
        for name in names
        for row in listed(nested(found, name), "rows")
        if (wall_s := as_number(row.get(key))) is not None
        and wall_s > 0
        and (target := as_number(row.get("target"))) is not None
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class Account:
    """The stitched account of an arm as multiples of its start.

    Attributes:
        name: Of the arm, or of the baseline.
        times: `(n_points,) datetime64[s]`.
        growth: `(n_points,)` of the seed that ended in the middle.
        low: Lowest of all seeds at each point.
        high: Highest.
        n_seeds: Seeds in the band.
        boundaries: Rows after which another fold's model takes over.
    """

    name: str
    times: NDArray[np.datetime64]
    growth: Floats
    low: Floats
    high: Floats
    n_seeds: int
    boundaries: NDArray[np.int64]


def accounts(arms: Sequence[ArmView]) -> list[Account]:
    """Return each arm's account, and the baselines.

    The random baseline acts as its arm may act: that of the judged arm is taken where it is there.
    """
    tables = {arm.name: found for arm in arms if (found := _tables(arm))}
    if not tables:
        return []
    ground = tables.get(OPTIMIZED, next(iter(tables.values())))[0]
    baselines = [name for name in BASELINE_CURVES if name in ground]
    return [
        *(_account(name, found) for name, found in tables.items()),
        *(_account(name, [_as_agent(ground, name)]) for name in baselines),
    ]


def _tables(arm: ArmView) -> list[pd.DataFrame]:
    found = (_table(nested(unit, "equity")) for unit in arm.units)
    return [table for table in found if table is not None]


def _account(name: str, tables: Sequence[pd.DataFrame]) -> Account:
    ordered = sorted(
        tables, key=lambda table: float(table["agent"].iloc[-1] / table["agent"].iloc[0])
    )
    middle = ordered[(len(ordered) - 1) // 2]
    seconds = _seconds(middle)
    grown = np.stack(
        [np.exp(np.interp(seconds, _seconds(table), np.log(_growth(table)))) for table in tables]
    )
    folds = middle["fold_index"].to_numpy() if "fold_index" in middle else np.zeros(len(middle))
    return Account(
        name=name,
        times=middle["time"].dt.tz_localize(None).to_numpy("datetime64[s]"),
        growth=_growth(middle),
        low=grown.min(axis=0),
        high=grown.max(axis=0),
        n_seeds=len(tables),
        boundaries=np.flatnonzero(np.diff(folds) != 0),
    )


def _growth(table: pd.DataFrame) -> Floats:
    return drawn_growth(table["agent"].to_numpy(np.float64))


def _seconds(table: pd.DataFrame) -> Floats:
    return np.asarray(table["time"].astype("int64"), dtype=np.float64)


def _as_agent(table: pd.DataFrame, name: str) -> pd.DataFrame:
    kept = [column for column in ("time", "fold_index") if column in table]
    return table[kept].assign(agent=table[name])


def _table(equity: Mapping[str, Any]) -> pd.DataFrame | None:
    """Read a run's thinned equity; None where it has no two usable rows."""
    columns = {
        name: equity[name]
        for name in ("time", "fold_index", "agent", *BASELINE_CURVES)
        if isinstance(equity.get(name), list)
    }
    lengths = {len(values) for values in columns.values()}
    if not {"time", "agent"} <= set(columns) or len(lengths) != 1:
        return None
    table = pd.DataFrame(
        {
            name: pd.Series([as_number(value) for value in values], dtype=np.float64)
            for name, values in columns.items()
            if name != "time"
        }
    )
    times = pd.Series([str(time) for time in columns["time"]], dtype=object)
    table["time"] = pd.to_datetime(times, utc=True, errors="coerce", format="ISO8601")
    table = table.dropna().sort_values("time", kind="stable").reset_index(drop=True)
    if len(table) < 2 or table["agent"].iloc[0] <= 0:
        return None
    return table.drop(
        columns=[name for name in BASELINE_CURVES if name in table and table[name].iloc[0] <= 0]
    )
