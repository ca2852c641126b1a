"""`FinishedRun`: what the results folder of a run says, as far as it can be compared.

Only whole folds count; a run that was interrupted has those that it saved. Not here: which runs
may be compared (`training.compare.pairing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from training.errors import StoreError
from training.folds import Range
from training.metrics import Floats, log_growth, returns_of
from training.store import (
    BENCHMARK_FILE,
    BENCHMARK_FOLDER,
    BENCHMARK_PLAN_FILE,
    CONFIG_FILE,
    EQUITY_FILE,
    FOLD_FILE,
    JOBS_FOLDER,
    PERFORMANCE_SUMMARY_FILE,
    SEEDS_FILE,
    STATE_FILE,
    flat_settings,
    read_run_file,
)

NO_SETTINGS = frozenset({"seed", "profile", "data_path", "initial_model", "folds.max_folds"})
"""What two runs of the same training may differ in: its seed, names, and where it stops."""
_OFF = "off"
_BENCHMARK_FILES = (BENCHMARK_PLAN_FILE, BENCHMARK_FILE)
_MOST_NAMED = 6


@dataclass(frozen=True, kw_only=True, eq=False)
class FinishedFold:
    """A fold that was trained, tested and saved.

    Attributes:
        index: Its number within its run.
        test: Its test bars.
        test_start, test_stop: Times of the first test decision and of the last mark, ISO, UTC.
        duration_s: Wall seconds of the whole fold.
        score: Log growth of the account on the test bars, see `training.metrics.log_growth`.
        return_frac: The same as a return.
        n_trades: Trades closed on the test bars.
        years: Calendar time of the test bars.
        hold_frac: Return of buy-and-hold on them.
        returns: `(test.n_bars,)` simple returns of the agent.
        weights_sha256: Fingerprint of the model that was tested.
    """

    index: int
    test: Range
    test_start: str
    test_stop: str
    duration_s: float
    score: float
    return_frac: float
    n_trades: int
    years: float
    hold_frac: float
    returns: Floats
    weights_sha256: str


@dataclass(frozen=True, kw_only=True, eq=False)
class FinishedRun:
    """A run with at least one whole fold.

    Attributes:
        name: Of its folder; of seeds that were trained together with the name of all, `gold/1`.
        folder: Its results folder.
        config: Its settings, nested, as its file holds them.
        data: What is recorded of its bars.
        machine: What is recorded of the machine it began on.
        surroundings: Versions and LSTM kernel that it ran with.
        identity: Fingerprints of its bars, features and initial model; empty where not recorded.
        folds: Its whole folds, in order.
        n_planned: Folds that it was to have.
        n_sessions: How often it was begun or went on.
        is_one_of_seeds: Whether other seeds may have trained beside it, `train --seeds`.
    """

    name: str
    folder: Path
    config: Mapping[str, Any]
    data: Mapping[str, Any]
    machine: Mapping[str, Any]
    surroundings: Mapping[str, str]
    identity: Mapping[str, Any]
    folds: tuple[FinishedFold, ...]
    n_planned: int
    n_sessions: int
    is_one_of_seeds: bool

    @property
    def seed(self) -> int:
        """Root of its random numbers."""
        return int(self.config["seed"])

    @property
    def is_complete(self) -> bool:
        """Whether every planned fold is there."""
        return len(self.folds) >= self.n_planned

    @property
    def is_chained(self) -> bool:
        """Whether a fold builds on the ones before it, or on a model common to all."""
        rules = self.config["rules"]
        linked = any(rules[name]["mode"] != _OFF for name in ("warm_start", "adaptive_timesteps"))
        return linked or self.config.get("initial_model") is not None

    @property
    def settings(self) -> dict[str, Any]:
        """What decides its results and its time, by dotted path; the precision as it was chosen."""
        flat = flat_settings(self.config)
        flat["initial model's weights"] = self.identity.get("initial_model")
        return {name: value for name, value in flat.items() if name not in NO_SETTINGS}

    def fold_at(self, test: Range) -> FinishedFold | None:
        """Return the fold that tested exactly these bars."""
        return next((fold for fold in self.folds if fold.test == test), None)


def read_finished(folder: Path) -> FinishedRun:
    """Read the results folder of a run.

    Raises:
        StoreError: If it is no such folder, has no whole fold, or a file in it is damaged.
    """
    try:
        return _read(folder)
    except OSError as error:
        raise StoreError(
            "The files of a run must be readable",
            came=error.strerror or type(error).__name__,
            where=str(error.filename or folder),
        ) from error


def is_run(folder: Path) -> bool:
    """Whether a folder looks like that of a run."""
    return (folder / CONFIG_FILE).is_file()


def is_of_seeds(folder: Path) -> bool:
    """Whether a folder holds the runs of `walkfast train --seeds`, done or begun."""
    return (folder / SEEDS_FILE).is_file() or (folder / JOBS_FOLDER).is_dir()


def runs_in(folder: Path) -> list[Path]:
    """Return the folders of runs in a folder, by name, numbers first and by size."""
    runs = [path for path in folder.iterdir() if is_run(path)]
    return sorted(runs, key=lambda path: (len(path.name) if path.name.isdigit() else 99, path.name))


def _read(folder: Path) -> FinishedRun:
    content = read_run_file(folder / CONFIG_FILE) if folder.is_dir() else None
    if content is None:
        raise _no_run(folder)
    state = read_run_file(folder / STATE_FILE) or {}
    try:
        folds = tuple(_folds(folder))
        n_planned = int(state.get("total_iterations") or len(folds))
        if not folds:
            raise _nothing_to_compare(folder, n_planned)
        run = FinishedRun(
            name=_name(folder),
            folder=folder,
            config=content["config"],
            data=content["data"],
            machine=content["machine"],
            surroundings=_surroundings(content),
            identity=state.get("identity") or {},
            folds=folds,
            n_planned=n_planned,
            n_sessions=len(state.get("sessions") or ()) or 1,
            is_one_of_seeds=is_of_seeds(folder.resolve().parent),
        )
        _ = run.data["fingerprint"], run.seed, run.is_chained  # what is missing fails here
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _damaged(folder, error) from error
    return run


def _name(folder: Path) -> str:
    path = folder.resolve()
    return f"{path.parent.name}/{path.name}" if is_of_seeds(path.parent) else path.name


def _folds(folder: Path) -> list[FinishedFold]:
    paths = sorted(folder.glob(f"folds/*/{FOLD_FILE}"))
    contents = [(path.parent, read_run_file(path)) for path in paths]
    folds = [_fold(path, content) for path, content in contents if content is not None]
    return sorted(folds, key=lambda fold: fold.test.start)


def _fold(folder: Path, content: Mapping[str, Any]) -> FinishedFold:
    test, bars = content["test"], content["fold"]["test"]
    tested = Range(bars["start"], bars["stop"])
    return FinishedFold(
        index=content["fold"]["index"],
        test=tested,
        test_start=content["times"]["test_start"],
        test_stop=content["times"]["test_stop"],
        duration_s=float(content["duration_s"]),
        score=log_growth(float(test["total_return_frac"])),
        return_frac=float(test["total_return_frac"]),
        n_trades=int(test["n_trades"]),
        years=float(test["years"]),
        hold_frac=float(content["baselines"]["buy_and_hold"]["total_return_frac"]),
        returns=_returns(folder / EQUITY_FILE, tested),
        weights_sha256=str(content["weights_sha256"]),
    )


def _returns(path: Path, tested: Range) -> Floats:
    """Return the agent's simple returns `(n_bars,)` from the equity table of a fold."""
    try:
        equity = pd.read_csv(path, usecols=["agent"])["agent"].to_numpy("float64")
    except (OSError, ValueError) as error:  # pandas' own errors of parsing are ValueErrors
        raise StoreError(
            "A fold's test_equity.csv must be readable",
            came=str(error).splitlines()[0],
            where=str(path),
            mend="restore it, or train the run anew",
        ) from error
    if len(equity) != tested.n_bars + 1 or not np.isfinite(equity).all():
        raise StoreError(
            f"A fold's test_equity.csv must have {tested.n_bars + 1:,} rows of finite equity",
            came=f"{len(equity):,} rows, {np.isfinite(equity).sum():,} of them finite",
            where=str(path),
            mend="restore it, or train the run anew",
        )
    return returns_of(equity)


def _surroundings(content: Mapping[str, Any]) -> dict[str, str]:
    """Return what results and times depend on besides settings and machine."""
    told = {name: str(value) for name, value in (content.get("versions") or {}).items()}
    told["python"] = str(content["machine"].get("python"))
    told["LSTM kernel"] = str(content.get("lstm_kernel"))
    return told


def _no_run(folder: Path) -> StoreError:
    """Say what a folder is instead of a run's, as far as that can be seen."""
    came, mend = "nothing of that name", "walkfast history lists the runs of a folder"
    if folder.is_file():
        came, mend = "a file", f"name the folder of the run, such as {folder.parent}"
    elif folder.is_dir():
        came = "a folder without the configuration of a run"
        for benchmark in (folder, folder / BENCHMARK_FOLDER):
            if any((benchmark / name).is_file() for name in _BENCHMARK_FILES):
                came = "the folder of a benchmark, which has its own verdict in table.md"
                runs = _named(benchmark / "runs")
                mend = f"single runs of it can be compared: {runs}" if runs else mend
        if came.endswith("of a run") and (runs := _named(folder)):
            came, mend = "a folder of several runs", f"name single ones: {runs}"
    return StoreError(
        "What is compared must be the results folder of a run",
        came=came,
        where=str(folder),
        mend=mend,
    )


def _named(folder: Path) -> str:
    if not folder.is_dir():
        return ""
    runs = [str(path) for path in runs_in(folder)]
    more = f" and {len(runs) - _MOST_NAMED} more" if len(runs) > _MOST_NAMED else ""
    return ", ".join(runs[:_MOST_NAMED]) + more


def _nothing_to_compare(folder: Path, n_planned: int) -> StoreError:
    whole = (folder / PERFORMANCE_SUMMARY_FILE).is_file()
    return StoreError(
        "A run that is compared needs a whole fold",
        came=f"none of {n_planned} folds is saved" if n_planned else "no fold is saved",
        where=str(folder),
        mend="restore its folds"
        if whole
        else "let it go on: the same walkfast train command does that",
    )


def _damaged(folder: Path, error: Exception) -> StoreError:
    return StoreError(
        "The files of a run must hold what walkfast train writes",
        came=f"{type(error).__name__}: {error}",
        where=str(folder),
        mend="restore them, or train the run anew with --fresh",
    )
