"""The verdict on two arms: faster or not, and not worse, worse, or not known. Never stronger.

Non-inferiority with a margin fixed before the run. Not here: the intervals (`robust`, `speed`),
whether either arm beats chance (`plain`). The margin's definition and the rules are argued in
`docs/decisions/122-margin-and-verdict.md`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from training.significance.counted import counted
from training.significance.intervals import (
    UNIT_WORDS,
    BootstrapConfig,
    Estimate,
    Floats,
    as_pair,
)
from training.significance.margins import Margin, margin_of_reference
from training.significance.robust import (
    enough_runs,
    improvement_probability,
    paired_difference,
)
from training.significance.speed import speed_up

ERROR = 0.05
"""Probability that what is worse by the margin passes as not worse, over all looks together."""
MOST_RESAMPLES = 64_000
POWER = 0.8
_TOO_LARGE = "faster, quality unresolved (margin larger than the score)"
MOST_SEEDS = 1000
"""More seeds than these are not counted: no one runs them."""


class VerdictKind(StrEnum):
    """What may be said of a candidate against a reference."""

    NOT_WORSE = "faster and not worse"
    UNRESOLVED = "faster, quality unresolved (needs about N more seeds)"
    WORSE = "faster but worse"
    NOT_FASTER = "not faster"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A verdict and what led to it.

    Attributes:
        kind: One of four.
        text: The same with its number of seeds filled in.
        more_seeds: Seeds for every fold, beyond those run, that would probably settle an
            unresolved quality; `MOST_SEEDS` stands for that many or more; None for other kinds, and
            where no number of seeds settles it.
        reason: Sentences with all numbers that led to it.
    """

    kind: VerdictKind
    text: str
    more_seeds: int | None
    reason: str

    def to_json(self) -> dict[str, object]:
        """Return the fields by name; strict JSON."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class ArmComparison:
    """A candidate against a reference on the same folds and seeds.

    Attributes:
        speed: Times as fast, see `speed_up`.
        quality: Interquartile mean of score differences, see `paired_difference`.
        improvement: See `improvement_probability`; no interval unless seeds within folds are what
            is resampled.
        margin: The loss that counts as none.
        verdict: What follows.
    """

    speed: Estimate
    quality: Estimate
    improvement: Estimate
    margin: Margin
    verdict: Verdict

    def to_json(self) -> dict[str, object]:
        """Return the fields by name; strict JSON."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, eq=False)
class ArmRuns:
    """What one arm left behind, each `(n_folds, n_seeds)`; NaN = missing or failed.

    Attributes:
        scores: Test scores, higher is better.
        times_s: Seconds of each run.
    """

    scores: ArrayLike
    times_s: ArrayLike


def compare_arms(
    candidate: ArmRuns,
    reference: ArmRuns,
    *,
    margin: Margin | None = None,
    rng: np.random.Generator,
    config: BootstrapConfig | None = None,
    look: int | None = None,
) -> ArmComparison:
    """Compare two arms in speed and quality and judge.

    Args:
        candidate: Runs of the arm that is judged.
        reference: Runs of the arm that it is judged against.
        margin: Fixed before the run; None = `margin_of_reference`.
        rng: Source of the resamples.
        config: How intervals are made; None = the defaults.
        look: The how manieth look at a growing number of runs this is, from 1 on, see `at_look`;
            None = the only one. Widens the intervals of scores; those of times stay.

    Raises:
        ConfigError: If the tables do not match, or hold infinities.
    """
    of_scores = config if look is None else at_look(config or BootstrapConfig(), look)
    ours, theirs = as_pair(candidate.scores, reference.scores)
    margin = margin or margin_of_reference(theirs)
    speed = speed_up(reference.times_s, candidate.times_s, rng=rng, config=config)
    quality = paired_difference(ours, theirs, rng=rng, config=of_scores)
    n_failed = int((np.isnan(ours) & ~np.isnan(theirs)).sum())
    return ArmComparison(
        speed=speed,
        quality=quality,
        improvement=_improvement(ours, theirs, rng, of_scores),
        margin=margin,
        verdict=judge(
            speed,
            quality,
            margin,
            n_candidate_failed=n_failed,
            next_error=ERROR if look is None else error_of_look(look + 1),
        ),
    )


def error_of_look(look: int) -> float:
    """Return the one-sided error that a look may spend: half of what those before it left of 5 %.

    Args:
        look: Its number, from 1 on.
    """
    return ERROR / 2.0**look


def at_look(config: BootstrapConfig, look: int) -> BootstrapConfig:
    """Return how intervals are made at a look, so that all looks together err as one would.

    Args:
        config: How they are made but for that.
        look: Its number, from 1 on.
    """
    n_resamples = min(config.n_resamples * 2 ** (look - 1), MOST_RESAMPLES)
    return replace(config, confidence=1 - 2 * error_of_look(look), n_resamples=n_resamples)


def _improvement(
    ours: Floats, theirs: Floats, rng: np.random.Generator, config: BootstrapConfig | None
) -> Estimate:
    """Return the probability of improvement, without its interval where folds are chained.

    That resamples seeds within folds, which takes the folds of a seed for unrelated: over chained
    folds an interval of 90 % covered 49 %.
    """
    found = improvement_probability(ours, theirs, rng=rng, config=config)
    if config is None or config.unit in (None, "seeds_within_folds"):
        return found
    words = "No interval: the folds of a seed hang together, and it would take them for unrelated."
    return replace(found, interval=None, standard_error=None, unit=None, warnings=(words,))


def judge(
    speed: Estimate,
    quality: Estimate,
    margin: Margin,
    *,
    n_candidate_failed: int = 0,
    next_error: float = ERROR,
) -> Verdict:
    """Judge from two estimates; pure.

    Faster: the whole interval of the speed-up is above 1. Not worse: the whole interval of the
    score difference is above minus the margin (with the default of 90 % a one-sided test at 5 %),
    or at 0 or above where the margin is 0, and no run of the candidate failed that the reference
    finished. A margin that exceeds the reference's own mean lets nothing pass that is not at 0 or
    above. Worse: the whole interval is below minus the margin. All else is unresolved.

    Args:
        speed: Times as fast.
        quality: Candidate's score minus reference's.
        margin: The loss that counts as none.
        n_candidate_failed: Runs that the reference finished and the candidate did not.
        next_error: One-sided error of the look that more seeds would be for.
    """
    reason = [_speed_words(speed)]
    if speed.interval is None or speed.interval.low <= 1:
        reason.append(_not_faster_words(speed))
        return _verdict(VerdictKind.NOT_FASTER, reason)
    reason.append(difference_words(quality, margin))
    kind, words = judge_quality(quality, margin, n_candidate_failed=n_candidate_failed)
    reason.append(words)
    if kind is not VerdictKind.UNRESOLVED:
        return _verdict(kind, reason)
    if margin.exceeds_score and quality.interval is not None:
        return Verdict(kind=kind, text=_TOO_LARGE, more_seeds=None, reason=" ".join(reason))
    more_seeds = seeds_needed(quality, margin.value, error=next_error)
    reason.append(_seeds_words(quality, more_seeds))
    return _verdict(kind, reason, more_seeds)


def judge_quality(
    quality: Estimate, margin: Margin, *, n_candidate_failed: int = 0
) -> tuple[VerdictKind, str]:
    """Judge the quality alone, as `judge` does where the candidate is faster; pure.

    Args:
        quality: Candidate's score minus reference's.
        margin: The loss that counts as none.
        n_candidate_failed: Runs that the reference finished and the candidate did not.

    Returns:
        `NOT_WORSE`, `WORSE` or `UNRESOLVED`, and a sentence that says why.
    """
    interval, n_failed = quality.interval, n_candidate_failed
    if interval is None:
        return VerdictKind.UNRESOLVED, " ".join(("Quality is not known.", *quality.warnings))
    if interval.high < -margin.value:
        return VerdictKind.WORSE, "The whole interval is below minus the margin: worse."
    if interval.low < -margin.value or (interval.low == -margin.value and margin.value > 0):
        words = "The interval reaches down to minus the margin: open."
        if interval.high < 0:
            words = "The score is lower; whether by more than the margin is open."
        return VerdictKind.UNRESOLVED, words
    if margin.exceeds_score and interval.low < 0:
        but = "the margin is larger than the score: it would let all be lost"
    elif n_failed:
        but = (
            f"{counted(n_failed, 'run')} of the candidate failed where the reference finished: "
            "perhaps the bad ones"
        )
    else:
        but = None
    if but is not None:
        return VerdictKind.UNRESOLVED, f"The interval is above minus the margin, but {but}."
    words = "The whole interval is above minus the margin: not worse."
    if interval.high < 0:
        words += " The score is lower all the same, by less than the margin."
    return VerdictKind.NOT_WORSE, words


def seeds_needed(quality: Estimate, margin: float, *, error: float = ERROR) -> int:
    """Estimate how many more seeds for every fold would settle the quality with power 0.8.

    The least m > n with se sqrt(n / m) (t_(1 - error) + z_0.8) <= distance, where n is the seeds of
    a fold so far and se the standard error seen. The distance is the margin, as if both arms were
    equally good; where so many seeds have been run already, the distance from the difference seen
    to minus the margin. Without an interval: the seeds that make one possible. Where whole folds
    were resampled, se holds the differences between folds too, and the answer is rather too high.

    Args:
        quality: The paired difference.
        margin: The loss that counts as none, 0 or more.
        error: One-sided error of the test.

    Returns:
        1 to `MOST_SEEDS`.
    """
    n_folds = max(quality.n_folds, 1)
    n_seeds = max(quality.n_values / n_folds, 1.0)
    if quality.standard_error is None or quality.value is None:
        wanted = next(n for n in range(2, 7) if enough_runs([n] * n_folds, "seeds_within_folds"))
        return max(wanted - int(n_seeds), 1)
    seeds = int(n_seeds) + np.arange(1, MOST_SEEDS + 1)
    spread = quality.standard_error * np.sqrt(n_seeds / seeds)
    freedom = {
        "seeds_within_folds": n_folds * (seeds - 1),
        "seeds": seeds - 1,
        "folds": np.full(len(seeds), n_folds - 1),
    }[quality.unit or "seeds_within_folds"]
    wanted = spread * (stdtrit(np.maximum(freedom, 1), 1 - error) + ndtri(POWER))
    distance = margin if margin > 0 and wanted[0] > margin else abs(margin + quality.value)
    enough = np.flatnonzero(wanted <= distance)
    n_wanted = int(seeds[enough[0]]) if enough.size else MOST_SEEDS + int(n_seeds)
    return min(max(n_wanted - int(n_seeds), 1), MOST_SEEDS)


def _verdict(kind: VerdictKind, reason: list[str], more_seeds: int | None = None) -> Verdict:
    text = str(kind)
    if more_seeds is not None:
        count = f"{more_seeds}+" if more_seeds == MOST_SEEDS else f"{more_seeds}"
        text = text.replace("N more seeds", f"{count} more seed{'s' * (more_seeds != 1)}")
    return Verdict(kind=kind, text=text, more_seeds=more_seeds, reason=" ".join(reason))


def _interval_words(estimate: Estimate) -> str:
    if estimate.interval is None:
        return "no interval"
    low, high = estimate.interval.low, estimate.interval.high
    return f"{estimate.interval.confidence:.0%} interval {low:.4g} to {high:.4g}"


def _speed_words(speed: Estimate) -> str:
    if speed.value is None:
        return "No speed-up was measured."
    pairs = counted(speed.n_values, "pair")
    return f"{speed.value:.4g} times as fast ({_interval_words(speed)}, {pairs})."


def _not_faster_words(speed: Estimate) -> str:
    if speed.interval is None:
        return " ".join(("Not shown to be faster.", *speed.warnings))
    if speed.interval.high < 1:
        return "The whole interval is below 1: slower."
    return "The interval does not lie above 1: not shown to be faster."


def difference_words(quality: Estimate, margin: Margin) -> str:
    """Say the difference of the scores and the margin, with their numbers, and judge nothing."""
    if quality.value is None:
        return "No pair of runs has both scores."
    how = f", {UNIT_WORDS[quality.unit]}" if quality.interval and quality.unit else ""
    pairs = f"{counted(quality.n_values, 'pair')} in {counted(quality.n_folds, 'fold')}"
    return (
        f"Score difference {quality.value:.4g} ({_interval_words(quality)}, {pairs}{how}); margin "
        f"{margin.value:.4g} ({margin.words})."
    )


def _seeds_words(quality: Estimate, more_seeds: int) -> str:
    count = f"at least {more_seeds}" if more_seeds == MOST_SEEDS else f"about {more_seeds}"
    if quality.interval is None:
        return f"An interval needs {count} more seeds for each fold, a small one more."
    return (
        f"From the spread seen, {count} more seeds for each fold would settle it with probability "
        f"{POWER:.1g}."
    )
