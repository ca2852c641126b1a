"""Peak memory of a training, measured in a process of its own.

    python -m bench.speed.memory --size small --engine stock --n_threads 1 --precision fp32

prints one JSON object. Not here: what the figures are compared with (`bench/engine.py`).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from sb3_contrib import RecurrentPPO

REPOSITORY = Path(__file__).parents[2]
N_ITERATIONS = 2


def measured(size: str, engine: str, *, n_threads: int, precision: str) -> dict[str, Any]:
    """Run this module as a child and return what it printed."""
    command = [sys.executable, "-m", "bench.speed.memory"]
    command += ["--size", size, "--engine", engine, "--precision", precision]
    command += ["--n_threads", str(n_threads)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[2:])} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def peak_rss_bytes() -> int:
    """Return this program's own largest resident size.

    Not `ru_maxrss`: Linux hands a started program the peak of the process that started it.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("this system tells no VmHWM; memory is measured on Linux only")


def rollout_bytes(agent: RecurrentPPO) -> int:
    """Bytes of every array an agent keeps of a rollout, LSTM states included; none twice."""
    owned: dict[int, int] = {}
    rollout = getattr(agent, "_rollout", None)
    for holder in (agent.rollout_buffer, rollout):
        for value in vars(holder).values() if holder is not None else ():
            for part in value.values() if isinstance(value, dict) else (value,):
                if isinstance(part, torch.Tensor):
                    owned[part.data_ptr()] = part.nbytes
                elif hasattr(part, "ctypes"):
                    owned[part.ctypes.data] = part.nbytes
    return sum(owned.values())


def main() -> None:
    """Train two rollouts and tell the peak before and after."""
    from bench.speed.arms import built, with_engine  # noqa: PLC0415  # only the child needs it
    from bench.speed.settings import SIZES  # noqa: PLC0415  # same

    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("size", "engine", "precision"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--n_threads", type=int, default=1)
    options = parser.parse_args()
    config = replace(SIZES[options.size].memory, n_epochs=1)  # more epochs only repeat
    config = with_engine(config, options.engine, options.n_threads, options.precision)
    agent = built(config, 1_000)
    before = peak_rss_bytes()
    agent.learn(N_ITERATIONS * config.rollout_steps)
    found = {"before": before, "peak": peak_rss_bytes(), "rollout": rollout_bytes(agent)}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
