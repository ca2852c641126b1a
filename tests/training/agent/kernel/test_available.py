"""Finding, building, checking and switching off the kernel."""

import pytest
import torch
from torch import nn

from envs.errors import ConfigError
from training.agent.kernel import available, compiler, kernel_lstm, kernel_state
from training.agent.kernel.compiler import KernelError, built_library


@pytest.fixture
def forgotten(monkeypatch, tmp_path):
    """A machine that was never asked, with an empty cache."""
    available._find.cache_clear()
    monkeypatch.setenv("WALKFAST_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("WALKFAST_KERNEL", raising=False)
    monkeypatch.setattr(compiler, "processor_flags", lambda: compiler.NEEDED)
    yield tmp_path
    available._find.cache_clear()


@pytest.fixture
def no_compiler(forgotten, monkeypatch):
    monkeypatch.setenv("PATH", str(forgotten))
    monkeypatch.delenv("CXX", raising=False)


def false_compiler(folder, script):
    path = folder / "false-c++"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_without_a_compiler_nn_lstm_serves_in_silence(no_compiler, capfd):
    assert kernel_state().kernel is None
    assert kernel_state().reason == "no C++ compiler was found"
    lstm = nn.LSTM(3, 4)
    inputs, memory = torch.randn(2, 5, 3), (torch.zeros(1, 5, 4), torch.zeros(1, 5, 4))
    assert torch.equal(kernel_lstm(lstm, inputs, memory), lstm(inputs, memory)[0])
    assert capfd.readouterr() == ("", "")


def test_insisting_without_a_compiler_says_how_to_mend_it(no_compiler, monkeypatch):
    monkeypatch.setenv("WALKFAST_KERNEL", "1")
    with pytest.raises(ConfigError, match="install a C") as caught:
        kernel_state()
    assert caught.value.came == "no C++ compiler was found"


def test_a_processor_without_avx512_is_named(forgotten, monkeypatch):
    monkeypatch.setattr(compiler, "processor_flags", lambda: compiler.NEEDED - {"avx512bw"})
    assert kernel_state().reason == "the processor lacks avx512bw"


def test_a_compiler_that_fails_is_quoted(forgotten, monkeypatch):
    monkeypatch.setenv("CXX", false_compiler(forgotten, "echo no such option >&2; exit 1"))
    assert kernel_state().kernel is None
    assert kernel_state().reason.endswith("failed: no such option")


def test_what_a_compiler_wrote_in_vain_is_not_loaded(forgotten, monkeypatch):
    script = 'for last; do :; done; echo nonsense > "$last"'
    monkeypatch.setenv("CXX", false_compiler(forgotten, script))
    assert kernel_state().kernel is None


def test_a_folder_that_cannot_be_written_does_without(forgotten, monkeypatch):
    script = 'for last; do :; done; echo nonsense > "$last"'
    monkeypatch.setenv("CXX", false_compiler(forgotten, script))
    in_the_way = forgotten / "cache"
    in_the_way.write_text("a file", encoding="utf-8")
    assert kernel_state().reason.startswith("it could not be built")


def test_wrong_results_are_not_used(forgotten, monkeypatch):
    monkeypatch.setattr(available, "built_library", lambda folder: folder)
    monkeypatch.setattr(available, "Kernel", WrongKernel)
    assert kernel_state().reason == "its results are not torch's"


class WrongKernel:
    has_tiles = False

    def __init__(self, path):
        self.path = path

    def kept_bytes(self, sizes, in_bf16):
        return 64

    scratch_bytes = kept_bytes

    def forward(self, sizes, arrays, in_bf16):
        """Leaves everything as it was."""

    backward = forward


def test_unknown_values_of_the_switch_are_refused(forgotten, monkeypatch):
    monkeypatch.setenv("WALKFAST_KERNEL", "yes")
    with pytest.raises(ConfigError, match="0 or 1"):
        kernel_state()


def test_switching_off_asks_no_compiler(forgotten, monkeypatch):
    monkeypatch.setenv("WALKFAST_KERNEL", "0")
    monkeypatch.setattr(available, "built_library", lambda folder: pytest.fail("asked"))
    assert kernel_state().kernel is None


def test_sources_flags_and_compiler_name_the_library(forgotten, monkeypatch):
    monkeypatch.setenv("CXX", false_compiler(forgotten, 'for last; do :; done; echo 1 > "$last"'))
    first = built_library(forgotten)
    assert built_library(forgotten) == first
    monkeypatch.setattr(compiler, "FLAGS", (*compiler.FLAGS, "-g"))
    flagged = built_library(forgotten)
    known = compiler._sources()
    monkeypatch.setattr(compiler, "_sources", lambda: {**known, "fp32.h": b"changed"})
    assert len({first, flagged, built_library(forgotten)}) == 3


def test_a_library_is_built_once(forgotten, monkeypatch):
    count = forgotten / "count"
    script = f'echo x >> {count}; for last; do :; done; echo 1 > "$last"'
    monkeypatch.setenv("CXX", false_compiler(forgotten, script))
    built_library(forgotten)
    built_library(forgotten)
    assert count.read_text(encoding="utf-8") == "x\n"


def test_other_systems_have_no_flags(monkeypatch):
    monkeypatch.setattr(compiler.sys, "platform", "darwin")
    assert compiler.processor_flags() == frozenset()


@pytest.mark.slow
def test_this_machine_builds_it_from_nothing(tmp_path):
    try:
        path = built_library(tmp_path)
    except KernelError as error:
        pytest.skip(str(error))
    kernel = available.Kernel(path)
    available._check(kernel)
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
