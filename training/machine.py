"""What figures of time and memory depend on: machine, versions, peak memory.

Nothing that names a person or a host.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from pathlib import Path
from typing import Any

import psutil

_PACKAGES = (
    "walkfast",
    "torch",
    "stable-baselines3",
    "sb3-contrib",
    "gymnasium",
    "numpy",
    "pandas",
    "TA-Lib",
)


def describe_machine() -> dict[str, Any]:
    """Return what figures of time depend on."""
    return {
        "system": platform.system(),
        "processor": _processor(),
        "n_cores": psutil.cpu_count(logical=False),
        "n_logical_cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Return the versions of what results depend on."""
    return {name: importlib.metadata.version(name) for name in _PACKAGES}


def peak_memory_bytes() -> int:
    """Return the largest resident size this process has had."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource  # noqa: PLC0415  # the module exists on Unix only

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _processor() -> str:
    """Return the processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
