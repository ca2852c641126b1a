"""The bars that settings are tried on: three planted markets, and gold, bitcoin and EURUSD.

A planted ground is a market of the seed's own. Behind its folds lie fresh bars that nothing in a
run looks at; the share of Bayes there ranks candidates. A real ground is a stretch of a file: the
search looks at its first bars, and `_later` ones, whose test slices are later than everything the
search saw, are walked by the chosen settings only. Not here: running (`bench.search.trial`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bot.cli.bars import load_bars
from envs.bars import Bars
from envs.data.load import LoadedBars, load
from envs.data.settings import LoadSettings
from envs.features import FeatureConfig, build_features
from envs.synthetic import PlantedMarket, planted_market
from training.folds import FoldConfig, Range

_SHORT = FoldConfig(initial_window_bars=10_000, step_bars=2_000, max_folds=2)
# In 8,000 bars no candidate learned the hard market: the honest answer there was to stay flat.
_LONG = FoldConfig(initial_window_bars=40_000, validation_frac=0.1, step_bars=2_000, max_folds=1)
PLANTED: Mapping[str, FoldConfig] = MappingProxyType(
    {"easy": _SHORT, "medium": _SHORT, "hard": _LONG}
)
"""Planted grounds by difficulty, and how they are cut."""
REAL_FOLDS = FoldConfig(max_folds=2)
FRESH_BARS = 20_000
LATER = "_later"


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Bars to train and test on.

    Attributes:
        name: In tables.
        loaded: The bars.
        values: What the bars need of a `RunConfig`, by dotted path.
        market: The planted market they are; None with real bars.
        fresh: Bars behind all folds; None with real bars.
    """

    name: str
    loaded: LoadedBars
    values: Mapping[str, Any]
    market: PlantedMarket | None = None
    fresh: Range | None = None


@dataclass(frozen=True, kw_only=True)
class RealFile:
    """A file of real bars.

    Attributes:
        file: Its name in the folder of data.
        spread_points: What a trade costs; None takes the file's own spreads.
        repairs: Whether its known faults are mended on reading.
    """

    file: str
    spread_points: float | None
    repairs: bool = False


REAL: Mapping[str, RealFile] = MappingProxyType(
    {
        "gold": RealFile(file="XAUUSDm_15min.csv", spread_points=None),
        # 3 USD: the width of a liquid exchange's book in these years.
        "bitcoin": RealFile(
            file="cryptodatadownload_BTCUSD_1h.csv", spread_points=300.0, repairs=True
        ),
        "eurusd": RealFile(file="dukascopy_EURUSD_1h.csv", spread_points=10.0),  # one pip
    }
)
GROUNDS = (*PLANTED, *REAL, *(f"{name}{LATER}" for name in REAL))


def make_ground(name: str, *, seed: int, data_folder: Path) -> Ground:
    """Make the ground of a name; real bars do not depend on the seed."""
    if name in PLANTED:
        return _planted(name, seed)
    return _real(name, data_folder)


def _planted(difficulty: str, seed: int) -> Ground:
    warmup_bars = _warmup_bars(planted_market(n_bars=3_000, seed=0).bars)
    folds = PLANTED[difficulty]
    end = warmup_bars + _folds_bars(folds)
    market = planted_market(n_bars=end + FRESH_BARS + 1, seed=30_000 + seed, difficulty=difficulty)
    return Ground(
        name=difficulty,
        loaded=_as_loaded(market.bars),
        values={"folds": folds},
        market=market,
        fresh=Range(end, end + FRESH_BARS),
    )


def _real(name: str, data_folder: Path) -> Ground:
    real = REAL[name.removesuffix(LATER)]
    settings = LoadSettings(repair=real.repairs)
    loaded = load(data_folder / real.file, settings=settings)
    n_bars = _warmup_bars(loaded.bars) + _folds_bars(REAL_FOLDS) + 1
    start = len(loaded.bars) - n_bars if name.endswith(LATER) else 0
    return Ground(
        name=name,
        loaded=LoadedBars(bars=loaded.bars.slice(start, start + n_bars), source=loaded.source),
        values={"folds": REAL_FOLDS, "env.market.spread_points": real.spread_points},
    )


def _folds_bars(config: FoldConfig) -> int:
    """Bars from the first decision of fold 0 to the last of the last fold."""
    assert config.max_folds is not None
    return config.initial_window_bars + config.max_folds * config.step_bars


def _warmup_bars(bars: Bars) -> int:
    return build_features(bars, FeatureConfig()).warmup_bars


def _as_loaded(bars: Bars) -> LoadedBars:
    sample = load_bars(None, LoadSettings())
    return LoadedBars(bars=bars, source=sample.source)
