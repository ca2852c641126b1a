"""Draw the report of a benchmark that has ended, whatever comes of it: the numbers are safe before.

Not here: what is drawn (`bot.report.benchmark`).
"""

from __future__ import annotations

from pathlib import Path

from bot.report.benchmark import write_benchmark_report
from bot.wording import clean
from training.store import BENCHMARK_FILE


def draw_report(folder: Path) -> str:
    """Write `report.html` and its pictures, and return one line that says where, or why not.

    Args:
        folder: `results/<run>/benchmark`.
    """
    try:
        path = write_benchmark_report(folder)
    except Exception as error:  # noqa: BLE001 - no picture may turn hours of measuring into a failure
        why = clean(f"{type(error).__name__}: {error}")
        return f"The report was not drawn ({why}); {folder / BENCHMARK_FILE} has every number."
    return f"{path}: the report, with its pictures beside it."
