"""Measure building, caching and reading the default features: time, peak memory, ratio.

Run: python bench/features.py [--bars 1000000] [--runs 3]
Every figure is of this run on this machine. CPU time is printed beside wall time, because only the
first means anything on a machine that others use too.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from envs.array_cache import ArrayCache
from envs.bars import Bars
from envs.features import FeatureConfig, build_features
from envs.timeframe import Timeframe

TARGET_S = 3.0
TARGET_BYTES = 2**30


def main() -> None:
    """Print one line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bars", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    bars = random_bars(options.bars)
    before = peak_bytes()
    config = FeatureConfig()
    wall, cpu = best_of(options.runs, lambda: build_features(bars, config))
    peak = peak_bytes()
    print(f"build of {options.bars:,} bars: {wall:.2f} s wall, {cpu:.2f} s CPU, best of runs")
    print(f"target {TARGET_S} s: {wall / TARGET_S:.2f} of it")
    limits = f"of {TARGET_BYTES / 2**20:.0f}, {before / 2**20:.0f} before"
    print(f"peak memory {peak / 2**20:.0f} MiB ({limits})")
    with tempfile.TemporaryDirectory() as folder:
        measure_cache(bars, config, ArrayCache(Path(folder)), wall)


def measure_cache(bars: Bars, config: FeatureConfig, cache: ArrayCache, build_s: float) -> None:
    """Print a miss, a verified hit, and a verified hit on the seven columns of the bars."""
    miss_s, _ = best_of(1, lambda: build_features(bars, config, cache))
    hit_s, _ = best_of(3, lambda: build_features(bars, config, cache))
    assert cache.info().builds == 1, "a hit built something"
    print(f"miss (build, hash, write): {miss_s:.2f} s")
    ratio = f"{build_s / hit_s:.0f}x faster than building"
    print(f"hit (every byte verified): {hit_s * 1e3:.0f} ms, {ratio}")
    names = ("open", "high", "low", "close", "volume", "spread_points", "time_us")
    cache.put("0" * 64, {name: getattr(bars, name) for name in names}, {})
    read_s, _ = best_of(5, lambda: cache.get("0" * 64))
    print(f"verified read of the seven bar columns: {read_s * 1e3:.0f} ms")


def best_of(n_runs: int, call: Callable[[], object]) -> tuple[float, float]:
    """Return the smallest wall and CPU seconds of some calls."""
    times = []
    for _ in range(n_runs):
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        times.append((time.perf_counter() - wall, time.process_time() - cpu))
    return min(wall for wall, _ in times), min(cpu for _, cpu in times)


def peak_bytes() -> int:
    """Largest resident size of this process so far (Linux counts KiB, macOS bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def random_bars(n_bars: int) -> Bars:
    """A random walk of 15-minute bars."""
    rng = np.random.default_rng(0)
    close = 2000.0 * np.exp(np.cumsum(rng.standard_normal(n_bars) * 1e-3))
    opening = np.append(close[:1], close[:-1])
    step_us = 900_000_000
    return Bars(
        symbol="RANDOM",
        timeframe=Timeframe(step_us=step_us),
        point_size=0.001,
        time_us=step_us * np.arange(n_bars, dtype=np.int64),
        open=opening,
        high=np.maximum(opening, close) * 1.0003,
        low=np.minimum(opening, close) * 0.9997,
        close=close,
        volume=rng.integers(0, 1000, n_bars).astype(np.float64),
        spread_points=rng.integers(10, 50, n_bars).astype(np.float64),
    )


if __name__ == "__main__":
    main()
