"""Intervals for one stitched series of returns, whose bars depend on their neighbours.

Blocks of bars are drawn again instead of single bars: whole folds, or blocks of random length
(stationary bootstrap, Politis & Romano 1994) or of a fixed one (circular block bootstrap, Politis &
Romano 1992), both from `arch`. Not here: seeds (`robust`), many configurations tried
(`overfitting`). Choices are in `docs/decisions/123-blocks-of-bars.md`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal, get_args

import numpy as np
from arch.bootstrap import CircularBlockBootstrap, StationaryBootstrap, optimal_block_length
from numpy.typing import ArrayLike, NDArray

from envs.errors import ConfigError, UnknownNameError
from training.metrics import ROUNDING_FRAC, sharpe_ratio
from training.significance.intervals import (
    LEAST_DEFINED_FRAC,
    LEAST_DISTINCT,
    Estimate,
    Floats,
    as_series,
    check_bootstrap,
    n_distinct_resamples,
    percentile_interval,
)

BlockKind = Literal["folds", "stationary", "circular"]
Measure = Callable[[Floats], float]

LEAST_BLOCKS = 5
LEAST_CHOSEN_BARS = 20
"""Shorter series do not carry a block length of their own."""


@dataclass(frozen=True, kw_only=True)
class BlockConfig:
    """How a series of returns is resampled.

    Raises:
        ConfigError: If a value is out of range.
        UnknownNameError: If the kind is not a known one.
    """

    kind: BlockKind = "stationary"
    """`folds` = whole folds, for what a fold's model does all through it; `stationary` = blocks of
    random length; `circular` = blocks of one length."""
    block_bars: float | None = None
    """(Mean) bars of a block, at least 1; None = chosen from the series by `block_length_bars`.
    Plays no part with folds."""
    n_resamples: int = 2000
    """Resamples, at least 200."""
    confidence: float = 0.9
    """Two-sided coverage, in (0, 1)."""

    def __post_init__(self) -> None:
        check_bootstrap(self.n_resamples, self.confidence)
        if self.kind not in get_args(BlockKind):
            raise UnknownNameError.of("kind of block", self.kind, get_args(BlockKind))
        if self.block_bars is not None and not (
            math.isfinite(self.block_bars) and self.block_bars >= 1
        ):
            raise ConfigError("block_bars must be 1 or more", came=f"{self.block_bars}")


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


def block_length_bars(returns: ArrayLike, *, kind: BlockKind = "stationary") -> float:
    """Choose the block length from a series' own dependence (Politis & White 2004, Patton 2009).

    Args:
        returns: `(n_bars,)`.
        kind: `stationary` or `circular`.

    Returns:
        At least 1; 1 for a series that does not vary or is shorter than 20 bars.

    Raises:
        ConfigError: If the returns are no finite series.
    """
    series = as_series("returns", returns)
    if len(series) < LEAST_CHOSEN_BARS or _is_constant(series):
        return 1.0
    # Scaled to unit deviation: the estimate divides by powers of the variance.
    scaled = (series - series.mean()) / series.std()
    column = "circular" if kind == "circular" else "stationary"
    with np.errstate(all="ignore"):
        chosen = float(optimal_block_length(scaled)[column].iloc[0])
    return max(chosen, 1.0) if math.isfinite(chosen) else 1.0


def sharpe_estimate(
    returns: ArrayLike,
    *,
    bars_per_year: float,
    rng: np.random.Generator,
    config: BlockConfig | None = None,
    fold_index: ArrayLike | None = None,
) -> Estimate:
    """Estimate the annualized Sharpe ratio of a series, see `training.metrics.sharpe_ratio`.

    Args:
        returns: `(n_bars,)` simple returns.
        bars_per_year: Annualizes.
        rng: Source of the resamples.
        config: How blocks are drawn; None = the defaults.
        fold_index: `(n_bars,)` number of each bar's fold, for blocks of folds.

    Returns:
        Value and interval None where returns do not vary.

    Raises:
        ConfigError: If the returns are no finite series, or folds are wanted and not given.
    """
    series = as_series("returns", returns)
    resampler = _Resampler.of(series, config or BlockConfig(), fold_index)
    return resampler.estimate(
        series[:, None], lambda bars: _number(sharpe_ratio(bars[:, 0], bars_per_year)), rng
    )[0]


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
    resampler = _Resampler.of(series, config or BlockConfig(), fold_index)
    with np.errstate(divide="ignore"):
        logs = np.log1p(np.maximum(series, -1.0))
    return resampler.estimate(
        logs[:, None], lambda bars: _expm1(float(bars.mean()) * len(series)), rng
    )[0]


def compare_with_baseline(
    returns: ArrayLike,
    baseline_returns: ArrayLike,
    *,
    bars_per_year: float,
    rng: np.random.Generator,
    config: BlockConfig | None = None,
    fold_index: ArrayLike | None = None,
) -> BaselineComparison:
    """Compare a series with a baseline on the same bars, drawing the same blocks of both.

    Args:
        returns: `(n_bars,)` simple returns.
        baseline_returns: `(n_bars,)` simple returns of flat, buy-and-hold, random or another arm.
        bars_per_year: Annualizes the Sharpe ratios.
        rng: Source of the resamples.
        config: How blocks are drawn; the block length is chosen from the difference.
        fold_index: `(n_bars,)` number of each bar's fold, for blocks of folds.

    Raises:
        ConfigError: If a series is not finite, their lengths differ, or folds are not given.
    """
    ours, theirs = as_series("returns", returns), as_series("baseline returns", baseline_returns)
    if len(ours) != len(theirs):
        raise ConfigError(
            "Returns and baseline must be of the same bars", came=f"{len(ours)} and {len(theirs)}"
        )
    resampler = _Resampler.of(ours - theirs, config or BlockConfig(), fold_index)
    columns = np.column_stack([ours, theirs])
    difference, samples = resampler.estimate(
        columns, lambda bars: float((bars[:, 0] - bars[:, 1]).mean()) * len(ours), rng
    )
    sharpe, _ = resampler.estimate(
        columns,
        lambda bars: (
            _number(sharpe_ratio(bars[:, 0], bars_per_year))
            - _number(sharpe_ratio(bars[:, 1], bars_per_year))
        ),
        rng,
    )
    return BaselineComparison(
        return_difference=difference,
        sharpe_difference=sharpe,
        p_value=_p_value(difference, samples),
        block_bars=resampler.block_bars,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Resampler:
    """Draws blocks of the bars of one series.

    Attributes:
        config: How.
        n_bars: Bars of the series.
        block_bars: (Mean) block length; None with folds.
        folds: The bars of each fold; empty without folds.
    """

    config: BlockConfig
    n_bars: int
    block_bars: float | None
    folds: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(cls, series: Floats, config: BlockConfig, fold_index: ArrayLike | None) -> _Resampler:
        """Choose the blocks for a series."""
        if config.kind == "folds":
            folds = _folds(fold_index, len(series))
            return cls(config=config, n_bars=len(series), block_bars=None, folds=folds)
        block_bars = config.block_bars or block_length_bars(series, kind=config.kind)
        if config.kind == "circular":
            block_bars = float(math.ceil(block_bars))
        return cls(config=config, n_bars=len(series), block_bars=block_bars, folds=())

    def estimate(
        self, columns: Floats, measure: Measure, rng: np.random.Generator
    ) -> tuple[Estimate, Floats]:
        """Measure `(n_bars, n_columns)` and its resamples; also return the latter."""
        value, freedom = measure(columns), self._n_blocks - 1
        known = Estimate(
            value=value if math.isfinite(value) else None,
            interval=None,
            n_values=self.n_bars,
            n_folds=len(self.folds),
            freedom=max(int(freedom), 0),
            unit="folds" if self.folds else None,
        )
        none = np.zeros(0)
        if known.value is None:
            return _with(known, "The measure is undefined: returns do not vary."), none
        if not self._is_enough:
            words = f"No interval: {self._n_blocks:.3g} blocks are too few, at least "
            return _with(known, f"{words}{LEAST_BLOCKS} are needed."), none
        samples = self._samples(columns, measure, rng)
        defined = samples[np.isfinite(samples)]
        if len(defined) < LEAST_DEFINED_FRAC * len(samples):
            return _with(known, "No interval: the measure is undefined in many resamples."), none
        return self._with_interval(known, defined, freedom), defined

    @property
    def _n_blocks(self) -> float:
        return len(self.folds) if self.block_bars is None else self.n_bars / self.block_bars

    @property
    def _is_enough(self) -> bool:
        if self.block_bars is None:
            return n_distinct_resamples(len(self.folds)) >= LEAST_DISTINCT
        return self._n_blocks >= LEAST_BLOCKS

    def _with_interval(self, known: Estimate, samples: Floats, freedom: float) -> Estimate:
        words = "whole folds" if self.block_bars is None else f"{self.config.kind} blocks"
        length = "" if self.block_bars is None else f" of {self.block_bars:.3g} bars"
        interval = percentile_interval(
            samples,
            confidence=self.config.confidence,
            freedom=freedom,
            method=f"bootstrap percentiles, {words}{length}",
        )
        return Estimate(
            value=known.value,
            interval=interval,
            standard_error=float(samples.std()),
            n_values=known.n_values,
            n_folds=known.n_folds,
            freedom=known.freedom,
            unit=known.unit,
        )

    def _samples(self, columns: Floats, measure: Measure, rng: np.random.Generator) -> Floats:
        """Return the measure in each resample, `(n_resamples,)`."""
        n_resamples = self.config.n_resamples
        if self.block_bars is None:
            # One fold less than there are: see training.significance.robust.
            drawn = rng.integers(len(self.folds), size=(n_resamples, len(self.folds) - 1))
            parts = ([self.folds[fold] for fold in row] for row in drawn)
            return np.array([measure(columns[np.concatenate(part)]) for part in parts])
        if self.config.kind == "circular":
            blocks = CircularBlockBootstrap(int(self.block_bars), columns, seed=rng)
        else:
            # arch's annotation says int; its sampler takes 1 / mean length as a probability.
            blocks = StationaryBootstrap(self.block_bars, columns, seed=rng)  # type: ignore[arg-type]  # see above
        samples = blocks.apply(lambda bars: np.array([measure(bars)]), n_resamples)
        return np.asarray(samples, dtype=np.float64)[:, 0]


def _folds(fold_index: ArrayLike | None, n_bars: int) -> tuple[NDArray[np.int64], ...]:
    if fold_index is None:
        raise ConfigError("Blocks of folds need the fold of every bar", came="no fold_index")
    index = np.asarray(fold_index)
    if index.shape != (n_bars,):
        raise ConfigError(
            "fold_index must name the fold of every bar",
            came=f"shape {index.shape} for {n_bars} bars",
        )
    return tuple(np.flatnonzero(index == fold) for fold in np.unique(index))


def _with(estimate: Estimate, warning: str) -> Estimate:
    return Estimate(
        value=estimate.value,
        interval=None,
        n_values=estimate.n_values,
        n_folds=estimate.n_folds,
        freedom=estimate.freedom,
        unit=estimate.unit,
        warnings=(warning,),
    )


def _p_value(difference: Estimate, samples: Floats) -> float | None:
    if difference.interval is None or difference.value is None:
        return None
    reached = int((samples - difference.value >= difference.value).sum())
    return (reached + 1) / (len(samples) + 1)


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _expm1(value: float) -> float:
    return math.expm1(value) if value < 709.0 else math.nan


def _is_constant(series: Floats) -> bool:
    return float(np.ptp(series)) <= ROUNDING_FRAC * float(np.abs(series).max())
