"""Where errors end: a short message on standard error, and an exit code.

Only here are exceptions turned into codes, so that every command ends the same way.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence

from envs.errors import WalkfastError

DONE = 0
FAILED = 1
MISTAKE = 2
INTERRUPTED = 130
_GONE = 141  # what a shell reports for a command whose reader went away


def guarded(  # noqa: PLR0911 - one return for each way that a command can end
    command: Callable[[], int], *, tracebacks: bool = False
) -> int:
    """Run a command and turn whatever ends it into an exit code.

    Args:
        command: Returns its own exit code.
        tracebacks: Whether a mistake of the user shows its traceback too.
    """
    try:
        return command()
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
    except SystemExit as end:  # argparse has shown a help page
        return end.code if isinstance(end.code, int) else FAILED
    except Exception:  # noqa: BLE001 - the last door: a defect of ours is shown whole, exit code 1
        traceback.print_exc()
        complain("This is a defect of walkfast, not of your input. Please report the lines above.")
        return FAILED


def complain(message: str) -> None:
    """Write a message to standard error, without the control characters of a hostile file."""
    safe = "".join(
        c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in message
    )
    encoding = sys.stderr.encoding or "utf-8"
    print(safe.encode(encoding, "replace").decode(encoding), file=sys.stderr)


def wants_tracebacks(arguments: Sequence[str]) -> bool:
    """Say whether `--verbose 2` was typed, even where the command line cannot be read."""
    words = [*arguments, ""]
    return any(
        word == "--verbose=2" or (word == "--verbose" and words[index + 1] not in ("0", "1"))
        for index, word in enumerate(arguments)
    )


def _silence_output() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
