"""What is chosen for an agent and what is only recommended, on speeds that are made up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest

from envs.config import EnvConfig
from envs.errors import ConfigError
from envs.features import FeatureConfig
from training.agent import examination
from training.agent.config import AgentConfig
from training.agent.examination import Examination, Examiner, ThreadChoice
from training.agent.hardware import Hardware, find_hardware
from training.agent.probe import Probe
from training.agent.speed import Round, Speed, SpeedTest
from training.machine import Limit

AGENT = AgentConfig(
    lstm_hidden_size=8, net_arch=(8,), n_envs=16, n_steps=32, batch_size=128, precision="auto"
)


def examiner(agent: AgentConfig = AGENT, **settings: object) -> Examiner:
    world = {"env": EnvConfig(), "features": FeatureConfig(), "device": "cpu"}
    return Examiner(agent=agent, **(world | settings))


@pytest.fixture
def speeds(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[int, int], float]:
    """Env steps/s by (environments, threads), 1,000 where none is given; the probe says bf16."""
    given: dict[tuple[int, int], float] = {}

    def measure(_test: SpeedTest, config: AgentConfig, *, at_least_s: float = 0.5) -> Speed:
        steps_per_s = given.get((config.n_envs, config.n_threads), 1_000.0)
        seconds = config.rollout_steps / steps_per_s / (1 + config.n_epochs)
        return Speed(config=config, rounds=(Round(seconds, seconds),) * 2, mean_episode_bars=50.0)

    monkeypatch.setattr(SpeedTest, "measure", measure)
    found = Probe(precision="bf16", reason="measured", n_threads=1)
    monkeypatch.setattr(examination, "decide_precision", lambda *_a, **_k: found)
    on(monkeypatch, usable_cores=Limit(2.0, None))
    return given


def on(monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
    machine = replace(find_hardware(), **changes)
    monkeypatch.setattr(examination, "find_hardware", lambda: machine)


def test_two_threads_are_taken_where_they_are_faster(
    speeds: dict[tuple[int, int], float],
) -> None:
    speeds[16, 1], speeds[16, 2] = 1_000.0, 1_600.0
    found = examiner().examine()
    assert found.threads == ThreadChoice(
        n_threads=2,
        reason="two train at 1.60 times the speed of one, and to the same bits",
        speedup=pytest.approx(1.6),
    )
    assert (found.speed.config.n_threads, found.speed.config.precision) == (2, "bf16")


@pytest.mark.parametrize(("two", "n_threads"), [(960.0, 2), (950.0, 1)])
def test_one_thread_is_taken_only_where_two_are_clearly_slower(
    speeds: dict[tuple[int, int], float], two: float, n_threads: int
) -> None:
    speeds[16, 2] = two
    assert examiner().examine().threads.n_threads == n_threads


@pytest.mark.parametrize(
    ("changes", "settings", "reason"),
    [
        ({}, {"threads_are_set": True}, "as set"),
        ({"usable_cores": Limit(1.5, "cgroup")}, {}, "less than two cores"),
        ({}, {"agent": replace(AGENT, engine="stock")}, "last bits of stock's updates"),
    ],
)
@pytest.mark.usefixtures("speeds")
def test_threads_are_not_measured_where_there_is_no_choice(
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, object],
    settings: dict[str, object],
    reason: str,
) -> None:
    if changes:
        on(monkeypatch, **changes)
    found = Probe(precision="fp32", reason="", n_threads=1)
    monkeypatch.setattr(examination, "decide_precision", lambda *_a, **_k: found)
    threads = examiner(**settings).examine().threads
    assert reason in threads.reason
    assert threads.speedup is None
    assert threads.n_threads == (2 if reason == "as set" else 1)


def test_updates_on_a_gpu_need_one_thread() -> None:
    choice = examiner()._fixed_threads(AGENT, find_hardware(), "cuda")
    assert choice == ThreadChoice(n_threads=1, reason="updates run on the GPU")


def test_the_fewest_environments_near_the_best_are_recommended(
    speeds: dict[tuple[int, int], float],
) -> None:
    speeds |= {(32, 2): 1_400.0, (64, 2): 1_910.0, (128, 2): 2_000.0, (256, 2): 1_990.0}
    found = examiner().examine()
    assert [speed.config.n_envs for speed in found.speeds] == [16, 32, 64, 128, 256]
    assert found.recommended.config.n_envs == 64  # 4.5% below the best
    assert (found.recommended.config.n_threads, found.n_left_out) == (2, 0)


def test_what_was_asked_for_is_recommended_where_it_is_near_the_best(
    speeds: dict[tuple[int, int], float],
) -> None:
    speeds |= {(n, 2): 1_040.0 for n in (32, 64, 128, 256)}
    found = examiner().examine()
    assert found.recommended is found.speed


def test_sizes_without_time_are_counted(speeds: dict[tuple[int, int], float]) -> None:
    """By the agent's pace of 100 steps/s with five parts, a round of 32 x 32 takes 4.1 s."""
    speeds[16, 1] = speeds[16, 2] = 100.0
    found = examiner().examine()
    assert (found.others, found.n_left_out) == ((), 4)


@pytest.mark.usefixtures("speeds")
def test_a_mistake_of_the_user_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ConfigError, match="The device must be on this machine"):
        examiner(device="cuda").examine()


def test_a_whole_examination_of_a_tiny_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    """For real, but for the clock (a second at each look) and the number of sizes."""
    monkeypatch.setattr("training.agent.speed.N_ENVS", {"cpu": (8, 16)})
    monkeypatch.setattr("training.agent.probe.has_amx_bf16", lambda: True)
    on(monkeypatch, usable_cores=Limit(2.0, None))
    monkeypatch.setattr(examination, "_SIZES_WITHIN_S", 100.0)
    ticks, told = count(), list[str]()
    agent = replace(AGENT, n_envs=4, n_steps=32)
    found = examiner(agent, tell=told.append, clock=lambda: float(next(ticks))).examine()
    assert found.probe.bf16_speedup == 1.0  # by that clock all takes the same
    assert [speed.config.n_envs for speed in found.speeds] == [4, 8, 16]
    assert found.recommended.config.n_envs == 16  # 512 steps in the time of 128
    assert found.duration_s > 0
    assert [text.partition(" ")[0] for text in told] == ["timing"] * 3
    check_consistent(found)


def check_consistent(found: Examination) -> None:
    assert all(speed.steps_per_s > 0 for speed in found.speeds)
    assert all(speed.config.precision == found.probe.precision for speed in found.speeds)
    assert all(speed.config.n_threads == found.threads.n_threads for speed in found.speeds)
    assert isinstance(found.hardware, Hardware)
    assert min(found.other_cores, found.stolen_cores) >= 0


@pytest.fixture(autouse=True)
def threads_kept() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
