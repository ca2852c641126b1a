"""Intervals for one stitched series of returns, whose bars depend on their neighbours.

Blocks of bars are drawn again instead of single bars (`training.significance.resampling`). Not
here: seeds (`robust`), many configurations tried (`overfitting`). Choices are in
`docs/decisions/123-blocks-of-bars.md`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike

from envs.errors import ConfigError
from training.significance.intervals import Estimate, Floats, as_series
from training.significance.resampling import BlockConfig, BlockResampler

LARGEST_LOG = 709.0
"""Beyond it a growth has no float."""
LEAST_LOG = -1_000.0
"""Log return that stands for a ruin: nothing is left of an account, and sums stay finite."""
_FLAT = "The measure is undefined: returns do not vary."
_SHORT = "The bars span less than 30 days: no figure of a year is told."
_BEYOND = "The growth is beyond every float."


@dataclass(frozen=True, kw_only=True)
class BaselineComparison:
    """A series of returns against a baseline's on the same bars, resampled together.

    Attributes:
        return_difference: Sum over all bars of the returns' differences, as a fraction; what
            trading at a constant stake would have earned more. Not compounded, so that it stays
            defined after a ruin.
        sharpe_difference: Difference of the annualized Sharpe ratios; None where one is undefined.
        p_value: Of the hypothesis that the mean difference is 0 or less: how often resamples
            centred on 0 reach the difference seen. None without an interval.
        block_bars: (Mean) block length used; None with folds.
    """

    return_difference: Estimate
    sharpe_difference: Estimate
    p_value: float | None
    block_bars: float | None

    def to_json(self) -> dict[str, object]:
        """Return the fields by name; strict JSON."""
        return asdict(self)


def sharpe_estimate(
    returns: ArrayLike,
    *,
    bars_per_year: float | None,
    rng: np.random.Generator,
    config: BlockConfig | None = None,
    fold_index: ArrayLike | None = None,
) -> Estimate:
    """Estimate the annualized Sharpe ratio of a series, see `training.metrics.sharpe_ratio`.

    Args:
        returns: `(n_bars,)` simple returns, or `(n_bars, n_runs)` of several runs on the same bars:
            then the mean of their Sharpe ratios, the same blocks drawn of all. One that does not
            vary counts as 0 beside others that do.
        bars_per_year: Annualizes; None where the bars span too little of a year.
        rng: Source of the resamples.
        config: How blocks are drawn; None = the defaults.
        fold_index: `(n_bars,)` number of each bar's fold, for blocks of folds.

    Returns:
        Value and interval None where no run's returns vary, or a year is not known.

    Raises:
        ConfigError: If the returns are no finite series, or folds are wanted and not given.
    """
    runs = as_runs("returns", returns)
    resampler = BlockResampler.of(runs.mean(axis=1), config or BlockConfig(), fold_index)
    drawn = resampler.draw(runs, rng)
    return resampler.estimate(drawn, lambda bars: bars.sharpe(bars_per_year), _why(bars_per_year))[
        0
    ]


def growth_estimate(
    returns: ArrayLike,
    *,
    rng: np.random.Generator,
    config: BlockConfig | None = None,
    fold_index: ArrayLike | None = None,
) -> Estimate:
    """Estimate the total return of a stitched equity, as a fraction: prod(1 + r) - 1.

    A resample grows at its own mean log return over the bars of the series. A return of -1 or less
    is a ruin, after which nothing is left.

    Args:
        returns: `(n_bars,)` simple returns.
        rng: Source of the resamples.
        config: How blocks are drawn; None = the defaults.
        fold_index: `(n_bars,)` number of each bar's fold, for blocks of folds.

    Raises:
        ConfigError: If the returns are no finite series, or folds are wanted and not given.
    """
    series = as_series("returns", returns)
    resampler = BlockResampler.of(series, config or BlockConfig(), fold_index)
    with np.errstate(divide="ignore"):
        logs = np.maximum(np.log1p(np.maximum(series, -1.0)), LEAST_LOG)
    drawn = resampler.draw(logs[:, None], rng)
    return resampler.estimate(drawn, lambda bars: _expm1(bars.means[:, 0] * len(series)), _BEYOND)[
        0
    ]


def compare_with_baseline(
    returns: ArrayLike,
    baseline_returns: ArrayLike,
    *,
    bars_per_year: float | None,
    rng: np.random.Generator,
    config: BlockConfig | None = None,
    fold_index: ArrayLike | None = None,
) -> BaselineComparison:
    """Compare a series with a baseline on the same bars, drawing the same blocks of both.

    Args:
        returns: `(n_bars,)` simple returns, or `(n_bars, n_runs)` of several runs, whose mean
            return and mean Sharpe ratio are compared.
        baseline_returns: `(n_bars,)` simple returns of flat, buy-and-hold, random or another arm.
        bars_per_year: Annualizes the Sharpe ratios; None where the bars span too little of a year.
        rng: Source of the resamples.
        config: How blocks are drawn; the block length is chosen from the difference.
        fold_index: `(n_bars,)` number of each bar's fold, for blocks of folds.

    Raises:
        ConfigError: If a series is not finite, their lengths differ, or folds are not given.
    """
    ours, theirs = as_runs("returns", returns), as_series("baseline returns", baseline_returns)
    if len(ours) != len(theirs):
        raise ConfigError(
            "Returns and baseline must be of the same bars", came=f"{len(ours)} and {len(theirs)}"
        )
    difference = ours.mean(axis=1) - theirs
    resampler = BlockResampler.of(difference, config or BlockConfig(), fold_index)
    drawn = resampler.draw(np.column_stack([difference, theirs, ours]), rng)
    earned, samples = resampler.estimate(drawn, lambda bars: bars.means[:, 0] * len(ours), _FLAT)
    sharpe, _ = resampler.estimate(
        drawn,
        lambda bars: (
            bars.columns(2, None).sharpe(bars_per_year) - bars.columns(1, 2).sharpe(bars_per_year)
        ),
        _why(bars_per_year),
    )
    return BaselineComparison(
        return_difference=earned,
        sharpe_difference=sharpe,
        p_value=_p_value(earned, samples),
        block_bars=resampler.block_bars,
    )


def as_runs(name: str, returns: ArrayLike) -> Floats:
    """Check one series of returns, or several of the same bars; return `(n_bars, n_runs)`.

    Raises:
        ConfigError: If there is no run or bar, or a return is not finite.
    """
    runs = np.asarray(returns, dtype=np.float64)
    if runs.ndim != 2 or runs.shape[1] == 0:
        return as_series(name, returns)[:, None]
    return np.column_stack([as_series(name, run) for run in runs.T])


def _p_value(difference: Estimate, samples: Floats) -> float | None:
    if difference.interval is None or difference.value is None:
        return None
    reached = int((samples - difference.value >= difference.value).sum())
    return (reached + 1) / (len(samples) + 1)


def _why(bars_per_year: float | None) -> str:
    return _SHORT if bars_per_year is None else _FLAT


def _expm1(values: Floats) -> Floats:
    return np.where(values < LARGEST_LOG, np.expm1(np.minimum(values, LARGEST_LOG)), np.nan)
