"""What the historical scripts share: where they write, and what they call themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bot.cli import train


def run_script(arguments: Sequence[str], script: Path, *, original: bool = False) -> int:
    """Train as `walkfast train` does, writing to the `results/` beside the script's folder.

    Args:
        arguments: Flags, without the program's name.
        script: Path of the script that was started.
        original: Whether the original training is the default.
    """
    results = script.resolve().parents[1] / "results"
    return train.main(
        arguments, program=f"python {script.name}", original=original, results_dir=results
    )
