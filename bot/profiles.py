"""Profiles: one name that sets many values, each with a sentence that says what it is for.

A value given by a flag beats the profile, which beats the defaults of `RunConfig`. `quality`,
`balanced`, `fast` and `ultra_fast` were searched on planted markets, share of the best policy
against CPU seconds of a fold (`python bench/profiles.py table`,
`docs/decisions/143-profiles-by-measurement.md`); `legacy`, `conservative` and `aggressive` have
historical numbers. Not here: applying them (`bot.flags.resolve`). Read next: `bot.flags`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from envs.errors import UnknownNameError
from training.agent.config import ORIGINAL_AGENT

_BASE = "rules.adaptive_timesteps.base_timesteps"
_MINIMUM = "rules.adaptive_timesteps.min_timesteps"
_PATIENCE = "rules.early_stopping.patience_evaluations"

DEFAULT_PROFILE = "balanced"
"""What runs without `--profile`."""

SAMPLE_VALUES: Mapping[str, Any] = MappingProxyType(
    {
        "folds.initial_window_bars": 10_000,
        "folds.step_bars": 3_000,
    }
)
"""What suits the embedded sample, whose drift is too faint for 2,000 bars to teach."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A named set of values.

    Attributes:
        name: What `--profile` takes.
        says: What it is for, one sentence.
        values: New values by dotted path in `RunConfig`.
    """

    name: str
    says: str
    values: Mapping[str, Any] = field(default_factory=dict)


def profile_named(name: str) -> Profile:
    """Look a profile up; `-` and `_` are alike.

    Raises:
        UnknownNameError: If there is none of that name.
    """
    key = name.strip().replace("-", "_").lower()
    if key not in PROFILES:
        raise UnknownNameError.of("profile", name, PROFILES)
    return PROFILES[key]


def _original_values() -> dict[str, Any]:
    agent = {
        f"agent.{item.name}": getattr(ORIGINAL_AGENT, item.name) for item in fields(ORIGINAL_AGENT)
    }
    return {**agent, "env.action_mode": "orders", "rules.schedule.kind": "constant"}


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            Profile(
                name="legacy",
                says="The original network and hyperparameters inside this walk-forward: slow.",
                values=_original_values(),
            ),
            Profile(
                name="quality",
                says="Twice the environments and steps of balanced, for a last run.",
                values={
                    _BASE: 200_000,
                    _MINIMUM: 40_000,
                    "agent.n_envs": 256,
                    "agent.batch_size": 4096,
                },
            ),
            Profile(name=DEFAULT_PROFILE, says="The defaults: a small network, many environments."),
            Profile(
                name="fast",
                says="Half the steps of balanced, for trying things out.",
                values={_BASE: 50_000, _MINIMUM: 10_000},
            ),
            Profile(
                name="ultra_fast",
                says="A quarter of the steps of balanced: a first look.",
                values={_BASE: 25_000, _MINIMUM: 5_000},
            ),
            Profile(
                name="conservative",
                says="75,000 steps a fold, never below 25,000, patience 5.",
                values={_BASE: 75_000, _MINIMUM: 25_000, _PATIENCE: 5},
            ),
            Profile(
                name="aggressive",
                says="30,000 steps a fold, never below 10,000, patience 2.",
                values={_BASE: 30_000, _MINIMUM: 10_000, _PATIENCE: 2},
            ),
        )
    }
)
"""All profiles by name, from the most thorough to the historical two."""
