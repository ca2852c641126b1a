"""Flags of several seeds at once: which, how many side by side, and where they run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from bot.flags.flag import Flag
from bot.flags.parse import Given
from bot.flags.values import Kind, one_of
from envs.errors import ConfigError
from training.parallel.config import EngineName, ParallelConfig

_WHOLE = Kind(scalar=int)

CHAINS = (
    Flag(
        "seeds",
        "train once with each, side by side, e.g. 1,2,3, and tell their spread "
        "(--benchmark_mode: how many)",
        kind=Kind(scalar=int, many=True),
        shown=False,
        word="N",
    ),
    Flag(
        "workers",
        "how many of them train at a time; the cores, at most one a seed, without it",
        kind=_WHOLE,
        shown=False,
    ),
    Flag(
        "execution",
        "loky (worker processes), sequential (one after the other, in this process) [loky]",
        kind=one_of(get_args(EngineName)),
        shown=False,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Chains:
    """Several trainings that differ in their seed.

    Attributes:
        seeds: The seeds, two or more.
        parallel: How they are run.
    """

    seeds: tuple[int, ...]
    parallel: ParallelConfig


def take_chains(given: Given) -> Chains | None:
    """Use up the flags of several seeds; None where one is trained.

    Raises:
        ConfigError: If a value is out of range, a seed comes twice, or a flag would not act.
    """
    seeds, n_workers = given.pop("seeds", None), given.pop("workers", None)
    execution = given.pop("execution", None)
    if seeds is None:
        for name, value in (("workers", n_workers), ("execution", execution)):
            if value is not None:
                raise ConfigError(
                    f"--{name} only acts with several seeds",
                    came="no --seeds",
                    mend=f"add --seeds 1,2,3, or drop --{name}",
                )
        return None
    _check_seeds(seeds, also_one="seed" in given)
    if given.get("calibrate"):
        raise ConfigError(
            "--calibrate needs the machine to itself",
            came="--calibrate and --seeds",
            mend="drop --calibrate, or train one seed with it",
        )
    if n_workers is not None and n_workers < 1:
        raise ConfigError(
            "There must be one worker or more", came=str(n_workers), where="--workers"
        )
    return Chains(
        seeds=tuple(seeds),
        parallel=ParallelConfig(engine=execution or "loky", n_workers=n_workers),
    )


def _check_seeds(seeds: Sequence[int], *, also_one: bool) -> None:
    if also_one:
        raise ConfigError(
            "One seed or several", came="--seed and --seeds", mend="drop one of the two"
        )
    if len(seeds) < 2:
        listed = " ".join(map(str, seeds)) or "none"
        raise ConfigError(
            "--seeds lists two seeds or more",
            came=listed,
            mend="write --seed N for one, --seeds 1,2,3 for several, and with --benchmark_mode "
            "--seeds N for how many",
        )
    twice = [str(seed) for seed, count in Counter(seeds).items() if count > 1]
    if twice:
        raise ConfigError(
            "Every seed must come once", came=f"{', '.join(twice)} again", where="--seeds"
        )
    below = [str(seed) for seed in seeds if seed < 0]
    if below:
        raise ConfigError("A seed must be 0 or more", came=", ".join(below), where="--seeds")
