"""The files of a job: its result, which is the durable truth, its events on their way, its log.

    <folder>/<name>.json            the result: there is one, whole, or the job is not done
    <folder>/<name>.events.jsonl    what it says while it runs; the parent reads along
    <folder>/<name>.log             what it and its libraries print; kept where it failed

Events travel through a file of each job and no queue: a worker that is killed while it holds the
lock of a shared queue would silence all others.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from envs.atomic import write_json
from training.errors import StoreError
from training.events import Event, event_of

FORMAT_VERSION = 1
_N_LAST_LINES = 12
_LONGEST_TAIL_BYTES = 16_384


@dataclass(frozen=True, kw_only=True)
class JobFiles:
    """Where the files of one job lie.

    Attributes:
        folder: The folder of all jobs.
        name: The job's name.
    """

    folder: Path
    name: str

    @property
    def result(self) -> Path:
        """The result."""
        return self.folder / f"{self.name}.json"

    @property
    def events(self) -> Path:
        """What it says."""
        return self.folder / f"{self.name}.events.jsonl"

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.folder / f"{self.name}.log"

    def read_result(self, identity: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the content of the result file; None where there is none of this identity.

        Raises:
            StoreError: If the file is not what `write_result` wrote.
        """
        try:
            content = json.loads(self.result.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise self._unreadable(str(error)) from error
        if not isinstance(content, dict) or content.get("format_version") != FORMAT_VERSION:
            raise self._unreadable("another format")
        same = content.get("identity") == json.loads(json.dumps(dict(identity)))
        return content if same else None

    def write_result(self, content: Mapping[str, Any]) -> None:
        """Write the result, unless there is one of the same identity: the first one counts."""
        if self.read_result(content["identity"]) is None:
            write_json(self.result, {"format_version": FORMAT_VERSION, **content})

    def clear(self) -> None:
        """Remove what an attempt leaves besides its result."""
        for path in (self.events, self.log):
            path.unlink(missing_ok=True)

    def last_lines(self) -> tuple[str, ...]:
        """Return the last lines that the job printed, oldest first."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(log.seek(0, os.SEEK_END) - _LONGEST_TAIL_BYTES, 0))
                text = log.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ()
        return tuple(line.rstrip() for line in text.splitlines() if line.strip())[-_N_LAST_LINES:]

    def _unreadable(self, came: str) -> StoreError:
        return StoreError(
            "The result of a job must be a file that this walkfast wrote",
            came=came,
            where=str(self.result),
            mend="delete the file: the job then runs again",
        )


class EventWriter:
    """A listener that writes each event down for the parent."""

    def __init__(self, path: Path) -> None:
        self._file: IO[str] = path.open("w", encoding="utf-8")

    def __call__(self, event: Event) -> None:
        """Append an event."""
        self._file.write(json.dumps(event.to_json()) + "\n")
        self._file.flush()

    def close(self) -> None:
        """End the file."""
        self._file.close()


class EventReader:
    """Reads what an `EventWriter` has written since the last look; a torn line waits."""

    def __init__(self, path: Path) -> None:
        self._path, self._position = path, 0

    def read(self) -> list[Event]:
        """Return the new events, in order."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._position)
                content = file.read()
        except FileNotFoundError:
            return []
        whole, newline, _ = content.rpartition(b"\n")
        self._position += len(whole) + len(newline)
        return [event_of(json.loads(line)) for line in whole.splitlines()]


@contextmanager
def output_to(path: Path) -> Iterator[None]:
    """Send all that this process prints into a file meanwhile, by descriptor: C libraries, too."""
    kept = [os.dup(1), os.dup(2)]
    with path.open("wb") as log:
        _flush()
        for descriptor in (1, 2):
            os.dup2(log.fileno(), descriptor)
    try:
        yield
    finally:
        _flush()
        for descriptor, before in zip((1, 2), kept, strict=True):
            os.dup2(before, descriptor)
            os.close(before)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or none at all
            stream.flush()
