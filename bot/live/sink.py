"""`LineSink` and `TerminalStream`: text to a stream that may refuse characters, or be gone.

A display never ends a training: a closed pipe or terminal turns the sink off, and the run's files
still hold everything.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import textwrap
from typing import TextIO

_LEAST_COLUMNS, _MOST_COLUMNS = 40, 110


def told_columns() -> int | None:
    """Return the columns that `COLUMNS` asks for where no terminal is; None where it says none."""
    told = os.environ.get("COLUMNS", "")
    if not (told.isascii() and told.isdigit()):
        return None
    return min(max(int(told), _LEAST_COLUMNS), _MOST_COLUMNS)


def fitted(line: str) -> list[str]:
    """Return a line as it is, or wrapped where `COLUMNS` is set; words and paths stay whole."""
    columns = told_columns()
    if columns is None or len(line) <= columns:
        return [line]
    return textwrap.wrap(
        line, columns, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


class LineSink:
    """Writes text, flushed, until the reader has gone.

    Args:
        stream: Where text goes; None is a standard stream as it is at that moment. Python has
            none where its descriptor was closed before the start: the sink is closed then.
        errors: Whether None means standard error instead of standard output.
    """

    def __init__(self, stream: TextIO | None = None, *, errors: bool = False) -> None:
        standard: TextIO | None = sys.stderr if errors else sys.stdout
        self.stream = standard if stream is None else stream
        self.is_open = self.stream is not None

    def write(self, line: str) -> None:
        """Write one line; characters that the stream cannot encode become `?`."""
        self.put(line + "\n")

    def put(self, text: str) -> None:
        """Write text as it is, but for characters that the stream cannot encode."""
        if not self.is_open or self.stream is None:
            return
        encoding = self.stream.encoding or "utf-8"
        try:
            self.stream.write(text.encode(encoding, "replace").decode(encoding))
            self.stream.flush()
        except (OSError, ValueError):  # ValueError: the stream was closed in this process
            self._close(self.stream)

    def _close(self, stream: TextIO) -> None:
        """Point the stream to nowhere, or Python fails on flushing it at exit."""
        self.is_open = False
        with contextlib.suppress(OSError, ValueError):  # ValueError: a stream without a descriptor
            descriptor = stream.fileno()
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)


class TerminalStream(io.TextIOBase):
    """A `LineSink` as the file of a `rich` console, which would raise what a terminal refuses.

    Args:
        stream: The terminal; None is standard output.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._sink = LineSink(stream)

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a plain attribute in typeshed
        """What the terminal can show; `rich` draws its boxes with it."""
        stream = self._sink.stream
        return (None if stream is None else stream.encoding) or "utf-8"

    def write(self, text: str) -> int:
        """Write what can be written, and say that all of it was."""
        self._sink.put(text)
        return len(text)

    def flush(self) -> None:
        """Do nothing: every write is flushed."""

    def isatty(self) -> bool:
        """Say whether this is a terminal."""
        stream = self._sink.stream
        return self._sink.is_open and stream is not None and stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the terminal.

        Raises:
            OSError: If there is none.
        """
        if self._sink.stream is None:
            raise OSError("There is no standard output")
        return self._sink.stream.fileno()
