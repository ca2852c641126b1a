"""What torch can do with this machine: cores, instruction sets, memory, GPUs.

Asked of torch first; no question here can fail on another system, it is answered with no. Not here:
limits of this process (`training.machine`), what is faster (`training.agent.probe`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import psutil
import torch

from training.machine import Limit, describe_machine, usable_cores, usable_memory_bytes

BF16_COMPUTE_CAPABILITY = (8, 0)
"""First NVIDIA generation that multiplies bf16 matrices (Ampere; CUDA C++ programming guide)."""


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A CUDA device that torch sees.

    Attributes:
        name: What its driver calls it.
        memory_bytes: Its memory.
        compute_capability: NVIDIA's generation, major and minor.
    """

    name: str
    memory_bytes: int
    compute_capability: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """What was found.

    Attributes:
        system: Name of the operating system.
        architecture: Of the processor, such as `x86_64` or `arm64`.
        processor: Its name.
        n_physical_cores: Cores; None where the system does not tell.
        n_logical_cores: Hardware threads.
        usable_cores: Logical cores that this process may keep busy, and what limits them.
        load: Processes that ran or waited to run, mean of the last minute; None on Windows.
        vector_unit: The widest instructions that torch's own kernels use here, `AVX512`.
        has_avx512: Whether the processor has AVX-512.
        has_amx_bf16: Whether processor and system give AMX tiles of bf16.
        memory_bytes: Of the machine.
        usable_memory: Bytes this process may use, and what limits them.
        available_memory_bytes: What could be had now without swapping.
        gpus: CUDA devices that torch sees.
        torch_cuda: Version of CUDA that this torch was built with; None without.
        has_nvidia_gpu: Whether the system shows an NVIDIA device, whatever torch sees.
        has_apple_gpu: Whether torch sees an Apple GPU, which nothing here uses.
        cpu_limits: Environment variables that hold torch's CPU code back, with their values.
    """

    system: str
    architecture: str
    processor: str
    n_physical_cores: int | None
    n_logical_cores: int
    usable_cores: Limit
    load: float | None
    vector_unit: str
    has_avx512: bool
    has_amx_bf16: bool
    memory_bytes: int
    usable_memory: Limit
    available_memory_bytes: int
    gpus: tuple[Gpu, ...]
    torch_cuda: str | None
    has_nvidia_gpu: bool
    has_apple_gpu: bool
    cpu_limits: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        content = asdict(self)
        cores, memory = content.pop("usable_cores"), content.pop("usable_memory")
        content["n_usable_cores"], content["cores_limited_by"] = cores
        content["usable_memory_bytes"], content["memory_limited_by"] = int(memory[0]), memory[1]
        return content


_LIMITING_VARIABLES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")


def find_hardware() -> Hardware:
    """Look at this machine; takes milliseconds, changes nothing."""
    machine = describe_machine()
    return Hardware(
        system=machine["system"],
        architecture=machine["architecture"],
        processor=machine["processor"],
        n_physical_cores=machine["n_cores"],
        n_logical_cores=machine["n_logical_cores"] or 1,
        usable_cores=usable_cores(),
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        vector_unit=torch.backends.cpu.get_cpu_capability(),
        has_avx512=_cpu_has("avx512_f"),
        has_amx_bf16=has_amx_bf16(),
        memory_bytes=machine["memory_bytes"],
        usable_memory=usable_memory_bytes(),
        available_memory_bytes=psutil.virtual_memory().available,
        gpus=_gpus(),
        torch_cuda=torch.version.cuda,
        has_nvidia_gpu=Path("/dev/nvidiactl").exists() or shutil.which("nvidia-smi") is not None,
        has_apple_gpu=torch.backends.mps.is_available(),
        cpu_limits={n: os.environ[n] for n in _LIMITING_VARIABLES if n in os.environ},
    )


def has_amx_bf16() -> bool:
    """Say whether bf16 products run on AMX tiles: the processor has them, the system lets us.

    AVX512_BF16 alone is not meant: it multiplies no faster than float32 does.
    """
    may_use = getattr(torch.cpu, "_init_amx", None)  # asks the system for the tiles' registers
    return _cpu_has("amx_bf16") and _cpu_has("amx_tile") and (may_use is None or bool(may_use()))


def _cpu_has(capability: str) -> bool:
    """Ask torch; before 2.13, which can be asked, the kernel's list where there is one."""
    ask = getattr(torch.cpu, "get_capabilities", None)
    if ask is not None:
        return bool(ask().get(capability, False))
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return capability.replace("avx512_f", "avx512f") in flags.split()


def _gpus() -> tuple[Gpu, ...]:
    if not torch.cuda.is_available():
        return ()
    every = map(torch.cuda.get_device_properties, range(torch.cuda.device_count()))
    return tuple(
        Gpu(
            name=found.name,
            memory_bytes=found.total_memory,
            compute_capability=(found.major, found.minor),
        )
        for found in every
    )


class Contention:
    """What others do with this machine's cores while something is timed.

    Begins when it is made. In a container it sees the whole machine where the system shows it.
    """

    def __init__(self) -> None:
        self._before = self._now()

    def cores(self) -> tuple[float, float]:
        """Return the cores that other processes kept busy, and those a hypervisor took away."""
        wall_s, busy_s, stolen_s, own_s = (
            after - before for after, before in zip(self._now(), self._before, strict=True)
        )
        if wall_s <= 0:
            return 0.0, 0.0
        return max(0.0, busy_s - stolen_s - own_s) / wall_s, stolen_s / wall_s

    @staticmethod
    def _now() -> tuple[float, float, float, float]:
        every, own = psutil.cpu_times(), psutil.Process().cpu_times()
        stolen_s = getattr(every, "steal", 0.0)  # Linux alone counts it
        virtual_s = getattr(every, "guest", 0.0) + getattr(every, "guest_nice", 0.0)  # twice in
        busy_s = sum(every) - every.idle - getattr(every, "iowait", 0.0) - virtual_s
        return perf_counter(), busy_s, stolen_s, own.user + own.system
