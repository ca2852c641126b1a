"""What `test_training_optimization.py` checks once everything can be imported.

Not here: the tests of walkfast itself (`tests/`). Each check says what it measured.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bot.cli.bars import load_bars
from bot.cli.boundary import DONE, FAILED, guarded
from bot.flags.data_flags import DATA, DataSettings
from bot.flags.flag import Flag
from bot.flags.parse import Words, add_flags
from bot.flags.values import Kind
from envs.bars import Bars
from envs.config import EnvConfig
from envs.data.load import LoadedBars
from envs.data.settings import LoadSettings
from envs.features.build import build_features
from envs.features.config import FeatureConfig
from envs.market import MarketConfig, make_tape
from envs.market.currency import with_nominal_conversion
from envs.vector_env import TradingVectorEnv
from training.config import OutputConfig, RunConfig, with_values
from training.events import Event, Progressed, RunFinished
from training.rules.adaptive_timesteps import AdaptiveTimestepsConfig, decide_budget
from training.rules.schedules import Hyperparameters, ScheduleConfig, hyperparameters_at
from training.walk_forward import walk_forward

_QUICK = Flag("quick", "a shorter training, run once instead of twice", kind=Kind(scalar=bool))
_TINY = {
    "features.scaling_window_bars": 50,
    "folds.initial_window_bars": 400,
    "folds.step_bars": 100,
    "folds.max_folds": 2,
    "agent.n_envs": 4,
    "agent.n_steps": 64,
    "agent.batch_size": 128,
    "agent.n_epochs": 2,
    "agent.lstm_hidden_size": 16,
    "agent.net_arch": (16,),
    "rules.cache.enabled": False,
    "device": "cpu",
}
_BASE = Hyperparameters(learning_rate=1.0, n_epochs=1, ent_coef=0.0, clip_range=1.0)
_PROBE_ENVS = 256
_PROBE_STEPS = 200


class CheckError(Exception):
    """A check that does not hold."""


@dataclass
class Speed:
    """Takes the speed of a training out of its events."""

    steps_per_s: list[float] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        if isinstance(event, Progressed):
            self.steps_per_s.append(event.steps_per_s)


def main(arguments: Sequence[str]) -> int:
    """Run all checks and return the exit code."""
    return guarded(lambda: _run(arguments))


def _run(arguments: Sequence[str]) -> int:
    given = _words().read(arguments)
    quick, path = given.pop("quick", False), given.pop("data_path", None)
    loaded = load_bars(path, LoadSettings())
    checks: dict[str, Callable[[], str]] = {
        "rules": _check_rules,
        "bars": lambda: f"{len(loaded.bars):,} bars of {loaded.bars.symbol}, {loaded.source.path}",
        "environment": lambda: _check_environment(loaded.bars),
        "training": lambda: _check_training(loaded, n_steps=512 if quick else 2_048),
    }
    if not quick:
        checks["repeatable"] = lambda: _check_repeatable(loaded)
    passed = [_passes(name, check) for name, check in checks.items()]
    print("Everything works." if all(passed) else "Something does not work; see FAILED above.")
    return DONE if all(passed) else FAILED


def _passes(name: str, check: Callable[[], str]) -> bool:
    started_s = time.perf_counter()
    try:
        says = check()
    except Exception as error:  # noqa: BLE001 - whatever goes wrong is what this script reports
        print(f"FAILED  {name}: {type(error).__name__}: {error}")
        return False
    print(f"ok      {name}: {says} ({time.perf_counter() - started_s:.1f} s)")
    return True


def _check_rules() -> str:
    """Compare the historical formulas with values worked by hand."""
    geometric = AdaptiveTimestepsConfig(mode="geometric")
    budgets = [decide_budget(geometric, fold, []).value for fold in (0, 1, 10, 100)]
    _expect(budgets, [100_000, 80_000, 59_873, 20_000], "budgets of folds 0, 1, 10, 100")
    rates = [
        hyperparameters_at(
            ScheduleConfig(kind="phases"), _BASE, done, previous=_BASE, last_kl=None
        ).learning_rate
        for done in (0.0, 0.3, 0.7)
    ]
    _expect(rates, [2e-3, 1e-3, 5e-4], "learning rates of the three phases")
    return "budgets and phases are as worked by hand"


def _check_environment(bars: Bars) -> str:
    """Step many environments and measure how fast."""
    part = bars.slice(0, min(len(bars), 5_000))
    features = build_features(part, FeatureConfig(scaling_window_bars=50))
    config = EnvConfig(market=with_nominal_conversion(MarketConfig(), part))
    tape = make_tape(part, features, config.market)
    env = TradingVectorEnv(
        tape, config, n_envs=_PROBE_ENVS, start=features.warmup_bars, random_starts=True
    )
    env.reset(seed=0)
    actions = np.random.default_rng(0).integers(3, size=(_PROBE_STEPS, _PROBE_ENVS))
    started_s = time.perf_counter()
    for row in actions:
        observations, *_ = env.step(row)
        if not np.isfinite(observations).all():
            raise CheckError("an observation is not finite")
    speed = _PROBE_STEPS * _PROBE_ENVS / (time.perf_counter() - started_s)
    return f"{features.values.shape[1]} features, {speed:,.0f} env steps/s in {_PROBE_ENVS} envs"


def _check_training(loaded: LoadedBars, *, n_steps: int) -> str:
    finished, speed = _train(loaded, n_steps)
    n_folds = len(finished.summary["folds"])
    _expect(n_folds, _TINY["folds.max_folds"], "folds trained")
    return f"{n_folds} tiny folds, {np.median(speed.steps_per_s):,.0f} trained steps/s"


def _check_repeatable(loaded: LoadedBars) -> str:
    first, second = (_train(loaded, 512)[0] for _ in range(2))
    _expect(
        first.summary["out_of_sample"], second.summary["out_of_sample"], "the same command twice"
    )
    return "the same command twice gives the same results"


def _train(loaded: LoadedBars, n_steps: int) -> tuple[RunFinished, Speed]:
    budget = "rules.adaptive_timesteps"
    values = {**_TINY, f"{budget}.base_timesteps": n_steps, f"{budget}.min_timesteps": n_steps}
    speed = Speed()
    with tempfile.TemporaryDirectory() as folder:
        output = OutputConfig(results_dir=Path(folder), tensorboard=False)
        market = with_nominal_conversion(MarketConfig(), loaded.bars)
        values["env.market.currency_conversion"] = market.currency_conversion
        config = with_values(RunConfig(), values)
        return walk_forward(config, loaded, output, provenance={}, listener=speed), speed


def _expect(came: object, expected: object, what: str) -> None:
    if came != expected:
        raise CheckError(f"{what}: expected {expected}, came {came}")


def _words() -> Words:
    words = Words(
        "python test_training_optimization.py",
        description="Check that this installation works. Nothing is left behind.",
    )
    words.usage = "python test_training_optimization.py [--quick] [--data_path FILE]"
    flags = (_QUICK, next(flag for flag in DATA if flag.name == "data_path"))
    add_flags(words, {"What to check": flags}, root=DataSettings, says=lambda flag: flag.help)
    return words
