"""The same policy in a dearer market: every spread doubled, and every fill slipped.

A result that lives on cheap trading shows here. Not here: which models are walked again
(`training.benchmark.stress`). The sizes are argued in `docs/decisions/136-stress.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from envs.config import EnvConfig
from envs.market import Tape

SPREAD_FACTOR = 2.0
FALLBACK_BPS = 1.0
"""Slippage of a fill, basis points of price, where the bars have no spread to go by."""
DOUBLED_SPREAD, SLIPPAGE = "doubled_spread", "slippage"


@dataclass(frozen=True, kw_only=True, eq=False)
class StressedMarket:
    """A market with one cost raised; features, and so what a policy sees of the bars, stay.

    Attributes:
        tape: The bars, spread as it is charged.
        config: The environment.
    """

    tape: Tape
    config: EnvConfig


@dataclass(frozen=True, kw_only=True)
class Slippage:
    """How far every fill is slipped from its quote, to the worse.

    Attributes:
        points: The distance.
        reason: What it follows from, a clause.
    """

    points: float
    reason: str


def stressed_markets(tape: Tape, config: EnvConfig) -> dict[str, StressedMarket]:
    """Return the markets `doubled_spread` and `slippage`; slippage adds to what is charged."""
    doubled = replace(tape, spread_points=tape.spread_points * SPREAD_FACTOR)
    slipped = config.market.slippage_points + stress_slippage(tape).points
    dearer = replace(config, market=replace(config.market, slippage_points=slipped))
    return {
        DOUBLED_SPREAD: StressedMarket(tape=doubled, config=config),
        SLIPPAGE: StressedMarket(tape=tape, config=dearer),
    }


def stress_slippage(tape: Tape) -> Slippage:
    """Choose the slippage of a fill: the median spread charged, or a basis point of price.

    Over all bars of the tape, so that it is one number for a file, whatever the folds.
    """
    spread_points = float(np.median(tape.spread_points))
    if spread_points > 0:
        return Slippage(points=spread_points, reason="the median spread of these bars")
    points = FALLBACK_BPS * 1e-4 * float(np.median(tape.close)) / tape.point_size
    return Slippage(
        points=points,
        reason=f"{FALLBACK_BPS:g} basis point of the median price: these bars have no spread",
    )
