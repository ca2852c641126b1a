"""`load`: the one door from a file to `Bars`.

    file -> bytes -> source -> layout -> draft -> checks (-> repairs -> checks) -> Bars

The second time the same bytes are loaded with the same settings the cache answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from envs.array_cache import ArrayCache, CachedArrays
from envs.bars import COLUMNS, Bars
from envs.data.container import open_source
from envs.data.draft import PRICE_NAMES, Draft
from envs.data.layout import Layout
from envs.data.local_file import content_digest, file_digest, read_file
from envs.data.point_size import infer_point_size, point_warning
from envs.data.reader_version import reader_version
from envs.data.reading import Reading, read_draft
from envs.data.recognize import recognize
from envs.data.repair import repair
from envs.data.report import Problem, Repair, SourceReport
from envs.data.settings import LoadSettings
from envs.data.symbol import symbol_from_name
from envs.data.validate import refuse, validate
from envs.errors import DataError
from envs.fingerprint import fingerprint
from envs.timeframe import Timeframe

__all__ = ["LoadSettings", "LoadedBars", "SourceReport", "load"]

_EXTRA = "extra:"


@dataclass(frozen=True, kw_only=True)
class LoadedBars:
    """Bars, and what was understood of the file they came from.

    Attributes:
        bars: The bars.
        source: Format, columns, clock, problems, repairs, notes.
    """

    bars: Bars
    source: SourceReport


def load(
    path: Path | str,
    *,
    settings: LoadSettings = LoadSettings(),  # noqa: B008 - frozen, so sharing it is safe
    cache: ArrayCache | None = None,
) -> LoadedBars:
    """Load a file of OHLCV bars, whatever program wrote it.

    Args:
        path: A local file: CSV, TSV, gzip, zip, Feather, Parquet or JSON. Recognized by content.
        settings: What the user knows about it.
        cache: Where parsed files are kept; None parses every time.

    Raises:
        DataError: If the file cannot be read, understood, or is not sound; the message lists
            everything that is wrong with it.
        ConfigError: If a setting makes no sense.
    """
    if cache is None:
        return _parse(read_file(path), str(path), settings)
    digest = file_digest(path)
    key = fingerprint("bars-file", reader_version(), digest, Path(path).name, settings)
    built: list[LoadedBars] = []

    def build() -> tuple[dict[str, Any], dict[str, Any]]:
        content = read_file(path)
        if content_digest(content) != digest:
            raise DataError(
                "A file must not change while it is read",
                came="other bytes than a moment ago",
                where=str(path),
                mend="wait until the program that writes it has finished",
            )
        built.append(_parse(content, str(path), settings))
        return _to_arrays(built[0])

    stored = cache.get_or_build(key, build)
    return built[0] if built else _from_arrays(stored, str(path))


def _parse(content: bytes, path: str, settings: LoadSettings) -> LoadedBars:
    source = open_source(content, where=path)
    layout = recognize(source, where=path)
    reading = read_draft(source, layout, settings, where=path)
    draft, problems, repairs = _judge(reading.draft, settings, where=path)
    inferred = infer_point_size(draft.columns[name] for name in PRICE_NAMES)
    bars = Bars(
        symbol=settings.symbol or reading.symbol or symbol_from_name(path),
        timeframe=Timeframe.infer(draft.time_us),
        point_size=settings.point_value or inferred,
        time_us=draft.time_us,
        extra={k: column for k, column in draft.extra.items() if np.isfinite(column).all()},
        **draft.columns,
    )
    report = SourceReport(
        path=path,
        format=layout.format,
        container=source.container,
        columns=_columns(layout, bars),
        ignored={**layout.ignored, **_left_out(layout, bars)},
        time_kind=reading.time_kind,
        timezone=reading.timezone,
        timezone_source=reading.timezone_source,
        file_sha256=hashlib.sha256(content).hexdigest(),
        n_rows=reading.n_rows,
        n_bars=len(bars),
        problems=problems,
        repairs=repairs,
        notes=reading.notes,
        warnings=_warnings(reading, settings, inferred, path),
    )
    return LoadedBars(bars=bars, source=report)


def _judge(
    draft: Draft, settings: LoadSettings, *, where: str
) -> tuple[Draft, tuple[Problem, ...], tuple[Repair, ...]]:
    """Validate, and once more after the repairs that were asked for."""
    found = validate(draft, timeframe=settings.timeframe)
    if not settings.repair:
        refuse(found, where=where)
        return draft, found, ()
    draft, repairs = repair(draft)
    remaining = validate(draft, timeframe=settings.timeframe)
    refuse(remaining, where=f"{where}, after {len(repairs)} kinds of repair")
    return draft, found, repairs


def _columns(layout: Layout, bars: Bars) -> dict[str, str]:
    roles = {"time": " + ".join(layout.time), **layout.prices}
    optional = {"volume": layout.volume, "spread": layout.spread, "symbol": layout.symbol_column}
    roles |= {role: name for role, name in optional.items() if name is not None}
    return roles | {label: name for name, label in layout.extra.items() if label in bars.extra}


def _left_out(layout: Layout, bars: Bars) -> dict[str, str]:
    return {name: "it has holes" for name, label in layout.extra.items() if label not in bars.extra}


def _warnings(
    reading: Reading, settings: LoadSettings, inferred: float, path: str
) -> tuple[str, ...]:
    warnings = list(reading.warnings)
    if warning := point_warning(settings.point_value, inferred):
        warnings.append(warning)
    if settings.symbol and reading.symbol and settings.symbol != reading.symbol:
        warnings.append(
            f"--symbol {settings.symbol} is used although the file says {reading.symbol}"
        )
    words = Path(path).stem.upper().replace("-", "_").split("_")
    if "ASK" in words and "BID" not in words:
        warnings.append("The file's name says ASK: bars are taken as bid prices everywhere here")
    return tuple(warnings)


def _to_arrays(loaded: LoadedBars) -> tuple[dict[str, Any], dict[str, Any]]:
    bars = loaded.bars
    arrays: dict[str, Any] = {name: getattr(bars, name) for name in ("time_us", *COLUMNS)}
    arrays |= {f"{_EXTRA}{name}": column for name, column in bars.extra.items()}
    meta = {
        "symbol": bars.symbol,
        "step_us": bars.timeframe.step_us,
        "point_size": bars.point_size,
        "extra": list(bars.extra),
        "source": loaded.source.to_json(),
    }
    return arrays, meta


def _from_arrays(stored: CachedArrays, path: str) -> LoadedBars:
    meta: Mapping[str, Any] = stored.meta
    arrays = stored.arrays
    bars = Bars(
        symbol=meta["symbol"],
        timeframe=Timeframe(step_us=meta["step_us"]),
        point_size=meta["point_size"],
        extra={name: arrays[f"{_EXTRA}{name}"] for name in meta["extra"]},
        **{name: arrays[name] for name in ("time_us", *COLUMNS)},
    )
    return LoadedBars(bars=bars, source=SourceReport.from_json(meta["source"]).cached(path))
