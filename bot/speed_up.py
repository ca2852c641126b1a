"""What is said of a run's speed-up over the original: on the screen, at its end, in its report.

The ratio itself is `training.calibration`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.wording import NOT_MEASURED, as_number, compact, counted, duration, percent, times, whole

UNKNOWN = f"{NOT_MEASURED}: --calibrate or walkfast benchmark measures it"
"""Stands where a run has no measured speed-up, and names what measures one."""

BUSY = 0.9
"""Share of a core below which the timing of the original says that the machine was busy."""


def spread_text(value: object, low: object, high: object, n_rounds: object) -> str:
    """Write a speed-up with its spread over the timed rounds of the original."""
    spread = f"{times(low)} to {times(high)} over {whole(n_rounds)} timed updates"
    return f"{times(value)} a fold ({spread})"


def sentences(optimization: Mapping[str, Any]) -> list[str]:
    """Say what a run's speed-up is a ratio of, what it spreads over and what it cost.

    Args:
        optimization: Content of `optimization_summary.json`.

    Returns:
        Three sentences; one where nothing was measured.
    """
    found = optimization.get("calibration")
    measured = found.get("speed_up") if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping) or not isinstance(measured, Mapping):
        return [UNKNOWN]
    threads = as_number(found.get("n_threads")) or 1
    core_frac = as_number(found.get("core_frac"))
    busy = ""
    if core_frac is not None and core_frac < BUSY:
        busy = (
            f" The machine was busy: it had {percent(core_frac, 0, signed=False)} of a core then, "
            "and the ratio holds only as far as the folds had the same."
        )
    spread = spread_text(
        measured.get("value"), measured.get("low"), measured.get("high"), found.get("n_rounds")
    )
    return [
        f"{spread}.",
        f"At its pace, {compact(found.get('steps_per_s'))} steps/s on "
        f"{counted(int(threads), 'thread')}, the original needs "
        f"{duration(measured.get('original_fold_s'))} for its {whole(found.get('budget_steps'))} "
        "steps, evaluations not counted; a fold here took "
        f"{duration(measured.get('mean_fold_s'))} on average, all counted.",
        f"Env steps a second: {times(measured.get('steps_ratio'))}. Timing the original took "
        f"{duration(found.get('took_s'))}; its warm-up is not in the figures.{busy}",
    ]
