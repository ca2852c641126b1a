"""What a loaded file depends on besides its bytes: this package's code, the libraries, the clocks.

Part of the cache key of `envs.data.load`. Code is hashed rather than versioned by hand, so that no
forgotten bump brings back the bars of an older reader.
"""

from __future__ import annotations

import hashlib
import zoneinfo
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from envs.fingerprint import fingerprint

_PACKAGES = ("numpy", "pandas", "pyarrow", "tzdata")
_READERS = Path(__file__).parent
_ALSO = ("bars.py", "timeframe.py")  # what the readers' rows end in


@lru_cache(maxsize=1)
def reader_version() -> str:
    """Hash the readers' sources and the versions of what they stand on.

    Returns:
        64 hex digits, the same in every process of one installation.
    """
    versions = {name: _version(name) for name in _PACKAGES}
    return fingerprint("readers-1", source_digest(_READERS), versions, _system_clocks())


def source_digest(folder: Path) -> str:
    """Hash every Python file below a folder, and the modules above it that bars are made of."""
    digest = hashlib.sha256()
    for path in [*sorted(folder.rglob("*.py")), *(folder.parent / name for name in _ALSO)]:
        digest.update(f"{path.relative_to(folder.parent).as_posix()}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _system_clocks() -> str | None:
    """First line of the system's timezone rules, which `zoneinfo` asks before the package."""
    for folder in zoneinfo.TZPATH:
        path = Path(folder) / "tzdata.zi"
        if path.is_file():
            with path.open(encoding="utf-8", errors="replace") as file:
                return file.readline().strip()
    return None
