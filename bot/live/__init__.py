"""What a training shows while it runs: one listener, in the form that the caller wants.

Start reading at `choose_display`. Everything shown comes from events (`training.events`); training
itself prints nothing. Not here: the report (`bot.report`).
"""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from typing import Literal, TextIO, cast

from rich.console import Console

from bot.live.chains import PlainChains, QuietChains
from bot.live.chains_view import ChainsPicture
from bot.live.lines import JsonLines, PlainLines, Quiet
from bot.live.sink import TerminalStream
from bot.live.summary import final_line, render_summary
from bot.live.view import LiveView
from training.events import Listener

Form = Literal["auto", "json", "quiet"]

__all__ = [
    "Form",
    "JsonLines",
    "LiveView",
    "PlainChains",
    "PlainLines",
    "Quiet",
    "choose_display",
    "final_line",
    "render_summary",
]


def choose_display(
    form: Form = "auto", *, console: Console | None = None, several: bool = False
) -> AbstractContextManager[Listener]:
    """Return the display of a training, to be entered around it.

    Args:
        form: `json` writes every event as a JSON line, `quiet` only warnings and the final line;
            `auto` draws the live view on a terminal and writes plain lines elsewhere.
        console: The terminal; None is standard output.
        several: Whether several runs are shown side by side.
    """
    if form == "json":
        return contextlib.nullcontext(JsonLines())
    if form == "quiet":
        return contextlib.nullcontext(QuietChains() if several else Quiet())
    if console is None:
        stream = cast(TextIO, TerminalStream())  # it is what rich asks of a file, and no more
        console = Console(file=stream, highlight=False, markup=False, emoji=False)
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveView(console, picture=ChainsPicture() if several else None)
    return contextlib.nullcontext(PlainChains() if several else PlainLines())
