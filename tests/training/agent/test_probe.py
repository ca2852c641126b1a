"""Choosing a precision: with a clock that only updates move, and once for real."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from stable_baselines3.common.utils import set_random_seed

from envs.errors import ConfigError
from training.agent import probe
from training.agent.config import ORIGINAL_AGENT, AgentConfig
from training.agent.probe import (
    Probe,
    bf16_supported,
    decide_precision,
    probe_precision,
)
from training.agent.recurrent_ppo import FastRecurrentPPO

CPU = torch.device("cpu")
SIZES = {"n_inputs": 3, "n_actions": 3, "device": CPU}
SMALL = AgentConfig(
    lstm_hidden_size=8, net_arch=(6,), n_envs=4, n_steps=16, batch_size=32, precision="auto"
)


class Updates:
    """A clock, and updates that take what they are told to and nothing else does.

    Attributes:
        seconds: By precision: what each update takes, one after the other, the last one for ever.
        order: Precisions of the updates that were made.
        agents: Their agents.
    """

    def __init__(self, fp32: list[float], bf16: list[float]) -> None:
        self.now = 0.0
        self.seconds = {"fp32": fp32, "bf16": bf16}
        self.order: list[str] = []
        self.agents: list[FastRecurrentPPO] = []

    def __call__(self) -> float:
        return self.now

    def replace_real_ones(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let every agent's updates be these."""

        def train(agent: FastRecurrentPPO) -> None:
            row = self.seconds[agent.precision]
            self.now += row[min(self.order.count(agent.precision), len(row) - 1)]
            self.order.append(agent.precision)
            self.agents.append(agent)

        monkeypatch.setattr(FastRecurrentPPO, "train", train)


@pytest.fixture
def with_amx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "has_amx_bf16", lambda: True)


def probed(
    monkeypatch: pytest.MonkeyPatch,
    updates: Updates,
    config: AgentConfig = SMALL,
    within_s: float = 1.0,
) -> Probe:
    updates.replace_real_ones(monkeypatch)
    return probe_precision(config, **SIZES, within_s=within_s, clock=updates)


@pytest.mark.parametrize(
    ("bf16_s", "precision", "speedup"),
    [(0.05, "bf16", 2.0), (0.08, "bf16", 1.25), (0.095, "fp32", 0.1 / 0.095), (0.2, "fp32", 0.5)],
)
def test_bf16_is_taken_where_it_is_a_tenth_faster(
    monkeypatch: pytest.MonkeyPatch, bf16_s: float, precision: str, speedup: float
) -> None:
    found = probed(monkeypatch, Updates([0.1], [bf16_s]))
    assert found.precision == precision
    assert found.bf16_speedup == pytest.approx(speedup)
    assert f"{speedup:.2f} times" in found.reason
    assert ("not worth its rounding" in found.reason) == (precision == "fp32")


def test_a_machine_that_is_busy_for_a_moment_decides_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first update of each is the warm-up; of nine pairs two met a burst of load."""
    busy = Updates(
        [0.10, 0.10, 0.10, 0.50, 0.10, 0.1, 0.1, 0.1], [0.06, 0.06, 0.9, 0.06, 0.06, 0.06]
    )
    found = probed(monkeypatch, busy, within_s=2.6)
    assert found.n_pairs == 9
    assert (found.precision, found.bf16_speedup) == ("bf16", pytest.approx(0.1 / 0.06))


def test_warm_up_is_not_counted_and_pairs_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    updates = Updates([9.0, 0.1], [9.0, 0.1])
    found = probed(monkeypatch, updates, within_s=0.7)
    assert updates.order[:2] == ["fp32", "bf16"]
    assert updates.order[2:] == ["fp32", "bf16", "bf16", "fp32"] * 2
    assert (found.n_pairs, found.bf16_speedup) == (4, pytest.approx(1.0))


def test_one_pair_is_timed_even_where_it_takes_longer_than_there_is_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert probed(monkeypatch, Updates([30.0], [20.0])).n_pairs == 1


def test_quick_updates_end_it_early(monkeypatch: pytest.MonkeyPatch) -> None:
    assert probed(monkeypatch, Updates([1e-6], [1e-6])).n_pairs == 15


def test_the_rollout_is_one_minibatch_with_the_agents_own_chunks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = AgentConfig(n_steps=96, n_envs=32, batch_size=768, target_kl=0.01, learning_rate=1.0)
    updates = Updates([0.1], [0.1])
    probed(monkeypatch, updates, config, within_s=0.0)
    agent = updates.agents[0]
    assert (agent.n_steps, agent.n_envs, agent.batch_size) == (96, 8, 768)
    assert agent.resolved_chunk_steps() == 48  # the longest divisor of both up to 64
    assert agent.target_kl is None  # which would end an update before its step
    assert agent.learning_rate < 1e-6  # learning one minibatch over and over leads nowhere


def test_large_networks_get_fewer_rows_and_never_less_than_sixteen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wide = replace(SMALL, lstm_hidden_size=4096, n_steps=64, n_envs=1024, batch_size=65_536)
    shape = probe._one_minibatch(wide, 40)
    assert (shape.n_steps, shape.n_envs, shape.n_epochs) == (64, 16, 1)
    assert probe._one_minibatch(SMALL, 40).n_epochs == 4


def test_the_original_agent_fits_once_it_has_our_engine() -> None:
    ours = replace(ORIGINAL_AGENT, engine="chunked", precision="auto")
    shape = probe._one_minibatch(ours, 40)
    assert (shape.n_steps, shape.n_envs, shape.batch_size) == (256, 1, 256)


@pytest.mark.usefixtures("with_amx")
def test_nothing_is_probed_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "probe_precision", lambda *_a, **_k: pytest.fail("probed"))
    for precision in ("fp32", "bf16"):
        found = decide_precision(replace(SMALL, precision=precision), **SIZES)
        assert found == Probe(precision=precision, reason="as set", n_threads=2)
    assert decide_precision(replace(SMALL, engine="stock"), **SIZES).precision == "fp32"


def test_auto_is_float32_without_amx_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "has_amx_bf16", lambda: False)
    monkeypatch.setattr(probe, "probe_precision", lambda *_a, **_k: pytest.fail("probed"))
    found = decide_precision(SMALL, **SIZES)
    assert (found.precision, found.bf16_speedup) == ("fp32", None)
    assert "no AMX" in found.reason


def test_auto_is_float32_on_an_old_gpu_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda _device: (7, 5))
    found = decide_precision(SMALL, n_inputs=3, n_actions=3, device=torch.device("cuda"))
    assert found.precision == "fp32"
    assert "no bf16 tensor cores" in found.reason


@pytest.mark.usefixtures("with_amx")
def test_auto_is_probed_where_there_is_amx(monkeypatch: pytest.MonkeyPatch) -> None:
    updates = Updates([0.2], [0.1])
    updates.replace_real_ones(monkeypatch)
    assert decide_precision(SMALL, **SIZES, clock=updates).precision == "bf16"


def test_bf16_that_the_machine_does_not_have_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "has_amx_bf16", lambda: False)
    with pytest.raises(ConfigError) as caught:
        decide_precision(replace(SMALL, precision="bf16"), **SIZES)
    assert str(caught.value) == (
        "bf16 must be fast on this machine: AMX on a CPU, or compute capability 8.0 on a GPU.\n"
        "Found: this processor has no AMX, and without it bf16 is not faster.\n"
        "Where: --precision.\n"
        "To mend: use --precision fp32, or auto, which takes bf16 only where it is faster."
    )


@pytest.mark.parametrize(
    ("capability", "expected"), [((7, 5), False), ((8, 0), True), ((8, 6), True), ((12, 0), True)]
)
def test_a_gpu_needs_compute_capability_8(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], expected: bool
) -> None:
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda _device: capability)
    assert bf16_supported(torch.device("cuda")) is expected


def test_other_devices_have_none() -> None:
    assert bf16_supported(torch.device("mps")) is False


def drawn() -> tuple[object, ...]:
    """Numbers from all global generators, and torch's threads."""
    numpy = np.random.random()  # noqa: NPY002 - stable-baselines3 seeds the global one
    return random.random(), numpy, torch.rand(1).item(), torch.get_num_threads()


def test_real_updates_leave_random_states_and_threads_as_they_were() -> None:
    """Whatever the states are: the same numbers are drawn with a probe between and without."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        set_random_seed(7)
        expected = drawn()
        set_random_seed(7)
        found = probe_precision(replace(SMALL, n_threads=1), **SIZES, within_s=0.0)
        assert drawn() == expected
    finally:
        torch.set_num_threads(before)
    assert found.n_pairs == 1
    assert found.bf16_speedup is not None
    assert found.bf16_speedup > 0


@pytest.mark.slow
def test_this_machine_decides_for_the_default_agent() -> None:
    config = replace(AgentConfig(), precision="auto")
    found = decide_precision(config, n_inputs=40, n_actions=3, device=CPU)
    assert found.precision in ("fp32", "bf16")
    assert (found.bf16_speedup is not None) == bf16_supported(CPU)
