"""What torch can do with a machine; other machines are made up."""

import json
from collections import namedtuple
from types import SimpleNamespace

import pytest
import torch

from training.agent.hardware import Contention, Gpu, find_hardware, has_amx_bf16

CpuTimes = namedtuple("CpuTimes", "user system steal idle iowait")  # as psutil has them


def with_capabilities(monkeypatch: pytest.MonkeyPatch, may_use: bool = True, **found: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)
    monkeypatch.setattr(torch.cpu, "_init_amx", lambda: may_use, raising=False)


def test_this_machine_is_found_and_is_json() -> None:
    content = json.loads(json.dumps(find_hardware().to_json(), allow_nan=False))
    assert content["n_logical_cores"] >= content["n_usable_cores"] > 0
    assert content["memory_bytes"] >= content["usable_memory_bytes"] > 0
    assert content["vector_unit"]
    assert content.keys() >= {"cores_limited_by", "memory_limited_by", "has_amx_bf16", "gpus"}


@pytest.mark.parametrize(
    ("found", "may_use", "expected"),
    [
        ({"amx_bf16": True, "amx_tile": True}, True, True),
        ({"amx_bf16": True, "amx_tile": True}, False, False),
        ({"amx_bf16": False, "amx_tile": True}, True, False),
        ({"avx512_bf16": True}, True, False),
        ({"architecture": "arm64", "bf16": True, "sve_bf16": True}, True, False),
        ({}, True, False),
    ],
)
def test_amx_is_what_counts_and_the_system_must_give_it(
    monkeypatch: pytest.MonkeyPatch, found: dict[str, bool], may_use: bool, expected: bool
) -> None:
    with_capabilities(monkeypatch, may_use, **found)
    assert has_amx_bf16() is expected


def test_a_torch_that_cannot_be_asked_never_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert has_amx_bf16() in (True, False)
    monkeypatch.setattr("pathlib.Path.read_text", lambda *_a, **_k: (_ for _ in ()).throw(OSError))
    assert has_amx_bf16() is False


def test_an_older_torch_leaves_the_question_to_the_kernels_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.setattr(torch.cpu, "_init_amx", lambda: True, raising=False)
    for flags, expected in (("fpu avx512f amx_bf16 amx_tile", True), ("fpu avx512_bf16", False)):
        text = f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t:\n"
        monkeypatch.setattr("pathlib.Path.read_text", lambda *_a, text=text, **_k: text)
        assert has_amx_bf16() is expected


def test_a_system_that_tells_no_load_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.getloadavg", raising=False)
    monkeypatch.setattr("psutil.cpu_count", lambda logical=True: 8 if logical else None)
    found = find_hardware()
    assert (found.load, found.n_physical_cores) == (None, None)


def test_gpus_are_told_as_torch_sees_them(monkeypatch: pytest.MonkeyPatch) -> None:
    device = SimpleNamespace(name="NVIDIA H200", total_memory=150 * 10**9, major=9, minor=0)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda _index: device)
    gpu = Gpu(name="NVIDIA H200", memory_bytes=150 * 10**9, compute_capability=(9, 0))
    assert find_hardware().gpus == (gpu,)


def test_variables_that_hide_instructions_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE")
    assert find_hardware().cpu_limits["ONEDNN_MAX_CPU_ISA"] == "AVX512_CORE"


def test_contention_is_what_neither_this_process_nor_idling_explains(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In 10 s of four cores: 40 = 12 user + 2 system + 1 stolen + 24 idle + 1 waiting; own 5."""
    every = iter([CpuTimes(0, 0, 0, 0, 0), CpuTimes(12, 2, 1, 24, 1)])
    own = iter([SimpleNamespace(user=1.0, system=0.0), SimpleNamespace(user=5.0, system=1.0)])
    seconds = iter([100.0, 110.0])
    monkeypatch.setattr("psutil.cpu_times", lambda: next(every))
    monkeypatch.setattr("psutil.Process", lambda: SimpleNamespace(cpu_times=lambda: next(own)))
    monkeypatch.setattr("training.agent.hardware.perf_counter", lambda: next(seconds))
    assert Contention().cores() == pytest.approx((0.9, 0.1))
