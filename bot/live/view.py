"""`LiveView`: a run on a terminal, drawn in place, replaced by the summary at its end.

Here: the screen's life (start, refresh, resize, end). What is on it is composed in
`bot.live.panels`; what is known is in `bot.live.progress`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from bot.live.lines import notice_line, original_line
from bot.live.panels import compose, folds_table
from bot.live.progress import RunProgress
from bot.live.summary import final_line, render_summary
from bot.wording import duration
from training.events import Event, Noticed, OriginalTimed

REFRESH_S = 1.0


class LiveView:
    """A listener that redraws the screen once a second, from a thread of its own.

    The thread waits between two drawings and reads only what events left in memory, so training
    pays for one small drawing a second and never waits for a terminal. What other code
    prints meanwhile appears above the view. A display never ends a training: see `_attempt`.

    Args:
        console: A terminal.
        progress: What is shown; None begins empty.
    """

    def __init__(self, console: Console, *, progress: RunProgress | None = None) -> None:
        self.console = console
        self.progress = RunProgress() if progress is None else progress
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
            self.progress(event)
        if isinstance(event, Noticed):
            self._attempt(lambda: self._say(event))
        elif isinstance(event, OriginalTimed):
            told = Noticed(level="info", message=original_line(event))
            self._attempt(lambda: self._say(told))

    def refresh(self) -> None:
        """Draw what is known now."""
        with self._lock:
            if self.console.size != self._size:
                self._restart()
            width, height = self._size
            # One column is left free: a full line would wrap when the terminal gets narrower.
            content = compose(self.progress, self.console, width=width - 1, height=height - 1)
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
        for notice in self.progress.notices:
            self._say(notice)
        self._live = self._new_live()
        self._live.start()

    def _say(self, notice: Noticed) -> None:
        style = "bold yellow" if notice.level == "warning" else "dim"
        self.console.print(Text(notice_line(notice), style=style))

    def _conclude(self) -> None:
        """Leave the summary of a complete run, or how far an incomplete one came."""
        progress, ended = self.progress, self.progress.ended
        if progress.finished:
            self.console.print()
            self.console.print(folds_table(progress.finished))
            self.console.print()
        if ended is not None:
            self.console.print(
                render_summary(ended.summary, ended.optimization, run_folder=ended.run_folder)
            )
            self.console.print(Text(f"\n{final_line(ended)}"))
        elif progress.run is not None:
            n_folds = progress.run.n_folds
            self.console.print(
                Text(
                    f"Stopped with {progress.n_folds_done} of {n_folds} folds done, "
                    f"after {duration(progress.elapsed_s)}."
                )
            )
