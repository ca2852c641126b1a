"""What is missing or odd about a machine, in plain sentences; pure.

Not here: finding out (`training.agent.hardware`), the screen (`bot.cli.doctor`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.wording import decimal, size
from training.agent.examination import Examination
from training.agent.hardware import BF16_COMPUTE_CAPABILITY, Hardware

NARROWEST = 80
_LITTLE_BYTES = 2**30
_BUSY_SHARE = 0.25
_STOLEN_SHARE = 0.05


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a run meets besides cores and GPUs.

    Attributes:
        cache_folder: Of bars and features.
        cache_bytes: What lies in it.
        cache_writable: Whether this user may write there.
        disk_free_bytes: On the disk of the cache; None where nobody can tell.
        columns: Width of the terminal.
        encoding: Of standard output.
    """

    cache_folder: str
    cache_bytes: int
    cache_writable: bool
    disk_free_bytes: int | None
    columns: int
    encoding: str

    @property
    def shows_unicode(self) -> bool:
        """Whether standard output can show any character."""
        return self.encoding.lower().replace("-", "").startswith("utf")


def oddities(hardware: Hardware, around: Surroundings) -> Iterator[str]:
    """Yield what a user should know, the loud things first."""
    yield from _of_cores(hardware)
    yield from _of_instructions(hardware)
    yield from _of_gpus(hardware)
    yield from _of_memory(hardware)
    yield from _of_surroundings(around)


def crowding(found: Examination) -> Iterator[str]:
    """Yield what held the measuring back."""
    n_cores = found.hardware.n_logical_cores
    if found.other_cores > _BUSY_SHARE * n_cores:
        yield (
            f"Other processes kept {decimal(found.other_cores, 1)} of {n_cores} cores busy while "
            "this was measured: with the machine to itself, training is faster than that."
        )
    if found.stolen_cores > _STOLEN_SHARE * n_cores:
        yield (
            f"The hypervisor took away {decimal(found.stolen_cores, 1)} of {n_cores} cores "
            "meanwhile: speeds on this machine vary with its neighbours."
        )


def cores_text(hardware: Hardware) -> str:
    """Write how many cores a process may use, `1.5 of 8 logical cores`."""
    value = hardware.usable_cores.value
    usable = f"{value:g}" if value == int(value) else decimal(value, 1)
    return f"{usable} of {hardware.n_logical_cores} logical cores"


def _of_cores(hardware: Hardware) -> Iterator[str]:
    usable, n_cores = hardware.usable_cores, hardware.n_logical_cores
    if usable.limited_by is not None and usable.value < n_cores:
        yield f"This process may use only {cores_text(hardware)} ({usable.limited_by})."
    if usable.value < 2:
        yield "Less than two cores: actor and critic cannot learn side by side."
    if hardware.load is not None and hardware.load > _BUSY_SHARE * n_cores:
        yield (
            f"The cores were busy when this began: a load of {decimal(hardware.load, 1)} on "
            f"{n_cores} cores in the last minute."
        )


def _of_instructions(hardware: Hardware) -> Iterator[str]:
    for name, value in hardware.cpu_limits.items():
        yield f"{name}={value} is set in the environment and may hide instructions from torch."
    if hardware.has_avx512 and not hardware.vector_unit.startswith("AVX512"):
        yield f"The processor has AVX-512, but torch uses {hardware.vector_unit}."
    if not hardware.has_amx_bf16 and not hardware.gpus:
        yield "No AMX: bf16 is not faster here, so updates stay in float32."


def _of_gpus(hardware: Hardware) -> Iterator[str]:
    if hardware.has_nvidia_gpu and hardware.torch_cuda is None:
        yield (
            "There is an NVIDIA GPU, but this torch was built without CUDA; to have it: "
            "python start.py --torch cuda walkfast doctor."
        )
    elif hardware.has_nvidia_gpu and not hardware.gpus:
        yield (
            f"There is an NVIDIA GPU, and torch (built for CUDA {hardware.torch_cuda}) cannot use "
            "it: look at the driver with nvidia-smi, and at CUDA_VISIBLE_DEVICES."
        )
    for gpu in hardware.gpus:
        if gpu.compute_capability < BF16_COMPUTE_CAPABILITY:
            yield f"{gpu.name} has no bf16 tensor cores: updates on it stay in float32."
    if hardware.has_apple_gpu:
        yield "The Apple GPU is not used: walkfast trains on CPU or CUDA."


def _of_memory(hardware: Hardware) -> Iterator[str]:
    usable = hardware.usable_memory
    if usable.limited_by is not None and usable.value < hardware.memory_bytes:
        yield (
            f"This process may use only {size(usable.value)} of {size(hardware.memory_bytes)} "
            f"memory ({usable.limited_by})."
        )
    if hardware.available_memory_bytes < _LITTLE_BYTES:
        yield f"Only {size(hardware.available_memory_bytes)} of memory are free."


def _of_surroundings(around: Surroundings) -> Iterator[str]:
    if not around.cache_writable:
        yield (
            f"The cache folder {around.cache_folder} cannot be written: bars and features are "
            "built anew for every run. WALKFAST_CACHE_DIR moves it."
        )
    if around.disk_free_bytes is not None and around.disk_free_bytes < _LITTLE_BYTES:
        yield f"Only {size(around.disk_free_bytes)} are free on the disk of the cache."
    if around.columns < NARROWEST:
        yield f"The terminal has {around.columns} columns; screens are made for {NARROWEST}."
    if not around.shows_unicode:
        yield f"Standard output shows {around.encoding} only: charts are drawn in plain characters."
