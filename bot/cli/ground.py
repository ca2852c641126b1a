"""Whether a model has seen the bars that it is evaluated on: by its card, and by time.

Not here: the evaluation (`bot.cli.evaluate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Literal

import numpy as np

from bot.cli.window import Window
from envs.bars import Bars
from training.agent.checkpoint import LoadedModel

Ground = Literal["in_sample", "out_of_sample", "unknown"]

HEADINGS: Mapping[Ground, str] = MappingProxyType(
    {
        "in_sample": "IN-SAMPLE: the model was trained or chosen on some of these bars, "
        "or on later ones. These figures say nothing of new bars.\n",
        "out_of_sample": "OUT OF SAMPLE: after everything the model has seen.\n",
        "unknown": "UNKNOWN: other bars; overlap not known, these figures may be in-sample.\n",
    }
)


def ground(model: LoadedModel, bars: Bars, window: Window) -> Ground:
    """Say whether all decision bars come after those that taught or chose a model."""
    n_seen = seen_bars(model, bars)
    if n_seen is None:
        return "unknown"
    return "in_sample" if window.range.start < n_seen else "out_of_sample"


def seen_bars(model: LoadedModel, bars: Bars) -> int | None:
    """Count the bars up to the last that taught or chose a model; None where nobody knows.

    Bars of the same symbol and timeframe are compared by time, so that a file with newer bars
    added is judged as well. Cards of before `seen_until` was written are not.
    """
    if model.card is None:
        return None
    said = model.card.description
    if (said.get("symbol"), said.get("timeframe")) != (bars.symbol, bars.timeframe.name):
        return None
    until_us = _time_us(said.get("seen_until"))
    return None if until_us is None else int(np.searchsorted(bars.time_us, until_us))


def _time_us(text: object) -> int | None:
    """Return microseconds since 1970; None for what is no time with a zone."""
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return None if time is None or time.tzinfo is None else round(time.timestamp() * 1_000_000)
