"""`ParallelConfig`: where jobs run and how many at a time; `shares`: what each may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from envs.errors import ConfigError, UnknownNameError
from training.machine import usable_cores

EngineName = Literal["sequential", "loky"]


@dataclass(frozen=True, kw_only=True)
class ParallelConfig:
    """How jobs are run; decides no result.

    Raises:
        UnknownNameError: If the engine is not a known one.
        ConfigError: If a number is out of range.
    """

    engine: EngineName = "loky"
    """`loky`: worker processes, each of which may die alone. `sequential`: one job after the other,
    in this process."""
    n_workers: int | None = None
    """Jobs side by side, 1 or more; None takes the cores, at most one a job."""
    n_retries: int = 1
    """Attempts at a job after its first has failed, 0 or more."""

    def __post_init__(self) -> None:
        if self.engine not in get_args(EngineName):
            raise UnknownNameError.of("way to run jobs", self.engine, get_args(EngineName))
        if self.n_workers is not None and self.n_workers < 1:
            raise ConfigError(
                "There must be one worker or more", came=str(self.n_workers), where="n_workers"
            )
        if self.n_retries < 0:
            raise ConfigError("n_retries must be 0 or more", came=str(self.n_retries))
        if self.engine == "sequential" and self.n_workers not in (None, 1):
            raise ConfigError(
                "One after the other means one worker",
                came=f"sequential with {self.n_workers} workers",
                where="n_workers",
                mend="drop the number of workers, or choose loky",
            )


@dataclass(frozen=True, kw_only=True)
class Shares:
    """What a pool of workers comes to on this machine.

    Attributes:
        n_workers: Jobs side by side.
        n_threads: Threads that numeric libraries may use in each.
        doubt: Why this is hardly meant, as a sentence; None where nothing speaks against it.
    """

    n_workers: int
    n_threads: int
    doubt: str | None


def shares(config: ParallelConfig, *, n_jobs: int, n_cores: int | None = None) -> Shares:
    """Divide the cores: workers times threads stay within them, where workers do.

    Args:
        config: What was asked for.
        n_jobs: Jobs that there are.
        n_cores: Cores to divide; None takes those that this process may use.
    """
    cores = n_cores or max(int(usable_cores().value), 1)
    if config.engine == "sequential":
        return Shares(n_workers=1, n_threads=cores, doubt=None)
    n_workers = max(min(config.n_workers or cores, n_jobs), 1)
    doubt = None
    if n_workers > cores:
        doubt = (
            f"{n_workers} workers share {cores} {'core' if cores == 1 else 'cores'}: each gets "
            "slower, and all together no faster"
        )
    return Shares(n_workers=n_workers, n_threads=max(cores // n_workers, 1), doubt=doubt)
