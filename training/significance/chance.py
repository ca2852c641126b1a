"""Whether runs of one configuration beat chance on their test bars: every test, and the line.

Pure, and the same for a single training and for the arms of a benchmark. Not here: the tests one by
one (`blocks`, `overfitting`), the words (`plain`). Argued in
`docs/decisions/135-does-it-beat-chance.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.significance.blocks import (
    BaselineComparison,
    as_runs,
    compare_with_baseline,
    sharpe_estimate,
)
from training.significance.intervals import Estimate, Floats
from training.significance.overfitting import DeflatedSharpe, Overfitting, deflated_by_luck
from training.significance.plain import chance_line
from training.significance.resampling import LEAST_BLOCKS, BlockConfig

FLAT = "flat"
LEAST_BARS = 100
"""Fewer bars of fewer than five folds carry no interval: a handful of bars says nothing."""
BAR_RESAMPLES = 500
"""Resamples where blocks of bars are drawn, which takes a hundred times as long as folds."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Track:
    """What runs of one configuration earned, and the baselines on the very same bars.

    Attributes:
        returns: `(n_bars, n_runs)` simple returns, or `(n_bars,)` of one run.
        baselines: By name `(n_bars,)` simple returns of what it is compared with.
        fold_index: `(n_bars,)` number of each bar's fold.
        bars_per_year: Annualizes; None where the bars span less than 30 days.
    """

    returns: ArrayLike
    baselines: Mapping[str, Floats]
    fold_index: NDArray[np.int64]
    bars_per_year: float | None

    @property
    def runs(self) -> Floats:
        """The returns as `(n_bars, n_runs)`."""
        return as_runs("returns", self.returns)

    @property
    def n_folds(self) -> int:
        """How many folds the bars are of."""
        return len(np.unique(self.fold_index))

    @property
    def blocks(self) -> BlockConfig:
        """How its bars are resampled: whole folds, or blocks of bars where folds are too few."""
        if self.n_folds >= LEAST_BLOCKS or len(self.fold_index) < LEAST_BARS:
            return BlockConfig(kind="folds")
        return BlockConfig(kind="stationary", n_resamples=BAR_RESAMPLES)


@dataclass(frozen=True, kw_only=True)
class Chance:
    """What came of all tests.

    Attributes:
        line: In plain words.
        beats_chance: True only where every test was made and passed; None where none failed and
            some could not be made.
        sharpe: Mean of the runs' annualized Sharpe ratios.
        deflated: Of the run with the highest Sharpe ratio: choosing it is what is deflated.
        against: By baseline, of the mean run: no choice among runs is in it.
    """

    line: str
    beats_chance: bool | None
    sharpe: Estimate
    deflated: DeflatedSharpe
    against: Mapping[str, BaselineComparison]

    def to_json(self) -> dict[str, object]:
        """Return the fields by name; strict JSON."""
        return asdict(self)


def judge_chance(
    track: Track,
    *,
    n_trials: int,
    rng: np.random.Generator,
    overfitting: Overfitting | None = None,
) -> Chance:
    """Judge whether a configuration beats chance.

    Args:
        track: What its runs earned.
        n_trials: Configurations tried, seeds counted one by one; these runs among them.
        rng: Source of the resamples.
        overfitting: Of the choice among all that were tried; told, not judged by.

    Raises:
        ConfigError: If a series is not finite, or they are not of the same bars.
    """
    runs, blocks = track.runs, track.blocks
    folds = track.fold_index if blocks.kind == "folds" else None
    baselines = {FLAT: np.zeros(len(runs)), **track.baselines}
    against = {
        name: compare_with_baseline(
            runs,
            returns,
            bars_per_year=track.bars_per_year,
            rng=rng,
            config=blocks,
            fold_index=folds,
        )
        for name, returns in baselines.items()
    }
    deflated = deflated_by_luck(_best(runs), n_trials=n_trials)
    differences = {name: item.return_difference for name, item in against.items()}
    line = chance_line(deflated, overfitting, differences)
    return Chance(
        line=f"{line.text}{_few_folds_words(track)}",
        beats_chance=line.beats_chance,
        sharpe=sharpe_estimate(
            runs, bars_per_year=track.bars_per_year, rng=rng, config=blocks, fold_index=folds
        ),
        deflated=deflated,
        against=against,
    )


def _few_folds_words(track: Track) -> str:
    if track.blocks.kind == "folds":
        return ""
    folds = "1 fold" if track.n_folds == 1 else f"{track.n_folds} folds"
    return f" With {folds} blocks of bars were resampled: this tells of these very models alone."


def _best(runs: Floats) -> Floats:
    """Return the run with the highest Sharpe ratio; one that does not vary has 0."""
    deviations = runs.std(axis=0)
    varies = deviations > 0
    ratios = np.where(varies, runs.mean(axis=0), 0.0) / np.where(varies, deviations, 1.0)
    best: Floats = runs[:, int(np.argmax(ratios))]
    return best
