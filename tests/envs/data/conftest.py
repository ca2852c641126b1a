"""Small files of bars, written by the tests, and the way to the real ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from envs.data.load import LoadedBars, LoadSettings, load

HEADER = "time,open,high,low,close,spread,volume"
SHARED = Path(__file__).parents[3] / ".." / "shared" / "data"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Write a file of this name and content; returns its path."""

    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


@pytest.fixture
def loaded(write) -> Callable[..., LoadedBars]:
    """Write text to a file and load it with these settings."""

    def load_text(content: str | bytes, name: str = "XAUUSD_1h.csv", **settings) -> LoadedBars:
        return load(write(name, content), settings=LoadSettings(**settings))

    return load_text


@pytest.fixture
def real() -> Callable[..., LoadedBars]:
    """Load a file of the shared folder, or skip where it is not at hand."""

    def load_real(name: str, **settings) -> LoadedBars:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"the real file {name} is not in ../shared/data")
        return load(path, settings=LoadSettings(**settings))

    return load_real


@pytest.fixture
def plain() -> Callable[..., str]:
    """Build a sound plain CSV of n hourly bars, with single lines replaced by their row number."""

    def build(n_rows: int = 6, replaced: dict[int, str] | None = None, header: str = HEADER) -> str:
        lines = [header]
        start = datetime(2024, 1, 1, tzinfo=UTC)
        for row in range(n_rows):
            time = (start + timedelta(hours=row)).strftime("%Y-%m-%d %H:%M:%S")
            price = 2000 + row / 1000
            good = f"{time},{price:.3f},{price + 2:.3f},{price - 2:.3f},{price + 1:.3f},20,{row}"
            lines.append((replaced or {}).get(row, good))
        return "\n".join(lines) + "\n"

    return build


@pytest.fixture
def us() -> Callable[[str], int]:
    """Microseconds since 1970 of an ISO time in UTC."""
    return lambda text: int(np.datetime64(text, "us").astype(np.int64))


@pytest.fixture
def walk() -> Callable[..., dict[str, np.ndarray]]:
    """Prices of a random walk with three decimals: open, high, low and close, each (n_rows,)."""

    def build(n_rows: int = 200, seed: int = 0, price: float = 2000.0) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(seed)
        close = price * np.exp(np.cumsum(rng.normal(0, 1e-3, n_rows)))
        open_ = np.append(price, close[:-1]) * np.exp(rng.normal(0, 2e-5, n_rows))
        high = np.maximum(open_, close) * (1 + np.abs(rng.normal(0, 5e-4, n_rows)))
        low = np.minimum(open_, close) * (1 - np.abs(rng.normal(0, 5e-4, n_rows)))
        columns = {"open": open_, "high": high, "low": low, "close": close}
        return {name: column.round(3) for name, column in columns.items()}

    return build


@pytest.fixture
def table() -> Callable[..., str]:
    """Write columns as CSV of hourly bars, named by the arguments."""

    def build(columns: dict[str, np.ndarray], *, start: str = "2024-01-01T00") -> str:
        n_rows = len(next(iter(columns.values())))
        times = np.datetime64(start, "s") + np.arange(n_rows) * np.timedelta64(3600, "s")
        rows = [
            ",".join([str(time).replace("T", " "), *(repr(float(v)) for v in values)])
            for time, *values in zip(times, *columns.values(), strict=True)
        ]
        return "\n".join([",".join(["time", *columns]), *rows]) + "\n"

    return build
