"""What figures of time and memory depend on: machine, its limits, versions, peak memory.

Nothing that names a person or a host. Not here: what torch can do with the machine
(`training.agent.hardware`).
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""Where numeric libraries read their number of threads when they are loaded."""
SHARE_VARIABLE = "WALKFAST_THREADS"
"""Threads on which an agent may work side by side in this process; decides no bit."""
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
        "architecture": platform.machine(),
        "processor": _processor(),
        "n_cores": psutil.cpu_count(logical=False),
        "n_logical_cores": os.cpu_count(),
        "n_usable_cores": usable_cores().value,
        "memory_bytes": psutil.virtual_memory().total,
        "python": platform.python_version(),
    }


class Limit(NamedTuple):
    """How much of something this process may use.

    Attributes:
        value: The amount.
        limited_by: `affinity` or `cgroup`; None where the machine itself is the limit.
    """

    value: float
    limited_by: str | None


def usable_cores(*, root: Path = Path("/")) -> Limit:
    """Return the logical cores that this process may keep busy; a quota may allow a fraction.

    Args:
        root: Where `/proc` and `/sys` are.
    """
    every = float(os.cpu_count() or 1)
    limits = [Limit(every, None)]
    if hasattr(os, "sched_getaffinity"):  # Linux
        limits.append(Limit(float(len(os.sched_getaffinity(0))), "affinity"))
    for folder in _cgroup_folders(root, "cpu"):
        limits += [Limit(cores, "cgroup") for cores in _quotas(folder)]
    return min(limits, key=lambda limit: limit.value)


def allowed_threads() -> int | None:
    """Return the threads that this process was given, as a worker is; None where nobody said."""
    told = os.environ.get(SHARE_VARIABLE, "")
    return int(told) if told.isdecimal() and int(told) else None


def usable_memory_bytes(*, root: Path = Path("/")) -> Limit:
    """Return the memory that this process may use, bytes; what others hold is not subtracted.

    Args:
        root: Where `/proc` and `/sys` are.
    """
    limits = [Limit(float(psutil.virtual_memory().total), None)]
    for folder in _cgroup_folders(root, "memory"):
        words = [*_words(folder / "memory.max"), *_words(folder / "memory.limit_in_bytes")]
        limits += [Limit(float(word), "cgroup") for word in words if word.isdecimal()]
    return min(limits, key=lambda limit: limit.value)


def versions() -> dict[str, str]:
    """Return the versions of what results depend on."""
    return {name: importlib.metadata.version(name) for name in _PACKAGES}


def peak_memory_bytes() -> int:
    """Return the largest resident size this process has had.

    Linux is asked for its own count first: `getrusage` tells a started child its parent's peak.
    """
    told = _status_bytes("VmHWM")
    if told is not None:
        return told
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource  # noqa: PLC0415  # the module exists on Unix only

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _status_bytes(name: str) -> int | None:
    """Read a line of Linux's own page on this process; None elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith(f"{name}:")]
    return int(found[0]) * 1024 if found else None


def _processor() -> str:
    """Return the processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _cgroup_folders(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders whose limits hold for this process: its own group and all above it.

    Lines of `/proc/self/cgroup` are `number:controllers:path` (cgroups(7)); version 2 has one line
    and no controllers. In a container the path may be the host's: what is not there limits nothing.
    """
    try:
        lines = (
            (root / "proc/self/cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
        )
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / controllers
        own = top / path.lstrip("/")
        yield from (folder for folder in (own, *own.parents) if folder.is_relative_to(top))


def _quotas(folder: Path) -> Iterator[float]:
    """Yield the cores of a group's quotas, version 2 and 1; a quota of -1 or `max` is none."""
    files = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    for words in (_words(folder / "cpu.max"), [word for f in files for word in _words(folder / f)]):
        if len(words) == 2 and all(word.isdecimal() and int(word) for word in words):
            yield int(words[0]) / int(words[1])


def _words(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").split()
    except OSError:
        return []
