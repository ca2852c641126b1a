"""The report of a benchmark: `report.html` and its pictures, made from `benchmark.json` alone.

    read        benchmark.json as arms and measures; whatever is absent is None
    lanes       rows with labels on the left, panels beside each other, values written beside them
    forest      values with intervals; speed, quality, chance
    waterfall   the ablation, one switch after another
    traces      validation curves and stitched equity over time
    stages      where the time went
    headline    the first screen
    verdicts, conduct, honesty, ground   the sections below it
    write       the page; start here

Nothing is computed that decides anything. Not here: the numbers and the words of the table
(`training.benchmark`), the report of a single run (`bot.report.write`).
"""

from bot.report.benchmark.write import write_benchmark_report

__all__ = ["write_benchmark_report"]
