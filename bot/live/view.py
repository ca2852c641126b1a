"""`LiveView`: runs on a terminal, drawn in place, replaced by the summary at their end.

Here: the screen's life (start, refresh, resize, end), and the picture of a single run. What is on
that is composed in `bot.live.panels`; what is known is in `bot.live.progress`. Several runs side by
side have a picture of their own (`bot.live.chains_view`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from bot.live.lines import notice_line, original_line
from bot.live.panels import compose, folds_table
from bot.live.progress import RunProgress
from bot.live.summary import final_line, render_summary
from bot.wording import counted, duration
from training.events import Event, Noticed, OriginalTimed

REFRESH_S = 1.0


class Picture(Protocol):
    """What a live view shows: takes events in, and is drawn from what they left."""

    def __call__(self, event: Event) -> Noticed | None:
        """Remember an event; return what is to be said of it at once."""

    def notices(self) -> list[Noticed]:
        """Return all that was said so far."""

    def compose(self, console: Console, *, width: int, height: int) -> RenderableType:
        """Draw what is known now, within a width and a height."""

    def conclude(self, width: int) -> Iterator[RenderableType]:
        """Yield what stays on the screen at the end."""


class LiveView:
    """A listener that redraws the screen once a second, from a thread of its own.

    The thread waits between two drawings and reads only what events left in memory, so training
    pays for one small drawing a second and never waits for a terminal. What other code
    prints meanwhile appears above the view. A display never ends a training: see `_attempt`.

    Args:
        console: A terminal.
        picture: What is shown; None is a single run.
    """

    def __init__(self, console: Console, *, picture: Picture | None = None) -> None:
        self.console = console
        self.picture: Picture = RunPicture() if picture is None else picture
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._is_dark = False
        self._ticker = threading.Thread(target=self._tick, name="live-view", daemon=True)
        self._live = self._new_live()
        self._size = console.size

    def __enter__(self) -> Self:
        self._attempt(self._live.start)
        self._ticker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._ticker.join()
        self._attempt(self._live.stop)
        self._attempt(self._conclude)

    def __call__(self, event: Event) -> None:
        """Remember an event; it is on the screen after the next refresh."""
        with self._lock:
            notice = self.picture(event)
        if notice is not None:
            self._attempt(lambda: self._say(notice))

    def refresh(self) -> None:
        """Draw what is known now."""
        with self._lock:
            if self.console.size != self._size:
                self._restart()
            width, height = self._size
            # One column is left free: a full line would wrap when the terminal gets narrower.
            content = self.picture.compose(self.console, width=width - 1, height=height - 1)
        self._live.update(content, refresh=True)

    def _tick(self) -> None:
        while not self._over.wait(REFRESH_S):
            self._attempt(self.refresh)

    def _attempt(self, draw: Callable[[], object]) -> None:
        """Draw; a terminal that refuses, or is gone, is left alone from then on."""
        if self._is_dark:
            return
        try:
            draw()
        except (OSError, UnicodeError):
            self._is_dark = True

    def _new_live(self) -> Live:
        return Live(
            console=self.console, auto_refresh=False, transient=True, vertical_overflow="crop"
        )

    def _restart(self) -> None:
        """Begin on an empty screen: after a resize nobody knows where the old lines went."""
        self._live.stop()
        self.console.clear()
        self._size = self.console.size
        for notice in self.picture.notices():
            self._say(notice)
        self._live = self._new_live()
        self._live.start()

    def _say(self, notice: Noticed) -> None:
        style = "bold yellow" if notice.level == "warning" else "dim"
        self.console.print(Text(notice_line(notice), style=style))

    def _conclude(self) -> None:
        for part in self.picture.conclude(self.console.width):
            self.console.print(part)


class RunPicture:
    """A single run: panels while it trains, its folds and its summary at the end."""

    def __init__(self) -> None:
        self.progress = RunProgress()

    def __call__(self, event: Event) -> Noticed | None:
        """Remember an event."""
        self.progress(event)
        if isinstance(event, OriginalTimed):
            return Noticed(level="info", message=original_line(event))
        return event if isinstance(event, Noticed) else None

    def notices(self) -> list[Noticed]:
        """Return what was noticed so far."""
        return self.progress.notices

    def compose(self, console: Console, *, width: int, height: int) -> RenderableType:
        """Draw the panels."""
        return compose(self.progress, console, width=width, height=height)

    def conclude(self, width: int) -> Iterator[RenderableType]:
        """Leave the summary of a complete run, or how far an incomplete one came."""
        progress, ended = self.progress, self.progress.ended
        if progress.finished:
            yield from ("", folds_table(progress.finished), "")
        if ended is not None:
            yield render_summary(ended.summary, ended.optimization, run_folder=ended.run_folder)
            yield Text(f"\n{final_line(ended)}")
        elif progress.run is not None:
            n_folds = progress.run.n_folds
            yield Text(
                f"Stopped with {progress.n_folds_done} of {counted(n_folds, 'fold')} done, "
                f"after {duration(progress.elapsed_s)}."
            )
