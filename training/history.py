"""What a folder of runs holds: every run and benchmark with its headline numbers, read from files.

A finished run takes two small files to read, so that thousands are listed at once. What cannot be
read is named beside the rest and never ends the list. Not here: the screen (`bot.cli.history`),
comparing (`training.compare`). Argued in `docs/decisions/142-listing-runs.md`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypedDict

from training.errors import StoreError
from training.store import (
    BENCHMARK_FILE,
    BENCHMARK_FOLDER,
    BENCHMARK_PLAN_FILE,
    CONFIG_FILE,
    EVENTS_FILE,
    JOBS_FOLDER,
    PERFORMANCE_SUMMARY_FILE,
    SEEDS_FILE,
    STATE_FILE,
    read_run_file,
)

State = Literal["finished", "stopped", "interrupted", "failed", "open"]
"""`open` = neither finished nor stopped in order: still running, or killed without a word;
`stopped` = a benchmark whose own time was over before its last run."""

_LAST_BYTES = 4_096
"""Where the last line of a log is looked for: that a run stopped is a short line."""


@dataclass(frozen=True, kw_only=True)
class PastRun:
    """A run as it is listed; None where nothing is recorded.

    Attributes:
        name, folder: Of its results.
        when: When it ended, or was last written to; ISO, UTC.
        symbol, timeframe, data_path: Of its bars.
        profile, seed: Of its settings.
        n_folds_done, n_folds_planned: Folds.
        state: How it stands.
        error: What ended it, where it failed.
        damage: What cannot be read of it beside its summary; None where nothing was found.
        test_return_frac, hold_return_frac, sharpe, max_drawdown_frac: Of the stitched test slices;
            None until it is finished.
        duration_s: Wall seconds of its folds, and of what came before them where it is finished.
    """

    name: str
    folder: str
    when: str | None
    symbol: str | None
    timeframe: str | None
    data_path: str | None
    profile: str | None
    seed: int | None
    n_folds_done: int | None
    n_folds_planned: int | None
    state: State
    error: str | None = None
    damage: str | None = None
    test_return_frac: float | None = None
    hold_return_frac: float | None = None
    sharpe: float | None = None
    max_drawdown_frac: float | None = None
    duration_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class PastBenchmark:
    """A benchmark as it is listed; None where nothing is recorded.

    Attributes:
        name, folder: Of the run that it lies in, and its own.
        when: When it ended; ISO, UTC.
        symbol, timeframe, data_path: Of its bars.
        profile: What was judged.
        n_seeds, n_folds: Of every arm.
        n_runs_done, n_runs_planned: Its runs.
        state: `failed` where a run failed, `stopped` where its own time was over.
        speed, speed_low, speed_high: How many times as fast as the original, and its interval.
        test_return_frac, original_return_frac: Test returns, interquartile means; the original's
            are those of its stand-in where it was only timed.
        verdict: In words.
    """

    name: str
    folder: str
    when: str | None
    symbol: str | None
    timeframe: str | None
    data_path: str | None
    profile: str | None
    n_seeds: int | None
    n_folds: int | None
    n_runs_done: int | None
    n_runs_planned: int | None
    state: State
    speed: float | None = None
    speed_low: float | None = None
    speed_high: float | None = None
    test_return_frac: float | None = None
    original_return_frac: float | None = None
    verdict: str | None = None


@dataclass(frozen=True, kw_only=True)
class Damaged:
    """A folder that looks like a run or a benchmark and cannot be read."""

    folder: str
    error: str


@dataclass(frozen=True, kw_only=True)
class History:
    """What a folder of runs holds, oldest first."""

    runs: tuple[PastRun, ...]
    benchmarks: tuple[PastBenchmark, ...]
    damaged: tuple[Damaged, ...]

    def to_json(self) -> dict[str, Any]:
        """Return all of it; strict JSON."""
        return asdict(self)


def read_history(results_dir: Path) -> History:
    """List the runs and benchmarks in a folder; folders that are neither are passed over.

    Args:
        results_dir: An existing folder of runs.
    """
    found = [item for folder in sorted(results_dir.iterdir()) for item in _read(folder)]
    return History(
        runs=tuple(sorted((x for x in found if isinstance(x, PastRun)), key=_age)),
        benchmarks=tuple(sorted((x for x in found if isinstance(x, PastBenchmark)), key=_age)),
        damaged=tuple(x for x in found if isinstance(x, Damaged)),
    )


def is_matching(item: PastRun | PastBenchmark, data: str) -> bool:
    """Whether the symbol, the timeframe or the file of a run's bars holds a text; any case."""
    told = f"{item.symbol or ''} {item.timeframe or ''} {item.data_path or ''}"
    return data.casefold() in told.casefold()


def _age(item: PastRun | PastBenchmark) -> tuple[str, str]:
    return item.when or "", item.name


def _read(folder: Path) -> Iterator[PastRun | PastBenchmark | Damaged]:
    """Yield the run and the benchmark that a folder holds, and the runs of several seeds."""
    yield from _read_one(folder)
    for inner in _seeds(folder):
        for item in _read_one(inner):
            if isinstance(item, PastRun):
                yield replace(item, name=f"{folder.name}/{item.name}")
            else:
                yield item


def _seeds(folder: Path) -> list[Path]:
    """Return what lies in a folder of `train --seeds`; nothing where it is none or unreadable."""
    try:
        is_of_seeds = (folder / SEEDS_FILE).is_file() or (folder / JOBS_FOLDER).is_dir()
        return sorted(folder.iterdir()) if is_of_seeds else []
    except OSError:
        return []  # the folder itself is read, too, and told to be damaged


def _read_one(folder: Path) -> Iterator[PastRun | PastBenchmark | Damaged]:
    """Yield the run and the benchmark that a folder holds, or what is wrong with them."""
    for place, reader in ((folder, _run), (folder / BENCHMARK_FOLDER, _benchmark)):
        try:
            item = reader(place)
        except (StoreError, OSError) as error:
            yield Damaged(folder=str(place), error=_in_words(error))
        else:
            if item is not None:
                yield item


def _in_words(error: StoreError | OSError) -> str:
    told = f"{error.must_hold}: {error.came}" if isinstance(error, StoreError) else error
    return " ".join(str(told).split())


def _damage(folder: Path) -> str | None:
    """Say what is wrong with the configuration of a finished run, which nothing else here reads."""
    try:
        _content(folder / CONFIG_FILE)
    except (StoreError, OSError) as error:
        return f"{CONFIG_FILE}: {_in_words(error)}"
    return None


def _run(folder: Path) -> PastRun | None:
    summary = _content(folder / PERFORMANCE_SUMMARY_FILE)
    if summary is not None:
        return _finished(folder, summary)
    config, state = _content(folder / CONFIG_FILE), _content(folder / STATE_FILE)
    if config is None and state is None:
        return None
    return _unfinished(folder, config or {}, state or {})


def _finished(folder: Path, summary: Mapping[str, Any]) -> PastRun:
    tested = _part(summary, "out_of_sample")
    folds = summary.get("folds")
    n_folds = len(folds) if isinstance(folds, list) else None
    return PastRun(
        name=folder.name,
        folder=str(folder),
        when=_text(summary, "completion_time"),
        **_bars(_part(summary, "data")),
        profile=_text(summary, "profile"),
        seed=_whole(summary, "seed"),
        n_folds_done=n_folds,
        n_folds_planned=n_folds,
        state="finished",
        damage=_damage(folder),
        test_return_frac=_number(tested, "total_return_frac"),
        hold_return_frac=_number(_part(summary, "baselines", "buy_and_hold"), "total_return_frac"),
        sharpe=_number(tested, "sharpe"),
        max_drawdown_frac=_number(tested, "max_drawdown_frac"),
        duration_s=_number(summary, "duration_s"),
    )


def _unfinished(folder: Path, config: Mapping[str, Any], state: Mapping[str, Any]) -> PastRun:
    settings = _part(config, "config") or _part(state, "config")
    times = state.get("iteration_times")
    durations = times if isinstance(times, list) else []
    last = _last_event(folder / EVENTS_FILE)
    stopped = last if last.get("event") == "RunStopped" else {}
    reasons: dict[object, State] = {"interrupted": "interrupted", "failed": "failed"}
    return PastRun(
        name=folder.name,
        folder=str(folder),
        when=_text(state, "timestamp"),
        **_bars(_part(config, "data")),
        profile=_text(settings, "profile"),
        seed=_whole(settings, "seed"),
        n_folds_done=_whole(state, "completed_iterations"),
        n_folds_planned=_whole(state, "total_iterations"),
        state=reasons.get(stopped.get("reason"), "open"),
        error=_text(stopped, "error"),
        duration_s=sum(x for x in durations if isinstance(x, int | float)) or None,
    )


def _benchmark(folder: Path) -> PastBenchmark | None:
    result, planned = _content(folder / BENCHMARK_FILE), _content(folder / BENCHMARK_PLAN_FILE)
    if result is None and planned is None:
        return None
    if result is None:
        return _open_benchmark(folder, planned or {})
    units = [unit for unit in _list(result, "units") if isinstance(unit, Mapping)]
    done = sum(unit.get("status") == "done" for unit in units)
    arms = _part(result, "arms")
    n_planned = _n_runs(_part(result, "planned", "plan")) or (
        (_whole(result, "n_seeds") or 0) * len(arms)  # of a version that kept no plan beside it
    )
    compared = _part(result, "against_original", "optimized")
    scored = _text(compared, "quality_of") or "original"
    interval = _part(compared, "speed", "interval")
    return PastBenchmark(
        name=f"{folder.parent.name}/{folder.name}",
        folder=str(folder),
        when=_text(result, "created"),
        **_bars(_part(result, "data")),
        profile=_text(result, "profile"),
        n_seeds=_whole(result, "n_seeds"),
        n_folds=_whole(result, "n_folds"),
        n_runs_done=done,
        n_runs_planned=n_planned,
        state=_ended(result, units, n_planned),
        speed=_number(_part(compared, "speed"), "value"),
        speed_low=_number(interval, "low"),
        speed_high=_number(interval, "high"),
        test_return_frac=_number(_part(arms, "optimized", "test_return"), "value"),
        original_return_frac=_number(_part(arms, scored, "test_return"), "value"),
        verdict=_text(_part(compared, "verdict"), "text"),
    )


def _ended(result: Mapping[str, Any], units: Sequence[Mapping[str, Any]], n_planned: int) -> State:
    """Say how a benchmark ended; what has a result ended in order, all of it run or not."""
    if len(units) < n_planned:
        return "stopped" if _whole(result, "n_left_out") else "interrupted"
    is_done = all(unit.get("status") == "done" for unit in units)
    return "finished" if is_done else "failed"


def _open_benchmark(folder: Path, planned: Mapping[str, Any]) -> PastBenchmark:
    """List a benchmark that has no result yet, from its plan."""
    plan, settings = _part(planned, "plan"), _part(planned, "configs", "optimized")
    n_seeds = _whole(plan, "n_seeds")
    return PastBenchmark(
        name=f"{folder.parent.name}/{folder.name}",
        folder=str(folder),
        when=_text(planned, "begun"),
        symbol=None,
        timeframe=None,
        data_path=_text(settings, "data_path"),
        profile=_text(settings, "profile"),
        n_seeds=n_seeds,
        n_folds=_whole(plan, "n_folds"),
        n_runs_done=len(list((folder / "units").glob("*.json"))),
        n_runs_planned=_n_runs(plan),
        state="open",
    )


def _n_runs(plan: Mapping[str, Any]) -> int:
    """Count the runs of a plan: an arm may have fewer seeds than the others."""
    arms = [arm for arm in _list(plan, "arms") if isinstance(arm, Mapping)]
    n_seeds = _whole(plan, "n_seeds") or 0
    return sum(min(_whole(arm, "n_seeds") or n_seeds, n_seeds) for arm in arms)


class _Bars(TypedDict):
    symbol: str | None
    timeframe: str | None
    data_path: str | None


def _bars(data: Mapping[str, Any]) -> _Bars:
    return _Bars(
        symbol=_text(data, "symbol"),
        timeframe=_text(data, "timeframe"),
        data_path=_text(data, "path"),
    )


def _content(path: Path) -> dict[str, Any] | None:
    """Read a JSON file; None where there is none, also where a file stands for a folder."""
    try:
        return read_run_file(path)
    except NotADirectoryError:
        return None


def _last_event(path: Path) -> Mapping[str, Any]:
    """Return the last whole line of a log; an empty mapping where it is long or no JSON."""
    try:
        with path.open("rb") as log:
            log.seek(0, 2)
            log.seek(max(log.tell() - _LAST_BYTES, 0))
            lines = log.read().splitlines()
        event = json.loads(lines[-1]) if lines else {}
    except (OSError, ValueError):
        return {}
    return event if isinstance(event, Mapping) else {}


def _part(source: object, *keys: str) -> Mapping[str, Any]:
    """Return a mapping inside mappings; an empty one where it is missing or something else."""
    for key in keys:
        source = source.get(key) if isinstance(source, Mapping) else None
    return source if isinstance(source, Mapping) else {}


def _list(source: Mapping[str, Any], key: str) -> list[Any]:
    value = source.get(key)
    return value if isinstance(value, list) else []


def _text(source: Mapping[str, Any], key: str) -> str | None:
    value = source.get(key)
    return value if isinstance(value, str) else None


def _number(source: Mapping[str, Any], key: str) -> float | None:
    value = source.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _whole(source: Mapping[str, Any], key: str) -> int | None:
    value = source.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
