"""`write_report`: from a results folder to `report.html` and `equity.png` in it.

Read next: `bot.report.results` and `bot.report.record` for its parts, `bot.report.page` for its
shell. Not here: the report of a benchmark (`bot.report.benchmark`).
"""

from __future__ import annotations

from pathlib import Path

from bot.report import record, results
from bot.report.charts import equity_figure
from bot.report.markup import join
from bot.report.page import page
from bot.report.pictures import png
from bot.report.read import RunFiles, read_run
from envs.atomic import write_bytes

REPORT_FILE = "report.html"
EQUITY_PICTURE_FILE = "equity.png"


def write_report(run_folder: Path) -> Path:
    """Write the report of a run beside its results; an older one is replaced.

    Args:
        run_folder: Results folder; only its files are read.

    Returns:
        The report's path. `equity.png` is written where there is a stitched equity.

    Raises:
        StoreError: If the folder holds no results, or a file in it is damaged.
    """
    run = read_run(run_folder)
    path = run_folder / REPORT_FILE
    write_bytes(path, render_page(run).encode())
    equity = run.equity
    if equity is not None:
        picture = png(lambda palette: equity_figure(equity, palette))
        write_bytes(run_folder / EQUITY_PICTURE_FILE, picture)
    return path


def render_page(run: RunFiles) -> str:
    """Build the whole page."""
    sections = [
        results.performance_section(run),
        results.equity_section(run),
        results.folds_section(run),
        results.trades_section(run),
        record.validation_section(run),
        record.rules_section(run),
        record.schedules_section(run),
        record.times_section(run),
        record.data_section(run),
        record.settings_section(run),
        record.reading_section(),
    ]
    body = join(results.headline(run), *(part for part in sections if part))
    return page(f"walkfast report: {run.name}", body)
