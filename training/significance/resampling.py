"""Resamples of one series by blocks of bars: what is drawn, and the moments of every draw.

Whole folds, or blocks of random length (stationary bootstrap, Politis & Romano 1994) or of a fixed
one (circular block bootstrap, Politis & Romano 1992), both from `arch`. Every measure of
`training.significance.blocks` follows from means and deviations, so that sums of blocks are all
that is kept of a draw. Argued in `docs/decisions/123-blocks-of-bars.md`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs.errors import ConfigError, UnknownNameError
from training.metrics import ROUNDING_FRAC
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
    from arch.bootstrap import optimal_block_length  # noqa: PLC0415  # a second that folds need not pay

    # Scaled to unit deviation: the estimate divides by powers of the variance.
    scaled = (series - series.mean()) / series.std()
    column = "circular" if kind == "circular" else "stationary"
    with np.errstate(all="ignore"):
        chosen = float(optimal_block_length(scaled)[column].iloc[0])
    return max(chosen, 1.0) if math.isfinite(chosen) else 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class ColumnMoments:
    """The first two moments of every column, in the whole series or in each of k resamples.

    Attributes:
        means: `(k, n_columns)`.
        deviations: `(k, n_columns)` with ddof 1; 0 where a column does not vary.
    """

    means: Floats
    deviations: Floats

    @classmethod
    def of(cls, columns: Floats) -> ColumnMoments:
        """Measure `(n_bars, n_columns)` once; column by column, as `sharpe_ratio` sums."""
        varies = [not _is_constant(column) and len(column) > 1 for column in columns.T]
        pairs = zip(columns.T, varies, strict=True)
        deviations = [float(column.std(ddof=1)) if is_so else 0.0 for column, is_so in pairs]
        means = [float(column.mean()) for column in columns.T]
        return cls(means=np.array([means]), deviations=np.array([deviations]))

    def columns(self, start: int, stop: int | None) -> ColumnMoments:
        """Take some of the columns."""
        return ColumnMoments(
            means=self.means[:, start:stop], deviations=self.deviations[:, start:stop]
        )

    def sharpe(self, bars_per_year: float | None) -> Floats:
        """Return the mean of the columns' annualized Sharpe ratios, `(k,)`; NaN where undefined."""
        if bars_per_year is None:
            return np.full(len(self.means), np.nan)
        varies = self.deviations > 0
        ratios = np.where(varies, self.means, 0.0) / np.where(varies, self.deviations, 1.0)
        scaled = ratios.mean(axis=1) * math.sqrt(bars_per_year)
        return np.where(varies.any(axis=1), scaled, np.nan)


Measure = Callable[[ColumnMoments], Floats]


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """Columns of returns: the moments of all bars, and those of every resample."""

    seen: ColumnMoments
    resampled: ColumnMoments | None


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockResampler:
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
    def of(
        cls, series: Floats, config: BlockConfig, fold_index: ArrayLike | None
    ) -> BlockResampler:
        """Choose the blocks for a series."""
        if config.kind == "folds":
            folds = _folds(fold_index, len(series))
            return cls(config=config, n_bars=len(series), block_bars=None, folds=folds)
        block_bars = config.block_bars or block_length_bars(series, kind=config.kind)
        if config.kind == "circular":
            block_bars = float(math.ceil(block_bars))
        return cls(config=config, n_bars=len(series), block_bars=block_bars, folds=())

    def draw(self, columns: Floats, rng: np.random.Generator) -> Drawn:
        """Draw resamples of `(n_bars, n_columns)`; none where there are too few blocks."""
        enough = self._n_blocks >= LEAST_BLOCKS
        if self.block_bars is None:
            enough = n_distinct_resamples(len(self.folds)) >= LEAST_DISTINCT
        resampled = self._resampled(columns, rng) if enough else None
        return Drawn(seen=ColumnMoments.of(columns), resampled=resampled)

    def estimate(
        self, drawn: Drawn, measure: Measure, why_undefined: str
    ) -> tuple[Estimate, Floats]:
        """Measure the series and its resamples; also return the latter."""
        value, freedom = float(measure(drawn.seen)[0]), self._n_blocks - 1
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
            return replace(known, warnings=(why_undefined,)), none
        if drawn.resampled is None:
            return replace(known, warnings=(self._too_few,)), none
        samples = measure(drawn.resampled)
        defined = samples[np.isfinite(samples)]
        if len(defined) < LEAST_DEFINED_FRAC * len(samples):
            words = "No interval: the measure is undefined in many resamples."
            return replace(known, warnings=(words,)), none
        return self._with_interval(known, defined, freedom), defined

    @property
    def _n_blocks(self) -> float:
        return len(self.folds) if self.block_bars is None else self.n_bars / self.block_bars

    @property
    def _too_few(self) -> str:
        what = "fold" if self.folds else "block"
        counted = f"1 {what} is" if self._n_blocks == 1 else f"{self._n_blocks:.3g} {what}s are"
        return f"No interval: {counted} too few, at least {LEAST_BLOCKS} are needed."

    def _with_interval(self, known: Estimate, samples: Floats, freedom: float) -> Estimate:
        words = "whole folds" if self.block_bars is None else f"{self.config.kind} blocks"
        length = "" if self.block_bars is None else f" of {self.block_bars:.3g} bars"
        interval = percentile_interval(
            samples,
            confidence=self.config.confidence,
            freedom=freedom,
            method=f"bootstrap percentiles, {words}{length}",
        )
        return replace(known, interval=interval, standard_error=float(samples.std()))

    def _resampled(self, columns: Floats, rng: np.random.Generator) -> ColumnMoments:
        """Return the moments of every resample, from the sums that each is made of."""
        means = columns.mean(axis=0)
        centred = columns - means  # or squares of large means would cancel
        draw = self._fold_sums if self.block_bars is None else self._bar_sums
        n_bars, sums, squares = draw(centred, rng)
        around = sums / n_bars
        variance = (
            np.maximum(squares / n_bars - around**2, 0.0) * n_bars / np.maximum(n_bars - 1, 1)
        )
        deviations = np.sqrt(variance)
        rounding = math.sqrt(np.finfo(np.float64).eps) * np.abs(columns).max(axis=0)
        return ColumnMoments(
            means=means + around, deviations=np.where(deviations > rounding, deviations, 0.0)
        )

    def _fold_sums(self, centred: Floats, rng: np.random.Generator) -> tuple[Floats, ...]:
        """Draw one fold less than there are (see `training.significance.robust`), and add up."""
        n_folds, n_resamples = len(self.folds), self.config.n_resamples
        drawn = rng.integers(n_folds, size=(n_resamples, n_folds - 1))
        places = drawn + n_folds * np.arange(n_resamples)[:, None]
        counts = np.bincount(places.ravel(), minlength=n_resamples * n_folds)
        counts = counts.reshape(n_resamples, n_folds).astype(np.float64)
        n_bars = np.array([float(len(fold)) for fold in self.folds])
        sums = np.stack([centred[fold].sum(axis=0) for fold in self.folds])
        squares = np.stack([(centred[fold] ** 2).sum(axis=0) for fold in self.folds])
        return (counts @ n_bars)[:, None], counts @ sums, counts @ squares

    def _bar_sums(self, centred: Floats, rng: np.random.Generator) -> tuple[Floats, ...]:
        """Draw blocks of bars, as many bars as there are, and add up."""
        from arch.bootstrap import (  # noqa: PLC0415  # a second that folds need not pay
            CircularBlockBootstrap,
            StationaryBootstrap,
        )

        assert self.block_bars is not None, "folds are drawn whole"
        if self.config.kind == "circular":
            blocks = CircularBlockBootstrap(int(self.block_bars), centred, seed=rng)
        else:
            # arch's annotation says int; its sampler takes 1 / mean length as a probability.
            blocks = StationaryBootstrap(self.block_bars, centred, seed=rng)  # type: ignore[arg-type]  # see above
        sums = np.asarray(
            blocks.apply(
                lambda bars: np.concatenate([bars.sum(axis=0), np.einsum("ij,ij->j", bars, bars)]),
                self.config.n_resamples,
            ),
            dtype=np.float64,
        )
        n_columns = centred.shape[1]
        n_bars = np.full((len(sums), 1), float(len(centred)))
        return n_bars, sums[:, :n_columns], sums[:, n_columns:]


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


def _is_constant(series: Floats) -> bool:
    return float(np.ptp(series)) <= ROUNDING_FRAC * float(np.abs(series).max())
