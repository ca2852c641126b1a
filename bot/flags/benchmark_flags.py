"""Flags of benchmark mode: of `walkfast benchmark`, and of `train` beside `--benchmark_mode`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.flags.flag import Flag
from bot.flags.parse import Given
from bot.flags.values import Kind
from envs.errors import ConfigError
from training.benchmark.config import BenchmarkConfig

_SWITCH = Kind(scalar=bool)

BENCHMARK_MODE = Flag(
    "benchmark_mode",
    "run the original and these settings side by side, as walkfast benchmark",
    kind=_SWITCH,
    shown=False,
)
HOW = (
    Flag(
        "benchmark_minutes",
        "time that it may take; folds, seeds and steps are chosen to fit [20]",
        kind=Kind(scalar=float),
        aliases=("minutes",),
        shown=False,
    ),
    Flag(
        "seeds",
        "runs of every training, from --seed on; 3 to 5 without it, as time allows",
        kind=Kind(scalar=int),
        aliases=("benchmark_seeds",),
        shown=False,
    ),
    Flag(
        "ablation",
        "also each optimization by itself: added in turn, and left out of the whole",
        kind=_SWITCH,
        aliases=("benchmark_ablation",),
        shown=False,
    ),
)
CALIBRATE = Flag(
    "calibrate",
    "before the first fold, time a few updates of the original training (some seconds), so that "
    "this run has a measured speed-up",
    "output.calibrate",
    shown=False,
)
BESIDE_TRAINING = tuple(
    replace(flag, name="benchmark_seeds", aliases=()) if flag.name == "seeds" else flag
    for flag in HOW
)
"""The same for `train`, where `--seeds` is a list (`bot.flags.chain_flags`)."""
_FIELDS = {"benchmark_minutes": "minutes", "benchmark_seeds": "n_seeds", "ablation": "ablation"}


def take_benchmark(given: Given) -> BenchmarkConfig | None:
    """Use up the flags of a benchmark; None where none is asked for.

    Raises:
        ConfigError: If a value is out of range, or one is given and no benchmark asked for.
    """
    wanted = given.pop("benchmark_mode", False)
    if wanted and "seeds" in given:
        given["benchmark_seeds"] = _count(given.pop("seeds"))
    values: dict[str, Any] = {
        field: given.pop(name) for name, field in _FIELDS.items() if name in given
    }
    if wanted:
        if given.get("calibrate"):
            raise ConfigError(
                "--calibrate only acts in a training",
                came="a benchmark, which runs the original itself",
                mend="drop --calibrate",
            )
        return BenchmarkConfig(**values)
    for name, field in _FIELDS.items():
        if field in values:
            raise ConfigError(
                f"--{name} only acts in a benchmark",
                came="no --benchmark_mode",
                mend=f"add --benchmark_mode, or drop --{name}",
            )
    return None


def _count(seeds: int | tuple[int, ...]) -> int:
    """Read `--seeds` as a number, as `walkfast benchmark` does, where `train` reads a list."""
    if isinstance(seeds, int):
        return seeds
    if len(seeds) != 1:
        raise ConfigError(
            "In a benchmark --seeds is how many",
            came=" ".join(map(str, seeds)) or "none",
            mend="write one number; --seed is the first of them",
        )
    return seeds[0]
