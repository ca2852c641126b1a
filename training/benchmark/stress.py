"""Every fold of a finished run tested again by the model it kept, in dearer markets.

Before the models of a run are deleted. Not here: the markets (`training.evaluate.stress`), what
follows from the returns (`training.benchmark.chance`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from envs.array_cache import ArrayCache
from envs.bars import Bars
from training.agent.checkpoint import load_model
from training.clock import StageClock
from training.config import RunConfig
from training.evaluate import evaluate
from training.evaluate.result import log_return
from training.evaluate.stress import SLIPPAGE, stress_slippage, stressed_markets
from training.folds import Fold
from training.prepare import Prepared, prepare, scaled_market
from training.store import MODEL_FILE, fold_name


def stress_tests(
    run_folder: Path, config: RunConfig, bars: Bars, cache: ArrayCache | None
) -> list[dict[str, Any]]:
    """Walk the test slice of each fold again under doubled spread and with slippage.

    Args:
        run_folder: Of a finished run, its models still there.
        config: Its settings.
        bars: Its bars.
        cache: Where its features are kept.

    Returns:
        For each fold, in order: `doubled_spread` and `slippage`, each with `total_return_frac`,
        `test_score` (its log, ruin floored) and `n_trades`; the latter with `slippage_points` and
        `slippage_reason`, too.
    """
    prepared = prepare(config, bars, cache=cache, clock=StageClock())
    return [_stressed(run_folder, config, prepared, fold) for fold in prepared.folds]


def _stressed(
    run_folder: Path, config: RunConfig, prepared: Prepared, fold: Fold
) -> dict[str, Any]:
    model = load_model(run_folder / fold_name(fold.index, MODEL_FILE), device="cpu")
    tape = scaled_market(prepared, None if model.card is None else model.card.scaler)
    slippage = stress_slippage(tape)
    found: dict[str, dict[str, Any]] = {}
    for name, market in stressed_markets(tape, config.env).items():
        walked = evaluate(model.policy, market.tape, market.config, fold.test, score=config.score)
        equity = walked.window_equity
        found[name] = {
            "total_return_frac": float(equity[-1] / equity[0]) - 1,
            "test_score": log_return(equity),
            "n_trades": walked.n_trades,
        }
    found[SLIPPAGE] |= {"slippage_points": slippage.points, "slippage_reason": slippage.reason}
    return found
