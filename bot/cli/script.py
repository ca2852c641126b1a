"""What the historical scripts share: where they write, and what they call themselves."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path

from bot.cli.boundary import guarded


def run_script(arguments: Sequence[str], script: Path, *, original: bool = False) -> int:
    """Train as `walkfast train` does, writing to the `results/` beside the script's folder.

    Args:
        arguments: Flags, without the program's name.
        script: Path of the script that was started.
        original: Whether the original training is the default.
    """
    results = script.resolve().parents[1] / "results"

    def train() -> int:
        command = importlib.import_module("bot.cli.train")  # torch: seconds, to be interrupted in
        code: int = command.main(
            arguments, program=f"python {script.name}", original=original, results_dir=results
        )
        return code

    return guarded(train)
