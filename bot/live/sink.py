"""`LineSink`: lines to a stream that may refuse characters, or be gone.

A display never ends a training: a closed pipe or terminal turns the sink off, and the run's files
still hold everything.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO


class LineSink:
    """Writes whole lines, flushed, until the reader has gone.

    Args:
        stream: Where lines go; None is standard output as it is at that moment.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = sys.stdout if stream is None else stream
        self.is_open = True

    def write(self, line: str) -> None:
        """Write one line; characters that the stream cannot encode become `?`."""
        if not self.is_open:
            return
        encoding = self.stream.encoding or "utf-8"
        try:
            self.stream.write(line.encode(encoding, "replace").decode(encoding) + "\n")
            self.stream.flush()
        except OSError:
            self._close()

    def _close(self) -> None:
        """Point the stream to nowhere, or Python fails on flushing it at exit."""
        self.is_open = False
        with contextlib.suppress(OSError, ValueError):  # ValueError: a stream without a descriptor
            descriptor = self.stream.fileno()
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
