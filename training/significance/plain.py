"""One line in plain words: does anything here beat chance?

Not here: the numbers it speaks of (`overfitting`, `blocks`), which of two arms is better
(`verdict`). Why the probability of overfitting does not decide is in
`docs/decisions/124-luck-of-the-search.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from training.significance.intervals import Estimate
from training.significance.overfitting import DeflatedSharpe, Overfitting

LEAST_DEFLATED = 0.95
"""Probability asked of a deflated Sharpe ratio (Bailey & Lopez de Prado 2014)."""
COIN_TOSS = 0.5
"""Probability of overfitting of a choice that is pure luck."""


@dataclass(frozen=True, kw_only=True)
class ChanceLine:
    """Whether the chosen series of returns beats chance.

    Attributes:
        beats_chance: Only where every test was made and passed.
        text: The same in words, with the numbers that led to it.
    """

    beats_chance: bool
    text: str

    def to_json(self) -> dict[str, object]:
        """Return the fields by name; strict JSON."""
        return asdict(self)


def chance_line(
    deflated: DeflatedSharpe | None,
    overfitting: Overfitting | None,
    against: Mapping[str, Estimate],
) -> ChanceLine:
    """Say whether the best of what was tried beats chance.

    It does where its deflated Sharpe ratio is at least 0.95 and its return beats every baseline
    with the whole interval above 0. What was not measured counts as not passed. The probability of
    overfitting is told and does not decide: it judges the choice among the configurations, and is
    near 0.5 also where all of them are equally good.

    Args:
        deflated: Of the chosen series; None = not measured.
        overfitting: Of the choice; None = not measured.
        against: By baseline, how much more it earned (`BaselineComparison.return_difference`).
    """
    clauses = [_deflated_clause(deflated), *(_baseline_clause(*item) for item in against.items())]
    if not against:
        clauses.append((False, "it was compared with no baseline"))
    failed = [words for passed, words in clauses if not passed]
    beats = not failed
    lead = "This beats chance" if beats else "Nothing here is shown to beat chance"
    told = [words for _, words in clauses] if beats else failed
    choice = _choice_words(overfitting)
    return ChanceLine(beats_chance=beats, text=f"{lead}: {'; '.join(told)}. {choice}")


def _deflated_clause(deflated: DeflatedSharpe | None) -> tuple[bool, str]:
    if deflated is None:
        return False, "the deflated Sharpe ratio was not measured"
    if deflated.probability is None:
        return False, "the returns do not vary, so that there is no Sharpe ratio"
    trials = "1 configuration" if deflated.n_trials == 1 else f"{deflated.n_trials} configurations"
    passed = deflated.probability >= LEAST_DEFLATED
    relation = "reaches" if passed else "is below"
    return passed, (
        f"the deflated Sharpe ratio for {trials} tried, {deflated.probability:.3f}, {relation} "
        f"{LEAST_DEFLATED}"
    )


def _baseline_clause(name: str, difference: Estimate) -> tuple[bool, str]:
    if difference.value is None:
        return False, f"the return against {name} was not measured"
    if difference.interval is None:
        return False, f"the return against {name}, {difference.value:+.4g}, has no interval"
    interval = difference.interval
    numbers = (
        f"{difference.value:+.4g} ({interval.confidence:.0%} interval {interval.low:+.4g} to "
        f"{interval.high:+.4g})"
    )
    if interval.low > 0:
        return True, f"it earned more than {name}, {numbers}"
    if interval.high < 0:
        return False, f"it earned less than {name}, {numbers}"
    return False, f"against {name} it earned {numbers}, which includes 0"


def _choice_words(overfitting: Overfitting | None) -> str:
    if overfitting is None or overfitting.probability is None:
        return "Probability that the choice among configurations is overfitted: n/a."
    words = (
        "Probability that the choice among "
        f"{overfitting.n_configurations} configurations is overfitted: "
        f"{overfitting.probability:.2f}"
    )
    if overfitting.probability >= COIN_TOSS:
        return f"{words}, no better than a coin toss."
    return f"{words}."
