"""How many times as fast: ratios of times with their interval. No infinite speed-up.

Not here: the verdict (`verdict`). Reasons are in `docs/decisions/121-ratios-of-times.md`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtrik, stdtrit

from training.significance.counted import counted
from training.significance.intervals import (
    LEAST_DISTINCT,
    BootstrapConfig,
    Estimate,
    Floats,
    Interval,
    as_pair,
    n_distinct_resamples,
    percentile_interval,
)


def speed_up(
    reference_s: ArrayLike,
    candidate_s: ArrayLike,
    *,
    rng: np.random.Generator,
    config: BootstrapConfig | None = None,
) -> Estimate:
    """Estimate how many times as fast the candidate is: the geometric mean of paired ratios.

    exp(mean over pairs of log(reference_s / candidate_s)), so that swapping the arms gives the
    reciprocal. Resampled are pairs of one (fold, seed). With 2 to 4 pairs the interval is that of
    Student's t on the logarithms; with one pair there is none.

    A run that never came to the goal (time to quality) is not a missing run: leaving such runs of
    the candidate out makes it look faster. Count and report them beside this number.

    Args:
        reference_s: `(n_folds, n_seeds)` seconds of each run; NaN = missing. A time of 0 or less
            was not measured: its pair is left out with a warning.
        candidate_s: The same of the other arm.
        rng: Source of the resamples.
        config: How intervals are made; its unit plays no part.

    Raises:
        ConfigError: If a table is not one, infinite, or the shapes differ.
    """
    config = config or BootstrapConfig()
    candidate, reference = as_pair(candidate_s, reference_s, what="times")
    logs, warnings = _log_ratios(reference, candidate)
    if not logs.size:
        words = (*warnings, "No pair of runs has both times.")
        return Estimate(value=None, interval=None, n_values=0, warnings=words)
    interval, error = _interval(logs, rng, config)
    if interval is None:
        warnings = (*warnings, "No interval: one pair of runs does not show how times vary.")
    elif n_distinct_resamples(len(logs)) < LEAST_DISTINCT:
        warnings = (*warnings, f"The interval rests on {len(logs)} pairs of runs only.")
    return Estimate(
        value=math.exp(float(logs.mean())),
        interval=interval,
        standard_error=error,
        n_values=len(logs),
        n_folds=int(_is_timed(reference, candidate).any(axis=1).sum()),
        freedom=len(logs) - 1,
        warnings=warnings,
    )


def median_ratio(logs: ArrayLike, *, confidence: float = 0.9) -> Estimate:
    """Estimate the median of ratios of times of which some are 0: runs that never came to the goal.

    Such a run is below every other, so that it counts without a number of its own. The interval is
    that of order statistics: the ends are the k-th values from below and above, k the largest for
    which n fair coins show fewer than k heads with no more than half of the probability left out.
    Fewer than five values have none.

    Args:
        logs: `(n,)` logarithms of the ratios, -inf = never.
        confidence: Two-sided coverage, at least.

    Returns:
        `value` None where the median is never; an interval may begin at 0.
    """
    ordered = np.sort(np.asarray(logs, dtype=np.float64))
    n, never = len(ordered), int(np.isneginf(ordered).sum())
    warnings = [f"{never} of {n} never came to the goal; they count as 0."] if never else []
    middle = float(np.median(ordered)) if n else -math.inf
    if middle == -math.inf:
        words = (*warnings, "Half of the runs or more never came to the goal: there is no median.")
        return Estimate(value=None, interval=None, n_values=n, warnings=words)
    n_cut = int(bdtrik((1 - confidence) / 2, n, 0.5)) if 2 * 0.5**n <= 1 - confidence else -1
    interval = None
    if n_cut < 0:
        warnings.append(f"No interval: {n} values are too few for one of a median.")
    else:
        interval = Interval(
            low=_bounded_exp(float(ordered[n_cut])),
            high=_bounded_exp(float(ordered[n - 1 - n_cut])),
            confidence=confidence,
            method="order statistics of the median",
        )
    return Estimate(
        value=_bounded_exp(middle), interval=interval, n_values=n, warnings=tuple(warnings)
    )


def _log_ratios(reference: Floats, candidate: Floats) -> tuple[Floats, tuple[str, ...]]:
    timed = _is_timed(reference, candidate)
    missing = int((np.isnan(reference) | np.isnan(candidate)).sum())
    stopped = int(reference.size - timed.sum()) - missing
    warnings = []
    if missing:
        warnings.append(
            f"{missing} of {counted(reference.size, 'pair')} left out: a time is missing."
        )
    if stopped:
        warnings.append(
            f"{stopped} of {counted(reference.size, 'pair')} left out: a time is 0 or less."
        )
    return np.log(reference[timed]) - np.log(candidate[timed]), tuple(warnings)


def _is_timed(reference: Floats, candidate: Floats) -> NDArray[np.bool_]:
    return (reference > 0) & (candidate > 0)


def _interval(
    logs: Floats, rng: np.random.Generator, config: BootstrapConfig
) -> tuple[Interval | None, float | None]:
    """Return the interval of the ratio, and the standard error of its logarithm."""
    freedom = len(logs) - 1
    if freedom < 1:
        return None, None
    if n_distinct_resamples(len(logs)) < LEAST_DISTINCT:
        return _t_interval(logs, config.confidence)
    drawn = rng.integers(len(logs), size=(config.n_resamples, freedom))
    samples = logs[drawn].mean(axis=1)
    interval = percentile_interval(
        samples,
        confidence=config.confidence,
        freedom=freedom,
        method="bootstrap percentiles of log ratios, pairs of runs resampled",
    )
    return _exponential(interval), float(samples.std())


def _t_interval(logs: Floats, confidence: float) -> tuple[Interval, float]:
    error = float(logs.std(ddof=1)) / math.sqrt(len(logs))
    half = -float(stdtrit(len(logs) - 1, (1 - confidence) / 2)) * error
    mean = float(logs.mean())
    method = "Student's t on log ratios of pairs of runs"
    interval = Interval(low=mean - half, high=mean + half, confidence=confidence, method=method)
    return _exponential(interval), error


def _exponential(interval: Interval) -> Interval:
    return Interval(
        low=_bounded_exp(interval.low),
        high=_bounded_exp(interval.high),
        confidence=interval.confidence,
        method=interval.method,
    )


def _bounded_exp(value: float) -> float:
    """Return exp(value), at most the largest float, so that no interval ends at infinity."""
    return math.exp(min(value, 709.0))
