"""Which settings earn most for what they cost? The search behind the profiles.

    python bench/profiles.py search --out rows.jsonl --rungs medium:2 easy,medium,hard:3
    python bench/profiles.py run --out rows.jsonl --candidates "start" --grounds gold --seeds 0 1
    python bench/profiles.py pace --out rows.jsonl
    python bench/profiles.py table --out rows.jsonl

`search` walks the candidates of `bench/search/candidates.py` over three planted markets, market and
agent of the same seed, and halves them after each rung of seeds: whole fronts of (share of Bayes on
fresh bars, CPU seconds of a fold) go on. `run` adds trials by name, `pace` times updates of stock
with the original's settings. Every trial is appended to the file; what is there is not run again.
`table` prints the front. Costs are CPU seconds on one thread, as a shared machine has no others.

Choose on planted and validation bars only: test scores are printed for `--chosen`, and decide
nothing. Read next: `bench.search.trial`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import torch

from bench.search.candidates import CANDIDATES, ORIGINAL, candidate_config
from bench.search.front import PACE, on_common_ground, read_rows, row_key, standings, survivors
from bench.search.grounds import GROUNDS, PLANTED, make_ground
from bench.search.told import front_table, real_table
from bench.search.trial import original_pace, run_trial
from envs.array_cache import ArrayCache, default_cache_folder
from training.config import with_values

RUNGS = ("medium:2", "easy,medium,hard:3", "easy,medium,hard:6")
DATA_FOLDER = Path(__file__).parents[1] / ".." / "shared" / "data"


def main() -> None:
    """Do what was asked for."""
    options = _options()
    torch.set_num_threads(1)
    {"search": search, "run": run, "pace": pace, "table": table}[options.part](options)


def search(options: argparse.Namespace) -> None:
    """Halve the candidates after each rung of seeds."""
    names = options.candidates or list(CANDIDATES)
    for rung in options.rungs:
        grounds, _, n_seeds = rung.partition(":")
        for seed in range(int(n_seeds)):
            _run_missing(names, grounds.split(","), [seed], options)
        rows = [row for row in read_rows(options.out) if row["candidate"] in names]
        names = survivors(standings(on_common_ground(rows)), max(len(names) // 2, 4))
        print(f"after {rung}: {', '.join(names)}", flush=True)


def run(options: argparse.Namespace) -> None:
    """Run the trials of the names given."""
    _run_missing(options.candidates or list(CANDIDATES), options.grounds, options.seeds, options)


def pace(options: argparse.Namespace) -> None:
    """Time some updates of stock with the original's settings."""
    ground = make_ground("easy", seed=0, data_folder=options.data)
    content = {"candidate": PACE, **original_pace(ground, n_steps=options.steps)}
    _append(options.out, [content])
    print(content)


def table(options: argparse.Namespace) -> None:
    """Print the front on the trials that all named candidates had, and the real bars."""
    names = {*(options.candidates or CANDIDATES), PACE}
    rows = [row for row in read_rows(options.out) if row["candidate"] in names]
    print(front_table(rows))
    print()
    print(real_table(rows, options.chosen))


def _run_missing(
    names: Sequence[str],
    grounds: Sequence[str],
    seeds: Sequence[int],
    options: argparse.Namespace,
) -> None:
    cache = ArrayCache(default_cache_folder())
    for ground_name in grounds:
        for seed in seeds:
            ground = make_ground(ground_name, seed=seed, data_folder=options.data)
            for name in names:
                done = {row_key(row)[:3] for row in read_rows(options.out)}
                if (name, ground_name, seed) in done:
                    continue
                config = with_values(candidate_config(name), ground.values)
                if options.folds is not None:
                    config = with_values(config, {"folds.max_folds": options.folds})
                rows = run_trial(name, config, ground, seed=seed, cache=cache)
                _append(options.out, [row.to_json() for row in rows])
                print(*(row.in_words() for row in rows), sep="\n", flush=True)


def _append(path: Path, contents: Sequence[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write("".join(f"{json.dumps(content)}\n" for content in contents))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("search", "run", "pace", "table"))
    parser.add_argument("--out", type=Path, default=Path("results/profiles.jsonl"))
    parser.add_argument("--data", type=Path, default=DATA_FOLDER, help="folder of the real files")
    parser.add_argument("--candidates", nargs="*", help=f"also {ORIGINAL}, or 'profile NAME'")
    parser.add_argument("--grounds", nargs="*", choices=GROUNDS, default=list(PLANTED))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--folds", type=int, help="at most so many; rows of fewer look complete")
    parser.add_argument("--rungs", nargs="*", default=RUNGS, help="grounds and number of seeds")
    parser.add_argument("--steps", type=int, default=1_536, help="of the original's pace")
    parser.add_argument("--chosen", nargs="*", default=[], help="whose test scores are shown")
    return parser.parse_args()


if __name__ == "__main__":
    main()
