"""What is said of a machine, sentence by sentence."""

from __future__ import annotations

import pytest

from bot.cli.oddities import cores_text, crowding, oddities
from tests.bot.cli.examined import GIB, examination, machine, surroundings
from training.agent.hardware import Gpu
from training.machine import Limit

OLD_GPU = Gpu(name="Old T4", memory_bytes=16 * GIB, compute_capability=(7, 5))
NEW_GPU = Gpu(name="New H200", memory_bytes=141 * GIB, compute_capability=(9, 0))


def test_nothing_is_odd_about_a_good_machine():
    assert list(oddities(machine(), surroundings())) == []
    assert list(crowding(examination())) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"usable_cores": Limit(1.5, "cgroup")},
            [
                "This process may use only 1.5 of 8 logical cores (cgroup).",
                "Less than two cores: actor and critic cannot learn side by side.",
            ],
        ),
        (
            {"usable_cores": Limit(2.0, "affinity")},
            ["This process may use only 2 of 8 logical cores (affinity)."],
        ),
        (
            {"load": 2.5},
            ["The cores were busy when this began: a load of 2.5 on 8 cores in the last minute."],
        ),
        ({"load": None}, []),
        (
            {"has_amx_bf16": False},
            ["No AMX: bf16 is not faster here, so updates stay in float32."],
        ),
        ({"has_amx_bf16": False, "gpus": (NEW_GPU,), "torch_cuda": "13.0"}, []),
        (
            {"vector_unit": "DEFAULT", "cpu_limits": {"ATEN_CPU_CAPABILITY": "default"}},
            [
                "ATEN_CPU_CAPABILITY=default is set in the environment and may hide instructions "
                "from torch.",
                "The processor has AVX-512, but torch uses DEFAULT.",
            ],
        ),
        (
            {"has_nvidia_gpu": True},
            [
                "There is an NVIDIA GPU, but this torch was built without CUDA; to have it: "
                "python start.py --torch cuda walkfast doctor."
            ],
        ),
        (
            {"has_nvidia_gpu": True, "torch_cuda": "13.0"},
            [
                "There is an NVIDIA GPU, and torch (built for CUDA 13.0) cannot use it: look at "
                "the driver with nvidia-smi, and at CUDA_VISIBLE_DEVICES."
            ],
        ),
        (
            {"has_nvidia_gpu": True, "torch_cuda": "13.0", "gpus": (OLD_GPU, NEW_GPU)},
            ["Old T4 has no bf16 tensor cores: updates on it stay in float32."],
        ),
        (
            {"has_apple_gpu": True},
            ["The Apple GPU is not used: walkfast trains on CPU or CUDA."],
        ),
        (
            {"usable_memory": Limit(2.0 * GIB, "cgroup"), "available_memory_bytes": GIB // 2},
            [
                "This process may use only 2.00 GiB of 16.00 GiB memory (cgroup).",
                "Only 512.0 MiB of memory are free.",
            ],
        ),
    ],
)
def test_what_is_odd_about_a_machine_is_said(changes, says):
    assert list(oddities(machine(**changes), surroundings())) == says


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"cache_writable": False}, "cannot be written: bars and features are built anew"),
        ({"disk_free_bytes": GIB // 4}, "Only 256.0 MiB are free on the disk of the cache."),
        ({"columns": 60}, "The terminal has 60 columns; screens are made for 80."),
        ({"encoding": "ascii"}, "Standard output shows ascii only"),
    ],
)
def test_what_is_odd_around_a_machine_is_said(changes, says):
    (sentence,) = oddities(machine(), surroundings(**changes))
    assert says in sentence


@pytest.mark.parametrize("changes", [{"disk_free_bytes": None}, {"encoding": "UTF8"}])
def test_what_is_unknown_or_well_is_not_odd(changes):
    assert list(oddities(machine(), surroundings(**changes))) == []


def test_neighbours_are_told_of():
    others, stolen = crowding(examination(other_cores=2.44, stolen_cores=0.6))
    assert others.startswith("Other processes kept 2.4 of 8 cores busy while this was measured")
    assert stolen.startswith("The hypervisor took away 0.6 of 8 cores meanwhile")


def test_whole_cores_are_written_without_a_fraction():
    assert cores_text(machine()) == "8 of 8 logical cores"
    assert cores_text(machine(usable_cores=Limit(0.25, "cgroup"))) == "0.2 of 8 logical cores"
