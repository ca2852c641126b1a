"""One line in plain words: does anything here beat chance?

Not here: the numbers it speaks of (`overfitting`, `blocks`), which of two arms is better
(`verdict`). Why the probability of overfitting does not decide is in
`docs/decisions/124-luck-of-the-search.md`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from training.significance.counted import counted
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
        beats_chance: True only where every test was made and passed; None where none failed and
            some could not be made.
        text: The same in words, with the numbers that led to it.
    """

    beats_chance: bool | None
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
    with the whole interval above 0. What was not measured has not passed. The probability of
    overfitting is told and does not decide: it judges the choice among the configurations, and is
    near 0.5 also where all of them are equally good.

    Args:
        deflated: Of the chosen series; None = not measured.
        overfitting: Of the choice; None = not measured.
        against: By baseline, how much more it earned (`BaselineComparison.return_difference`).
    """
    clauses = [_deflated_clause(deflated), *(_baseline_clause(*item) for item in against.items())]
    if not against:
        clauses.append((None, "it was compared with no baseline"))
    results = {passed for passed, _ in clauses}
    beats = False if False in results else None if None in results else True
    told = [words for passed, words in clauses if beats or not passed]
    sentences = [
        f"{_LEADS[beats]}: {'; '.join(told)}.",
        *_choice_words(deflated, overfitting),
        _TRIED,
    ]
    if against:
        sentences.insert(1, "Returns are summed over bars, not compounded.")
    return ChanceLine(beats_chance=beats, text=" ".join(sentences))


_TRIED = "Settings and seeds that were tried before count as well, and are not counted here."
_Clause = tuple[bool | None, str]
_LEADS = {
    True: "This beats chance",
    False: "Nothing here is shown to beat chance",
    None: "Whether this beats chance cannot be said yet",
}


def _deflated_clause(deflated: DeflatedSharpe | None) -> _Clause:
    if deflated is None:
        return None, "the deflated Sharpe ratio was not measured"
    if deflated.probability is None:
        return False, "the returns do not vary, or are too few, so that there is no Sharpe ratio"
    trials = counted(deflated.n_trials, "run")
    passed = deflated.probability >= LEAST_DEFLATED
    relation = "reaches" if passed else "is below"
    return passed, (
        f"the deflated Sharpe ratio for {trials} tried, {deflated.probability:.3f}, {relation} "
        f"{LEAST_DEFLATED}"
    )


def _baseline_clause(name: str, difference: Estimate) -> _Clause:
    against = name.replace("_", "-")
    if difference.value is None:
        return None, f"the return against {against} was not measured"
    if difference.interval is None:
        return None, f"the return against {against}, {difference.value:+,.2%}, has no interval"
    interval = difference.interval
    numbers = (
        f"{difference.value:+,.2%} ({interval.confidence:.0%} interval {interval.low:+,.2%} to "
        f"{interval.high:+,.2%})"
    )
    if interval.low > 0:
        return True, f"it earned more than {against}, {numbers}"
    if interval.high < 0:
        return False, f"it earned less than {against}, {numbers}"
    return False, f"against {against} it earned {numbers}, which includes 0"


def _choice_words(
    deflated: DeflatedSharpe | None, overfitting: Overfitting | None
) -> Iterator[str]:
    if overfitting is None and deflated is not None and deflated.n_trials == 1:
        return
    if overfitting is None or overfitting.probability is None:
        yield "Probability that the choice among runs is overfitted: n/a."
        return
    words = (
        f"Probability that the choice among {counted(overfitting.n_configurations, 'run')} is "
        f"overfitted: {overfitting.probability:.2f}"
    )
    if overfitting.probability >= COIN_TOSS:
        words += ", no better than a coin toss"
    yield f"{words}."
