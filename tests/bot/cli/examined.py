"""A made-up machine and what was measured on it, for tests of what is said about them."""

from __future__ import annotations

from typing import Any

from bot.cli.oddities import Surroundings
from training.agent.config import AgentConfig
from training.agent.examination import Examination, ThreadChoice
from training.agent.hardware import Hardware
from training.agent.probe import Probe
from training.agent.speed import Round, Speed
from training.machine import Limit

GIB = 2**30


def machine(**changes: Any) -> Hardware:
    """Eight quiet cores with everything, and no GPU."""
    values = {
        "system": "Linux",
        "architecture": "x86_64",
        "processor": "Made-up 9000",
        "n_physical_cores": 4,
        "n_logical_cores": 8,
        "usable_cores": Limit(8.0, None),
        "load": 0.3,
        "vector_unit": "AVX512",
        "has_avx512": True,
        "has_amx_bf16": True,
        "memory_bytes": 16 * GIB,
        "usable_memory": Limit(16.0 * GIB, None),
        "available_memory_bytes": 12 * GIB,
        "gpus": (),
        "torch_cuda": None,
        "has_nvidia_gpu": False,
        "has_apple_gpu": False,
        "cpu_limits": {},
    }
    return Hardware(**(values | changes))


def surroundings(**changes: Any) -> Surroundings:
    """A cache that works and a wide terminal."""
    values = {
        "cache_folder": "/home/x/.cache/walkfast",
        "cache_bytes": 3 * 2**20,
        "cache_writable": True,
        "disk_free_bytes": 50 * GIB,
        "columns": 120,
        "encoding": "utf-8",
    }
    return Surroundings(**(values | changes))


def speed(n_envs: int, n_steps: int, steps_per_s: float) -> Speed:
    """A default agent in bf16 that spends a fifth of its time on rollouts."""
    config = AgentConfig(n_envs=n_envs, n_steps=n_steps, precision="bf16")
    part_s = config.rollout_steps / steps_per_s / 5
    return Speed(config=config, rounds=(Round(part_s, part_s),) * 3, mean_episode_bars=1_234.5)


def examination(**changes: Any) -> Examination:
    """64 environments are a third faster than the 16 asked for; 256 were left out."""
    values = {
        "hardware": machine(),
        "device": "cpu",
        "probe": Probe(
            precision="bf16",
            reason="bf16 updates ran at 1.52 times the speed of float32",
            n_threads=2,
            bf16_speedup=1.52,
            n_pairs=9,
        ),
        "threads": ThreadChoice(
            n_threads=2,
            reason="two train at 1.60 times the speed of one, and to the same bits",
            speedup=1.6,
        ),
        "speed": speed(16, 128, 15_000.0),
        "others": (speed(32, 64, 17_000.0), speed(64, 32, 20_000.0), speed(128, 32, 20_400.0)),
        "n_left_out": 1,
        "other_cores": 0.1,
        "stolen_cores": 0.0,
        "duration_s": 6.2,
    }
    return Examination(**(values | changes))
