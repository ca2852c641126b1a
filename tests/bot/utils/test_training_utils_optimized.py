"""The historical helpers: figures worked by hand, and the real cache."""

from __future__ import annotations

import numpy as np
import pytest

from bot.utils.training_utils_optimized import (
    calculate_adaptive_timesteps,
    clear_optimization_cache,
    get_optimization_info,
    get_progressive_hyperparameters,
)
from envs.array_cache import ArrayCache
from envs.errors import ConfigError
from training.rules.decision import RULES


@pytest.mark.parametrize(
    ("iteration", "steps"),
    [
        (0, 100_000),
        (1, 80_000),  # 0.95 is above the ceiling of 0.8
        (4, 80_000),  # 0.95^4 = 0.8145
        (5, 77_378),  # 0.95^5 = 0.77378
        (10, 59_873),  # 0.95^10 = 0.598737
        (100, 20_000),  # 0.95^100 = 0.0059, below the minimum
    ],
)
def test_the_historical_budget(iteration, steps):
    assert calculate_adaptive_timesteps(iteration) == steps


def test_the_historical_budget_refuses_a_minimum_above_the_base():
    with pytest.raises(ConfigError):
        calculate_adaptive_timesteps(1, 1000, 2000)


@pytest.mark.parametrize(
    ("iteration", "expected"),
    [
        (0, (2e-3, 4, 0.05, 0.2)),
        (2, (2e-3, 4, 0.05, 0.2)),
        (3, (1e-3, 6, 0.02, 0.15)),
        (7, (5e-4, 8, 0.01, 0.1)),
        (10, (5e-4, 8, 0.01, 0.1)),
    ],
)
def test_the_historical_phases(iteration, expected):
    phase = get_progressive_hyperparameters(iteration, 10)
    names = ("learning_rate", "n_epochs", "ent_coef", "clip_range")
    assert tuple(phase[name] for name in names) == expected


def test_information_and_clearing_are_about_the_real_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WALKFAST_CACHE_DIR", str(tmp_path))
    ArrayCache(tmp_path).put("b" * 64, {"values": np.ones(10)}, {})
    info = get_optimization_info()
    assert (info["cache_entries"], info["cache_folder"]) == (1, str(tmp_path))
    assert set(info["rules"]) == set(RULES)
    assert clear_optimization_cache() == 1
    assert get_optimization_info()["cache_entries"] == 0
