"""Historical helpers, for scripts that run from `bot/`: thin wrappers, no logic of their own.

    from utils.training_utils_optimized import get_optimization_info, clear_optimization_cache

The formulas are the historical ones (`geometric` and `phases` of `training.rules`); what a run
really does by default is in `training.rules`.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
if str(_ROOT) not in sys.path:  # imported from `bot/` of a checkout that is not installed
    sys.path.insert(0, str(_ROOT))

# ruff: noqa: E402 - these can only be found now
from envs.array_cache import ArrayCache, default_cache_folder
from training.rules.adaptive_timesteps import AdaptiveTimestepsConfig, decide_budget
from training.rules.config import RulesConfig
from training.rules.schedules import Hyperparameters, ScheduleConfig, hyperparameters_at


def get_optimization_info() -> dict[str, Any]:
    """Return what the cache holds, and how each optimization works unless told otherwise.

    Returns:
        `cache_folder`, `cache_entries`, `cache_bytes`, `cache_max_bytes`, and `rules`: the mode of
        each rule. Nothing is counted that this process did not do.
    """
    info = ArrayCache(default_cache_folder()).info()
    return {
        "cache_folder": str(info.folder),
        "cache_entries": info.entries,
        "cache_bytes": info.bytes,
        "cache_max_bytes": info.max_bytes,
        "rules": RulesConfig().switches(),
    }


def clear_optimization_cache() -> int:
    """Remove every entry of the cache and return how many there were."""
    return ArrayCache(default_cache_folder()).clear()


def calculate_adaptive_timesteps(
    iteration: int, base_timesteps: int = 100_000, min_timesteps: int = 20_000
) -> int:
    """Return the historical budget of a fold: the base, then max(min, base * min(0.8, 0.95^i)).

    Args:
        iteration: Number of the fold, from 0.
        base_timesteps: Env steps of fold 0.
        min_timesteps: The least any fold gets.

    Raises:
        ConfigError: If the minimum exceeds the base, or one of them is below 1.
    """
    config = AdaptiveTimestepsConfig(
        mode="geometric", base_timesteps=base_timesteps, min_timesteps=min_timesteps
    )
    budget = decide_budget(config, iteration, []).value
    assert isinstance(budget, int)
    return budget


def get_progressive_hyperparameters(iteration: int, total_iterations: int) -> dict[str, float]:
    """Return the historical phase at `iteration / total_iterations`.

    Returns:
        `learning_rate`, `n_epochs`, `ent_coef` and `clip_range`.
    """
    assert total_iterations > 0, f"total_iterations {total_iterations}"
    unused = Hyperparameters(learning_rate=1.0, n_epochs=1, ent_coef=0.0, clip_range=1.0)
    phase = hyperparameters_at(
        ScheduleConfig(kind="phases"),
        unused,
        iteration / total_iterations,
        previous=unused,
        last_kl=None,
    )
    return asdict(phase)
