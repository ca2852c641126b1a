"""One job of a benchmark in a process of its own: `python -m bot.cli.benchmark_unit JOB ANSWER`.

Started by `training.benchmark.children`; nobody types it. Not here: what the job does
(`training.benchmark.unit`).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bot.cli.bars import load_bars
from bot.cli.boundary import DONE, guarded
from bot.cli.sample import sample_share
from envs.array_cache import ArrayCache
from envs.atomic import write_json
from envs.data.load import LoadedBars
from training.benchmark.children import PARENT
from training.benchmark.unit import run_job
from training.config import RunConfig
from training.parallel.lifeline import end_with_parent


def main() -> int:
    """Do the job that a file holds, and write the answer into another one."""
    asked, answered = map(Path, sys.argv[1:3])
    return guarded(lambda: _run(asked, answered))


def _run(asked: Path, answered: Path) -> int:
    job = json.loads(asked.read_bytes())
    end_with_parent(job.pop(PARENT))
    answer = run_job(job, _load)
    if job["kind"] == "whole" and job["config"]["data_path"] is None:
        answer["bayes_share"] = sample_share(Path(job["run_folder"]))
    write_json(answered, answer)
    return DONE


def _load(config: RunConfig, cache: ArrayCache | None) -> LoadedBars:
    return load_bars(config.data_path, config.data, cache=cache)


if __name__ == "__main__":
    sys.exit(main())
