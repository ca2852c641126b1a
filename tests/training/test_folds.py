"""Folds: worked numbers of the historical defaults, and properties over random cuts."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.errors import ConfigError, UnknownNameError
from training.folds import Fold, FoldConfig, Range, make_folds


def test_historical_defaults_cut_the_worked_example():
    first, second = make_folds(3501, FoldConfig())
    assert first == Fold(
        index=0,
        train=Range(0, 1999),
        embargo_train=Range(1999, 2000),
        validation=Range(2000, 2499),
        embargo_validation=Range(2499, 2500),
        test=Range(2500, 3000),
    )
    assert second == Fold(
        index=1,
        train=Range(500, 2499),
        embargo_train=Range(2499, 2500),
        validation=Range(2500, 2999),
        embargo_validation=Range(2999, 3000),
        test=Range(3000, 3500),
    )


def test_one_bar_less_gives_one_fold_less():
    assert len(make_folds(3501, FoldConfig())) == 2
    assert len(make_folds(3500, FoldConfig())) == 1


def test_anchored_train_keeps_its_start_and_grows():
    folds = make_folds(4001, FoldConfig(mode="anchored"), first_bar=0)
    assert [fold.train for fold in folds] == [Range(0, 1999), Range(0, 2499), Range(0, 2999)]
    assert [fold.validation.n_bars for fold in folds] == [499, 499, 499]
    assert [fold.test for fold in folds] == [
        Range(2500, 3000),
        Range(3000, 3500),
        Range(3500, 4000),
    ]


def test_warm_up_bars_move_everything():
    (fold,) = make_folds(3151, FoldConfig(), first_bar=150)
    assert (fold.train.start, fold.validation.start, fold.test.start) == (150, 2150, 2650)
    assert fold.test.stop == 3150


def test_no_embargo_leaves_empty_embargo_ranges():
    (fold,) = make_folds(31, FoldConfig(initial_window_bars=20, step_bars=10, embargo_bars=0))
    assert fold.train == Range(0, 16)
    assert fold.embargo_train == Range(16, 16)
    assert fold.validation == Range(16, 20)
    assert fold.embargo_validation == Range(20, 20)


def test_validation_share_is_rounded_not_cut():
    assert FoldConfig(initial_window_bars=100, validation_frac=0.29).validation_bars == 29


def test_max_folds_keeps_the_earliest():
    folds = make_folds(10_000, FoldConfig(max_folds=3))
    assert [fold.index for fold in folds] == [0, 1, 2]
    assert folds[0].test.start == 2500


def test_too_few_bars_says_how_many_are_needed():
    with pytest.raises(ConfigError, match=r"needs 3051 bars[\s\S]*3000 bars, 51 too few"):
        make_folds(3000, FoldConfig(), first_bar=50)
    assert FoldConfig().bars_needed(first_bar=50) == 3051
    assert len(make_folds(3051, FoldConfig(), first_bar=50)) == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"validation_frac": 0.0}, r"validation_frac must be in \(0, 1\)"),
        ({"validation_frac": 1.0}, r"validation_frac must be in \(0, 1\)"),
        ({"validation_frac": float("nan")}, r"validation_frac must be in \(0, 1\)"),
        ({"initial_window_bars": 0}, "initial_window_bars must be 1 or more"),
        ({"step_bars": 0}, "step_bars must be 1 or more"),
        ({"embargo_bars": -1}, "embargo_bars must be 0 or more"),
        ({"max_folds": 0}, "max_folds must be 1 or more"),
        ({"embargo_bars": 500}, "2000 train bars, 500 validation bars, 500 embargo bars"),
        ({"initial_window_bars": 2}, "longer than the embargo"),
    ],
)
def test_settings_out_of_range_are_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        FoldConfig(**wrong)


def test_unknown_mode_gets_the_nearest_match():
    with pytest.raises(UnknownNameError, match="did you mean 'rolling'"):
        FoldConfig(mode="roling")


def test_folds_that_do_not_touch_are_our_mistake():
    with pytest.raises(AssertionError, match="do not touch"):
        Fold(
            index=0,
            train=Range(0, 5),
            embargo_train=Range(5, 6),
            validation=Range(7, 8),
            embargo_validation=Range(8, 9),
            test=Range(9, 10),
        )
    with pytest.raises(AssertionError, match="not a range"):
        Range(3, 2)


def test_json_of_a_fold_holds_every_range():
    (fold,) = make_folds(3001, FoldConfig())
    assert json.loads(json.dumps(fold.to_json())) == {
        "index": 0,
        "train": {"start": 0, "stop": 1999, "n_bars": 1999},
        "embargo_train": {"start": 1999, "stop": 2000, "n_bars": 1},
        "validation": {"start": 2000, "stop": 2499, "n_bars": 499},
        "embargo_validation": {"start": 2499, "stop": 2500, "n_bars": 1},
        "test": {"start": 2500, "stop": 3000, "n_bars": 500},
    }


@st.composite
def cuts(draw):
    window = draw(st.integers(10, 300))
    config = FoldConfig(
        mode=draw(st.sampled_from(["rolling", "anchored"])),
        initial_window_bars=window,
        validation_frac=draw(st.floats(0.35, 0.65)),
        step_bars=draw(st.integers(1, 80)),
        embargo_bars=draw(st.integers(0, 2)),
    )
    first_bar = draw(st.integers(0, 50))
    n_bars = config.bars_needed(first_bar=first_bar) + draw(st.integers(0, 1000))
    return n_bars, config, first_bar


@given(cuts())
def test_test_slices_tile_up_to_less_than_a_step_before_the_end(cut):
    n_bars, config, first_bar = cut
    folds = make_folds(n_bars, config, first_bar=first_bar)
    assert folds[0].test.start == first_bar + config.initial_window_bars
    for fold, following in itertools.pairwise(folds):
        assert following.test.start == fold.test.stop
    assert 0 <= n_bars - 1 - folds[-1].test.stop < config.step_bars
    assert all(fold.test.n_bars == config.step_bars for fold in folds)


@given(cuts())
def test_no_reward_of_a_slice_uses_a_decision_bar_of_a_later_slice(cut):
    n_bars, config, first_bar = cut
    for fold in make_folds(n_bars, config, first_bar=first_bar):
        rewarded_with_train = fold.train.stop  # the reward of stop - 1 is marked at bar stop
        rewarded_with_validation = fold.validation.stop
        if config.embargo_bars:
            assert rewarded_with_train < fold.validation.start
            assert rewarded_with_validation < fold.test.start
        assert fold.train.start >= first_bar
        assert min(fold.train.n_bars, fold.validation.n_bars) >= 1


@given(cuts())
def test_every_window_is_as_long_as_the_settings_say(cut):
    n_bars, config, first_bar = cut
    for fold in make_folds(n_bars, config, first_bar=first_bar):
        grown = fold.index * config.step_bars if config.mode == "anchored" else 0
        assert fold.test.start - fold.train.start == config.initial_window_bars + grown
        assert fold.test.start - fold.validation.start == config.validation_bars


@given(cuts())
def test_more_bars_never_change_an_earlier_fold(cut):
    n_bars, config, first_bar = cut
    folds = make_folds(n_bars, config, first_bar=first_bar)
    longer = make_folds(n_bars + 97, config, first_bar=first_bar)
    assert longer[: len(folds)] == folds
