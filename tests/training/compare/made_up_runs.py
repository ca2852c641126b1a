"""Results folders of made-up runs, with the files and keys that `walkfast train` writes."""

from __future__ import annotations

import json

import numpy as np

BARS = {
    "fingerprint": "f" * 64,
    "symbol": "MADEUP",
    "timeframe": "1h",
    "n_bars": 9_000,
    "path": "data/madeup.csv",
    "first_bar": "2020-01-01T00:00:00+00:00",
    "last_bar": "2021-01-10T00:00:00+00:00",
}
MACHINE = {"system": "Linux", "processor": "Made-up 9000", "n_cores": 2, "python": "3.11.7"}
HOLD = 0.02


def settings(*, seed=42, chained=False, **changes):
    """Return a configuration; changes by dotted path with `__` for dots."""
    rules = {"warm_start": {"mode": "champions" if chained else "off"}}
    content = {
        "profile": "balanced",
        "data_path": "data/madeup.csv",
        "seed": seed,
        "initial_model": None,
        "agent": {"learning_rate": 1e-3, "precision": "fp32"},
        "env": {"market": {"slippage_points": 0.0}},
        "folds": {"step_bars": 500, "max_folds": None},
        "rules": {**rules, "adaptive_timesteps": {"mode": "off"}},
    }
    for path, value in changes.items():
        *parents, name = path.split("__")
        branch = content
        for parent in parents:
            branch = branch[parent]
        branch[name] = value
    return content


def make_run(
    folder,
    *,
    returns=(0.01,) * 6,
    times_s=None,
    seed=42,
    chained=False,
    first=2_500,
    step=500,
    n_planned=None,
    bars=None,
    machine=None,
    versions=None,
    n_trades=7,
    hold=HOLD,
    years=0.2,
    weights=None,
    n_sessions=1,
    **changes,
):
    """Write the folder of a run whose folds earned `returns` on consecutive test slices."""
    times_s = times_s or [10.0] * len(returns)
    config = settings(seed=seed, chained=chained, **changes)
    _write(
        folder / "config.json",
        {
            "config": config,
            "data": BARS | (bars or {}),
            "machine": MACHINE | (machine or {}),
            "versions": {"walkfast": "0.1.0", "torch": "2.13.0"} | (versions or {}),
            "precision": {"asked": "auto", "precision": config["agent"]["precision"]},
            "lstm_kernel": "built",
        },
    )
    _write(
        folder / "training_state_optimized.json",
        {
            "total_iterations": len(returns) if n_planned is None else n_planned,
            "completed_iterations": len(returns),
            "iteration_times": list(times_s),
            "timestamp": "2026-11-21T03:51:25+00:00",
            "identity": {"bars": BARS["fingerprint"], "initial_model": None},
            "sessions": [{"first_fold": 0}] * n_sessions,
        },
    )
    for index, (gain, time_s) in enumerate(zip(returns, times_s, strict=True)):
        start = first + index * step
        fold = folder / "folds" / f"{index:03d}"
        _write(
            fold / "fold.json",
            {
                "fold": {"index": index, "test": {"start": start, "stop": start + step}},
                "times": {
                    "test_start": f"2020-03-{index + 1:02d}T00:00:00+00:00",
                    "test_stop": f"2020-03-{index + 2:02d}T00:00:00+00:00",
                },
                "duration_s": time_s,
                "test": {"total_return_frac": gain, "n_trades": n_trades, "years": years},
                "baselines": {"buy_and_hold": {"total_return_frac": hold}},
                "weights_sha256": f"{weights or folder.name}-{index}",
            },
        )
        (fold / "test_equity.csv").write_text(equity_table(gain, start, step))
    return folder


def equity_table(gain, start, step):
    """An account of 10,000 that gains steadily."""
    equity = 10_000 * (1 + gain) ** (np.arange(step + 1) / step)
    rows = [f"2020-03-01T00:00:00+00:00,{start + i},{x!r}" for i, x in enumerate(equity.tolist())]
    return "\n".join(["time,bar_index,agent", *rows, ""])


def make_summary(folder, **changes):
    """Write what a finished run leaves beside its folds."""
    content = {
        "completion_time": "2026-11-21T04:00:00+00:00",
        "profile": "balanced",
        "seed": 42,
        "out_of_sample": {"total_return_frac": 0.05, "sharpe": 1.5, "max_drawdown_frac": 0.08},
        "baselines": {"buy_and_hold": {"total_return_frac": -0.03}},
        "folds": [{}] * 6,
        "duration_s": 61.5,
        "data": BARS,
    }
    _write(folder / "training_performance_summary.json", content | changes)
    return folder


def _write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"format_version": 1, **content}), encoding="utf-8")
