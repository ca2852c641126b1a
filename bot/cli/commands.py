"""The commands of `walkfast`: their names, and the way to each.

A command's module is imported when it is asked for: `walkfast data` needs no torch.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from bot.cli.boundary import DONE, MISTAKE, complain, guarded
from bot.cli.output import say

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "train": "train walk-forward on a file of bars, or on the embedded sample",
        "evaluate": "run a saved model over bars and compare it with the baselines",
        "benchmark": "measure how much faster than the original training, and if as good",
        "compare": "paired statistics on finished runs, and what they allow to say",
        "history": "list runs and benchmarks with their headline numbers",
        "data": "show what is understood of a file of bars",
        "audit": "prove that features, env and evaluation see no future bar",
        "cache": "show or clear the cache of bars and features",
        "doctor": "show what this machine has and how fast the engine is on it",
    }
)
"""Commands by name; each lives in `bot.cli.<name>` as `main(arguments) -> exit code`."""

_EXAMPLES = """\
  walkfast train                        a first run, on the embedded sample
  walkfast data XAUUSDm_15min.csv       is this file understood?
  walkfast train --data_path XAUUSDm_15min.csv --profile fast"""


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code, also where its import is interrupted."""
    return guarded(lambda: _run(arguments))


def _run(arguments: Sequence[str]) -> int:
    name, *rest = arguments or ["--help"]
    if name in ("-h", "--help", "help"):
        say(_page())
        return DONE
    if name == "--version":
        say(f"walkfast {_version()}")
        return DONE
    if name not in COMMANDS:
        complain(_unknown(name))
        return MISTAKE
    code: int = importlib.import_module(f"bot.cli.{name}").main(rest)
    return code


def main() -> int:
    """Run the command that was typed; the entry point of `walkfast`."""
    return run(sys.argv[1:])


def _page() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {says}" for name, says in COMMANDS.items()]
    return "\n".join(
        [
            "usage: walkfast COMMAND [flags]",
            "",
            "Walk-forward training of recurrent trading agents on bars.",
            "",
            *lines,
            "",
            "walkfast COMMAND --help shows the flags of a command; walkfast --version.",
            "",
            "examples:",
            _EXAMPLES,
        ]
    )


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    if name.startswith("-"):
        hint = "a command comes first, its flags after it. "
    return (
        "The command must be a known one.\n"
        f"Found: {name!r}.\n"
        f"To mend: {hint}Choose from: {', '.join(COMMANDS)}."
    )


def _version() -> str:
    try:
        return importlib.metadata.version("walkfast")
    except importlib.metadata.PackageNotFoundError:
        return "of a source tree that is not installed"
