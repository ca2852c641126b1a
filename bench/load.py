"""How long a million-row CSV takes to load: parsed, and from the cache the second time.

Run: python bench/load.py [--rows 1000000] [--repeat 3]
Prints wall times, their ratio, and the same file through `pandas.read_csv` for comparison. The
file, the cache and everything else live in a temporary folder.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from envs.array_cache import ArrayCache
from envs.data.load import load


def main() -> None:
    """Make the file, time each way, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "XAUUSD_1m.csv"
        write_bars(path, options.rows)
        size_mb = path.stat().st_size / 1e6
        print(f"{options.rows} rows, {size_mb:.0f} MB, best of {options.repeat}")
        report(path, Path(folder), options.repeat)


def report(path: Path, folder: Path, repeat: int) -> None:
    """Time pandas, the parse, the first load through the cache and the next ones."""
    with_pandas = best(lambda: pd.read_csv(path, parse_dates=["time"]), repeat)
    parsed = best(lambda: load(path), repeat)
    cold = best(lambda: load(path, cache=ArrayCache(Path(tempfile.mkdtemp(dir=folder)))), 1)
    cache = ArrayCache(folder / "cache")
    load(path, cache=cache)
    warm = best(lambda: load(path, cache=cache), repeat)
    fresh = best(lambda: load(path, cache=ArrayCache(folder / "cache")), repeat)
    assert load(path, cache=cache).source.from_cache
    for name, seconds in (
        ("pandas.read_csv with dates", with_pandas),
        ("load, no cache", parsed),
        ("load, filling the cache", cold),
        ("load from the cache, new process", fresh),
        ("load from the cache, same process", warm),
    ):
        print(f"{name:36} {seconds:7.3f} s   {parsed / seconds:6.1f}x of load without cache")


def best(call: Callable[[], Any], repeat: int) -> float:
    """Shortest wall time of several calls, in seconds."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def write_bars(path: Path, n_rows: int) -> None:
    """Write a plain CSV of gold-like minute bars with the gaps of its nights and weekends."""
    generator = np.random.default_rng(0)
    minutes = pd.date_range("1996-01-01", periods=n_rows * 3 // 2, freq="1min")
    is_open = (minutes.day_of_week < 5) & (minutes.hour != 22)
    times = minutes[is_open][:n_rows]
    close = 2000 * np.exp(np.cumsum(generator.normal(0, 1e-5, len(times))))
    open_ = np.concatenate(([2000.0], close[:-1]))
    reach = np.abs(generator.normal(0, 0.05, (2, len(times))))
    frame = pd.DataFrame(
        {
            "time": times.strftime("%Y-%m-%d %H:%M:%S"),
            "open": open_.round(3),
            "high": (np.maximum(open_, close) + reach[0]).round(3),
            "low": (np.minimum(open_, close) - reach[1]).round(3),
            "close": close.round(3),
            "spread": generator.integers(150, 250, len(times)),
            "volume": generator.integers(1, 9999, len(times)),
        }
    )
    frame.to_csv(path, index=False)


if __name__ == "__main__":
    main()
