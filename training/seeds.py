"""One tree of seeds: every random choice draws from its own named branch.

A branch is addressed by a path of words and numbers, so that adding a consumer never shifts the
numbers that another one sees. Only this module seeds torch's global state.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def branch_seed(seed: int, *path: str | int) -> int:
    """Derive the seed of a branch: 31 bits, what stable-baselines3 and gymnasium accept."""
    key = [int.from_bytes(hashlib.sha256(repr(part).encode()).digest()[:4]) for part in path]
    sequence = np.random.SeedSequence(seed, spawn_key=key)
    return int(sequence.generate_state(1)[0] >> 1)


def generator(seed: int, *path: str | int) -> np.random.Generator:
    """Make the NumPy generator of a branch."""
    return np.random.default_rng(branch_seed(seed, *path))


@contextmanager
def torch_state_kept() -> Iterator[None]:
    """Run a block and put torch's random state back, so that evaluation never moves training's."""
    state = torch.random.get_rng_state()
    cuda_states = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    try:
        yield
    finally:
        torch.random.set_rng_state(state)
        if cuda_states:
            torch.cuda.set_rng_state_all(cuda_states)


@contextmanager
def globals_kept() -> Iterator[None]:
    """Run a block and put back what building an agent moves: for agents that are only timed.

    That is the random states of Python, NumPy and torch, torch's threads, and cuDNN's freedom.
    """
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - SB3 seeds these
    n_threads, cudnn = torch.get_num_threads(), torch.backends.cudnn
    freedom = cudnn.deterministic, cudnn.benchmark
    with torch_state_kept():
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002 - as above
            torch.set_num_threads(n_threads)
            cudnn.deterministic, cudnn.benchmark = freedom


def pin_torch(*, n_threads: int, device: str) -> None:
    """Fix what makes torch give the same bits twice on one machine, for the whole process.

    Args:
        n_threads: Threads of one operation; one and two sum in different orders.
        device: `cpu` or `cuda`. On CUDA the workspace of cuBLAS is fixed too, which has to happen
            before the first operation there, and cuDNN may only choose repeatable kernels
            (PyTorch's notes on reproducibility).
    """
    torch.set_num_threads(n_threads)
    if device == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
