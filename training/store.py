"""The results folder: who owns it, what is in it, and how each file is written.

Every JSON file is strict, carries `format_version`, and appears whole or not at all. One process
writes a run at a time. What the files mean is decided elsewhere: `training.summary` for the
summaries, `training.walk_forward` for folds and state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

from filelock import FileLock, Timeout

from envs.atomic import write_bytes, write_json
from training.errors import StoreError
from training.events import Event

if TYPE_CHECKING:  # importing pandas takes longer than listing a thousand runs
    import pandas as pd

FORMAT_VERSION = 1
CONFIG_FILE = "config.json"
OPTIMIZATION_CONFIG_FILE = "optimization_config.json"
STATE_FILE = "training_state_optimized.json"
OPTIMIZATION_SUMMARY_FILE = "optimization_summary.json"
PERFORMANCE_SUMMARY_FILE = "training_performance_summary.json"
BEST_MODEL_FILE = "best_model_optimized.zip"
FINAL_MODEL_FILE = "model_final_optimized.zip"
EVENTS_FILE = "events.jsonl"
FOLD_FILE = "fold.json"
MODEL_FILE = "model.zip"
LEDGER_FILE = "test_ledger.csv"
EQUITY_FILE = "test_equity.csv"
STITCHED_LEDGER_FILE = "stitched_ledger.csv"
STITCHED_EQUITY_FILE = "stitched_equity.csv"
BENCHMARK_FOLDER = "benchmark"
BENCHMARK_PLAN_FILE = "plan.json"
BENCHMARK_FILE = "benchmark.json"
SEEDS_FILE = "seeds.json"
JOBS_FOLDER = "jobs"
_LOCK_FILE = ".lock"


class RunStore:
    """Owns one results folder while it is open.

    Attributes:
        folder: The results folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._existed = folder.exists()
        self._lock = FileLock(folder / _LOCK_FILE, timeout=0)
        self._events: IO[str] | None = None

    def __enter__(self) -> Self:
        """Create the folder and take its lock.

        Raises:
            StoreError: If the folder cannot be written, or another process holds it.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout as error:
            raise StoreError(
                "One process may write a run at a time",
                came="another process holds the lock",
                where=str(self.folder),
                mend="wait for it, or choose another --run_name",
            ) from error
        except OSError as error:
            raise StoreError(
                "The results folder must be writable",
                came=error.strerror or type(error).__name__,
                where=str(self.folder),
                mend="choose another --results_dir or free the path",
            ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._events is not None:
            self._events.close()
        self._lock.release()
        # The lock file of a run stays: it could be taken from under a process that just locked it.
        if not self._existed and [item.name for item in self.folder.iterdir()] == [_LOCK_FILE]:
            (self.folder / _LOCK_FILE).unlink()
            self.folder.rmdir()  # nothing was written: leave nothing behind

    def path(self, name: str) -> Path:
        """Return where a file of this run lies."""
        return self.folder / name

    def fold_path(self, fold_index: int, name: str) -> Path:
        """Return where a file of one fold lies: `folds/000/<name>`."""
        return self.folder / fold_name(fold_index, name)

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        """Write one JSON file of the run, with its format version."""
        write_json(self.folder / name, {"format_version": FORMAT_VERSION, **content})

    def read(self, name: str) -> dict[str, Any] | None:
        """Read one JSON file of the run; None where there is none.

        Raises:
            StoreError: If the file is not JSON of a version this walkfast knows.
        """
        return read_run_file(self.folder / name)

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write a table as CSV; floats keep every digit."""
        write_bytes(self.folder / name, table.to_csv(index=False).encode())

    def append_event(self, event: Event) -> None:
        """Append one line to `events.jsonl`."""
        if self._events is None:
            self._events = _open_log(self.path(EVENTS_FILE))
        self._events.write(json.dumps(event.to_json(), allow_nan=False) + "\n")
        self._events.flush()


def _open_log(path: Path) -> IO[str]:
    """Open a log to append to; a last line that a crash cut short is closed first."""
    torn = path.exists() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
    log = path.open("a", encoding="utf-8")
    if torn:
        log.write("\n")
    return log


def read_run_file(path: Path) -> dict[str, Any] | None:
    """Read a JSON file of a run; None where there is none.

    Raises:
        StoreError: If the file is not a JSON object of a format version this walkfast knows.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise StoreError(
            "A results file must be JSON",
            came=str(error),
            where=str(path),
            mend="restore it, or start the run anew with --fresh",
        ) from error
    version = content.get("format_version") if isinstance(content, dict) else None
    if version != FORMAT_VERSION:
        raise StoreError(
            f"A results file must have format_version {FORMAT_VERSION}",
            came=repr(version),
            where=str(path),
            mend="use the walkfast that wrote it, or start anew with --fresh",
        )
    return dict(content)


def flat_settings(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the settings of a configuration, as a file holds it, by dotted path."""
    flat: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, Mapping):
            flat |= flat_settings(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def fold_name(fold_index: int, name: str) -> str:
    """Return the name of a fold's file within its run: `folds/000/<name>`."""
    return f"folds/{fold_index:03d}/{name}"


def free_folder(folder: Path) -> Path:
    """Return `folder`, or the first of `folder-2`, `folder-3`, ... that does not exist."""
    candidate, number = folder, 2
    while candidate.exists():
        candidate, number = folder.with_name(f"{folder.name}-{number}"), number + 1
    return candidate
