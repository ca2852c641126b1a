"""A comparison as JSON: every number that was paired, and what followed from it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from training.compare.conclude import Comparison, SideNumbers
from training.compare.finished import FinishedFold, FinishedRun
from training.compare.pairing import Pairing
from training.compare.sides import Side


def content(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON values; strict JSON."""
    pairing, conclusion = comparison.pairing, comparison.conclusion
    return {
        "a": _side(pairing.a, comparison.a),
        "b": _side(pairing.b, comparison.b),
        "bars": _bars(pairing),
        "folds": _folds(pairing),
        "pairs": [[None if run is None else run.seed for run in pair] for pair in pairing.pairs],
        "settings": [asdict(item) for item in pairing.settings],
        "surroundings": [asdict(item) for item in pairing.surroundings],
        "machines": pairing.machines,
        "speed": comparison.speed.to_json(),
        "quality": comparison.quality.to_json(),
        "improvement": comparison.improvement.to_json(),
        "stitched": comparison.stitched.to_json(),
        "margin": comparison.margin.to_json(),
        "verdict": asdict(conclusion),
        "notes": list(pairing.notes),
    }


def _side(side: Side, numbers: SideNumbers) -> dict[str, Any]:
    return {
        "label": side.label,
        "is_chained": side.is_chained,
        "runs": [_run(run) for run in side.runs],
        **asdict(numbers),
    }


def _run(run: FinishedRun) -> dict[str, Any]:
    return {
        "name": run.name,
        "folder": str(run.folder),
        "seed": run.seed,
        "profile": run.config.get("profile"),
        "n_folds_done": len(run.folds),
        "n_folds_planned": run.n_planned,
    }


def _bars(pairing: Pairing) -> dict[str, Any]:
    data = pairing.a.runs[0].data
    names = ("symbol", "timeframe", "n_bars", "fingerprint", "path")
    return {name: data.get(name) for name in names}


def _folds(pairing: Pairing) -> list[dict[str, Any]]:
    return [
        {
            "start": test.start,
            "stop": test.stop,
            **{
                side.label: [_fold(run, run.fold_at(test)) for run in side.runs]
                for side in (pairing.a, pairing.b)
            },
        }
        for test in pairing.tests
    ]


def _fold(run: FinishedRun, fold: FinishedFold | None) -> dict[str, Any] | None:
    if fold is None:
        return None
    return {
        "seed": run.seed,
        "fold_index": fold.index,
        "test_start": fold.test_start,
        "test_stop": fold.test_stop,
        "score": fold.score,
        "return_frac": fold.return_frac,
        "hold_frac": fold.hold_frac,
        "n_trades": fold.n_trades,
        "duration_s": fold.duration_s,
    }
