"""Run every library on the course, in turns, and print one Markdown table.

    python bench/peers/compare.py --skrl PATH --rl_games PATH [--rounds 3] [--cores 1 2]

Each run is a process of its own in its library's environment; runs take turns (A B C A B C), the
median counts, with least and most beside it. `--learn` trains longer on the easy planted market
instead and tells how the mean reward of a step moved. Flags that this script does not know go to
every run, such as `--hidden 256`. How the environments are made: README.md here.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.speed.told import heading, number_with_spread  # the repository has to be on the path

FOLDER = Path(__file__).parent
LEARNING = ["--difficulty", "easy", "--n_iterations", "40"]


@dataclass(kw_only=True)
class Entrant:
    """One library, switch and number of cores, and what its runs told."""

    words: str
    python: str
    script: str
    flags: list[str]
    told: list[dict[str, Any]] = field(default_factory=list)

    def run(self, flags: list[str]) -> None:
        """Run once and keep what it told."""
        command = [self.python, str(FOLDER / self.script), *self.flags, *flags]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
        self.told.append(json.loads(done.stdout.splitlines()[-1]))

    @property
    def rates(self) -> list[float]:
        """Env steps a second of each run."""
        return [told["steps_per_s"] for told in self.told]


def main() -> None:
    """Run all and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--skrl", help="Python that has skrl")
    parser.add_argument("--rl_games", help="Python that has rl-games")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--learn", action="store_true")
    options, flags = parser.parse_known_args()
    if options.learn:
        flags = [*LEARNING, *flags]
    entrants = _entrants(options, [1] if options.learn else options.cores)
    for _ in range(1 if options.learn else options.rounds):
        for entrant in entrants:
            entrant.run(flags)
    print(heading(["skrl", "rl-games"], [options.skrl, options.rl_games]))
    print(_course_words(entrants[0].told[0]))
    (_print_learning if options.learn else _print_speed)(entrants)


def _entrants(options: argparse.Namespace, n_cores: list[int]) -> list[Entrant]:
    rows = [
        ("walkfast chunked, fp32", sys.executable, "walkfast_ppo.py", ["--variant", "fp32"]),
        ("walkfast chunked, bf16", sys.executable, "walkfast_ppo.py", ["--variant", "bf16"]),
        ("stock sb3-contrib", sys.executable, "walkfast_ppo.py", ["--variant", "stock"]),
        ("skrl PPO_RNN", options.skrl, "skrl_ppo.py", []),
        ("rl-games", options.rl_games, "rl_games_ppo.py", []),
        ("rl-games, compiled", options.rl_games, "rl_games_ppo.py", ["--variant", "compiled"]),
    ]
    return [
        Entrant(
            words=f"{words}, {cores} core{'s' if cores > 1 else ''}",
            python=python,
            script=script,
            flags=[*flags, "--threads", str(cores)],
        )
        for cores in n_cores
        for words, python, script, flags in rows
        if python
    ]


def _course_words(told: dict[str, Any]) -> str:
    course = told["course"]
    return (
        f"LSTM {course['hidden']} x 1 for actor and critic each, head {course['head']}, "
        f"{course['n_envs']} envs x {course['n_steps']} steps, minibatch {course['batch_size']:,}, "
        f"sequences of {course['n_steps']}, {course['n_epochs']} epochs, "
        f"{course['n_iterations']} updates; mean episode {told['mean_episode_bars']:,.0f} bars\n"
    )


def _print_speed(entrants: list[Entrant]) -> None:
    print("| library | env steps/s (least - most) | walkfast fp32 with as many cores, times |")
    print("|---|---|---|")
    for entrant in entrants:
        ours = next(one for one in entrants if one.flags[-1] == entrant.flags[-1])
        ratio = statistics.median(ours.rates) / statistics.median(entrant.rates)
        print(f"| {entrant.words} | {number_with_spread(entrant.rates)} | {ratio:.2f} |")


def _print_learning(entrants: list[Entrant]) -> None:
    print("| library | mean reward of a step, first fifth | last fifth | risen |")
    print("|---|---|---|---|")
    for entrant in entrants:
        told = entrant.told[0]
        first, last = told["first_reward"], told["last_reward"]
        print(f"| {entrant.words} | {first:.4f} | {last:.4f} | {'yes' if last > first else 'no'} |")


if __name__ == "__main__":
    main()
