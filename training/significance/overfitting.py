"""How much of a good-looking Sharpe ratio is luck of the search: DSR, track record length, PBO.

Sources: Bailey & Lopez de Prado 2012 ("The Sharpe Ratio Efficient Frontier") and 2014 ("The
Deflated Sharpe Ratio"); Bailey, Borwein, Lopez de Prado & Zhu 2016 ("The Probability of Backtest
Overfitting"). All Sharpe ratios here are per bar, not annualized, and returns count as independent
of each other; `blocks` has intervals that do not assume it. What differs from the papers is in
`docs/decisions/124-luck-of-the-search.md`. Not here: what to say of it (`plain`).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import asdict, dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from envs.errors import ConfigError, UnknownNameError
from training.metrics import ROUNDING_FRAC
from training.significance.intervals import Floats, as_series

SplitScore = Literal["sharpe", "mean"]

LEAST_MOMENT_BARS = 4
MOST_BLOCKS = 20
"""C(20, 10) = 184,756 splits; four blocks more would be 2.7 million."""
SPLITS_AT_ONCE = 2**22
"""Scores held at once: splits times configurations."""


@dataclass(frozen=True, kw_only=True)
class Moments:
    """What the uncertainty of a Sharpe ratio depends on.

    Attributes:
        sharpe: Mean over deviation (ddof 1) per bar.
        skewness: Third standardized moment (population), 0 if normal.
        kurtosis: Fourth standardized moment (population), 3 if normal; not the excess.
        n_bars: Returns.
    """

    sharpe: float
    skewness: float
    kurtosis: float
    n_bars: int

    def to_json(self) -> dict[str, object]:
        """Return the fields by name; strict JSON."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class DeflatedSharpe:
    """A Sharpe ratio against the best that luck alone would have found.

    Attributes:
        probability: That the true Sharpe ratio is above `benchmark`; None where undefined.
        benchmark: Expected maximum of the trials' Sharpe ratios without any skill, per bar.
        moments: Of the series judged; None where its returns do not vary.
        n_trials: Configurations tried.
        trial_deviation: Deviation of the trials' Sharpe ratios, per bar: seen among them (ddof 1),
            or that of trials without skill.
        track_record_bars: Bars that would show a Sharpe ratio above the benchmark at 95 %; None
            where the one seen is not above it.
    """

    probability: float | None
    benchmark: float
    moments: Moments | None
    n_trials: int
    trial_deviation: float
    track_record_bars: float | None

    def to_json(self) -> dict[str, object]:
        """Return the fields by name; strict JSON."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Overfitting:
    """What combinatorially symmetric cross-validation says about choosing the best configuration.

    Attributes:
        probability: PBO: share of splits in which the configuration that is best in one half ranks
            below the median in the other, a rank at the median counting half. None where all
            configurations are the same.
        loss_probability: Share of splits in which that configuration scores below 0 in the other
            half; None with `probability`.
        median_logit: Median over splits of log(w / (1 - w)), w the relative rank in the other half.
        n_splits: Ways to halve the blocks.
        n_blocks: Blocks that the bars were cut into.
        n_configurations: Columns compared.
        warnings: What a reader has to know, as sentences.
    """

    probability: float | None
    loss_probability: float | None
    median_logit: float | None
    n_splits: int
    n_blocks: int
    n_configurations: int
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return the fields by name; strict JSON."""
        return asdict(self)


def moments_of(returns: ArrayLike) -> Moments | None:
    """Measure a series; None below 4 bars or where returns do not vary.

    Args:
        returns: `(n_bars,)` simple returns.

    Raises:
        ConfigError: If they are no finite series.
    """
    series = as_series("returns", returns)
    if len(series) < LEAST_MOMENT_BARS:
        return None
    centred = series - series.mean()
    deviation = math.sqrt(float(np.mean(centred**2)))
    if deviation <= ROUNDING_FRAC * float(np.abs(series).max()):
        return None
    standard = centred / deviation
    return Moments(
        sharpe=float(series.mean()) / float(series.std(ddof=1)),
        skewness=float(np.mean(standard**3)),
        kurtosis=float(np.mean(standard**4)),
        n_bars=len(series),
    )


def probabilistic_sharpe(moments: Moments, *, benchmark: float = 0.0) -> float:
    """Return the probability that the true Sharpe ratio is above a benchmark.

    PSR = Phi((SR - SR*) sqrt(n - 1) / sqrt(1 - g3 SR + (g4 - 1) / 4 SR^2)), with skewness g3 and
    kurtosis g4 (Bailey & Lopez de Prado 2012, equation 11; Mertens 2002 for the deviation).

    Args:
        moments: Of the series.
        benchmark: SR*, per bar.
    """
    variance = _scaled_variance(moments)
    score = (moments.sharpe - benchmark) * math.sqrt(moments.n_bars - 1) / math.sqrt(variance)
    return float(ndtr(score))


def expected_maximum_sharpe(n_trials: int, *, trial_deviation: float) -> float:
    """Return the best Sharpe ratio to expect of unskilled trials.

    deviation * ((1 - g) Phi^-1(1 - 1/N) + g Phi^-1(1 - 1/(N e))), with Euler's constant g (Bailey &
    Lopez de Prado 2014, equation 1). One trial is no search: 0.

    Args:
        n_trials: N, at least 1, counted as independent.
        trial_deviation: Deviation of the trials' Sharpe ratios, 0 or more, per bar.

    Raises:
        ConfigError: If an argument is out of range.
    """
    if n_trials < 1:
        raise ConfigError("The number of trials must be 1 or more", came=f"{n_trials}")
    if not (math.isfinite(trial_deviation) and trial_deviation >= 0):
        raise ConfigError("The deviation of trials must be 0 or more", came=f"{trial_deviation}")
    if n_trials == 1:
        return 0.0
    typical = float(ndtri(1 - 1 / n_trials))
    tail = float(ndtri(1 - 1 / (n_trials * math.e)))
    return trial_deviation * ((1 - np.euler_gamma) * typical + np.euler_gamma * tail)


def minimum_track_record_bars(
    moments: Moments, *, benchmark: float = 0.0, confidence: float = 0.95
) -> float | None:
    """Return how many bars would show a Sharpe ratio above a benchmark.

    1 + (1 - g3 SR + (g4 - 1) / 4 SR^2) (Phi^-1(confidence) / (SR - SR*))^2 (Bailey & Lopez de Prado
    2012, equation 13). None where the Sharpe ratio seen is not above the benchmark.

    Args:
        moments: Of the series.
        benchmark: SR*, per bar.
        confidence: One-sided, in (0.5, 1).
    """
    if not 0.5 < confidence < 1:
        raise ConfigError("confidence must lie between 0.5 and 1", came=f"{confidence}")
    above = moments.sharpe - benchmark
    if above <= 0:
        return None
    bars = 1 + _scaled_variance(moments) * (float(ndtri(confidence)) / above) ** 2
    return bars if math.isfinite(bars) else None


def deflated_sharpe(returns: ArrayLike, trial_sharpes: ArrayLike) -> DeflatedSharpe:
    """Deflate the Sharpe ratio of the chosen series by the search that found it.

    DSR = PSR(SR0), SR0 the expected maximum of the trials (Bailey & Lopez de Prado 2014).

    Args:
        returns: `(n_bars,)` simple returns of the configuration chosen.
        trial_sharpes: `(n_trials,)` Sharpe ratios per bar of every configuration tried, the chosen
            one and the failed ones among them; a flat one counts as 0 and so does NaN.

    Raises:
        ConfigError: If the returns are no finite series, or no trial is given.
    """
    trials = np.nan_to_num(np.asarray(trial_sharpes, dtype=np.float64).ravel(), nan=0.0)
    trials = as_series("Sharpe ratios of the trials", trials)
    deviation = float(trials.std(ddof=1)) if len(trials) > 1 else 0.0
    return _deflated(returns, n_trials=len(trials), trial_deviation=deviation)


def deflated_by_luck(returns: ArrayLike, *, n_trials: int) -> DeflatedSharpe:
    """Deflate a Sharpe ratio by the best of so many trials that have no skill at all.

    As `deflated_sharpe`, but the trials' deviation is that of a Sharpe ratio which is truly 0,
    1 / sqrt(n - 1) (as in Bailey, Borwein, Lopez de Prado & Zhu 2014, "Pseudo-Mathematics and
    Financial Charlatanism"), and not the one seen among the trials: a trial that loses a lot would
    make a good one look lucky.

    Args:
        returns: `(n_bars,)` simple returns of the configuration chosen.
        n_trials: Configurations tried, the chosen one and the failed ones among them.

    Raises:
        ConfigError: If the returns are no finite series, or no trial is counted.
    """
    n_bars = len(as_series("returns", returns))
    deviation = 1 / math.sqrt(max(n_bars - 1, 1))
    return _deflated(returns, n_trials=n_trials, trial_deviation=deviation)


def _deflated(returns: ArrayLike, *, n_trials: int, trial_deviation: float) -> DeflatedSharpe:
    benchmark = expected_maximum_sharpe(n_trials, trial_deviation=trial_deviation)
    moments = moments_of(returns)
    track = minimum_track_record_bars(moments, benchmark=benchmark) if moments else None
    return DeflatedSharpe(
        probability=probabilistic_sharpe(moments, benchmark=benchmark) if moments else None,
        benchmark=benchmark,
        moments=moments,
        n_trials=n_trials,
        trial_deviation=trial_deviation,
        track_record_bars=track,
    )


def backtest_overfitting(
    returns: ArrayLike, *, n_blocks: int = 16, score: SplitScore = "sharpe"
) -> Overfitting:
    """Estimate the probability of backtest overfitting by CSCV.

    The bars are cut into blocks of (nearly) equal length; each half of the blocks once chooses the
    best configuration, and the other half ranks it. All splits at once: scores follow from the
    blocks' counts, sums and sums of squares.

    Args:
        returns: `(n_bars, n_configurations)` returns of all configurations tried on the same bars.
        n_blocks: S, even, 2 to 20; the paper's 16 gives 12,870 splits.
        score: `sharpe` (0 where returns do not vary) or `mean`.

    Raises:
        ConfigError: If the table has a hole, fewer than 2 configurations or than 2 bars a block, or
            the number of blocks is not allowed.
        UnknownNameError: If the score is not a known one.
    """
    panel = _checked_panel(returns, n_blocks, score)
    n_splits, n_configurations = math.comb(n_blocks, n_blocks // 2), panel.shape[1]
    known = {"n_splits": n_splits, "n_blocks": n_blocks, "n_configurations": n_configurations}
    if (panel == panel[:, :1]).all():
        words = ("All configurations are the same: there was nothing to choose.",)
        return Overfitting(
            probability=None, loss_probability=None, median_logit=None, warnings=words, **known
        )
    ranks, losses = _ranks_outside(panel, n_blocks, score)
    few = f"{n_configurations} configurations give few ranks: the probability is coarse."
    below = float((ranks < 0.5).mean() + (ranks == 0.5).mean() / 2)
    return Overfitting(
        probability=below,
        loss_probability=float(losses.mean()),
        median_logit=float(np.median(np.log(ranks / (1 - ranks)))),
        warnings=(few,) if n_configurations < 10 else (),
        **known,
    )


def _scaled_variance(moments: Moments) -> float:
    """Return n - 1 times the variance of the Sharpe ratio.

    Positive for moments of data: g4 >= 1 + g3^2, with equality for returns of two values only.
    """
    sharpe = moments.sharpe
    variance = 1 - moments.skewness * sharpe + (moments.kurtosis - 1) / 4 * sharpe**2
    return max(variance, float(np.finfo(np.float64).eps))


def _checked_panel(returns: ArrayLike, n_blocks: int, score: str) -> Floats:
    panel = np.asarray(returns, dtype=np.float64)
    if score not in get_args(SplitScore):
        raise UnknownNameError.of("score of a split", score, get_args(SplitScore))
    if n_blocks % 2 or not 2 <= n_blocks <= MOST_BLOCKS:
        raise ConfigError(
            f"n_blocks must be an even number from 2 to {MOST_BLOCKS}", came=f"{n_blocks}"
        )
    if panel.ndim != 2 or panel.shape[1] < 2 or len(panel) < 2 * n_blocks:
        raise ConfigError(
            f"Returns must be a table of 2 or more configurations over {2 * n_blocks} or more bars",
            came=f"shape {panel.shape}",
            mend="use fewer blocks, or more bars",
        )
    if not np.isfinite(panel).all():
        bar, column = np.argwhere(~np.isfinite(panel))[0]
        raise ConfigError(
            "Returns must be finite",
            came=f"{panel[bar, column]}",
            where=f"bar {bar}, configuration {column}",
        )
    return panel


def _ranks_outside(panel: Floats, n_blocks: int, score: SplitScore) -> tuple[Floats, Floats]:
    """Return the relative rank in (0, 1) and whether it lost, of each split's winner outside."""
    halves = np.zeros((math.comb(n_blocks, n_blocks // 2), n_blocks))
    chosen = np.array(list(itertools.combinations(range(n_blocks), n_blocks // 2)))
    np.put_along_axis(halves, chosen, 1.0, axis=1)
    blocks = _Blocks.of(panel, n_blocks)
    step = max(SPLITS_AT_ONCE // panel.shape[1], 1)
    parts = [
        _winners(
            blocks.scores(halves[start : start + step], score),
            blocks.scores(1 - halves[start : start + step], score),
        )
        for start in range(0, len(halves), step)
    ]
    ranks, scores = (np.concatenate(column) for column in zip(*parts, strict=True))
    return ranks, (scores < 0).astype(np.float64)


def _winners(inside: Floats, outside: Floats) -> tuple[Floats, Floats]:
    """Return rank / (n + 1) and score outside of each row's best inside; ties share the mean."""
    n_rows, n_columns = inside.shape
    rows = np.arange(n_rows)
    winner = inside.argmax(axis=1)
    scores = outside[rows, winner]
    below = (outside < scores[:, None]).sum(axis=1)
    equal = (outside == scores[:, None]).sum(axis=1)
    ranks = below + (equal + 1) / 2
    best = inside == inside[rows, winner][:, None]
    for row in np.flatnonzero(best.sum(axis=1) > 1):
        ranks[row] = rankdata(outside[row])[best[row]].mean()
        scores[row] = outside[row][best[row]].mean()
    return ranks / (n_columns + 1), scores


@dataclass(frozen=True, kw_only=True, eq=False)
class _Blocks:
    """Sums over each block, `(n_blocks, n_configurations)`, around the means of all bars.

    Attributes:
        n_bars: `(n_blocks, 1)`.
        means: `(n_configurations,)` over all bars; sums are of what is left, so that squares do
            not cancel.
        sums: Sums.
        squares: Sums of squares.
        largest: `(n_configurations,)` largest absolute return.
    """

    n_bars: Floats
    means: Floats
    sums: Floats
    squares: Floats
    largest: Floats

    @classmethod
    def of(cls, panel: Floats, n_blocks: int) -> _Blocks:
        """Cut a panel into blocks whose lengths differ by one bar at most."""
        edges = np.linspace(0, len(panel), n_blocks + 1).astype(np.int64)
        means = panel.mean(axis=0)
        centred = panel - means
        return cls(
            n_bars=np.diff(edges).astype(np.float64)[:, None],
            means=means,
            sums=np.add.reduceat(centred, edges[:-1], axis=0),
            squares=np.add.reduceat(centred**2, edges[:-1], axis=0),
            largest=np.abs(panel).max(axis=0),
        )

    def scores(self, halves: Floats, score: SplitScore) -> Floats:
        """Score every configuration in every half, `(n_splits, n_configurations)`."""
        n_bars = halves @ self.n_bars
        centred = (halves @ self.sums) / n_bars
        means = centred + self.means
        if score == "mean":
            return means
        variance = np.maximum((halves @ self.squares) / n_bars - centred**2, 0.0)
        deviation = np.sqrt(variance)  # the same ddof for all: ranks do not see it
        varies = deviation > np.sqrt(np.finfo(np.float64).eps) * self.largest
        return np.where(varies, means / np.where(varies, deviation, 1.0), 0.0)
