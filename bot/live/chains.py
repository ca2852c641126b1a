"""Several runs side by side, without a terminal: what is known of each, plain lines, and quiet.

Each run's own events arrive as `FromJob`, and are told by what tells a single run. Not here: the
terminal view (`bot.live.chains_view`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import TextIO

from bot.live.lines import PlainLines, notice_line
from bot.live.progress import RunProgress
from bot.live.seeds_summary import closing_line, lines_of
from bot.live.sink import LineSink, fitted
from bot.wording import clean, duration
from training.events import Event, Noticed
from training.over_seeds import SeedsFinished
from training.parallel.events import FromJob, JobFailed, JobFinished, JobStarted


@dataclass
class ChainProgress:
    """What one of the runs looks like.

    Attributes:
        run: Its own progress, of the current attempt.
        attempt: Which attempt it is.
        state: `trains`, `waits` (for another attempt), `done` or `failed`.
        was_done: Whether it was done before this session.
        error: What ended the last attempt that failed.
    """

    run: RunProgress
    attempt: int = 1
    state: str = "trains"
    was_done: bool = False
    error: str | None = None


@dataclass
class ChainsProgress:
    """A listener that only remembers.

    Attributes:
        clock: Reads seconds.
        chains: What is known of each run, by the job's name, in the order they began.
        notices: What the user should know, in order.
        ended: The end of all.
    """

    clock: Callable[[], float] = perf_counter
    chains: dict[str, ChainProgress] = field(default_factory=dict)
    notices: list[Noticed] = field(default_factory=list)
    ended: SeedsFinished | None = None

    def __call__(self, event: Event) -> None:
        """Take one event in; kinds that are not known are ignored."""
        match event:
            case JobStarted():
                self.chains[event.job] = ChainProgress(
                    run=RunProgress(clock=self.clock), attempt=event.attempt
                )
            case FromJob():
                self.chains[event.job].run(event.event)
            case JobFinished():
                chain = self.chains.setdefault(event.job, ChainProgress(run=RunProgress()))
                chain.state, chain.was_done = "done", event.was_done
            case JobFailed():
                chain = self.chains[event.job]
                chain.state = "failed" if event.gives_up else "waits"
                chain.error = event.error
            case SeedsFinished():
                self.ended = event
        if (notice := notice_of(event)) is not None:
            self.notices.append(notice)


class PlainChains:
    """The lines of every run, each with its name before it, and one summary at the end.

    Args:
        stream: Where lines go; None is standard output.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream, self._sink = stream, LineSink(stream)
        self._runs: dict[str, PlainLines] = {}

    def __call__(self, event: Event) -> None:
        """Write what an event says, if it is worth a line."""
        if isinstance(event, FromJob):
            self._runs[event.job](event.event)
        elif isinstance(event, JobStarted):
            self._runs[event.job] = PlainLines(self._stream, label=label_of(event.job))
        elif isinstance(event, SeedsFinished):
            for line in ("", *lines_of(event), "", *fitted(closing_line(event))):
                self._sink.write(line)
        elif (notice := notice_of(event)) is not None:
            for line in fitted(notice_line(notice)):
                self._sink.write(line)


class QuietChains:
    """Warnings on standard error, and the final line on standard output.

    Args:
        stream: Where the final line goes; None is standard output.
        warnings: Where warnings go; None is standard error.
    """

    def __init__(self, stream: TextIO | None = None, *, warnings: TextIO | None = None) -> None:
        self._sink = LineSink(stream)
        self._warnings = LineSink(warnings, errors=True)

    def __call__(self, event: Event) -> None:
        """Write warnings and the end."""
        if isinstance(event, SeedsFinished):
            self._sink.write(closing_line(event))
        elif (notice := notice_of(event)) is not None and notice.level == "warning":
            self._warnings.write(notice_line(notice))


def label_of(job: str) -> str:
    """Name a run on the screen."""
    return clean(job.replace("_", " "))


def notice_of(event: Event) -> Noticed | None:
    """Return what an event tells the user beside the progress; None where nothing."""
    match event:
        case Noticed():
            return event
        case FromJob(event=Noticed() as inner):
            return Noticed(level=inner.level, message=f"{label_of(event.job)}: {inner.message}")
        case JobFailed():
            return Noticed(level="warning", message=_failed(event))
        case JobFinished(was_done=True):
            message = f"{label_of(event.job)}: was done before, in {duration(event.duration_s)}"
            return Noticed(level="info", message=message)
    return None


def _failed(event: JobFailed) -> str:
    goes_on = "given up" if event.gives_up else "tried once more, from its last finished fold"
    error = clean(event.error, max_length=1000)
    last = [line for line in event.last_lines[-3:] if line.strip() not in error]
    told = f"; it last said: {' | '.join(clean(line) for line in last)}" if last else ""
    return f"{label_of(event.job)}, attempt {event.attempt}: {error}{told}; {goes_on}"
