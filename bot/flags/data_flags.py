"""Flags about a file of bars; what `walkfast data`, `evaluate` and `audit` share with `train`.

Knows nothing of training, so that `walkfast data` starts without torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.flags.flag import ActsWith, Flag
from envs.data.settings import LoadSettings


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """The settings that these flags move, under the paths they have in `RunConfig`."""

    data_path: str | None = None
    data: LoadSettings = field(default_factory=LoadSettings)


_A_FILE = ActsWith("data_path")

DATA = (
    Flag(
        "data_path",
        "file of bars; without it the embedded sample, a planted market",
        "data_path",
        shown=False,
        word="FILE",
    ),
    Flag(
        "symbol",
        "name of the instrument, where the file does not tell",
        "data.symbol",
        acts_with=_A_FILE,
        shown=False,
        word="NAME",
    ),
    Flag(
        "timezone",
        "clock of the file's times: UTC, +02:00, Europe/Athens, America/New_York+7",
        "data.timezone",
        acts_with=_A_FILE,
        shown=False,
        word="ZONE",
    ),
    Flag(
        "day_first",
        "03/04/2020 is the third of April (--no-day_first: March 4th)",
        "data.day_first",
        acts_with=_A_FILE,
        shown=False,
    ),
    Flag(
        "timeframe",
        "distance between bars that the file must have: 15m, 1h, 1d",
        "data.timeframe",
        acts_with=_A_FILE,
        shown=False,
        word="15m",
    ),
    Flag(
        "point_value",
        "price of one point; inferred from the decimals of the prices without it",
        "data.point_value",
        acts_with=_A_FILE,
        shown=False,
    ),
    Flag(
        "repair",
        "mend what can be mended in the file and record every change",
        "data.repair",
        acts_with=_A_FILE,
    ),
)
