"""The embedded sample's own yardstick: what an agent earned of what the best policy earns.

Only a planted market has one. Its figure tells learning from luck, which no real market does.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bot.report.read import SAMPLE_VERDICT_FILE
from envs.atomic import write_json
from envs.market import Ledger
from envs.synthetic import PlantedMarket, bayes_share, sample_market
from training.store import FORMAT_VERSION, STITCHED_EQUITY_FILE, STITCHED_LEDGER_FILE
from training.tables import read_ledger


def sample_share(run_folder: Path) -> float | None:
    """Return what share of the best policy's net return the agent of a run on the sample earned.

    None where even that policy earned nothing on these bars.
    """
    bars = pd.read_csv(run_folder / STITCHED_EQUITY_FILE)["bar_index"]
    first, last = int(bars.iloc[0]), int(bars.iloc[-1])
    market = sample_market()
    ledger = read_ledger(pd.read_csv(run_folder / STITCHED_LEDGER_FILE))
    positions = decided_positions(ledger, len(market.returns))
    return bayes_share(_part(market, first, last + 1), positions[first : last + 1])


def sample_verdict(run_folder: Path) -> str:
    """Say the same as a sentence."""
    share = sample_share(run_folder)
    if share is None:
        return "On these bars of the planted market even the best policy earned nothing."
    return (
        f"The sample is a planted market: the best policy that sees no future is known, and the "
        f"agent earned {share:.0%} of its net return a bar. Real markets are far harder."
    )


def keep_sample_verdict(run_folder: Path) -> str:
    """Say it, and write it into the run's folder, where the report finds it."""
    says = sample_verdict(run_folder)
    write_json(run_folder / SAMPLE_VERDICT_FILE, {"format_version": FORMAT_VERSION, "says": says})
    return says


def decided_positions(ledger: Ledger, n_bars: int) -> NDArray[np.int64]:
    """Return the position, -1, 0 or +1, that was decided on each bar, from the closed trades.

    A fill at the open of bar t was decided on bar t-1, so that a position held at the closes of
    some bars was decided on the bars one before them.
    """
    positions = np.zeros(n_bars, np.int64)
    starts = ledger.entry_bar - 1
    stops = starts + ledger.held_bars
    for start, stop, direction in zip(starts, stops, ledger.direction, strict=True):
        positions[start:stop] = direction
    return positions


def _part(market: PlantedMarket, start: int, stop: int) -> PlantedMarket:
    return PlantedMarket(
        config=market.config,
        returns=market.returns[start:stop],
        states=market.states[start:stop],
        bars=market.bars.slice(start, stop),
    )
