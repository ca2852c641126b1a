"""The original training, which every comparison is against, under its historical name.

    cd bot && python train_ppo.py --data_path ../data/XAUUSDm_15min.csv

Same flags as `walkfast train --use_original_training`; results go to the repository's `results/`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and return the exit code."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))  # works from a checkout that is not installed, too
    from bot.cli.script import run_script  # noqa: PLC0415 - only now can it be found

    return run_script(
        sys.argv[1:] if arguments is None else arguments, Path(__file__), original=True
    )


if __name__ == "__main__":
    sys.exit(main())
