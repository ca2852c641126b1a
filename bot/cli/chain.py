"""`Chain`: one walk-forward with its report, as a value that can be run here or in a worker.

`walkfast train` runs one, `--seeds` several. Not here: flags, what is shown (`bot.cli.train`,
`bot.cli.seeds`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.cli.bars import load_bars
from bot.cli.sample import keep_sample_verdict
from bot.report import write_report
from envs.array_cache import ArrayCache, default_cache_folder
from envs.data.load import LoadedBars
from training.clock import StageClock
from training.config import OutputConfig, RunConfig
from training.errors import StoreError
from training.events import Event, Listener, Noticed, RunFinished
from training.walk_forward import walk_forward


@dataclass(frozen=True, kw_only=True)
class Chain:
    """A training, complete: settings, where it writes, and on which bars it is to be made.

    Attributes:
        config: What is trained.
        output: Where results go.
        provenance: Who set each setting.
        report: Whether `report.html` is written.
        identity: What decides its result, as fingerprints; `bars` is the content that the file
            must still hold.
    """

    config: RunConfig
    output: OutputConfig
    provenance: Mapping[str, str]
    report: bool
    identity: Mapping[str, str | None]

    @property
    def name(self) -> str:
        """Name of its files."""
        return f"seed_{self.seed}"

    @property
    def seed(self) -> int:
        """Root of all its random numbers."""
        return self.config.seed

    @property
    def folder(self) -> Path:
        """Where it writes."""
        return self.output.results_dir / (self.output.run_name or str(self.seed))

    def run(self, emit: Listener) -> Mapping[str, Any]:
        """Load the bars and train; the result names the folder and holds the run's summary.

        Raises:
            StoreError: If the file holds other bars by now.
            WalkfastError: As `walk_forward`.
        """
        cache, clock = cache_for(self.config), StageClock()
        with clock.stage("load"):
            loaded = load_bars(self.config.data_path, self.config.data, cache=cache)
        if loaded.bars.fingerprint != self.identity["bars"]:
            raise StoreError(
                "The file of bars must stay as it is while it is trained on",
                came="other bars than at the start",
                where=str(self.config.data_path),
                mend="give the command again when the file is complete",
            )
        finished = self.train(loaded, listener=emit, cache=cache, clock=clock)
        return {"run_folder": finished.run_folder, "summary": dict(finished.summary)}

    def train(
        self, loaded: LoadedBars, *, listener: Listener, cache: ArrayCache | None, clock: StageClock
    ) -> RunFinished:
        """Walk forward over bars that are loaded, and write the report.

        Args:
            loaded: The bars.
            listener: Receives every event.
            cache: Where features are kept; None builds them anew.
            clock: Seconds spent so far.
        """
        finished = walk_forward(
            self.config,
            loaded,
            self.output,
            provenance=self.provenance,
            listener=_judged(listener) if self.config.data_path is None else listener,
            cache=cache,
            clock=clock,
        )
        if self.report:
            path = write_report(Path(finished.run_folder))
            listener(Noticed(level="info", message=f"report: {path}"))
        return finished


def cache_for(config: RunConfig) -> ArrayCache | None:
    """Return the cache of bars and features, unless it is off."""
    return ArrayCache(default_cache_folder()) if config.rules.cache.enabled else None


def _judged(listener: Listener) -> Listener:
    """Add to the end of a run on the embedded sample what share of the best return it earned."""

    def listen(event: Event) -> None:
        if isinstance(event, RunFinished):
            says = keep_sample_verdict(Path(event.run_folder))
            listener(Noticed(level="info", message=says))
            event = replace(event, summary={**event.summary, "sample_verdict": says})
        listener(event)

    return listen
