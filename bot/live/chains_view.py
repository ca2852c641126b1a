"""`ChainsPicture`: several runs side by side on one screen, a row each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.live.cells import add_row
from bot.live.chains import ChainProgress, ChainsProgress, label_of, notice_of
from bot.live.seeds_summary import closing_line, render_seeds
from bot.wording import NOT_MEASURED, UNDEFINED, clean, duration, percent, score, whole
from training.events import Event, Noticed

_OTHER_ROWS = 5
_COLUMNS = ("Folds", "Steps", "Steps/s", "Best valid.", "Last fold's test", "Time", "ETA")
_SHOWN = {
    100: _COLUMNS,
    72: ("Folds", "Steps", "Last fold's test", "ETA"),
    0: ("Folds", "Last fold's test"),
}
"""What there is room for, by the least width, the widest first."""
_ORDER = ("trains", "waits", "failed", "done")


class ChainsPicture:
    """A table of the runs while they train, and their spread at the end.

    Args:
        clock: Reads seconds, for elapsed times.
    """

    def __init__(self, *, clock: Callable[[], float] = perf_counter) -> None:
        self.progress = ChainsProgress(clock=clock)

    def __call__(self, event: Event) -> Noticed | None:
        """Remember an event."""
        self.progress(event)
        return notice_of(event)

    def notices(self) -> list[Noticed]:
        """Return what was noticed so far."""
        return self.progress.notices

    def compose(self, console: Console, *, width: int, height: int) -> RenderableType:
        """Draw a row a run; where they do not fit, those that train come first."""
        chains = self.progress.chains
        if not chains:
            return Text("Preparing bars, features and folds ...")
        n_rows = max(height - _OTHER_ROWS, 1)
        shown = sorted(chains, key=lambda name: _ORDER.index(chains[name].state))[:n_rows]
        rows = [(name, chain) for name, chain in chains.items() if name in shown]
        n_left = len(chains) - len(rows)
        more = Text(f"and {n_left} more", style="dim") if n_left else Text()
        return Group(self._title(), _table(rows, width), more)

    def conclude(self, width: int) -> Iterator[RenderableType]:
        """Leave the summary over seeds, or how far each run came."""
        ended, chains = self.progress.ended, self.progress.chains
        if ended is not None:
            yield render_seeds(ended)
            yield Text(f"\n{closing_line(ended)}")
        elif chains:
            yield _table(list(chains.items()), width)
            n_done = sum(chain.state == "done" for chain in chains.values())
            yield Text(f"Stopped with {n_done} of {len(chains)} runs complete.")

    def _title(self) -> Text:
        title = Text(no_wrap=True, overflow="ellipsis")
        for chain in self.progress.chains.values():
            if (run := chain.run.run) is not None:
                title.append(f"{clean(run.symbol, max_length=24)} {clean(run.timeframe)}", "bold")
                title.append(
                    f"  {whole(run.n_bars)} bars, {run.n_features} features, profile "
                    f"{clean(run.profile)}, {run.device}",
                    style="dim",
                )
                break
        return title


def _table(rows: list[tuple[str, ChainProgress]], width: int) -> Table:
    """Build the table; a narrow one leaves out what changes all the time."""
    names = next(names for least, names in _SHOWN.items() if width >= least)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Run", no_wrap=True)
    table.add_column("State", no_wrap=True)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for job, chain in rows:
        figures = dict(zip(_COLUMNS, _figures(chain), strict=True))
        add_row(table, label_of(job), _state(chain), *(figures[name] for name in names))
    return table


def _state(chain: ChainProgress) -> str:
    again = f" ({chain.attempt}.)" if chain.attempt > 1 else ""
    return f"{'reports' if _is_through(chain) else chain.state}{again}"


def _is_through(chain: ChainProgress) -> bool:
    """Whether all folds are done and what is left is to write down what they came to."""
    run = chain.run.run
    return chain.state == "trains" and run is not None and chain.run.n_folds_done >= run.n_folds


def _figures(chain: ChainProgress) -> list[str]:
    run, trains = chain.run, chain.state == "trains" and not _is_through(chain)
    if chain.was_done or run.run is None:
        return [UNDEFINED] * len(_COLUMNS)
    latest, budget = run.latest, run.fold.budget_steps if run.fold else 0
    return [
        f"{run.n_folds_done}/{run.run.n_folds}",
        f"{whole(latest.n_steps)}/{whole(budget)}" if latest and trains else UNDEFINED,
        whole(latest.steps_per_s) if latest and trains else UNDEFINED,
        score(run.evaluations[-1].best_score) if run.evaluations else UNDEFINED,
        percent(run.finished[-1].test_return_frac) if run.finished else UNDEFINED,
        duration(run.elapsed_s),
        (NOT_MEASURED if run.remaining_s is None else duration(run.remaining_s))
        if trains
        else UNDEFINED,
    ]
