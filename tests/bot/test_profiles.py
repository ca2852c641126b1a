"""Profiles: named values that a run can stand on."""

from __future__ import annotations

import pytest

from bot.profiles import PROFILES, profile_named
from envs.errors import UnknownNameError
from training.config import RunConfig, with_values


def test_the_profiles_are_the_promised_ones():
    assert list(PROFILES) == [
        "legacy",
        "quality",
        "balanced",
        "fast",
        "ultra_fast",
        "conservative",
        "aggressive",
    ]


def test_balanced_is_the_defaults():
    assert not PROFILES["balanced"].values


@pytest.mark.parametrize(
    ("name", "budget"),
    [("conservative", (75_000, 25_000, 5)), ("aggressive", (30_000, 10_000, 2))],
)
def test_the_historical_profiles_have_their_historical_numbers(name, budget):
    rules = with_values(RunConfig(), PROFILES[name].values).rules
    steps = rules.adaptive_timesteps
    patience = rules.early_stopping.patience_evaluations
    assert (steps.base_timesteps, steps.min_timesteps, patience) == budget


def test_a_profile_is_found_in_either_spelling():
    assert profile_named(" Ultra-Fast ") is PROFILES["ultra_fast"]


def test_an_unknown_profile_is_refused_with_the_list():
    with pytest.raises(UnknownNameError, match="aggressive, balanced"):
        profile_named("turbo")
