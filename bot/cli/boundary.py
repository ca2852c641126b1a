"""Where errors end: a short message on standard error, and an exit code.

Only here are exceptions turned into codes, so that every command ends the same way.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import TextIO

from envs.errors import WalkfastError

DONE = 0
FAILED = 1
MISTAKE = 2
INTERRUPTED = 130
_GONE = 141  # what a shell reports for a command whose reader went away


_REFUSALS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})
"""What no program can mend: a full, read-only or broken disk, a terminal that has gone."""


def guarded(  # noqa: PLR0911 - one return for each way that a command can end
    command: Callable[[], int], *, tracebacks: bool = False
) -> int:
    """Run a command and turn whatever ends it into an exit code.

    What was written is flushed here, where it can still fail with a message. A reader that has
    gone (`walkfast audit | head -1`) is code 141, as the shell reports it; a disk that is full, 2.

    Args:
        command: Returns its own exit code.
        tracebacks: Whether a mistake of the user shows its traceback too.
    """
    try:
        return _flushed(command)
    except WalkfastError as error:
        if tracebacks:
            traceback.print_exc()
        complain(str(error))
        return MISTAKE
    except KeyboardInterrupt:
        complain("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        _silence_output()  # nobody reads any more; Python would fail on flushing at exit
        return _GONE
    except Exception as error:  # noqa: BLE001 - the last door: a defect is shown whole, exit code 1
        if isinstance(error, OSError) and error.errno in _REFUSALS:
            _silence_output()
            complain(_refused(error))
            return MISTAKE
        traceback.print_exc()
        complain("This is a defect of walkfast, not of your input. Please report the lines above.")
        return FAILED


def complain(message: str) -> None:
    """Write a message to standard error, without the control characters of a hostile file."""
    safe = "".join(
        c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in message
    )
    stream: TextIO | None = sys.stderr  # Python has none where it was closed before the start
    if stream is None:
        return
    encoding = stream.encoding or "utf-8"
    with contextlib.suppress(OSError):  # nobody reads any more
        print(safe.encode(encoding, "replace").decode(encoding), file=stream)


def wants_tracebacks(arguments: Sequence[str]) -> bool:
    """Say whether `--verbose 2` was typed, even where the command line cannot be read."""
    words = [*arguments, ""]
    return any(
        word == "--verbose=2" or (word == "--verbose" and words[index + 1] not in ("0", "1"))
        for index, word in enumerate(arguments)
    )


def _flushed(command: Callable[[], int]) -> int:
    try:
        code = command()
    except SystemExit as end:  # argparse has shown a help page
        code = end.code if isinstance(end.code, int) else FAILED
    stream: TextIO | None = sys.stdout
    if stream is not None and not stream.closed:
        stream.flush()
    return code


def _refused(error: OSError) -> str:
    where = "the output" if error.filename is None else str(error.filename)
    return f"Writing must be possible.\nFound: {error.strerror}.\nWhere: {where}."


def _silence_output() -> None:
    """Point standard output to nowhere, or Python fails on flushing it at exit."""
    stream: TextIO | None = sys.stdout
    with contextlib.suppress(OSError, ValueError):  # ValueError: closed, or without a descriptor
        if stream is not None:
            descriptor = stream.fileno()
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
