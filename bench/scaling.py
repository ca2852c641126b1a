"""What running side by side costs and gains: throughput, overhead a job, memory a worker.

Run: python bench/scaling.py [--workers 1 2] [--chains 6] [--steps 16384] [--jobs 200]
Prints two tables in Markdown. Jobs of nothing show the overhead; real trainings, one fold of the
embedded sample with the default network, show throughput and memory. Workers have one thread each,
so that one worker and two differ in nothing else; `1 (2 threads)` is what a single command does on
two cores. Every way must end with equal test returns, or the bench fails.
"""

from __future__ import annotations

import argparse
import datetime
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import psutil

from bot.cli.bars import load_bars
from bot.cli.chain import Chain
from bot.profiles import SAMPLE_VALUES
from envs.array_cache import FOLDER_VARIABLE
from envs.data.settings import LoadSettings
from training.config import OutputConfig, RunConfig, with_values
from training.events import Event, Listener
from training.machine import describe_machine, versions
from training.parallel.config import ParallelConfig
from training.parallel.events import JobFinished
from training.parallel.job import Job
from training.parallel.scheduler import Outcome, run_jobs

_BUDGET = "rules.adaptive_timesteps"


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """A job that does nothing."""

    seed: int

    @property
    def name(self) -> str:
        """Name of its files."""
        return f"nothing_{self.seed}"

    @property
    def identity(self) -> Mapping[str, Any]:
        """What decides its result."""
        return {"seed": self.seed}

    def run(self, emit: Listener) -> Mapping[str, Any]:
        """Return at once."""
        del emit
        return {}


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """A training that looks at its process's memory at the end."""

    chain: Chain

    @property
    def name(self) -> str:
        """Name of its files."""
        return self.chain.name

    @property
    def seed(self) -> int:
        """Root of its random numbers."""
        return self.chain.seed

    @property
    def identity(self) -> Mapping[str, Any]:
        """What decides its result."""
        return {"seed": self.seed, **self.chain.identity}

    def run(self, emit: Listener) -> Mapping[str, Any]:
        """Train."""
        summary = self.chain.run(emit)["summary"]
        return {
            "env_steps": sum(fold["n_steps"] for fold in summary["folds"]),
            "total_return_frac": summary["out_of_sample"]["total_return_frac"],
            "peak_bytes": summary["peak_memory_bytes"],
            "own_bytes": psutil.Process().memory_full_info().uss,
        }


@dataclass(frozen=True, kw_only=True)
class Timed:
    """What running jobs took.

    Attributes:
        first_s: Seconds until the first job was done: the start of the workers, for the most part.
        each_s: Seconds a job in the steady state, when every worker has done one.
        outcome: What the jobs came to.
    """

    first_s: float
    each_s: float
    outcome: Outcome


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--chains", type=int, default=6, help="trainings a measurement")
    parser.add_argument("--steps", type=int, default=16_384, help="env steps of a training")
    parser.add_argument("--jobs", type=int, default=200, help="jobs of nothing a measurement")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ[FOLDER_VARIABLE] = str(Path(folder) / "cache")
        _print_surroundings()
        _overhead(Path(folder), options.workers, options.jobs)
        _throughput(Path(folder), options.workers, options.chains, n_steps=options.steps)


def _overhead(folder: Path, workers: Sequence[int], n_jobs: int) -> None:
    jobs = [Nothing(seed=seed) for seed in range(n_jobs)]
    print("\n| jobs of nothing | first done, s | ms a job after that |\n|---|---|---|")
    ways = [("sequential", ParallelConfig(engine="sequential"))]
    ways += [(_workers_word(n), ParallelConfig(n_workers=n)) for n in workers]
    for name, config in ways:
        timed = _timed(jobs, folder / "nothing" / name, config, n_threads=1)
        print(f"| {name} | {timed.first_s:.2f} | {timed.each_s * 1e3:.1f} |", flush=True)


def _throughput(folder: Path, workers: Sequence[int], n_chains: int, *, n_steps: int) -> None:
    print(
        "\n| trainings | first done, s | s a training | env steps/s, all | times one worker "
        "| peak MB a worker | of it its own |\n|---|---|---|---|---|---|---|"
    )
    ways = [(_workers_word(n), n, 1) for n in workers]
    ways.append(("1 worker, 2 threads", 1, 2))
    _timed(_chains(folder / "warm", 1, n_steps), folder / "warm", ParallelConfig(), n_threads=1)
    results, one_s = [], None
    for name, n_workers, n_threads in ways:
        place = folder / name.replace(" ", "_")
        config = ParallelConfig(n_workers=n_workers)
        timed = _timed(_chains(place, n_chains, n_steps), place, config, n_threads=n_threads)
        found = [content["result"] for content in timed.outcome.results.values()]
        one_s = one_s or timed.each_s
        peak, own = (max(item[key] for item in found) / 1e6 for key in ("peak_bytes", "own_bytes"))
        print(
            f"| {name} | {timed.first_s:.1f} | {timed.each_s:.2f} "
            f"| {found[0]['env_steps'] / timed.each_s:,.0f} | {one_s / timed.each_s:.2f} "
            f"| {peak:.0f} | {own:.0f} |",
            flush=True,
        )
        results.append({name: r["total_return_frac"] for name, r in _results(timed).items()})
    assert all(result == results[0] for result in results), "results depend on the workers"
    print(f"\nAll ways gave the same {n_chains} results, to the last bit.")


def _results(timed: Timed) -> dict[str, dict[str, Any]]:
    return {name: content["result"] for name, content in timed.outcome.results.items()}


def _timed(jobs: Sequence[Job], folder: Path, config: ParallelConfig, *, n_threads: int) -> Timed:
    """Run jobs in a new folder and time them by when each was done."""
    done_s: list[float] = []

    def listen(event: Event) -> None:
        if isinstance(event, JobFinished):
            done_s.append(perf_counter() - started_s)

    n_workers = config.n_workers or 1
    started_s = perf_counter()
    outcome = run_jobs(
        jobs, folder=folder / "jobs", config=config, listener=listen, n_cores=n_workers * n_threads
    )
    assert not outcome.failures, outcome.failures
    n_counted = max(len(jobs) - n_workers, 1)
    steady_s = done_s[-1] - done_s[n_workers - 1] if len(jobs) > n_workers else done_s[-1]
    return Timed(first_s=done_s[0], each_s=steady_s / n_counted, outcome=outcome)


def _chains(folder: Path, n_chains: int, n_steps: int) -> list[Weighed]:
    budget = {f"{_BUDGET}.base_timesteps": n_steps, f"{_BUDGET}.min_timesteps": n_steps}
    one_fold = {"folds.max_folds": 1, "device": "cpu"}
    config = with_values(RunConfig(), {**SAMPLE_VALUES, **budget, **one_fold})
    bars = load_bars(None, LoadSettings()).bars
    return [
        Weighed(
            chain=Chain(
                config=with_values(config, {"seed": seed}),
                output=OutputConfig(results_dir=folder / "runs", tensorboard=False),
                provenance={},
                report=False,
                identity={"bars": bars.fingerprint},
            )
        )
        for seed in range(n_chains)
    ]


def _workers_word(n_workers: int) -> str:
    return "1 worker" if n_workers == 1 else f"{n_workers} workers"


def _print_surroundings() -> None:
    machine, used = describe_machine(), versions()
    load = ", ".join(f"{average:.1f}" for average in os.getloadavg())
    today = datetime.datetime.now(datetime.UTC).date()
    print(
        f"{today}: {machine['processor']}, {machine['n_usable_cores']:g} cores; Python "
        f"{machine['python']}, torch {used['torch']}, numpy {used['numpy']}. Load averages at the "
        f"start {load}."
    )


if __name__ == "__main__":
    main()
