"""`write_benchmark_report`: from the folder of a benchmark to `report.html` and pictures in it.

Read next: `bot.report.benchmark.headline` for what comes first on the page.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bot.report.benchmark import conduct, ground, honesty, verdicts
from bot.report.benchmark.headline import headline
from bot.report.benchmark.part import Part
from bot.report.benchmark.read import Benchmark, read_benchmark
from bot.report.markup import Html, join, tag
from bot.report.page import page
from bot.report.pictures import png
from bot.report.tables import led, section
from bot.report.write import REPORT_FILE
from envs.atomic import write_bytes

PICTURE_FILES = (
    "speed.png",
    "ablation.png",
    "quality.png",
    "validation.png",
    "equity.png",
    "stages.png",
    "stress.png",
)
_PARTS: tuple[Callable[[Benchmark], Part], ...] = (
    verdicts.speed_part,
    verdicts.ablation_part,
    verdicts.quality_part,
    conduct.validation_part,
    conduct.equity_part,
    conduct.stages_part,
    honesty.honesty_part,
    ground.limits_part,
    ground.ground_part,
)
_HOW_TO_READ = (
    (
        "Same ground.",
        "All arms have the same bars, folds, market, costs, score and seeds, and take turns, each "
        "run in a process of its own, so that a machine that slows down slows all of them.",
    ),
    (
        "Measured and extrapolated.",
        "A time marked ~ was never waited for: a pace was measured over some thousand env steps "
        "and counted up to a whole fold, always in favour of the original. An arm that was only "
        "timed has no test score, because an unfinished training is not tested.",
    ),
    (
        "Not worse has a margin.",
        "It was fixed before the run. Not worse means that the whole interval lies above minus the "
        "margin; where it does not, the question is open, however good the middle looks.",
    ),
    (
        "An interval that includes 1 shows nothing.",
        "It does not show that there is no effect either: more seeds narrow it.",
    ),
    (
        "Test bars, once.",
        "Quality is from bars that no model was trained or chosen on. Comparing many settings by "
        "this page and keeping the best one uses them up.",
    ),
    ("This is no investment advice.", "It describes a computation on past prices."),
)


def write_benchmark_report(folder: Path) -> Path:
    """Write the report of a benchmark beside its numbers; older files of it are replaced.

    Args:
        folder: `results/<run>/benchmark`; only `benchmark.json` in it is read.

    Returns:
        The report's path. A picture whose data are absent is not there.

    Raises:
        StoreError: If there is no `benchmark.json`, or it is damaged.
    """
    benchmark = read_benchmark(folder)
    parts = _parts(benchmark)
    path = folder / REPORT_FILE
    write_bytes(path, _page(benchmark, parts).encode())
    drawn = {part.picture.file: part.picture.draw for part in parts if part.picture}
    for file in PICTURE_FILES:
        if file in drawn:
            write_bytes(folder / file, png(drawn[file]))
        else:
            (folder / file).unlink(missing_ok=True)
    return path


def render_page(benchmark: Benchmark) -> str:
    """Build the whole page."""
    return _page(benchmark, _parts(benchmark))


def _parts(benchmark: Benchmark) -> list[Part]:
    return [build(benchmark) for build in _PARTS]


def _page(benchmark: Benchmark, parts: list[Part]) -> str:
    body = join(headline(benchmark), *(part.html for part in parts), _reading())
    return page(f"walkfast benchmark: {benchmark.name}", body)


def _reading() -> Html:
    points = [tag("li", *led(*point)) for point in _HOW_TO_READ]
    return section("How to read this", tag("ul", *points))
