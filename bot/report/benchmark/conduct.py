"""How the arms got there: validation curves, stitched equity, where the time went.

Not here: what came out (`bot.report.benchmark.verdicts`).
"""

from __future__ import annotations

from bot.report.axes import LOG_AXIS
from bot.report.benchmark.part import Part, Picture, absent, part
from bot.report.benchmark.read import Benchmark
from bot.report.benchmark.stages import Spent, spent_by, stages_figure
from bot.report.benchmark.trace_charts import accounts_figure, traces_figure
from bot.report.benchmark.traces import accounts, validation_traces
from bot.report.markup import Html, tag
from bot.report.tables import table
from bot.wording import whole
from training.benchmark.table import duration

_MOST_FOLDS = 9


def validation_part(benchmark: Benchmark) -> Part:
    """Build the validation scores of all runs over wall time."""
    title = "Validation against wall time"
    folds = validation_traces(benchmark)
    if not folds:
        return absent(
            title, "No arm trained whole folds, so that there are no validation scores to draw."
        )
    shown = folds[:_MOST_FOLDS]
    ends_s = {
        arm.name: arm.fold_s
        for arm in benchmark.main_arms
        if arm.is_extrapolated and arm.fold_s is not None and arm.fold_s > 0
    }
    left_out = "" if shown == folds else f" The first {len(shown)} of {len(folds)} folds."
    picture = Picture(
        file="validation.png",
        draw=lambda palette: traces_figure(shown, ends_s, palette),
        says="Validation score over wall time by arm, seed and fold",
        caption=(
            "Validation score over a fold's wall time, every seed a line; logarithmic in time. "
            + _target_words(has_target=any(fold.targets for fold in shown), ends=bool(ends_s))
            + "Scores of different folds do not compare, and none of them is performance: they "
            f"chose the models.{left_out}"
        ),
    )
    return part(title, picture)


def _target_words(*, has_target: bool, ends: bool) -> str:
    words = ""
    if has_target:
        words += (
            "The dashed line is the original's final score (band: over seeds); a diamond marks "
            "where a run had reached that of its seed twice in a row. "
        )
    if ends:
        words += (
            "A dotted line is where a fold of an arm that was only timed would end, by its pace; "
            "of such an arm there are no scores. "
        )
    return words


def equity_part(benchmark: Benchmark) -> Part:
    """Build the stitched accounts of the arms beside the baselines."""
    drawn = accounts(benchmark.main_arms)
    if not drawn:
        return absent(
            "Equity", "No arm was tested on whole folds, so that there is no account to draw."
        )
    missing = [arm.label for arm in benchmark.main_arms if not arm.is_whole]
    untested = f" Only timed, and so not tested: {', '.join(missing)}." if missing else ""
    picture = Picture(
        file="equity.png",
        draw=lambda palette: accounts_figure(drawn, palette),
        says="Accounts of the arms and the baselines over the test slices",
        caption=(
            "Test slices one after another, compounded, net of costs: for each arm the seed that "
            "ended in the middle, the band from the lowest to the highest seed. Dotted lines are "
            f"fold boundaries. {LOG_AXIS}{untested}"
        ),
    )
    return part("Equity", picture)


def stages_part(benchmark: Benchmark) -> Part:
    """Build where the time of each arm's runs went."""
    title = "Where the time goes"
    rows = spent_by(benchmark.arms)
    if not rows:
        return absent(title, "No run finished, so that no stage was timed.")
    picture = Picture(
        file="stages.png",
        draw=lambda palette: stages_figure(rows, palette),
        says="Shares of the stages in each arm's wall and CPU time",
        caption=(
            "Upper bar: wall time of a run by stage, as shares. Lower, pale bar: CPU time of all "
            "threads on the same scale: longer where several threads worked at once, shorter where "
            "the run waited, as for a busy machine. Arms that were only timed trained fewer steps: "
            "compare shares, not seconds."
        ),
    )
    return part(title, picture, _stage_table(rows))


def _stage_table(rows: list[Spent]) -> Html:
    stages = list(dict.fromkeys(stage for spent in rows for stage in spent.wall_s))
    headings = ["Mean of a run", *stages, "all, wall", "all, CPU", "Env steps"]
    body = [
        [
            spent.arm.label,
            *(duration(spent.wall_s.get(stage)) for stage in stages),
            duration(sum(spent.wall_s.values())),
            duration(sum(spent.cpu_s.values()) or None),
            whole(_steps(spent)),
        ]
        for spent in rows
    ]
    found = table(headings, body, kinds="t" + "n" * (len(headings) - 1))
    return tag("details", tag("summary", "Every stage, wall time"), found)


def _steps(spent: Spent) -> float | None:
    steps = [unit.get("n_steps") for unit in spent.arm.units]
    counted = [count for count in steps if isinstance(count, int)]
    return sum(counted) / len(counted) if counted else None
