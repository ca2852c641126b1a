"""What the same training came to with several seeds: `seeds.json`, and the event that tells it.

The seeds saw the same bars. Their spread says how much of a result is luck of the training; it says
nothing about other bars, and choosing the best seed by its test figures is choosing on test bars.
Not here: running them (`training.parallel`), intervals (`training.significance`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from training import store as files
from training.events import Event
from training.significance.intervals import (
    LEAST_DISTINCT,
    BootstrapConfig,
    n_distinct_resamples,
)
from training.significance.robust import score_estimate

SEEDS_FILE = files.SEEDS_FILE
MEASURES = ("total_return_frac", "sharpe", "max_drawdown_frac", "n_trades")
"""Fields of `training.metrics.Performance` of which the spread is told."""
_BOOTSTRAP_SEED = 20_260_101
_FEWEST_SEEDS = next(n for n in range(2, 100) if n_distinct_resamples(n) >= LEAST_DISTINCT)
_OVER = (
    "Seeds of one training on the same bars. An interval is for the middle half of other seeds "
    "on these very bars, and says nothing about other bars."
)


@dataclass(frozen=True, kw_only=True)
class SeedRun:
    """One seed's training.

    Attributes:
        seed: The seed.
        run_folder: Where its files are.
        summary: Content of its `training_performance_summary.json`; None where it failed.
        error: Why it failed; None where it did not.
    """

    seed: int
    run_folder: str
    summary: Mapping[str, Any] | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class SeedsFinished(Event):
    """All seeds are trained or given up.

    Attributes:
        folder: Where `seeds.json` lies.
        content: What is in it.
    """

    folder: str
    content: Mapping[str, Any]


def over_seeds(runs: Sequence[SeedRun]) -> dict[str, Any]:
    """Return the content of `seeds.json`.

    Args:
        runs: One for each seed, done or failed.
    """
    done = [run.summary for run in runs if run.summary is not None]
    return {
        "over": _OVER,
        "n_seeds": len(runs),
        "n_done": len(done),
        "n_failed": len(runs) - len(done),
        "seeds": [_row(run) for run in runs],
        "measures": {name: _spread(name, done) for name in MEASURES},
        "baselines": _baselines(done),
        "n_above": {name: _n_above(name, done) for name in ("flat", "buy_and_hold", "random")},
        "data": dict(done[0]["data"]) if done else None,
    }


def _row(run: SeedRun) -> dict[str, Any]:
    told: Mapping[str, Any] = {} if run.summary is None else run.summary["out_of_sample"]
    return {
        "seed": run.seed,
        "run_folder": run.run_folder,
        "state": "done" if run.error is None else "failed",
        "error": run.error,
        **{name: told.get(name) for name in MEASURES},
        "duration_s": None if run.summary is None else run.summary["duration_s"],
    }


def _spread(name: str, done: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Describe one measure over the seeds that have it; the estimate is their middle half's mean.

    The whole test walk is one value a seed, so no fold has a part in the estimate. The deviation
    is the sample's (one seed less in the denominator), None for a single seed.
    """
    told = [summary["out_of_sample"][name] for summary in done]
    values = np.array([value for value in told if value is not None], dtype=np.float64)
    if not values.size:
        return None
    estimate = score_estimate(
        values[None, :],
        rng=np.random.default_rng(_BOOTSTRAP_SEED),
        config=BootstrapConfig(unit="seeds"),
    )
    if estimate.interval is None:
        few = f"No interval: it takes {_FEWEST_SEEDS} seeds, and these are {values.size}."
        estimate = replace(estimate, warnings=(few,))
    return {
        "n_values": int(values.size),
        "mean": float(values.mean()),
        "standard_deviation": float(values.std(ddof=1)) if values.size > 1 else None,
        "least": float(values.min()),
        "most": float(values.max()),
        "estimate": {**estimate.to_json(), "n_folds": 0},
    }


def _baselines(done: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return flat and buy-and-hold, which every seed shares, and the random agents' mean return."""
    if not done:
        return {}
    first = done[0]["baselines"]
    shared = {
        name: {key: first[name][key] for key in MEASURES} for name in ("flat", "buy_and_hold")
    }
    returns = [summary["baselines"]["random"]["total_return_frac"] for summary in done]
    return {**shared, "random": {"mean_total_return_frac": float(np.mean(returns))}}


def _n_above(baseline: str, done: Sequence[Mapping[str, Any]]) -> int:
    """Count the seeds that earned more than a baseline, each against its own."""
    key = "total_return_frac"
    return sum(
        summary["out_of_sample"][key] > summary["baselines"][baseline][key] for summary in done
    )
