"""Made-up arms, plans and units: what child processes would have answered."""

from __future__ import annotations

from training.benchmark.arms import AGAIN, make_arms
from training.benchmark.plan import Plan, PlannedArm
from training.config import RunConfig, with_values


def arms(*, chained=False, ablation=False):
    chosen = RunConfig(seed=42)
    if not chained:
        off = {"rules.warm_start.mode": "off", "rules.adaptive_timesteps.mode": "off"}
        chosen = with_values(chosen, off)
    return make_arms(chosen, ablation=ablation)


def plan(*, kinds, n_folds=2, n_seeds=3, n_again=None):
    planned = tuple(
        PlannedArm(
            name=name,
            kind=kind,
            n_steps=1_024,
            n_threads=1,
            unit_s=10.0,
            n_seeds=n_again if name.endswith(AGAIN) else None,
        )
        for name, kind in kinds.items()
    )
    return Plan(arms=planned, n_folds=n_folds, n_seeds=n_seeds, duration_s=60.0)


GROUND = {
    "versions": {"torch": "2.9", "walkfast": "1.0"},
    "machine": {"processor": "abacus", "n_usable_cores": 2.0, "python": "3.11"},
    "code": "a" * 64,
}


def answer(kind, *, scores=(0.01, 0.02), wall_s=10.0, steps_per_s=100.0, n_trades=5):
    """Return what a child answers."""
    common = {
        "kind": kind,
        "setup_s": {"load": 0.5},
        "setup_cpu_s": {"load": 0.4},
        "stage_s": {"load": 0.5, "rollout": 1.0, "update": 4.0, "evaluation": 0.25},
        "stage_cpu_s": {"load": 0.4, "rollout": 1.0, "update": 7.5, "evaluation": 0.25},
        "n_steps": 2_048,
        "n_updates": 4,
        "steps_per_s": steps_per_s,
        "warm_up_s": 2.0,
        "n_parameters": 1_000,
        "peak_memory_bytes": 500_000_000,
        "process_cpu_s": 9.0,
        "load_average": None,
        "ground": GROUND,
    }
    if kind == "timed":
        return {**common, "folds": [], "n_evaluations": 1, "timed_wall_s": 8.0, "timed_cpu_s": 7.5}
    folds = [
        {
            "fold_index": index,
            "n_steps": 1_024,
            "wall_s": wall_s,
            "validation_curve": curve(wall_s, 0.1, 0.3, 0.2),
            "test_score": score,
            "test": {"total_return_frac": score, "n_trades": n_trades},
            "baseline_returns": {"flat": 0.0, "buy_and_hold": 0.03, "random": -0.02},
        }
        for index, score in enumerate(scores)
    ]
    stitched = {"sharpe": 1.5, "max_drawdown_frac": 0.1, "n_trades": n_trades * len(folds)}
    return {**common, "folds": folds, "out_of_sample": stitched, "baselines": {}}


def curve(wall_s, *scores):
    """Return a validation curve, its evaluations evenly spaced up to the end of the fold."""
    n_points = len(scores)
    return [
        {"n_steps": 100 * n, "wall_s": wall_s * n / n_points, "score": score}
        for n, score in enumerate(scores, 1)
    ]


def unit(arm, seed, kind="whole", **values):
    return {
        "arm": arm,
        "seed": seed,
        "status": "done",
        "error": None,
        "n_threads": 1,
        "process_s": 15.0,
        **answer(kind, **values),
    }


DATA = {"symbol": "PLANTED", "timeframe": "1h", "n_bars": 20_000}
