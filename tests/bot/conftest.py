"""A made-up run for the displays and the report: its events, and its results folder.

The figures are invented; the files have the names, the keys and the shapes that training writes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from training.events import (
    Decided,
    Evaluated,
    Event,
    FoldFinished,
    FoldStarted,
    Noticed,
    Progressed,
    RunFinished,
    RunStarted,
)
from training.metrics import Performance

HOSTILE = "<script>alert(1)</script>[/]\x1b[31m&\"'\u202e$x_2$"
STEP_BARS = 500
BUDGET = 4000
INITIAL = 10_000.0


@pytest.fixture(autouse=True)
def no_width_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget how wide the terminal of whoever runs the tests is; pytest-xdist sets it, too."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def fake_events() -> Callable[..., list[Event]]:
    """Return a maker of event streams."""
    return lambda **options: list(make_events(**options))


@pytest.fixture(scope="session")
def run_writer() -> Callable[..., Path]:
    """Return a writer of results folders: folder and options in, folder out."""
    return write_run


@pytest.fixture
def fake_run(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of results folders."""
    return lambda **options: write_run(tmp_path / "42", **options)


def make_events(
    *, n_folds: int = 7, n_updates: int = 4, symbol: str = "XAUUSDm", reason: str = ""
) -> Iterator[Event]:
    """Yield a plausible stream: rules decide, folds train, the run ends."""
    random = np.random.default_rng(5)
    yield RunStarted(
        run_folder="results/42",
        method="optimized",
        profile="balanced",
        symbol=symbol,
        timeframe="15m",
        n_bars=50_000,
        n_features=38,
        n_folds=n_folds,
        first_fold_index=0,
        device="cpu",
    )
    yield Noticed(
        level="warning", message=f"--point_value 0.01 contradicts the data of {symbol}: 0.001"
    )
    for fold in range(n_folds):
        yield from _fold_events(fold, n_updates, random, reason)
    yield RunFinished(
        run_folder="results/42",
        summary=summary_content(n_folds),
        optimization=optimization_content(),
    )


def _fold_events(
    fold: int, n_updates: int, random: np.random.Generator, reason: str
) -> Iterator[Event]:
    start = fold * STEP_BARS + 200
    for decision in decisions_content(fold)[:3]:
        yield Decided(
            fold_index=fold,
            rule=decision["rule"],
            value=decision["value"],
            reason=decision["reason"] + reason,
        )
    yield FoldStarted(
        fold_index=fold,
        budget_steps=BUDGET,
        warm_start_from=fold - 1 if fold else None,
        train_start=start,
        train_stop=start + 1999,
        validation_start=start + 2000,
        validation_stop=start + 2499,
        test_start=start + 2500,
        test_stop=start + 2500 + STEP_BARS,
    )
    scores = np.round(np.cumsum(random.normal(0.002, 0.01, n_updates)), 6)
    for update in range(n_updates):
        n_steps = (update + 1) * BUDGET // n_updates
        yield Progressed(
            fold_index=fold,
            n_steps=n_steps,
            budget_steps=BUDGET,
            steps_per_s=512.4 + update,
            learning_rate=1e-3,
            n_epochs=4,
            ent_coef=0.01,
            clip_range=0.2,
        )
        yield Evaluated(
            fold_index=fold,
            n_steps=n_steps,
            score=float(scores[update]),
            best_score=float(scores[: update + 1].max()),
            is_best=bool(scores[update] == scores[: update + 1].max()),
            cost_s=0.05,
        )
        yield Decided(
            fold_index=fold,
            rule="evaluation_schedule",
            value=n_steps + 1000,
            reason=f"at step {n_steps + 1000:,}: still improving",
        )
    stopped = fold % 3 == 2
    if stopped:
        yield Decided(
            fold_index=fold,
            rule="early_stopping",
            value=True,
            reason="3 evaluations without a gain of 0.001 over 0.0123",
        )
    yield FoldFinished(
        fold_index=fold,
        n_steps=BUDGET - 1000 if stopped else BUDGET,
        stopped_early=stopped,
        validation_score=float(scores.max()),
        test_return_frac=float(random.normal(0.002, 0.02)),
        test_buy_and_hold_frac=float(random.normal(0.005, 0.02)),
        n_test_trades=int(random.integers(0, 40)),
        duration_s=12.5 - fold / 2,
    )


def decisions_content(fold: int) -> list[dict[str, Any]]:
    """Return the decisions of a fold as `fold.json` holds them."""
    earlier = "no earlier fold to learn from: the base, 4,000 steps"
    later = f"the last {fold} comparable folds were best after 2,000 steps; 4,000 meets 80% of them"
    warm = "no earlier fold kept a model: fresh weights"
    champion = f"fold {fold - 1} scores 0.0123 on these bars, the best of 3 champions"
    return [
        {
            "rule": "adaptive_timesteps",
            "value": BUDGET,
            "reason": later if fold else earlier,
            "inputs": {"wish": BUDGET},
        },
        {
            "rule": "phase_schedule",
            "value": "phases",
            "reason": "three historical phases",
            "inputs": {},
        },
        {
            "rule": "warm_start",
            "value": fold - 1 if fold else None,
            "reason": champion if fold else warm,
            "inputs": {},
        },
        {
            "rule": "evaluation_schedule",
            "value": 2000,
            "reason": "at step 2,000 of 4,000: still improving",
            "inputs": {},
        },
        {
            "rule": "early_stopping",
            "value": fold % 3 == 2,
            "reason": "3 evaluations without a gain of 0.001 over 0.0123",
            "inputs": {"patience": 3},
        },
    ]


def performance_content(equity: np.ndarray, n_trades: int, costs: float) -> dict[str, Any]:
    """Return a performance with the keys of `training.metrics.Performance`, figures rough."""
    peak = np.maximum.accumulate(equity)
    net = float(equity[-1] - equity[0])
    traded = n_trades > 0
    return asdict(
        Performance(
            n_bars=len(equity) - 1,
            years=63.5 / 365.25,
            bars_per_year=24_804.0,
            initial_equity=float(equity[0]),
            final_equity=float(equity[-1]),
            total_return_frac=float(equity[-1] / equity[0] - 1),
            annualized_return_frac=float((equity[-1] / equity[0]) ** 4 - 1),
            sharpe=0.83 if traded else None,
            sortino=1.21 if traded else None,
            max_drawdown_frac=float((1 - equity / peak).max()),
            max_drawdown_bars=312 if traded else 0,
            max_drawdown_days=4.25 if traded else 0.0,
            calmar=1.4 if traded else None,
            profit_factor=1.12 if traded else None,
            win_rate_frac=0.47 if traded else None,
            n_trades=n_trades,
            exposure_frac=0.61 if traded else 0.0,
            turnover=41.5 if traded else 0.0,
            gross_pnl=net + costs,
            costs=costs,
            net_pnl=net,
            spread_cost=costs * 0.6,
            slippage_cost=costs * 0.1,
            commission=costs * 0.2,
            swap=costs * 0.1,
        )
    )


def paths(n_folds: int) -> dict[str, np.ndarray]:
    """Return stitched equity by agent and baseline, `(n_folds * STEP_BARS + 1,)` each."""
    random = np.random.default_rng(11)
    n_bars = n_folds * STEP_BARS
    steps = {
        "agent": random.normal(2e-5, 8e-4, n_bars),
        "buy_and_hold": random.normal(3e-5, 1.1e-3, n_bars),
        "random": random.normal(-4e-5, 7e-4, n_bars),
    }
    return {
        name: INITIAL * np.exp(np.concatenate([[0.0], np.cumsum(step)]))
        for name, step in steps.items()
    }


def summary_content(n_folds: int = 7, *, n_trades: int = 123) -> dict[str, Any]:
    """Return `training_performance_summary.json`."""
    equity = paths(n_folds)
    flat = np.full(n_folds * STEP_BARS + 1, INITIAL)
    return {
        "format_version": 1,
        "training_method": "optimized",
        "completion_time": "2026-11-21T02:00:00+00:00",
        "out_of_sample": performance_content(equity["agent"], n_trades, 412.5),
        "baselines": {
            "flat": performance_content(flat, 0, 0.0),
            "buy_and_hold": performance_content(equity["buy_and_hold"], n_folds, 3.1),
            "random": performance_content(equity["random"], 980, 2_730.9),
        },
        "chance": {
            "line": "Nothing here is shown to beat chance: this run was made up.",
            "beats_chance": False,
            "sharpe": {
                "value": 0.42,
                "interval": {"low": -0.9, "high": 1.8, "confidence": 0.9, "method": "made up"},
            },
        },
        "folds": [
            {
                "fold_index": fold,
                "test_start": f"2021-03-{1 + fold % 28:02d}T00:00:00+00:00",
                "test_stop": f"2021-03-{2 + fold % 28:02d}T00:00:00+00:00",
            }
            for fold in range(n_folds)
        ],
        "stage_s": {
            "load": 0.4,
            "features": 0.35,
            "env": 0.05,
            "rollout": 31.2,
            "update": 44.8,
            "evaluation": 3.9,
            "saving": 0.6,
        },
        "peak_memory_bytes": 734_003_200,
        "n_parameters": 61_509,
        "parameters_per_train_bar": 30.8,
        "seed": 42,
        "profile": "balanced",
        "duration_s": 81.7,
    }


def optimization_content() -> dict[str, Any]:
    """Return `optimization_summary.json`."""
    not_measured = {"saved": None, "cost_s": None, "how_measured": "not measured"}
    return {
        "format_version": 1,
        "optimization_completed": True,
        "total_speedup_achieved": None,
        "total_timesteps_saved": 5_000,
        "early_stops": 2,
        "warm_starts": 6,
        "estimated_time_saved_hours": None,
        "rules": {
            "adaptive_timesteps": {
                "n_decisions": 7,
                "saved": 3000,
                "unit": "steps",
                "cost_s": None,
                "how_measured": "base timesteps minus the budget, summed over folds; "
                "says nothing of quality",
            },
            "warm_start": {"n_decisions": 13, "unit": "steps", **not_measured, "cost_s": 1.93},
            "early_stopping": {
                "n_decisions": 2,
                "saved": 2000,
                "unit": "steps",
                "cost_s": None,
                "how_measured": "budget minus steps trained, summed over folds stopped early",
            },
            "fast_evaluation": {"n_decisions": 0, "unit": "seconds", **not_measured},
        },
    }


def write_run(
    folder: Path, *, n_folds: int = 7, symbol: str = "XAUUSDm", n_trades: int = 123
) -> Path:
    """Write a results folder as training would, and return it."""
    _write(
        folder / "training_performance_summary.json", summary_content(n_folds, n_trades=n_trades)
    )
    _write(folder / "optimization_summary.json", optimization_content())
    _write(folder / "config.json", config_content(symbol))
    _equity_table(n_folds).to_csv(folder / "stitched_equity.csv", index=False)
    _ledger_table(n_folds, n_trades).to_csv(folder / "stitched_ledger.csv", index=False)
    for fold in range(n_folds):
        _write(folder / "folds" / f"{fold:03d}" / "fold.json", fold_content(fold, n_folds))
    return folder


def fold_content(fold: int, n_folds: int = 7) -> dict[str, Any]:
    """Return `fold.json`."""
    random = np.random.default_rng(fold)
    equity = {name: path[fold * 500 : fold * 500 + 501] for name, path in paths(n_folds).items()}
    stopped = fold % 3 == 2
    scores = np.cumsum(random.normal(0.002, 0.008, 8))
    best = int(scores.argmax())
    ranges = {"train": 0, "embargo_train": 1999, "validation": 2000, "embargo_validation": 2499}
    return {
        "format_version": 1,
        "fold": {
            "index": fold,
            **{name: {"start": fold * 500 + start} for name, start in ranges.items()},
            "test": {"start": fold * 500 + 2500, "stop": fold * 500 + 3000},
        },
        "times": {
            f"{part}_{end}": f"2021-03-{1 + fold % 28:02d}T00:00:00+00:00"
            for part in ("train", "validation", "test")
            for end in ("start", "stop")
        },
        "decisions": decisions_content(fold),
        "evaluations": [
            {"step": (index + 1) * 500, "score": float(value)} for index, value in enumerate(scores)
        ],
        "hyperparameters": [
            {
                "n_steps": at,
                "values": {
                    "learning_rate": rate,
                    "n_epochs": epochs,
                    "ent_coef": entropy,
                    "clip_range": clip,
                },
            }
            for at, rate, epochs, entropy, clip in [
                (0, 2e-3, 4, 0.05, 0.2),
                (1200, 1e-3, 6, 0.02, 0.15),
                (2800, 5e-4, 8, 0.01, 0.1),
            ]
        ],
        "outcome": {
            "fold_index": fold,
            "budget_steps": BUDGET,
            "steps_trained": BUDGET - 1000 if stopped else BUDGET,
            "best_step": (best + 1) * 500,
            "best_score": float(scores[best]),
            "n_evaluations": 8,
            "stopped_early": stopped,
            "warm_started_from": fold - 1 if fold else None,
        },
        "chosen": "incumbent" if fold == 3 else "trained",
        "validation_score": float(scores[best]),
        "test": performance_content(equity["agent"], 17 + fold, 60.0),
        "baselines": {
            "buy_and_hold": performance_content(equity["buy_and_hold"], 1, 0.4),
            "random": performance_content(equity["random"], 140, 390.0),
        },
        "n_updates": 8,
        "stage_s": {"rollout": 4.4, "update": 6.4, "evaluation": 0.6},
        "duration_s": 11.6 - fold / 3,
        "weights_sha256": f"{fold:064x}",
    }


def config_content(symbol: str) -> dict[str, Any]:
    """Return `config.json`."""
    return {
        "format_version": 1,
        "walkfast_version": "0.1.0",
        "config": {
            "method": "optimized",
            "profile": "balanced",
            "data_path": f"data/{symbol}_15min.csv",
            "agent": {"learning_rate": 0.001, "n_envs": 16, "net_arch": [64], "target_kl": None},
            "folds": {"initial_window_bars": 2500, "validation_frac": 0.2, "step_bars": 500},
            "seed": 42,
        },
        "provenance": {"agent.learning_rate": "flag", "agent.n_envs": "profile:balanced"},
        "versions": {"walkfast": "0.1.0", "torch": "2.13.0", "numpy": "2.4.6"},
        "data": {
            "path": f"data/{symbol}_15min.csv",
            "format": "plain CSV",
            "symbol": symbol,
            "timeframe": "15m",
            "n_bars": 50_000,
            "first_bar": "2019-01-02T01:00:00+00:00",
            "last_bar": "2021-05-03T12:00:00+00:00",
            "point_size": 0.001,
            "file_sha256": "ab" * 32,
            "problems": [
                {
                    "kind": "gap",
                    "count": 104,
                    "first_rows": [f"row 95: {symbol}"],
                    "severity": "warning",
                    "says": "bars are missing between two others",
                    "mend": "",
                }
            ],
            "repairs": [],
            "from_cache": True,
        },
        "machine": {"system": "Linux", "processor": "two cores", "memory_bytes": 8_000_000_000},
    }


def _equity_table(n_folds: int) -> pd.DataFrame:
    n_rows = n_folds * STEP_BARS + 1
    times = pd.date_range("2021-03-01", periods=n_rows, freq="15min", tz="UTC")
    fold_index = np.minimum(np.maximum(np.arange(n_rows) - 1, 0) // STEP_BARS, n_folds - 1)
    return pd.DataFrame(
        {
            "time": [time.isoformat() for time in times],
            "bar_index": np.arange(n_rows) + 2500,
            "fold_index": fold_index,
            **paths(n_folds),
        }
    )


def _ledger_table(n_folds: int, n_trades: int) -> pd.DataFrame:
    random = np.random.default_rng(3)
    entry = np.sort(random.integers(2500, 2500 + n_folds * STEP_BARS - 20, n_trades))
    gross = random.standard_t(3, n_trades) * 30 + 2
    costs = {
        "spread_cost": random.uniform(1, 4, n_trades),
        "slippage_cost": random.uniform(0, 1, n_trades),
        "commission": np.full(n_trades, 0.5),
        "swap": random.choice([0.0, 0.0, 0.7, -0.3], n_trades),
    }
    return pd.DataFrame(
        {
            "env": 0,
            "entry_bar": entry,
            "exit_bar": entry + random.integers(1, 20, n_trades),
            "direction": random.choice([-1, 1], n_trades),
            "lots": 0.1,
            "gross": gross,
            **costs,
            "net": gross - sum(costs.values()),
            "reason": "close",
        }
    )


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
