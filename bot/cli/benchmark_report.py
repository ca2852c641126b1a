"""Draw the report of a benchmark that has ended, whatever comes of it: the numbers are safe before.

Not here: what is drawn (`bot.report.benchmark`).
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from bot.report.benchmark import write_benchmark_report
from bot.wording import clean
from training.store import BENCHMARK_FILE

_DOOR = "walkfast"


def draw_report(folder: Path) -> str:
    """Write `report.html` and its pictures, and return one line that says where, or why not.

    Args:
        folder: `results/<run>/benchmark`.
    """
    try:
        path = write_benchmark_report(folder, command=typed_command(sys.argv))
    except Exception as error:  # noqa: BLE001 - no picture may turn hours of measuring into a failure
        why = clean(f"{type(error).__name__}: {error}")
        return f"The report was not drawn ({why}); {folder / BENCHMARK_FILE} has every number."
    return f"{path}: the report, with its pictures beside it."


def typed_command(words: Sequence[str]) -> str:
    """Return the command line of this process as it can be typed again.

    Args:
        words: As in `sys.argv`.
    """
    door = Path(words[0]).name
    is_script = door.endswith(".py") and not door.startswith("__")
    return shlex.join([*(["python", door] if is_script else [_DOOR]), *words[1:]])
