"""Estimates with intervals, and how a bootstrap is set up. The pieces every other module returns.

Not here: what is resampled (`robust`, `speed`, `blocks`). Why the levels are widened and when
there is no interval at all is in `docs/decisions/120-intervals-over-few-seeds.md`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, stdtrit

from envs.errors import ConfigError, UnknownNameError

Floats = NDArray[np.float64]
Unit = Literal["seeds_within_folds", "seeds", "folds"]

LEAST_DISTINCT = 35
"""Distinct resamples below which there is no interval: so few values do not reach its ends."""
LEAST_DEFINED_FRAC = 0.95
"""Share of the resamples in which a measure has to be defined for an interval of it."""

UNIT_WORDS: dict[Unit, str] = {
    "seeds_within_folds": "seeds resampled within folds",
    "seeds": "whole seeds resampled",
    "folds": "whole folds resampled",
}


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A confidence interval.

    Attributes:
        low, high: Its ends, low <= high.
        confidence: Coverage it is made for, two-sided, in (0, 1).
        method: How it was made, in words.
    """

    low: float
    high: float
    confidence: float
    method: str

    def __post_init__(self) -> None:
        assert self.low <= self.high, f"not an interval: {self.low} to {self.high}"

    def contains(self, value: float) -> bool:
        """Whether a value lies in the interval, ends included."""
        return self.low <= value <= self.high

    def to_json(self) -> dict[str, object]:
        """Return the fields by name; strict JSON."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A measured quantity, and how sure it is.

    Attributes:
        value: The estimate; None where nothing was measured.
        interval: None where the data do not carry one; `warnings` then say why.
        standard_error: Deviation of the resampled estimates; None without an interval.
        n_values: Runs, pairs of runs or bars that it rests on.
        n_folds: Folds that it rests on; 0 where folds play no part.
        freedom: Degrees of freedom of its spread.
        unit: What was resampled; None where nothing was.
        warnings: What a reader has to know, as sentences.
    """

    value: float | None
    interval: Interval | None
    standard_error: float | None = None
    n_values: int
    n_folds: int = 0
    freedom: int = 0
    unit: Unit | None = None
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return the fields by name; strict JSON."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class BootstrapConfig:
    """How intervals over seeds and folds are made.

    Raises:
        ConfigError: If a value is out of range.
        UnknownNameError: If the unit is not a known one.
    """

    n_resamples: int = 2000
    """Resamples, at least 200: fewer leave the ends of the interval to chance."""
    confidence: float = 0.9
    """Two-sided coverage, in (0, 1). The lower end of 0.9 is a one-sided test at 5 %."""
    unit: Unit | None = None
    """What is drawn again: `seeds_within_folds` (other seeds on these very bars, folds taken as
    unrelated; rliable's method), `seeds` (the same, where warm start chains the folds of a seed),
    `folds` (other bars). None = the first of them that the runs suffice for, see
    `training.significance.robust.best_unit`."""

    def __post_init__(self) -> None:
        check_bootstrap(self.n_resamples, self.confidence)
        if self.unit is not None and self.unit not in get_args(Unit):
            raise UnknownNameError.of("unit of resampling", self.unit, get_args(Unit))


def check_bootstrap(n_resamples: int, confidence: float) -> None:
    """Raise ConfigError unless the number of resamples and the confidence are in range."""
    if n_resamples < 200:
        raise ConfigError("n_resamples must be 200 or more", came=f"{n_resamples}")
    if not 0 < confidence < 1:
        raise ConfigError("confidence must lie between 0 and 1", came=f"{confidence}")


def n_distinct_resamples(n_units: int) -> int:
    """Count the ways to draw one less than there are units, with replacement, order aside."""
    return math.comb(2 * (n_units - 1), n_units - 1) if n_units > 1 else 1


def percentile_interval(
    samples: Floats, *, confidence: float, freedom: float, method: str
) -> Interval:
    """Take the percentiles of resampled estimates, further out the fewer degrees of freedom.

    The level of the lower end is Phi(t_{alpha/2, freedom}) instead of alpha/2 (Hesterberg 2015,
    "What Teachers Should Know About the Bootstrap", expanded percentile interval): what a t
    interval is to a normal one. With many degrees of freedom it is the plain percentile interval.

    Args:
        samples: `(n_resamples,) float64`, finite.
        confidence: Two-sided coverage.
        freedom: Degrees of freedom of the spread of the values resampled, at least 1.
        method: What was resampled, in words.
    """
    level = float(ndtr(stdtrit(freedom, (1 - confidence) / 2)))
    low, high = np.quantile(samples, [level, 1 - level])
    return Interval(low=float(low), high=float(high), confidence=confidence, method=method)


def as_panel(name: str, values: ArrayLike) -> Floats:
    """Check scores or times of one arm and return them as float64.

    Args:
        name: What they are called in an error.
        values: `(n_folds, n_seeds)`; NaN marks a run that is missing or failed.

    Raises:
        ConfigError: If they are not a table of at least one run, or a value is infinite.
    """
    panel = np.asarray(values, dtype=np.float64)
    if panel.ndim != 2 or panel.size == 0:
        raise ConfigError(
            f"{name} must be a table of folds by seeds, at least one of each",
            came=f"shape {panel.shape}",
        )
    if np.isinf(panel).any():
        fold, seed = np.argwhere(np.isinf(panel))[0]
        raise ConfigError(
            f"{name} must be finite, or missing", came="infinity", where=f"fold {fold}, seed {seed}"
        )
    return panel


def as_pair(
    candidate: ArrayLike, reference: ArrayLike, *, what: str = "scores"
) -> tuple[Floats, Floats]:
    """Check the tables of two arms, which must have the same folds and seeds.

    Raises:
        ConfigError: If a table is no panel, or their shapes differ.
    """
    ours = as_panel(f"{what} of the candidate", candidate)
    theirs = as_panel(f"{what} of the reference", reference)
    if ours.shape != theirs.shape:
        raise ConfigError(
            f"Both arms need {what} for the same folds and seeds",
            came=f"{ours.shape} of the candidate, {theirs.shape} of the reference",
            mend="mark runs that are missing as NaN",
        )
    return ours, theirs


def as_series(name: str, values: ArrayLike) -> Floats:
    """Check returns of one series and return them as float64 `(n_bars,)`.

    Raises:
        ConfigError: If they are not one finite series of at least one bar.
    """
    series = np.asarray(values, dtype=np.float64)
    if series.ndim != 1 or series.size == 0:
        raise ConfigError(f"{name} must be one series of bars", came=f"shape {series.shape}")
    if not np.isfinite(series).all():
        bad = int(np.flatnonzero(~np.isfinite(series))[0])
        raise ConfigError(f"{name} must be finite", came=f"{series[bad]}", where=f"bar {bad}")
    return series
