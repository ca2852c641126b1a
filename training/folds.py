"""Folds: which bars teach, which choose, which test. Pure arithmetic on bar numbers.

Not here: what happens in a fold (`training.train_fold`), the loop over folds
(`training.walk_forward`). Worked numbers are in `docs/semantics.md`, chapter Walk-forward.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal, get_args

from envs.errors import ConfigError, UnknownNameError

FoldMode = Literal["rolling", "anchored"]


@dataclass(frozen=True)
class Range:
    """Half-open range of decision bars [start, stop).

    A decision at the close of bar t fills at the open of bar t+1 and is marked at the close of
    bar t+1, so the last decision of a range, at `stop - 1`, is rewarded with bar `stop`.

    Attributes:
        start: First decision bar.
        stop: One past the last decision bar.
    """

    start: int
    stop: int

    def __post_init__(self) -> None:
        assert 0 <= self.start <= self.stop, f"not a range: [{self.start}, {self.stop})"

    @property
    def n_bars(self) -> int:
        """Number of decision bars, which is also the number of rewards."""
        return self.stop - self.start

    def to_json(self) -> dict[str, int]:
        """Return the bounds and the length."""
        return {"start": self.start, "stop": self.stop, "n_bars": self.n_bars}


@dataclass(frozen=True, kw_only=True)
class Fold:
    """Five neighbouring ranges: train, embargo, validation, embargo, test.

    Attributes:
        index: Number of the fold, from 0.
        train: Bars that teach.
        embargo_train: Bars between train and validation that nobody decides on.
        validation: Bars that stop, select and warm-start.
        embargo_validation: Bars between validation and test that nobody decides on.
        test: Bars touched once, by the chosen model.
    """

    index: int
    train: Range
    embargo_train: Range
    validation: Range
    embargo_validation: Range
    test: Range

    def __post_init__(self) -> None:
        parts = (
            self.train,
            self.embargo_train,
            self.validation,
            self.embargo_validation,
            self.test,
        )
        touching = (a.stop == b.start for a, b in itertools.pairwise(parts))
        assert all(touching), f"ranges of fold {self.index} do not touch: {parts}"

    def to_json(self) -> dict[str, object]:
        """Return the index and every range."""
        return {
            "index": self.index,
            "train": self.train.to_json(),
            "embargo_train": self.embargo_train.to_json(),
            "validation": self.validation.to_json(),
            "embargo_validation": self.embargo_validation.to_json(),
            "test": self.test.to_json(),
        }


@dataclass(frozen=True, kw_only=True)
class FoldConfig:
    """How a series of bars is cut into folds.

    Raises:
        ConfigError: If a value is out of range, or the embargo eats a whole slice.
    """

    mode: FoldMode = "rolling"
    """`rolling` moves the train slice along; `anchored` keeps its start, so that it grows."""
    initial_window_bars: int = 2500
    """Bars of train + validation, embargoes included, of fold 0. Historical: 2500."""
    validation_frac: float = 0.2
    """Share of `initial_window_bars` that validates, in (0, 1), rounded to whole bars.
    The same number of bars in every fold, also in anchored mode. Historical: 0.2."""
    step_bars: int = 500
    """Bars of each test slice, and the distance between folds, positive. Historical: 500."""
    embargo_bars: int = 1
    """Bars left out at the end of train and of validation, >= 0. The default covers the last
    reward of a slice, which uses the next bar."""
    max_folds: int | None = None
    """At most so many folds, the earliest ones; None = all that fit."""

    def __post_init__(self) -> None:
        if self.mode not in get_args(FoldMode):
            raise UnknownNameError.of("fold mode", self.mode, get_args(FoldMode))
        if not 0 < self.validation_frac < 1:
            raise _out_of_range("validation_frac", "in (0, 1)", self.validation_frac)
        if self.embargo_bars < 0:
            raise _out_of_range("embargo_bars", "0 or more", self.embargo_bars)
        self._check_positive()
        self._check_slices()

    @property
    def validation_bars(self) -> int:
        """Bars of the validation slice, its embargo included."""
        return round(self.initial_window_bars * self.validation_frac)

    def bars_needed(self, *, first_bar: int = 0) -> int:
        """Count the bars that one fold needs: warm-up, window, test slice, and one bar after.

        Args:
            first_bar: First bar that may be decided on (the warm-up of the features).
        """
        return first_bar + self.initial_window_bars + self.step_bars + 1

    def _check_positive(self) -> None:
        counts = {"initial_window_bars": self.initial_window_bars, "step_bars": self.step_bars}
        if self.max_folds is not None:
            counts["max_folds"] = self.max_folds
        for name, count in counts.items():
            if count < 1:
                raise _out_of_range(name, "1 or more", count)

    def _check_slices(self) -> None:
        train_bars = self.initial_window_bars - self.validation_bars
        if min(train_bars, self.validation_bars) <= self.embargo_bars:
            raise ConfigError(
                "Train and validation must each be longer than the embargo",
                came=f"{train_bars} train bars, {self.validation_bars} validation bars, "
                f"{self.embargo_bars} embargo bars",
                where="initial_window_bars, validation_frac, embargo_bars",
                mend="use a larger window or a smaller embargo",
            )


def make_folds(n_bars: int, config: FoldConfig, *, first_bar: int = 0) -> tuple[Fold, ...]:
    """Cut bars [first_bar, n_bars) into folds whose test slices tile without gap or overlap.

    Only whole test slices count: up to `step_bars - 1` bars at the end, and the very last bar,
    which only marks the last reward, are in no test slice.

    Args:
        n_bars: Bars in the series.
        config: How to cut.
        first_bar: First bar that may be decided on (the warm-up of the features).

    Returns:
        At least one fold, in time order; `fold.test.stop <= n_bars - 1` in all of them.

    Raises:
        ConfigError: If the bars do not suffice for one fold; says how many are needed.
    """
    assert first_bar >= 0, f"first_bar is negative: {first_bar}"
    needed = config.bars_needed(first_bar=first_bar)
    if n_bars < needed:
        raise _too_few_bars(n_bars, needed, config, first_bar)
    n_folds = 1 + (n_bars - needed) // config.step_bars
    if config.max_folds is not None:
        n_folds = min(n_folds, config.max_folds)
    return tuple(_fold(index, config, first_bar) for index in range(n_folds))


def _fold(index: int, config: FoldConfig, first_bar: int) -> Fold:
    shift = index * config.step_bars
    test_start = first_bar + config.initial_window_bars + shift
    validation_start = test_start - config.validation_bars
    train_start = first_bar if config.mode == "anchored" else first_bar + shift
    train_stop = validation_start - config.embargo_bars
    validation_stop = test_start - config.embargo_bars
    return Fold(
        index=index,
        train=Range(train_start, train_stop),
        embargo_train=Range(train_stop, validation_start),
        validation=Range(validation_start, validation_stop),
        embargo_validation=Range(validation_stop, test_start),
        test=Range(test_start, test_start + config.step_bars),
    )


def _too_few_bars(n_bars: int, needed: int, config: FoldConfig, first_bar: int) -> ConfigError:
    return ConfigError(
        f"One fold needs {needed} bars: {first_bar} to warm the features up, "
        f"{config.initial_window_bars} to train and validate, {config.step_bars} to test, "
        "and 1 after the last decision",
        came=f"{n_bars} bars, {needed - n_bars} too few",
        mend="use more bars, or a smaller initial window or step",
    )


def _out_of_range(name: str, bounds: str, came: float) -> ConfigError:
    return ConfigError(
        f"{name} must be {bounds}",
        came=f"{came}",
        mend="give a value within that, or leave it out for the default",
    )
