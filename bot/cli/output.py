"""What a command says on standard output, whatever that can show, or where nothing is read.

Errors of writing are raised as they are, so that `bot.cli.boundary` ends the command. Not here:
what a training shows (`bot.live`).
"""

from __future__ import annotations

import io
import shutil
import sys
import textwrap
from typing import TextIO

from rich.console import Console, RenderableType

from bot.wording import clean

_WIDEST = 110
_LABEL_COLUMNS = 14


def say(text: str = "") -> None:
    """Write lines to standard output; characters that it cannot encode become `?`.

    Raises:
        OSError: If they cannot be written, for one because nobody reads any more.
    """
    stream = _standard_output()
    if stream is not None:
        encoding = output_encoding()
        stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
        stream.flush()


def show(content: RenderableType, *, soft_wrap: bool = False) -> None:
    """Write a text or a table, as wide as the terminal and at most 110 columns.

    Raises:
        OSError: As `say`.
    """
    page = _Page()
    console = Console(file=page, width=width(), highlight=False, markup=False, emoji=False)
    console.print(content, soft_wrap=soft_wrap)
    say(page.getvalue().removesuffix("\n"))


def width() -> int:
    """Return the number of columns to write in."""
    return min(shutil.get_terminal_size((80, 24)).columns, _WIDEST)


def entry(label: str, text: str, width: int) -> list[str]:
    """Return lines of at most `width` columns: a label, and a text wrapped beside it."""
    return textwrap.wrap(
        clean(text, max_length=2_000),
        width,
        initial_indent=f"{label:<{_LABEL_COLUMNS}}",
        subsequent_indent=" " * _LABEL_COLUMNS,
        break_on_hyphens=False,  # names and paths are to be copied
    ) or [label]


def output_encoding() -> str:
    """Return what standard output can show."""
    stream = _standard_output()
    return (None if stream is None else stream.encoding) or "utf-8"


class _Page(io.StringIO):
    """Memory for `rich`, which turns a closed pipe into exit code 1 where it writes itself."""

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a plain attribute in typeshed
        return output_encoding()

    def isatty(self) -> bool:
        stream = _standard_output()
        return stream is not None and stream.isatty()


def _standard_output() -> TextIO | None:
    """Return standard output; Python has none where it was closed before the start."""
    stream: TextIO | None = sys.stdout
    return stream
