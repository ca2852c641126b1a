"""How figures are told: the heading with machine and versions, and numbers with their spread."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from training.machine import describe_machine, versions

TOLD_VERSIONS = ("torch", "stable-baselines3", "sb3-contrib", "numpy")
_VERSION = (
    "import importlib.metadata as m, torch; print(m.version('{0}'), 'on torch', torch.__version__)"
)


def heading(peers: Sequence[str] = (), pythons: Sequence[str | None] = ()) -> str:
    """Tell the command, date, machine, versions and load of a measurement, as Markdown."""
    machine, found = describe_machine(), versions()
    words = [f"{name} {found[name]}" for name in TOLD_VERSIONS]
    for peer, python in zip(peers, pythons, strict=True):
        if python:
            words.append(f"{peer} {_version_in(python, peer)}")
    arguments = ["PATH" if "/" in part else part for part in sys.argv[1:]]
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return (
        f"`{' '.join(['python', _script(), *arguments])}`, {datetime.now(UTC):%Y-%m-%d}: "
        f"{machine['processor']}, {machine['n_cores']} cores; Python {machine['python']}, "
        f"{', '.join(words)}. Load averages at the end {load}.\n"
    )


def number_with_spread(values: Sequence[float]) -> str:
    """Tell the median, and the least and the most where there are several."""
    median = f"{statistics.median(values):,.0f}"
    return f"{median} ({min(values):,.0f} - {max(values):,.0f})" if len(values) > 1 else median


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a Markdown table, with an empty line after it."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _script() -> str:
    return sys.argv[0][sys.argv[0].rfind("bench/") :]


def _version_in(python: str, package: str) -> str:
    command = [python, "-c", _VERSION.format(package)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
