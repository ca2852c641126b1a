"""A made-up `benchmark.json`: units are invented, what follows from them is really concluded.

Sections that other parts add after `conclude` are written here as the file has them.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.training.benchmark import made_up
from training.benchmark.config import BenchmarkConfig
from training.benchmark.results import conclude

HOSTILE = "<script>alert(1)</script>[/]\x1b[31m&\"'\u202e$x_2$"
N_BARS = 400
FOLD_S = {"original": 1_500.0, "original_16_envs": 420.0, "optimized": 12.0}
STAND_IN_S = {"original_exact": 190.0}
PACE = {"original": 66.0, "original_16_envs": 240.0, "optimized": 2_900.0}
ADDED_S = {
    "plus_engine": 160.0,
    "plus_early_stopping": 95.0,
    "plus_schedule": 97.0,
    "plus_adaptive_timesteps": 70.0,
    "plus_warm_start": 60.0,
    "plus_cache": 59.5,
    "plus_evaluation_schedule": 50.0,
    "plus_fast_evaluation": 44.0,
}
LEFT_OUT_S = {
    "without_engine": 55.0,
    "without_adaptive_timesteps": 17.0,
    "without_warm_start": 13.5,
    "without_early_stopping": 14.0,
    "without_schedule": 11.8,
    "without_cache": 12.1,
    "without_evaluation_schedule": 12.9,
    "without_fast_evaluation": 14.5,
}
DATA = {
    **made_up.DATA,
    "path": "(embedded sample)",
    "format": "planted market",
    "first_bar": "2015-01-01T00:00:00+00:00",
    "last_bar": "2017-04-13T07:00:00+00:00",
    "point_size": 0.01,
}


def whole_content(
    *, n_seeds: int = 5, n_folds: int = 3, ablation: bool = False, symbol: str = "PLANTED"
) -> dict[str, Any]:
    """Return a benchmark in which every arm trained whole, with every section."""
    names = list(FOLD_S) + ([*ADDED_S, *LEFT_OUT_S] if ablation else [])
    return content(
        dict.fromkeys(names, "whole"), n_seeds=n_seeds, n_folds=n_folds, symbol=symbol, extras=True
    )


def timed_content(*, n_seeds: int = 3, n_folds: int = 2) -> dict[str, Any]:
    """Return the commonest benchmark: the stock arms were only timed, ours trained whole."""
    kinds = {"original": "timed", "original_16_envs": "timed", "optimized": "whole"}
    return content(kinds, n_seeds=n_seeds, n_folds=n_folds)


def content(
    kinds: dict[str, str],
    *,
    n_seeds: int = 3,
    n_folds: int = 2,
    symbol: str = "PLANTED",
    extras: bool = False,
    failed: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the content of `benchmark.json`.

    Args:
        kinds: Arms and whether they were `whole` or `timed`, the original and ours among them.
        n_seeds: Runs of every arm.
        n_folds: Folds of every whole run.
        symbol: Of the bars.
        extras: Whether the sections about chance are there.
        failed: Arms whose last run failed.
    """
    random = np.random.default_rng(7)
    units = [
        _failed(name, seed)
        if name in failed and seed == 42 + n_seeds - 1
        else _unit(name, seed, kind, n_folds=n_folds, random=random)
        for seed in range(42, 42 + n_seeds)
        for name, kind in kinds.items()
    ]
    arms = made_up.arms(chained=True, ablation=len(kinds) > 3)
    plan = made_up.plan(kinds=kinds, n_seeds=n_seeds, n_folds=n_folds)
    concluded = conclude(
        [arm for arm in arms if arm.name in kinds],
        plan,
        units,
        config=BenchmarkConfig(minutes=60, ablation=len(kinds) > 3),
        data={**DATA, "symbol": symbol},
    )
    planned = {"begun": "2026-11-21T08:00:00+00:00", "calibration": {"took_s": 21.5}}
    concluded |= {"format_version": 1, "planned": planned, "took_s": 3_512.0}
    if extras:
        concluded |= _chance(kinds)
    json.dumps(concluded, allow_nan=False)
    return concluded


def write_benchmark(folder: Path, content: dict[str, Any]) -> Path:
    """Write `benchmark.json` where a session would, and return its folder."""
    benchmark = folder / "42" / "benchmark"
    benchmark.mkdir(parents=True, exist_ok=True)
    (benchmark / "benchmark.json").write_text(json.dumps(content, allow_nan=False))
    return benchmark


def _failed(name: str, seed: int) -> dict[str, Any]:
    error = f"Traceback\nRuntimeError: {HOSTILE}"
    return {"arm": name, "seed": seed, "status": "failed", "error": error, "process_s": 3.0}


def _unit(
    name: str, seed: int, kind: str, *, n_folds: int, random: np.random.Generator
) -> dict[str, Any]:
    pace = PACE.get(name, 800.0) * random.uniform(0.95, 1.05)
    fold_s = (FOLD_S | STAND_IN_S | ADDED_S | LEFT_OUT_S)[name]
    gain = {"original_16_envs": -0.03, "optimized": 0.02}.get(name, 0.0)
    scores = tuple(0.2 + 0.1 * fold + gain + random.normal(0, 0.03) for fold in range(n_folds))
    unit = made_up.unit(name, seed, kind, scores=scores, wall_s=fold_s, steps_per_s=pace)
    unit |= {"stage_s": _stages(fold_s, name), "setup_s": {"load": 0.03, "features": 0.4}}
    unit["stage_cpu_s"] = {
        stage: seconds * (1.9 if stage == "update" else 1.0)
        for stage, seconds in unit["stage_s"].items()
    }
    unit["setup_cpu_s"] = dict(unit["setup_s"])
    for fold in unit["folds"]:
        fold["wall_s"] = fold_s * random.uniform(0.93, 1.07)
        fold["validation_curve"] = _curve(fold["wall_s"], 0.9 + gain, random)
    if kind == "whole":
        unit["equity"] = _equity(n_folds, 2.0 + 4 * gain, random)
    return unit


def _stages(fold_s: float, name: str) -> dict[str, float]:
    shares = {"env": 0.01, "rollout": 0.2, "update": 0.7, "evaluation": 0.07, "saving": 0.02}
    if name == "optimized":
        shares |= {"rollout": 0.35, "update": 0.45, "evaluation": 0.17}
    return {stage: share * fold_s for stage, share in shares.items()}


def _curve(wall_s: float, level: float, random: np.random.Generator) -> list[dict[str, float]]:
    return [
        {
            "n_steps": 10_000 * (index + 1),
            "wall_s": wall_s * (index + 1) / 10,
            "score": level * (1 - math.exp(-(index + 1) / 3)) + float(random.normal(0, 0.02)),
        }
        for index in range(10)
    ]


def _equity(n_folds: int, growth: float, random: np.random.Generator) -> dict[str, list[Any]]:
    n_rows = N_BARS // 2
    times = pd.date_range("2016-03-01", periods=n_rows, freq="48h", tz="UTC")
    drifts = {"agent": growth, "buy_and_hold": -1.0, "random": -1.1}
    paths = {
        name: 1e4 * np.exp(np.cumsum(random.normal(drift / n_rows, 0.02, n_rows)))
        for name, drift in drifts.items()
    }
    return {
        "time": [time.isoformat() for time in times],
        "fold_index": (np.arange(n_rows) * n_folds // n_rows).tolist(),
        **{name: path.tolist() for name, path in paths.items()},
    }


def estimate(value: float, half: float) -> dict[str, Any]:
    """Return an estimate as the file has it."""
    interval = {"low": value - half, "high": value + half, "confidence": 0.9, "method": "made up"}
    return {"value": value, "interval": interval, "n_values": 5, "warnings": []}


def _chance(kinds: dict[str, str]) -> dict[str, Any]:
    line = (
        "This beats chance: the deflated Sharpe ratio for 15 runs tried, 0.998, reaches "
        "0.95; it earned more than flat, +180.00% (90% interval +120.00% to +240.00%)."
    )
    against = {
        name: {"return_difference": estimate(value, 0.6), "p_value": 0.001}
        for name, value in (("flat", 1.8), ("buy_and_hold", 2.6), ("random", 2.7))
    }
    chance = {
        "line": line,
        "beats_chance": True,
        "sharpe": estimate(4.2, 1.1),
        "deflated": {"probability": 0.998, "n_trials": 15},
        "against": against,
        "stress": {
            "doubled_spread": estimate(0.21, 0.1),
            "slippage": {
                **estimate(0.12, 0.15),
                "slippage_points": 30.0,
                "slippage_reason": "the median spread of these bars",
            },
        },
    }
    overfitting = {
        "probability": 0.31,
        "n_splits": 12_870,
        "n_blocks": 16,
        "n_configurations": 15,
        "warnings": [],
    }
    return {
        "chance": {name: chance for name, kind in kinds.items() if kind == "whole"},
        "overfitting": overfitting,
        "calibration": {"kind": "default"},
    }
