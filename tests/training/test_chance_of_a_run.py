"""Whole trainings against chance: one that can know the next return, one whose hint is shuffled.

The market is pure noise but for a column that leaks the next bar's return: skill is there by
construction, and gone once the column is put into another order.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from envs.synthetic import leaked_future_market
from tests.training.small_runs import run, tiny_config

pytestmark = pytest.mark.slow

LEARNS = {
    "folds__max_folds": 6,
    "folds__initial_window_bars": 1000,
    "folds__step_bars": 150,
    "agent__n_envs": 16,
    "agent__n_steps": 64,
    "agent__batch_size": 256,
    "agent__n_epochs": 4,
    "agent__learning_rate": 5e-3,
    "rules__adaptive_timesteps__base_timesteps": 6144,
    "rules__adaptive_timesteps__min_timesteps": 2048,
    "rules__evaluation_schedule__every_steps": 2048,
}


def chance_of(folder, bars):
    return run(folder, tiny_config(seed=1, **LEARNS), bars=bars).summary["chance"]


def test_a_training_that_sees_an_edge_beats_chance_and_falls_when_it_is_shuffled(tmp_path):
    bars = leaked_future_market(n_bars=2100, seed=1).bars
    judged = chance_of(tmp_path / "leaked", bars)
    assert judged["beats_chance"] is True
    assert judged["sharpe"]["interval"]["method"] == "bootstrap percentiles, whole folds"
    leak = np.random.default_rng(0).permutation(bars.extra["leak"])
    shuffled = chance_of(tmp_path / "shuffled", replace(bars, extra={"leak": leak}))
    assert shuffled["beats_chance"] is False
    assert shuffled["line"].startswith("Nothing here is shown to beat chance")
