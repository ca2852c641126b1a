"""Whether anything in a benchmark beats chance: each whole arm, the choice among them, the stress.

Pure: tables in, numbers and sentences out. Not here: the tests themselves
(`training.significance.chance`), which arm is better (`training.benchmark.results`). Argued in
`docs/decisions/135-does-it-beat-chance.md` and `136-stress.md`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from training.benchmark.arms import AGAIN, spelled
from training.benchmark.numbers import ArmNumbers, Unit, bootstrap_for
from training.evaluate.stress import DOUBLED_SPREAD, SLIPPAGE
from training.seeds import generator
from training.significance.chance import Track, judge_chance
from training.significance.overfitting import Overfitting, backtest_overfitting
from training.significance.robust import score_estimate
from training.tables import returns_track

N_BLOCKS = 16
"""Blocks of CSCV, as in its paper: 12,870 splits."""
Equities = Mapping[tuple[str, int], pd.DataFrame]
Content = Mapping[str, Any]


def conclude_chance(arms: Sequence[ArmNumbers], equities: Equities) -> dict[str, Any]:
    """Return the sections `chance` and `overfitting` of `benchmark.json`.

    Args:
        arms: The runs of every arm.
        equities: Stitched equity (`training.tables.Stitched.equity`) by arm and seed; of whole
            finished runs. One that is missing is left out, and still counts as tried.

    Returns:
        `chance` holds an entry for each arm with a stitched run, `overfitting` is None where there
        is no choice: of a single configuration, whatever its seeds, or of too few bars.
    """
    tracks = {arm.arm.name: track for arm in arms if (track := _track(arm, equities)) is not None}
    n_trials = sum(len(arm.units) + len(arm.failed) for arm in arms if arm.is_whole)
    configurations = {name.removesuffix(AGAIN) for name in tracks}  # seeds are none of their own
    overfitting = _overfitting(list(tracks.values())) if len(configurations) > 1 else None
    chance = {
        arm.arm.name: _judged(arm, tracks[arm.arm.name], n_trials, overfitting)
        for arm in arms
        if arm.arm.name in tracks
    }
    return {"chance": chance, "overfitting": overfitting.to_json() if overfitting else None}


def chance_sentences(content: Content, *, arm: str) -> Iterator[str]:
    """Yield what `benchmark.json` says of chance, in plain words; nothing where it says nothing.

    Args:
        content: Content of `benchmark.json`.
        arm: The arm whose reasons are told; of the others only the result.
    """
    if "chance" not in content:
        return
    chance = content["chance"] or {}
    if not chance:
        yield "Whether anything here beats chance is not known: no arm trained whole."
        return
    yield _overall(chance)
    if arm in chance:
        _, reasons = chance[arm]["line"].split(": ", maxsplit=1)
        yield f"{spelled(arm)}: {reasons}"
        yield from _stress_words(arm, chance[arm]["stress"], content["arms"][arm]["test_return"])


def _track(arm: ArmNumbers, equities: Equities) -> Track | None:
    """Return the returns of an arm's runs; only those over the bars of the first."""
    keys = [(arm.arm.name, unit["seed"]) for unit in arm.units if arm.is_whole]
    tables = [equities[key] for key in keys if key in equities]
    if not tables:
        return None
    bars = tables[0]["bar_index"].to_numpy()
    return returns_track(
        [table for table in tables if np.array_equal(table["bar_index"].to_numpy(), bars)]
    )


def _overfitting(tracks: Sequence[Track]) -> Overfitting | None:
    """Judge the choice among all runs of the same bars."""
    same = [track.runs for track in tracks if len(track.runs) == len(tracks[0].runs)]
    panel = np.column_stack(same) if same else np.zeros((0, 0))
    if panel.shape[1] < 2 or len(panel) < 2 * N_BLOCKS:
        return None
    return backtest_overfitting(panel, n_blocks=N_BLOCKS)


def _judged(
    arm: ArmNumbers, track: Track, n_trials: int, overfitting: Overfitting | None
) -> dict[str, Any]:
    rng = generator(arm.arm.config.seed, "benchmark", "chance", arm.arm.name)
    judged = judge_chance(track, n_trials=n_trials, rng=rng, overfitting=overfitting)
    return {**judged.to_json(), "n_runs": track.runs.shape[1], "stress": _stress(arm)}


def _stress(arm: ArmNumbers) -> dict[str, Any] | None:
    """Return the test returns of a fold in dearer markets, measured as `test_return` is.

    None where a run has none: it was made before there was a stress test, or that failed.
    """
    if not all(fold.get("stress") for unit in arm.units for fold in unit["folds"]):
        return None
    rng = generator(arm.arm.config.seed, "benchmark", "stress", arm.arm.name)
    found: dict[str, Any] = {}
    for name in (DOUBLED_SPREAD, SLIPPAGE):
        returns = np.full_like(arm.returns, np.nan)
        for seed_index, fold in _folds(arm):
            returns[fold["fold_index"], seed_index] = fold["stress"][name]["total_return_frac"]
        found[name] = score_estimate(returns, rng=rng, config=bootstrap_for(arm)).to_json()
    _, fold = next(_folds(arm))
    for name in ("slippage_points", "slippage_reason"):
        found[SLIPPAGE][name] = fold["stress"][SLIPPAGE].get(name)
    return found


def _folds(arm: ArmNumbers) -> Iterator[tuple[int, Unit]]:
    for unit in arm.units:
        for fold in unit["folds"]:
            yield unit["seed"] - arm.arm.config.seed, fold


def _overall(chance: Content) -> str:
    results = {name: judged["beats_chance"] for name, judged in chance.items()}
    better = [spelled(name) for name, beats in results.items() if beats]
    others = [spelled(name) for name, beats in results.items() if not beats]
    if better:
        rest = f" Not shown to: {', '.join(others)}." if others else ""
        return f"Beats chance: {', '.join(better)}.{rest}"
    if all(beats is None for beats in results.values()):
        return "Whether anything here beats chance cannot be said yet."
    return "Nothing here is shown to beat chance."


def _stress_words(arm: str, stress: Content | None, as_it_was: Content | None) -> Iterator[str]:
    if stress is None or as_it_was is None or as_it_was["value"] is None:
        return
    slippage = stress[SLIPPAGE]
    yield (
        f"Under stress a test fold of {spelled(arm)} returns {_percent(stress[DOUBLED_SPREAD])} "
        f"with the spread doubled and {_percent(slippage)} with every fill slipped by "
        f"{slippage['slippage_points']:.4g} points ({slippage['slippage_reason']}); as it was, "
        f"{_percent(as_it_was)}."
    )


def _percent(estimate: Content) -> str:
    value, interval = estimate["value"], estimate["interval"]
    if value is None:
        return "n/a"
    if interval is None:
        return f"{value:+,.2%}"
    return f"{value:+,.2%} ({interval['low']:+,.2%} to {interval['high']:+,.2%})"
