"""Scores over folds and seeds: interquartile mean, paired differences, probability of improvement.

The method of Agarwal et al. 2021 (arXiv 2108.13264, the library rliable), with two changes for few
seeds: one draw less than there are seeds, and levels of the t distribution
(`docs/decisions/120-intervals-over-few-seeds.md`). Not here: times (`speed`), what follows from
the intervals (`verdict`), series of returns (`blocks`).
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv
from scipy.stats import trim_mean

from training.significance.counted import counted
from training.significance.intervals import (
    LEAST_DISTINCT,
    UNIT_WORDS,
    BootstrapConfig,
    Estimate,
    Floats,
    Interval,
    Unit,
    as_pair,
    as_panel,
    n_distinct_resamples,
    percentile_interval,
)

TRIMMED_FRAC = 0.25
"""Share cut off at each end by the interquartile mean."""
FEW_FREEDOM = 10
"""Degrees of freedom below which an interval carries a warning."""


def interquartile_mean(values: ArrayLike) -> float | None:
    """Return the mean of the middle half of all values, NaN left out; None without values.

    Of n values floor(n / 4) are cut at each end, so that up to three values it is the mean
    (`scipy.stats.trim_mean`).
    """
    flat = np.asarray(values, dtype=np.float64).ravel()
    flat = flat[~np.isnan(flat)]
    return float(trim_mean(flat, TRIMMED_FRAC)) if flat.size else None


def score_estimate(
    scores: ArrayLike, *, rng: np.random.Generator, config: BootstrapConfig | None = None
) -> Estimate:
    """Estimate the interquartile mean of one arm's scores over folds and seeds.

    Args:
        scores: `(n_folds, n_seeds)`; NaN marks a run that is missing or failed.
        rng: Source of the resamples.
        config: How intervals are made; None = the defaults.

    Raises:
        ConfigError: If the scores are no table or infinite.
    """
    return _iqm_estimate(as_panel("scores", scores), rng, config or BootstrapConfig())


def paired_difference(
    candidate: ArrayLike,
    reference: ArrayLike,
    *,
    rng: np.random.Generator,
    config: BootstrapConfig | None = None,
) -> Estimate:
    """Estimate the interquartile mean of candidate - reference, fold by fold and seed by seed.

    What both arms share, above all the bars of the fold, cancels within a pair. Pairs of which
    one run is missing are left out and counted in the warnings.

    Args:
        candidate: `(n_folds, n_seeds)` scores, higher is better; NaN = missing.
        reference: The same of the other arm.
        rng: Source of the resamples.
        config: How intervals are made; None = the defaults.

    Raises:
        ConfigError: If a table is not one, infinite, or the shapes differ.
    """
    ours, theirs = as_pair(candidate, reference)
    return _iqm_estimate(
        ours - theirs, rng, config or BootstrapConfig(), missing=_missing_words(ours, theirs)
    )


def improvement_probability(
    candidate: ArrayLike,
    reference: ArrayLike,
    *,
    rng: np.random.Generator,
    config: BootstrapConfig | None = None,
) -> Estimate:
    """Estimate the probability that a run of the candidate beats one of the reference.

    Within each fold every run of one arm meets every run of the other, ties count half
    (Mann-Whitney U / (n m)); the folds are averaged (arXiv 2108.13264, section 4.3). Seeds of the
    two arms are resampled independently within each fold. Where one arm wins every meeting, a
    bootstrap has no spread: the interval then is the exact binomial bound for as many independent
    meetings as there are runs.

    Args:
        candidate: `(n_folds, n_seeds)` scores, higher is better; NaN = missing.
        reference: The same of the other arm; the number of seeds may differ.
        rng: Source of the resamples.
        config: How intervals are made. The unit is always seeds within folds.

    Raises:
        ConfigError: If a table is not one, infinite, or the numbers of folds differ.
    """
    config = config or BootstrapConfig()
    ours, theirs = as_panel("scores", candidate), as_panel("scores", reference)
    if len(ours) != len(theirs):
        as_pair(ours, theirs)  # raises, and says both shapes
    runs = np.stack([(~np.isnan(arm)).sum(axis=1) for arm in (ours, theirs)])
    both = (runs > 0).all(axis=0)
    if not both.any():
        return Estimate(value=None, interval=None, n_values=0, warnings=(_NO_PAIRS,))
    wins = _wins(ours[both], theirs[both])
    value = float((wins.sum(axis=(1, 2)) / runs[:, both].prod(axis=0)).mean())
    least = runs[:, both].min(axis=0)
    freedom = int((least - 1).sum())
    known = Estimate(
        value=value,
        interval=None,
        n_values=int(least.sum()),
        n_folds=len(least),
        freedom=freedom,
        unit="seeds_within_folds",
        warnings=(_too_few_words(int(least.sum()), len(least)),),
    )
    if least.min() < 2 or not enough_runs(least, "seeds_within_folds"):
        return known
    samples = _resampled_wins(wins, (ours[both], theirs[both]), config.n_resamples, rng)
    return replace(
        known,
        interval=_interval_of_wins(value, samples, known, config.confidence),
        standard_error=float(samples.std()),
        warnings=_spread_warnings(freedom, "seeds_within_folds"),
    )


def enough_runs(runs_per_fold: ArrayLike, unit: Unit) -> bool:
    """Whether so many runs can be resampled in enough different ways for an interval.

    Args:
        runs_per_fold: `(n_folds,)` runs of each fold, each at least 1.
        unit: What is resampled.
    """
    runs = np.asarray(runs_per_fold, dtype=np.int64)
    if not runs.size:
        return False
    if unit == "seeds_within_folds":
        return math.prod(n_distinct_resamples(int(n_runs)) for n_runs in runs) >= LEAST_DISTINCT
    n_units = len(runs) if unit == "folds" else int(runs.max())
    return n_distinct_resamples(n_units) >= LEAST_DISTINCT


SEEDS_FOR_QUALITY = next(n for n in range(1, 100) if enough_runs([n], "seeds"))
"""Whole seeds from which on they can be resampled."""


def best_unit(values: Floats) -> Unit:
    """Choose what to resample: seeds within folds if they suffice, else whole folds if they do.

    Whole folds answer the harder question (would it hold on other bars too?), so that falling
    back to them claims nothing that the runs do not carry.

    Args:
        values: `(n_folds, n_seeds)`; NaN = missing.
    """
    runs = (~np.isnan(values)).sum(axis=1)
    if not enough_runs(runs[runs > 0], "seeds_within_folds") and enough_runs(
        runs[runs > 0], "folds"
    ):
        return "folds"
    return "seeds_within_folds"


_NO_PAIRS = "No fold has a run of both arms."


def _iqm_estimate(
    panel: Floats,
    rng: np.random.Generator,
    config: BootstrapConfig,
    *,
    missing: tuple[str, ...] = (),
) -> Estimate:
    unit = config.unit or best_unit(panel)
    kept, warnings = _usable(panel, unit)
    value = interquartile_mean(kept)
    n_values, n_folds = int((~np.isnan(kept)).sum()), len(kept)
    freedom = _freedom(kept, unit)
    known = Estimate(
        value=value,
        interval=None,
        n_values=n_values,
        n_folds=n_folds,
        freedom=freedom,
        unit=unit,
        warnings=(*missing, *warnings, _too_few_words(n_values, n_folds)),
    )
    if not enough_runs((~np.isnan(kept)).sum(axis=1), unit):
        return known
    samples = _row_means(_resampled_values(kept, unit, config.n_resamples, rng))
    interval = percentile_interval(
        samples,
        confidence=config.confidence,
        freedom=freedom,
        method=f"bootstrap percentiles, {UNIT_WORDS[unit]}",
    )
    return replace(
        known,
        interval=interval,
        standard_error=float(samples.std()),
        warnings=(*missing, *warnings, *_spread_warnings(freedom, unit, interval)),
    )


def _usable(panel: Floats, unit: Unit) -> tuple[Floats, tuple[str, ...]]:
    """Leave out what cannot be resampled: folds and seeds without values, single runs."""
    has_value = ~np.isnan(panel)
    runs = has_value.sum(axis=1)
    kept = panel[runs > 0][:, has_value.any(axis=0)]
    single = runs == 1
    if unit != "seeds_within_folds" or not single.any() or not (runs > 1).any():
        return kept, ()
    return panel[runs > 1], (f"{counted(int(single.sum()), 'fold')} left out: a single run each.",)


def _freedom(kept: Floats, unit: Unit) -> int:
    """Count the degrees of freedom of the spread of what is resampled."""
    if unit == "seeds_within_folds":
        return int(((~np.isnan(kept)).sum(axis=1) - 1).sum())
    n_units = len(kept) if unit == "folds" else len(kept.T)
    return max(n_units - 1, 0)


def _resampled_values(
    kept: Floats, unit: Unit, n_resamples: int, rng: np.random.Generator
) -> Floats:
    """Draw values again, `(n_resamples, n_drawn)`; NaN where a drawn fold or seed has a hole.

    One draw less than there are units gives the spread of a mean without bias (McCarthy and
    Snowden 1985); as many draws as units make it sqrt((n - 1) / n) times too small.
    """
    n_folds, n_seeds = kept.shape
    if unit == "folds":
        drawn = rng.integers(n_folds, size=(n_resamples, n_folds - 1))
        return kept[drawn].reshape(n_resamples, -1)
    if unit == "seeds":
        drawn = rng.integers(n_seeds, size=(n_resamples, n_seeds - 1))
        return np.moveaxis(kept[:, drawn], 1, 0).reshape(n_resamples, -1)
    rows = [row[~np.isnan(row)] for row in kept]
    draws = [row[rng.integers(len(row), size=(n_resamples, len(row) - 1))] for row in rows]
    return np.concatenate(draws, axis=1)


def _row_means(values: Floats) -> Floats:
    """Return the interquartile mean of each row, NaN left out, as `interquartile_mean` does."""
    n_values = (~np.isnan(values)).sum(axis=1)
    n_cut = (TRIMMED_FRAC * n_values).astype(np.int64)
    ordered = np.nan_to_num(np.sort(values, axis=1))  # NaN sorts to the end
    sums = np.concatenate([np.zeros((len(values), 1)), np.cumsum(ordered, axis=1)], axis=1)
    rows = np.arange(len(values))
    kept = np.asarray(sums[rows, n_values - n_cut] - sums[rows, n_cut])
    return np.asarray(kept / (n_values - 2 * n_cut), dtype=np.float64)


def _wins(ours: Floats, theirs: Floats) -> Floats:
    """Return 1, 0.5 or 0 for each meeting, `(n_folds, n_ours, n_theirs)`; missing ones are 0."""
    difference = ours[:, :, None] - theirs[:, None, :]
    return np.where(np.isnan(difference), 0.0, (np.sign(difference) + 1) / 2)


def _resampled_wins(
    wins: Floats, arms: tuple[Floats, Floats], n_resamples: int, rng: np.random.Generator
) -> Floats:
    """Return resampled probabilities `(n_resamples,)`: weights of seeds on the table of wins."""
    total = np.zeros(n_resamples)
    for fold, table in enumerate(wins):
        weights = [_weights(arm[fold], n_resamples, rng) for arm in arms]
        total += ((weights[0] @ table) * weights[1]).sum(axis=1)
    return total / len(wins)


def _weights(row: Floats, n_resamples: int, rng: np.random.Generator) -> Floats:
    """Return how often each run is drawn, as shares `(n_resamples, n_runs)`; missing ones never."""
    has_value = ~np.isnan(row)
    n_draws = int(has_value.sum()) - 1
    weights = np.zeros((n_resamples, len(row)))
    share = np.full(n_draws + 1, 1 / (n_draws + 1))
    weights[:, has_value] = rng.multinomial(n_draws, share, size=n_resamples) / n_draws
    return weights


def _interval_of_wins(
    value: float, samples: Floats, known: Estimate, confidence: float
) -> Interval:
    if 0.0 < value < 1.0:
        return percentile_interval(
            samples,
            confidence=confidence,
            freedom=known.freedom,
            method="bootstrap percentiles, seeds of each arm resampled within folds",
        )
    # All went one way: Clopper-Pearson for as many independent meetings as there are runs.
    bound = float(betaincinv(known.n_values, 1, (1 - confidence) / 2))
    low, high = (bound, 1.0) if value == 1.0 else (0.0, 1 - bound)
    return Interval(low=low, high=high, confidence=confidence, method="exact binomial bound")


def _missing_words(ours: Floats, theirs: Floats) -> tuple[str, ...]:
    lacks, other_lacks = np.isnan(ours), np.isnan(theirs)
    counts = {
        "the candidate's run is missing": int((lacks & ~other_lacks).sum()),
        "the reference's run is missing": int((~lacks & other_lacks).sum()),
        "both runs are missing": int((lacks & other_lacks).sum()),
    }
    return tuple(
        f"{count} of {counted(ours.size, 'pair')} left out: {why}."
        for why, count in counts.items()
        if count
    )


def _too_few_words(n_values: int, n_folds: int) -> str:
    return (
        f"No interval: {counted(n_values, 'run')} in {counted(n_folds, 'fold')} "
        f"{'is' if n_values == 1 else 'are'} too few to see how much seeds matter."
    )


def _spread_warnings(freedom: int, unit: Unit, interval: Interval | None = None) -> tuple[str, ...]:
    words = []
    if freedom < FEW_FREEDOM:
        words.append(
            f"The interval rests on {freedom} degree{'s' * (freedom != 1)} of freedom only."
        )
    if unit == "folds":
        words.append("The interval is over folds, taken as unrelated, not over seeds.")
    if interval is not None and interval.low == interval.high:
        words.append("All resampled values are equal: the interval has no width.")
    return tuple(words)
