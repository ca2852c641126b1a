"""Bars for a command: from a file, or the embedded sample, with everything that is to be said.

Not here: reading files (`envs.data.load`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from bot.flags.data_flags import DATA
from bot.flags.parse import Given
from envs.array_cache import ArrayCache
from envs.data.load import LoadedBars, load
from envs.data.report import SourceReport
from envs.data.settings import LoadSettings
from envs.synthetic import sample_bars

SAMPLE_NAME = "(embedded sample)"


def load_bars(
    path: str | None, settings: LoadSettings, *, cache: ArrayCache | None = None
) -> LoadedBars:
    """Load a file of bars; None is the embedded sample.

    Raises:
        DataError: If the file cannot be understood or breaks a rule of good bars.
    """
    if path is not None:
        return load(path, settings=settings, cache=cache)
    bars = sample_bars()
    source = SourceReport(
        path=SAMPLE_NAME,
        format="planted market",
        container="none",
        columns={},
        ignored={},
        time_kind="made",
        timezone="UTC",
        timezone_source="format",
        file_sha256=hashlib.sha256(bars.fingerprint.encode()).hexdigest(),
        n_rows=len(bars),
        n_bars=len(bars),
        problems=(),
        repairs=(),
        notes=("The embedded sample is made, not recorded: its best result is known.",),
        warnings=(),
    )
    return LoadedBars(bars=bars, source=source)


def load_settings(given: Given) -> LoadSettings:
    """Use up the flags that say how a file is to be read.

    Raises:
        ConfigError: If one of them makes no sense.
    """
    names = {flag.name: flag.path for flag in DATA if flag.path and flag.path.startswith("data.")}
    return LoadSettings(
        **{
            path.removeprefix("data."): given.pop(name)
            for name, path in names.items()
            if name in given
        }
    )


def notices(source: SourceReport) -> Iterator[tuple[str, str]]:
    """Yield what a user must hear of a file, as (level, message), the loud ones first."""
    for warning in source.warnings:
        yield "warning", warning
    for problem in source.problems:
        yield "warning", str(problem)
    for repair in source.repairs:
        yield "warning", f"repaired {repair.kind}, {repair.count}x: {repair.says}"
    for note in source.notes:
        yield "info", note
