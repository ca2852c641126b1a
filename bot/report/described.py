"""Bars and machine as facts, in words in place of keys; for the reports of runs and benchmarks.

Not here: problems and repairs of the bars (`bot.report.record`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.report.results import day
from bot.report.tables import setting
from bot.wording import size

_TOLD_ELSEWHERE = ("problems", "repairs", "notes", "warnings", "columns", "ignored")
_DATA_LABELS = {
    "symbol": "Symbol",
    "timeframe": "Timeframe",
    "n_bars": "Bars",
    "first_bar": "First bar",
    "last_bar": "Last bar",
    "path": "File",
    "format": "Format",
    "container": "Stored as",
    "n_rows": "Rows in the file",
    "time_kind": "Times are written as",
    "timezone": "Clock of the times",
    "timezone_source": "Clock known from",
    "point_size": "A point is",
    "contract_size": "Units in a lot",
    "contract_size_reason": "Units in a lot, why",
    "currency_conversion": "Currency conversion",
    "currency_conversion_reason": "Currency conversion, why",
    "from_cache": "Read from the cache",
    "file_sha256": "SHA-256 of the file",
    "fingerprint": "Fingerprint of the bars",
}
_MACHINE_LABELS = {
    "system": "System",
    "architecture": "Architecture",
    "processor": "Processor",
    "n_cores": "Cores",
    "n_logical_cores": "Logical cores",
    "n_usable_cores": "Cores that may be used",
    "memory_bytes": "Memory",
    "python": "Python",
}


def data_facts(data: Mapping[str, Any]) -> dict[str, object]:
    """Describe bars as `training.summary.describe_data` recorded them, the gist first."""
    left_out = (*_TOLD_ELSEWHERE, "format_version")
    kept = {name: value for name, value in data.items() if name not in left_out}
    return {_label(name, _DATA_LABELS): _told(name, kept[name]) for name in _ordered(kept)}


def machine_facts(machine: Mapping[str, Any]) -> dict[str, object]:
    """Describe a machine as `training.machine.describe_machine` recorded it."""
    return {
        _label(name, _MACHINE_LABELS): size(value) if name.endswith("_bytes") else setting(value)
        for name, value in machine.items()
    }


def _ordered(data: Mapping[str, Any]) -> list[str]:
    known = [name for name in _DATA_LABELS if name in data]
    return known + [name for name in data if name not in _DATA_LABELS]


def _label(name: str, labels: Mapping[str, str]) -> str:
    """Return what a key is called; one of a later version by its words."""
    words = name.removesuffix("_bytes").removeprefix("n_").replace("_", " ")
    return labels.get(name, words[:1].upper() + words[1:])


def _told(name: str, value: object) -> str:
    return f"{day(value)} UTC" if name in ("first_bar", "last_bar") else setting(value)
