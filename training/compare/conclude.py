"""What two paired sides allow to say, and nothing more. Pure: tables in, numbers and words out.

Verdicts come from `training.significance.verdict` and are only ever weakened here, as in
`training.benchmark.results`. Not here: which folds and seeds meet (`training.compare.pairing`), the
screen (`bot.cli.compare`). Argued in `docs/decisions/141-what-a-comparison-may-say.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from training.compare.finished import FinishedFold, FinishedRun
from training.compare.pairing import MARKET, Pairing
from training.compare.sides import Side
from training.metrics import (
    DAYS_PER_YEAR,
    LEAST_ANNUALIZED_DAYS,
    Floats,
    deepest_drawdown,
    sharpe_ratio,
)
from training.significance.blocks import BaselineComparison, compare_with_baseline
from training.significance.intervals import BootstrapConfig, Estimate, Unit
from training.significance.margins import Margin, margin_of_reference
from training.significance.resampling import BlockConfig
from training.significance.robust import (
    SEEDS_FOR_QUALITY,
    enough_runs,
    improvement_probability,
    interquartile_mean,
    paired_difference,
    score_estimate,
)
from training.significance.speed import speed_up
from training.significance.verdict import VerdictKind, difference_words, judge, judge_quality

_SEEDS_WITHIN_FOLDS = " An interval needs about "
_CHAINED = (
    "Warm start, adaptive timesteps or a common initial model chain the folds of a run, so that "
    "an interval over its folds is too narrow for a verdict:"
)


@dataclass(frozen=True, kw_only=True)
class SideNumbers:
    """What the runs of one side that have a partner came to on the test bars in common.

    Attributes:
        fold_s: Wall seconds of a fold, the mean over folds and runs.
        score: Interquartile mean of the test scores.
        return_frac, sharpe, max_drawdown_frac, n_trades: Of the stitched test slices, the
            interquartile mean over runs that have all of them; None where no run has, or undefined.
        hold_frac: Return of buy-and-hold on the same bars.
    """

    fold_s: float
    score: Estimate
    return_frac: float | None
    sharpe: float | None
    max_drawdown_frac: float | None
    n_trades: float | None
    hold_frac: float


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """What may be said of b against a.

    Attributes:
        kind: The verdict's kind; None where there is none.
        text: The verdict in the words of a benchmark.
        more_seeds: Seeds that would probably settle an unresolved quality; None for others.
        reason: Sentences with all numbers that led to it.
        quality_text: What may be said of the quality, whatever the speed.
    """

    kind: VerdictKind | None
    text: str
    more_seeds: int | None
    reason: str
    quality_text: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """b against a, on the test bars that they have in common.

    Attributes:
        pairing: What was paired.
        a, b: What each came to.
        speed: How many times as fast b is, see `training.significance.speed`.
        quality: Interquartile mean of b's test scores minus a's.
        improvement: Probability that a run of b beats one of a.
        stitched: The stitched series of test returns against each other, whole folds resampled.
        margin: The loss of score that counts as none.
        conclusion: What follows.
    """

    pairing: Pairing
    a: SideNumbers
    b: SideNumbers
    speed: Estimate
    quality: Estimate
    improvement: Estimate
    stitched: BaselineComparison
    margin: Margin
    conclusion: Conclusion


def compare(pairing: Pairing, *, rng: np.random.Generator) -> Comparison:
    """Compare two paired sides.

    Args:
        pairing: The sides.
        rng: Source of the resamples.
    """
    a_scores, b_scores = pairing.table(_score)
    config = BootstrapConfig(unit=_unit(pairing))
    speed = _speed(pairing, rng)
    a_met, b_met = pairing.met
    quality = paired_difference(b_scores, a_scores, rng=rng, config=config)
    margin = margin_of_reference(pairing.panel(pairing.a, _score))
    return Comparison(
        pairing=pairing,
        a=_numbers(pairing, a_met, rng),
        b=_numbers(pairing, b_met, rng),
        speed=speed,
        quality=_as_far_as_true(pairing, quality) if pairing.market else quality,
        improvement=_improvement(pairing, rng),
        stitched=_stitched(pairing, rng),
        margin=margin,
        conclusion=_conclude(pairing, speed, quality, margin),
    )


def _unit(pairing: Pairing) -> Unit | None:
    """Choose what is drawn again: folds where there is one seed, else whole seeds if chained.

    With too few chained seeds whole folds are drawn: an interval to look at, which no verdict
    rests on, see `_judgeable`.
    """
    if pairing.n_pairs == 1:
        return "folds"
    if not pairing.is_chained:
        return None
    if pairing.n_pairs >= SEEDS_FOR_QUALITY:
        return "seeds"
    return "folds" if enough_runs([1] * len(pairing.tests), "folds") else "seeds"


def _improvement(pairing: Pairing, rng: np.random.Generator) -> Estimate:
    """Estimate how probably a run of b beats one of a; its interval only where that can be true."""
    ours, theirs = (pairing.panel(side, _score) for side in (pairing.b, pairing.a))
    return _as_far_as_true(pairing, improvement_probability(ours, theirs, rng=rng))


def _as_far_as_true(pairing: Pairing, found: Estimate) -> Estimate:
    """Take an interval back that draws folds which hang together, or that is of costs, too."""
    if pairing.market:
        words = f"No interval: {_other_costs(pairing)}."
    elif pairing.is_chained:
        words = "No interval: it would take the chained folds of a run for unrelated."
    else:
        return found
    if found.interval is None:
        return found
    return replace(found, interval=None, standard_error=None, warnings=(*found.warnings, words))


def _speed(pairing: Pairing, rng: np.random.Generator) -> Estimate:
    """Compare times seed by seed: the folds of one run are as fast as its hour was, all of them."""
    a_times, b_times = pairing.table(_duration)
    both = ~np.isnan(a_times - b_times)
    means = [_means(np.where(both, times, np.nan)) for times in (a_times, b_times)]
    return speed_up(means[0], means[1], rng=rng)


def _means(times: Floats) -> Floats:
    """Return the mean time of each run over its folds, `(1, n_runs)`; NaN where it has none."""
    counts = (~np.isnan(times)).sum(axis=0)
    sums = np.nansum(times, axis=0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)[None]


def _stitched(pairing: Pairing, rng: np.random.Generator) -> BaselineComparison:
    """Compare the stitched returns; intervals only where they can be true."""
    a, b = pairing.returns()
    found = compare_with_baseline(
        b,
        a,
        bars_per_year=_bars_per_year(pairing),
        rng=rng,
        config=BlockConfig(kind="folds"),
        fold_index=pairing.fold_index,
    )
    return replace(
        found,
        return_difference=_as_far_as_true(pairing, found.return_difference),
        sharpe_difference=_as_far_as_true(pairing, found.sharpe_difference),
        p_value=None if pairing.market or pairing.is_chained else found.p_value,
    )


def _numbers(pairing: Pairing, side: Side, rng: np.random.Generator) -> SideNumbers:
    whole = [folds for run in side.runs if (folds := _folds(pairing, run)) is not None]
    scale = _bars_per_year(pairing)
    series = [np.concatenate([fold.returns for fold in folds]) for folds in whole]
    holds = [_any_fold(side, pairing, index).hold_frac for index in range(len(pairing.tests))]
    return SideNumbers(
        fold_s=float(np.nanmean(pairing.panel(side, _duration))),
        score=score_estimate(
            pairing.panel(side, _score), rng=rng, config=BootstrapConfig(unit=_unit(pairing))
        ),
        return_frac=_iqm([_compounded([f.return_frac for f in folds]) for folds in whole]),
        sharpe=_iqm([sharpe_ratio(returns, scale) for returns in series]),
        max_drawdown_frac=_iqm([_drawdown(returns) for returns in series]),
        n_trades=_iqm([float(sum(fold.n_trades for fold in folds)) for folds in whole]),
        hold_frac=_compounded(holds),
    )


def _folds(pairing: Pairing, run: FinishedRun) -> list[FinishedFold] | None:
    """Return a run's folds of the test slices in common; None where it lacks one."""
    folds = [run.fold_at(test) for test in pairing.tests]
    found = [fold for fold in folds if fold is not None]
    return found if len(found) == len(folds) else None


def _any_fold(side: Side, pairing: Pairing, index: int) -> FinishedFold:
    found = (run.fold_at(pairing.tests[index]) for run in side.runs)
    return next(fold for fold in found if fold is not None)


def _conclude(pairing: Pairing, speed: Estimate, quality: Estimate, margin: Margin) -> Conclusion:
    """Judge, and take back what the words say beyond these runs; never make them stronger."""
    quality, why_none = _judgeable(pairing, quality)
    n_failed = pairing.n_b_failed
    verdict = judge(speed, quality, margin, n_candidate_failed=n_failed)
    kind: VerdictKind | None = verdict.kind
    text, more_seeds, reason = verdict.text, verdict.more_seeds, verdict.reason
    if pairing.why_no_times is not None:
        kind, text, more_seeds = None, f"no verdict: {pairing.why_no_times}", None
        reason = difference_words(quality, margin)  # a ratio that is none is not told either
    elif speed.interval is None:
        kind, (text, more_seeds) = None, _no_times(pairing)
    elif kind is VerdictKind.UNRESOLVED and why_none is not None:
        text, more_seeds = f"faster, quality unresolved ({why_none})", None
    elif kind is VerdictKind.UNRESOLVED and quality.interval is None:
        more_seeds, reason = _seeds_wanted(pairing, more_seeds or 1, reason)
        seeds = f"{more_seeds} more seed{'s' * (more_seeds > 1)}"
        text = f"faster, quality unresolved (needs about {seeds})"
    return Conclusion(
        kind=kind,
        text=text,
        more_seeds=more_seeds,
        reason=reason,
        quality_text=_quality_words(quality, margin, n_failed),
    )


def _no_times(pairing: Pairing) -> tuple[str, int | None]:
    """Say why there is no interval of the times, and how many seeds would give one of the quality.

    The folds of one run are no pairs of times: they share its hour on the machine.
    """
    if pairing.n_pairs > 1:
        return "no verdict: no interval of the times", None
    words = f"no verdict: {_seeds(pairing)} does not show how times vary"
    if not pairing.is_chained:
        return words, 1
    return f"{words}, and quality takes {SEEDS_FOR_QUALITY} a side", SEEDS_FOR_QUALITY - 1


def _seeds(pairing: Pairing) -> str:
    """Say how many seeds are compared; with a run left over it is not all that a side has."""
    if pairing.n_pairs > 1:
        return f"{pairing.n_pairs} seeds a side"
    has_more = len(pairing.a.runs) + len(pairing.b.runs) > 2
    return "one pair of runs" if has_more else "one seed a side"


def _seeds_wanted(pairing: Pairing, more_seeds: int, reason: str) -> tuple[int, str]:
    """Return the seeds that an interval takes; chained folds need whole seeds, so many of them."""
    if not pairing.is_chained:
        return more_seeds, reason
    told, _, _ = reason.partition(_SEEDS_WITHIN_FOLDS)
    wanted = max(SEEDS_FOR_QUALITY - pairing.n_pairs, 1)
    return wanted, f"{told} Whole seeds can be resampled from {SEEDS_FOR_QUALITY} a side on."


def _judgeable(pairing: Pairing, quality: Estimate) -> tuple[Estimate, str | None]:
    """Return the quality as far as a verdict may rest on it, and why no seeds would help it."""
    none = replace(quality, interval=None, standard_error=None)
    if pairing.market:
        why = _other_costs(pairing)
        return replace(none, warnings=(f"{why[0].upper()}{why[1:]}.",)), why
    if not any(np.nansum(table) for table in pairing.table(_trades)):
        why = "no agent of either ever traded"
        return replace(none, warnings=(f"{why[0].upper()}{why[1:]}.",)), why
    if pairing.is_chained and quality.unit == "folds":
        return replace(none, warnings=(f"{_CHAINED} {_seeds(pairing)} cannot tell luck.",)), None
    return quality, None


def _other_costs(pairing: Pairing) -> str:
    names = ", ".join(item.name.removeprefix(MARKET) for item in pairing.market)
    return f"the sides traded under other costs or account rules: {names}"


def _quality_words(quality: Estimate, margin: Margin, n_failed: int) -> str:
    kind, words = judge_quality(quality, margin, n_candidate_failed=n_failed)
    if kind is VerdictKind.NOT_WORSE and quality.interval and quality.interval.low > 0:
        return "The whole interval is above 0: better."
    return words


def _bars_per_year(pairing: Pairing) -> float | None:
    """Return what annualizes; None where the test bars span less than 30 days."""
    indices = range(len(pairing.tests))
    years = sum(_any_fold(pairing.a, pairing, index).years for index in indices)
    is_long_enough = years * DAYS_PER_YEAR >= LEAST_ANNUALIZED_DAYS
    return len(pairing.fold_index) / years if is_long_enough else None


def _compounded(returns: list[float]) -> float:
    return float(np.prod(np.maximum(1 + np.array(returns), 0.0))) - 1


def _drawdown(returns: Floats) -> float:
    equity = np.concatenate([[1.0], np.cumprod(1 + np.maximum(returns, -1.0))])
    return deepest_drawdown(equity, np.arange(len(equity))).depth_frac


def _iqm(values: list[float | None] | list[float]) -> float | None:
    return interquartile_mean([np.nan if value is None else value for value in values])


def _score(fold: FinishedFold) -> float:
    return fold.score


def _duration(fold: FinishedFold) -> float:
    return fold.duration_s


def _trades(fold: FinishedFold) -> float:
    return float(fold.n_trades)
