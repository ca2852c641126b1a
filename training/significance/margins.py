"""The margin of "not worse": the loss of score that counts as none, from scores of the reference.

Not here: what a margin decides (`verdict`), when it is fixed (`training.benchmark.margin`). Argued
in `docs/decisions/122-margin-and-verdict.md` and `148-a-robust-margin-and-counted-looks.md`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from envs.errors import ConfigError
from training.significance.intervals import as_pair, as_panel
from training.significance.robust import interquartile_mean

REFERENCE_FRAC = 0.05
"""Default margin as a share of the reference's score scale."""
CALIBRATION_EFFECT = 0.5
"""Margin from a calibration, in deviations of one seed: a medium effect in Cohen's scale (1988)."""
CALIBRATION_CAP_FRAC = 2 * REFERENCE_FRAC
"""Most that a calibration may make of the margin, as a share of the reference's score scale."""
LEAST_CALIBRATION_PAIRS = 10
TO_ONE_DEVIATION = 1.4826
"""Deviation of a normal variable, in medians of its size."""


@dataclass(frozen=True, kw_only=True)
class Margin:
    """The loss of score that counts as none.

    Attributes:
        value: In units of the score, 0 or more; 0 = every loss counts.
        source: Where it came from.
        words: How it came about, with its numbers.
        reference_mean: Interquartile mean of the scores it came from; None = it came from none.
    """

    value: float
    source: Literal["given", "calibration", "reference"]
    words: str
    reference_mean: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and self.value >= 0):
            raise ConfigError("The margin must be 0 or more", came=f"{self.value}")

    @property
    def exceeds_score(self) -> bool:
        """Whether it would let a candidate lose all that the reference earns, and more."""
        return self.reference_mean is not None and self.value > abs(self.reference_mean)

    def to_json(self) -> dict[str, object]:
        """Return the fields by name; strict JSON."""
        return asdict(self)


def margin_of_reference(reference_scores: ArrayLike, *, frac: float = REFERENCE_FRAC) -> Margin:
    """Return a share of the reference's score scale: the interquartile mean of |score|.

    For scores of one sign the scale is the size of their interquartile mean, so that 5 % means
    what it says. For scores around zero it is the typical size of a fold's score, which neither
    vanishes nor turns negative; there the margin can exceed the reference's own mean, and then
    nothing passes as not worse by it. A reference that is flat has scale 0, and every loss counts.

    Args:
        reference_scores: `(n_folds, n_seeds)`; NaN = missing.
        frac: The share, 0 or more.

    Raises:
        ConfigError: If the scores are no table or infinite, or none is there, or frac is negative.
    """
    scores = as_panel("scores of the reference", reference_scores)
    scale, mean = interquartile_mean(np.abs(scores)), interquartile_mean(scores)
    if scale is None or mean is None:
        raise ConfigError(
            "A margin relative to the reference needs a score of it",
            came="no run of the reference finished",
            mend="give a margin in units of the score",
        )
    words = f"{frac:.3g} of {scale:.4g}, the typical size of the reference's scores"
    if scale == 0:
        words += "; the reference is flat, so that every loss counts"
    return _told(Margin(value=frac * scale, source="reference", words=words, reference_mean=mean))


def margin_of_calibration(
    first_scores: ArrayLike,
    second_scores: ArrayLike,
    *,
    effect: float = CALIBRATION_EFFECT,
    cap_frac: float = CALIBRATION_CAP_FRAC,
) -> Margin:
    """Return a margin from two runs of the very same arm (A/A): a share of one seed's deviation.

    The deviation is 1.4826 median(|d|) / sqrt(2) over the pairs' differences d: as robust as the
    trimmed mean that it judges, so that a ruined fold does not widen it. It neither shrinks nor
    grows with the number of pairs. The margin is never above a share of the score scale of both
    runs (`margin_of_reference`): a calibration may make it stricter, and laxer only up to there.

    Args:
        first_scores: `(n_folds, n_seeds)` scores of the arm; NaN = missing.
        second_scores: The same of the same arm, with other seeds.
        effect: The share of the deviation, 0 or more.
        cap_frac: The share of the scale that it never exceeds, 0 or more.

    Raises:
        ConfigError: If there are fewer than ten pairs, or the tables do not match.
    """
    first, second = as_pair(first_scores, second_scores)
    differences = (first - second)[~np.isnan(first - second)]
    if len(differences) < LEAST_CALIBRATION_PAIRS:
        raise ConfigError(
            f"A calibration needs {LEAST_CALIBRATION_PAIRS} pairs of runs",
            came=f"{len(differences)}",
            mend="calibrate on more folds or seeds, or give a margin",
        )
    deviation = TO_ONE_DEVIATION * float(np.median(np.abs(differences))) / math.sqrt(2)
    words = (
        f"{effect:.3g} of {deviation:.4g}, one seed's deviation in {len(differences)} pairs of the "
        "reference against itself (median size of their differences)"
    )
    both = np.stack([first, second])
    scale = interquartile_mean(np.abs(both)) or 0.0
    value = min(effect * deviation, cap_frac * scale)
    if value < effect * deviation:
        words += f", but no more than {cap_frac:.3g} of {scale:.4g}, the typical size of its scores"
    mean = interquartile_mean(both)
    return _told(Margin(value=value, source="calibration", words=words, reference_mean=mean))


def _told(margin: Margin) -> Margin:
    """Say in a margin's words where it is too large to let anything pass."""
    if not margin.exceeds_score:
        return margin
    words = (
        f"{margin.words}; it exceeds the reference's own mean of {margin.reference_mean:.4g}, so "
        "that nothing passes as not worse by it"
    )
    return replace(margin, words=words)
