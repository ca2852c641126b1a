"""Rollouts on tensors: the same experience as on NumPy, and nothing that would wait for a GPU."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecNormalize
from torch.utils._python_dispatch import TorchDispatchMode

from envs.config import EnvConfig
from envs.errors import ConfigError
from envs.vector_env import TradingVectorEnv
from tests.training.small_market import small_tape
from training.agent.device_collect import DeviceCollector
from training.agent.recurrent_ppo import FastRecurrentPPO
from training.agent.update import Updater
from training.agent.vec_env import SB3TradingVecEnv, TensorTradingVecEnv
from training.errors import TrainingError

N_ENVS, N_STEPS = 6, 32
WAITS = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal", "masked_select", "unique")
"""Operations whose result the host has to wait for."""


def made(
    kind: type[SB3TradingVecEnv], *, spoil: bool = False, precision: Any = "fp32", **policy: Any
) -> FastRecurrentPPO:
    tape = small_tape()
    if spoil:
        tape.features.setflags(write=True)
        tape.features[50:, 2] = np.nan
    if kind is TensorTradingVecEnv:
        tape = tape.to(torch.from_numpy)
    env = TradingVectorEnv(tape, EnvConfig(episode_bars=9), n_envs=N_ENVS, random_starts=True)
    return FastRecurrentPPO(
        "MlpLstmPolicy",
        kind(env),
        n_steps=N_STEPS,
        batch_size=48,
        n_epochs=2,
        chunk_steps=8,
        precision=precision,
        seed=5,
        device="cpu",
        policy_kwargs={"lstm_hidden_size": 7, "net_arch": [5], **policy},
    )


@pytest.mark.parity
@pytest.mark.parametrize(
    "policy",
    [
        {},
        {"n_lstm_layers": 2},
        {"enable_critic_lstm": False},
        {"enable_critic_lstm": False, "shared_lstm": True},
    ],
    ids=str,
)
def test_tensors_play_and_learn_what_numpy_does(policy: dict[str, Any]) -> None:
    on_host, on_device = (
        made(kind, **policy).learn(3 * N_ENVS * N_STEPS)
        for kind in (SB3TradingVecEnv, TensorTradingVecEnv)
    )
    for name in ("observations", "actions", "rewards", "values", "log_probs", "advantages"):
        pair = (getattr(agent._rollout, name) for agent in (on_host, on_device))
        assert torch.allclose(*pair, rtol=1e-4, atol=1e-5), name
    assert np.array_equal(on_host._rollout.episode_starts, on_device._rollout.episode_starts)
    assert on_host._rollout.episode_starts[1:].sum() > 2 * N_ENVS, "episodes have to end"
    for weight, other in zip(*(a.policy.parameters() for a in (on_host, on_device)), strict=True):
        assert torch.allclose(weight, other, rtol=1e-3, atol=1e-4)
    first, second = (list(agent.ep_info_buffer) for agent in (on_host, on_device))
    assert [info["l"] for info in first] == [info["l"] for info in second]
    assert np.allclose([i["r"] for i in first], [i["r"] for i in second], rtol=1e-4, atol=1e-6)


class NoWaiting(TorchDispatchMode):
    """Fails at the first operation that the host would wait for."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.__name__.partition(".")[0]
        assert name not in WAITS, f"{func} waits for the device"
        if name in {"index", "index_put", "index_put_"}:
            masks = [i for i in args[1] if i is not None and i.dtype == torch.bool]
            assert not masks, f"{func} by a mask waits for the device"
        return func(*args, **(kwargs or {}))


def watched(monkeypatch: pytest.MonkeyPatch, kind: type, name: str) -> list[None]:
    """Let nothing wait inside a method; returns a list that grows with its calls."""
    method, calls = getattr(kind, name), []

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(None)
        with NoWaiting():
            return method(self, *args, **kwargs)

    monkeypatch.setattr(kind, name, call)
    return calls


def test_nothing_inside_a_rollout_waits_for_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = watched(monkeypatch, DeviceCollector, "_step")
    agent = made(TensorTradingVecEnv).learn(N_ENVS * N_STEPS)
    assert len(steps) == N_STEPS
    assert agent._rollout.episode_starts[1:].any(), "episodes have to end while it watches"


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_nothing_inside_an_update_waits_for_the_device(
    precision: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = made(TensorTradingVecEnv, precision=precision)
    as_on_a_gpu(monkeypatch)
    updates = watched(monkeypatch, Updater, "step")
    agent.learn(N_ENVS * N_STEPS)
    assert len(updates) == 2 * N_ENVS * N_STEPS // 48


def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an update not look at each gradient, as a host may."""
    make = Updater.__init__

    def made_not_waiting(self: Updater, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        self._may_wait = False

    monkeypatch.setattr(Updater, "__init__", made_not_waiting)


def test_a_gradient_that_was_not_waited_for_is_found_and_spoils_no_weight(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    as_on_a_gpu(monkeypatch)
    agent = made(TensorTradingVecEnv)
    agent.learn(N_ENVS * N_STEPS)
    before = [weight.clone() for weight in agent.policy.parameters()]
    agent._rollout.returns[:] = torch.nan
    with pytest.raises(TrainingError, match="Gradients must be finite"):
        agent.train()
    assert all(torch.equal(a, b) for a, b in zip(before, agent.policy.parameters(), strict=True))
    agent.learn(N_ENVS * N_STEPS)
    after = agent.policy.parameters()
    assert not all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_the_watch_sees_what_waits() -> None:
    with NoWaiting(), pytest.raises(AssertionError, match="waits for the device"):
        bool(torch.ones(1)[0] > 0)


def test_a_bad_number_is_named_after_the_rollout() -> None:
    agent = made(TensorTradingVecEnv, spoil=True)
    with pytest.raises(TrainingError, match=r"Observations.*\n.*nan.*\n.*env \d, column 2"):
        agent.learn(N_ENVS * N_STEPS)


def test_a_callback_stops_the_rollout() -> None:
    class Stop(BaseCallback):
        def _on_step(self) -> bool:
            return self.n_calls < 5

    agent = made(TensorTradingVecEnv)
    agent.learn(N_ENVS * N_STEPS, callback=Stop())
    assert agent.num_timesteps == 5 * N_ENVS
    bars = agent.env.env.get_state()["bar"]
    features = agent.env.env.world.tape.features[torch.from_numpy(bars)]
    assert torch.equal(agent._last_obs[:, : features.shape[1]], features), "it goes on from there"


def test_a_wrapper_around_tensors_is_refused() -> None:
    with pytest.raises(ConfigError, match="without wrappers"):
        FastRecurrentPPO("MlpLstmPolicy", VecNormalize(made(TensorTradingVecEnv).env))


def test_a_bad_last_observation_is_named_after_the_rollout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent = made(TensorTradingVecEnv)
    play = TensorTradingVecEnv.play

    def spoiled(self: TensorTradingVecEnv, actions: torch.Tensor) -> Any:
        played = play(self, actions)
        played.last_observations = played.last_observations * torch.nan
        return played

    monkeypatch.setattr(TensorTradingVecEnv, "play", spoiled)
    with pytest.raises(TrainingError, match=r"Values of the last observations.*\n.*nan"):
        agent.learn(N_ENVS * N_STEPS)


def test_a_saved_agent_holds_no_tensors_of_the_market(tmp_path: Path) -> None:
    agent = made(TensorTradingVecEnv).learn(N_ENVS * N_STEPS)
    agent.save(tmp_path / "model")
    assert FastRecurrentPPO.load(tmp_path / "model")._last_obs is None


def test_stocks_loops_cannot_step_it() -> None:
    env = made(TensorTradingVecEnv).env
    env.reset()
    with pytest.raises(NotImplementedError, match="FastRecurrentPPO"):
        env.step(np.zeros(N_ENVS, np.int64))
