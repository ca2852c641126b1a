"""Schedules: the historical phases, and curves at points worked by hand."""

from __future__ import annotations

import math
from dataclasses import astuple, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.errors import ConfigError, UnknownNameError
from training.rules.schedules import (
    HISTORICAL_PHASES,
    Hyperparameters,
    Phase,
    ScheduleConfig,
    decide_schedule,
    hyperparameters_at,
)

BASE = Hyperparameters(learning_rate=1e-3, n_epochs=4, ent_coef=0.01, clip_range=0.2)


def at(config, progress, *, previous=BASE, last_kl=None):
    return hyperparameters_at(config, BASE, progress, previous=previous, last_kl=last_kl)


def rates(config, *progress):
    return [at(config, p).learning_rate for p in progress]


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        (0.0, (2e-3, 4, 0.05, 0.2)),
        (0.299, (2e-3, 4, 0.05, 0.2)),
        (0.3, (1e-3, 6, 0.02, 0.15)),
        (0.699, (1e-3, 6, 0.02, 0.15)),
        (0.7, (5e-4, 8, 0.01, 0.1)),
        (1.0, (5e-4, 8, 0.01, 0.1)),
        (1.2, (5e-4, 8, 0.01, 0.1)),
    ],
)
def test_phases_are_the_historical_ones(progress, expected):
    assert astuple(at(ScheduleConfig(kind="phases"), progress)) == expected


def test_constant_is_the_agents_own():
    config = ScheduleConfig(kind="constant")
    assert at(config, 0.0) == at(config, 1.0) == BASE
    assert not config.enabled
    assert ScheduleConfig().enabled


def test_linear_falls_in_a_line_to_its_final_share():
    config = ScheduleConfig(kind="linear", final_frac=0.1)
    expected = [1e-3, 0.775e-3, 0.55e-3, 0.1e-3, 0.1e-3]
    assert rates(config, 0.0, 0.25, 0.5, 1.0, 1.5) == pytest.approx(expected, rel=1e-12)


def test_cosine_falls_in_a_half_cosine():
    config = ScheduleConfig(kind="cosine", final_frac=0.0)
    quarter = (1 + math.sqrt(0.5)) / 2 * 1e-3
    expected = [1e-3, quarter, 0.5e-3, 0.0]
    assert rates(config, 0.0, 0.25, 0.5, 1.0) == pytest.approx(expected, rel=1e-12, abs=1e-18)


def test_one_cycle_rises_from_a_25th_peaks_and_falls():
    config = ScheduleConfig(kind="one_cycle", warmup_frac=0.5, final_frac=0.0)
    expected = [0.04e-3, 0.52e-3, 1e-3, 0.5e-3, 0.0]
    assert rates(config, 0.0, 0.25, 0.5, 0.75, 1.0) == pytest.approx(expected, abs=1e-18)
    assert ScheduleConfig(kind="one_cycle").warm_up_frac == 0.3
    assert ScheduleConfig(kind="cosine").warm_up_frac == 0.0


def test_a_warm_up_goes_before_a_line_too():
    config = ScheduleConfig(kind="linear", warmup_frac=0.2, final_frac=0.0)
    assert rates(config, 0.1, 0.2, 0.6) == pytest.approx([0.52e-3, 1e-3, 0.5e-3])


@pytest.mark.parametrize("kind", ["linear", "cosine", "one_cycle", "kl_adaptive"])
def test_curves_move_the_learning_rate_only(kind):
    moved = at(ScheduleConfig(kind=kind), 0.6, last_kl=1.0)
    assert moved.learning_rate != BASE.learning_rate
    assert replace(moved, learning_rate=BASE.learning_rate) == BASE


@pytest.mark.parametrize(
    ("last_kl", "factor"),
    [
        (None, 1.0),
        (0.0201, 1 / 1.5),
        (0.02, 1.0),
        (0.005, 1.0),
        (0.0049, 1.5),
        (-0.001, 1.5),  # the estimate of a small divergence can be negative
        (float("nan"), 1.0),
    ],
)
def test_kl_adaptive_steers_towards_its_target(last_kl, factor):
    config = ScheduleConfig(kind="kl_adaptive", target_kl=0.01, kl_factor=1.5)
    previous = replace(BASE, learning_rate=5e-4)
    moved = at(config, 0.5, previous=previous, last_kl=last_kl)
    assert moved.learning_rate == pytest.approx(5e-4 * factor, rel=1e-12)


def test_kl_adaptive_stays_within_its_bounds():
    config = ScheduleConfig(kind="kl_adaptive", kl_lowest_multiple=0.5, kl_highest_multiple=2.0)
    low, high = replace(BASE, learning_rate=5e-4), replace(BASE, learning_rate=2e-3)
    assert at(config, 0.5, previous=low, last_kl=1.0).learning_rate == 5e-4
    assert at(config, 0.5, previous=high, last_kl=0.0).learning_rate == 2e-3


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (ScheduleConfig(kind="constant"), "off: learning rate 0.001 throughout"),
        (ScheduleConfig(), "learning rate falls in a line from 0.001 to 0.0001"),
        (ScheduleConfig(kind="cosine"), "learning rate falls in a half cosine from 0.001"),
        (ScheduleConfig(kind="one_cycle"), "after a warm-up over 30% of the fold"),
        (ScheduleConfig(kind="phases"), "until 70% learning rate 0.001, 6 epochs, entropy 0.02"),
        (ScheduleConfig(kind="kl_adaptive"), "divergence near 0.01"),
    ],
)
def test_the_record_says_what_the_schedule_does(config, sentence):
    decision = decide_schedule(config, BASE)
    assert sentence in decision.reason
    assert decision.value == config.kind
    assert ("warm-up" in decision.reason) is (config.kind == "one_cycle")


PHASE = HISTORICAL_PHASES[0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"final_frac": 1.1}, "final_frac"),
        ({"target_kl": 0.0}, "target_kl must be more than 0"),
        ({"kl_factor": 1.0}, "kl_factor must be more than 1"),
        ({"kl_lowest_multiple": 0.0}, "kl_lowest_multiple"),
        ({"kl_highest_multiple": 0.5}, "kl_highest_multiple"),
        ({"warmup_frac": 1.0}, r"warmup_frac must be in \[0, 1\)"),
        ({"warmup_frac": -0.1}, r"warmup_frac must be in \[0, 1\)"),
        ({"kind": "one_cycle", "warmup_frac": 0.0}, "one_cycle needs a warm-up"),
        ({"phases": ()}, r"Phases must end in rising order, the last at 1[\s\S]*\[\]"),
        ({"phases": (PHASE,)}, r"Found: \[0.3\]"),
        ({"phases": (replace(PHASE, until_frac=1.0),) * 2}, r"Found: \[1.0, 1.0\]"),
    ],
)
def test_settings_out_of_range_are_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        ScheduleConfig(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"until_frac": 0.0},
        {"learning_rate": 0.0},
        {"n_epochs": 0},
        {"ent_coef": -0.1},
        {"clip_range": 0.0},
    ],
)
def test_phases_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Phase(**(vars(PHASE) | wrong))


def test_an_unknown_kind_gets_the_nearest_match():
    with pytest.raises(UnknownNameError, match="did you mean 'cosine'"):
        ScheduleConfig(kind="cosin")


def test_negative_progress_is_our_mistake():
    with pytest.raises(AssertionError, match=r"progress -0\.1"):
        at(ScheduleConfig(), -0.1)


@given(
    st.sampled_from(["linear", "cosine", "one_cycle"]),
    st.floats(0, 1),
    st.floats(0, 0.9),
    st.floats(0, 2),
)
def test_no_curve_leaves_its_bounds(kind, final_frac, warmup_frac, progress):
    if kind == "one_cycle":
        warmup_frac = max(warmup_frac, 0.01)
    config = ScheduleConfig(kind=kind, final_frac=final_frac, warmup_frac=warmup_frac)
    rate = at(config, progress).learning_rate
    assert min(0.04, final_frac) * 1e-3 * (1 - 1e-9) <= rate <= 1e-3 * (1 + 1e-9)
