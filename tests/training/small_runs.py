"""Tiny runs for tests: a planted market, a network of eight units, folds of a second."""

from functools import cache

from envs.data.load import LoadedBars
from envs.data.report import SourceReport
from envs.synthetic import planted_market
from training.config import OutputConfig, RunConfig, with_values
from training.walk_forward import walk_forward

TINY = {
    "agent.lstm_hidden_size": 8,
    "agent.net_arch": (8,),
    "agent.n_envs": 4,
    "agent.n_steps": 32,
    "agent.batch_size": 64,
    "agent.n_epochs": 1,
    "folds.initial_window_bars": 400,
    "folds.step_bars": 100,
    "folds.max_folds": 3,
    "rules.adaptive_timesteps.base_timesteps": 384,
    "rules.adaptive_timesteps.min_timesteps": 128,
    "rules.evaluation_schedule.mode": "fixed",
    "rules.evaluation_schedule.every_steps": 128,
}


@cache
def small_bars(seed=3):
    return planted_market(n_bars=1000, seed=seed, difficulty="easy").bars


def tiny_config(**values):
    changes = {name.replace("__", "."): value for name, value in values.items()}
    return with_values(RunConfig(), {**TINY, **changes})


def loaded(bars):
    source = SourceReport(
        path="memory",
        format="planted",
        container="memory",
        columns={},
        ignored={},
        time_kind="",
        timezone="UTC",
        timezone_source="format",
        file_sha256="",
        n_rows=len(bars),
        n_bars=len(bars),
        problems=(),
        repairs=(),
        notes=(),
        warnings=(),
    )
    return LoadedBars(bars=bars, source=source)


def run(folder, config=None, *, bars=None, listener=None, cache=None, provenance=None, **output):
    return walk_forward(
        config or tiny_config(),
        loaded(bars if bars is not None else small_bars()),
        OutputConfig(results_dir=folder, tensorboard=False, **output),
        provenance=provenance or {},
        listener=listener or (lambda event: None),
        cache=cache,
    )
