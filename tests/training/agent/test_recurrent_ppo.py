"""`FastRecurrentPPO` as an agent: files, callbacks, every space, and what it refuses."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from sb3_contrib import RecurrentPPO
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from stable_baselines3.common.callbacks import BaseCallback, CheckpointCallback, EvalCallback
from stable_baselines3.common.logger import configure
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor, VecNormalize

from envs.errors import ConfigError, UnknownNameError
from tests.training.agent.engine_twins import (
    ACTED,
    DICT_OBSERVED,
    SETTINGS,
    NoisyEnv,
    noisy_vec_env,
)
from tests.training.small_market import small_env, small_tape
from training.agent.recurrent_ppo import FastRecurrentPPO
from training.errors import TrainingError

ENGINES = ("exact", "chunked")


def small_agent(
    env: Any = None,
    *,
    kind: type[RecurrentPPO] = FastRecurrentPPO,
    policy: Any = "MlpLstmPolicy",
    **settings: Any,
) -> Any:
    policy_kwargs = {"lstm_hidden_size": 6, "net_arch": [5]} | settings.pop("policy_kwargs", {})
    sizes = {"n_steps": 8, "batch_size": 8, "n_epochs": 2} | settings
    env = env or noisy_vec_env(3)
    agent = kind(policy, env, policy_kwargs=policy_kwargs, **(SETTINGS | sizes))
    agent.set_logger(configure(None, []))
    return agent


class Recorder(BaseCallback):
    """Notes the order of calls and the names and shapes that callbacks may read."""

    def __init__(self, stop_after: int | None = None) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.shapes: dict[str, Any] = {}
        self.stop_after = stop_after
        self.n_cut = 0

    def _on_rollout_start(self) -> None:
        self.calls.append("start")

    def _on_step(self) -> bool:
        self.calls.append("step")
        self.n_cut += sum(info["TimeLimit.truncated"] for info in self.locals["infos"])
        self.shapes = {
            name: np.shape(value)
            for name, value in self.locals.items()
            if isinstance(value, np.ndarray | torch.Tensor)
        }
        return self.stop_after is None or self.n_calls < self.stop_after

    def _on_rollout_end(self) -> None:
        self.calls.append("end")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("acted", list(ACTED))
@pytest.mark.parametrize("observed", ["box", "dict"])
def test_every_kind_of_space_trains(engine: str, acted: str, observed: str) -> None:
    is_dict = observed == "dict"
    env = DummyVecEnv(
        [
            lambda i=i: NoisyEnv(i, ACTED[acted], *([DICT_OBSERVED] if is_dict else []))
            for i in range(2)
        ]
    )
    policy = "MultiInputLstmPolicy" if is_dict else "MlpLstmPolicy"
    agent = small_agent(env, engine=engine, policy=policy)
    before = agent.policy.action_net.weight.clone()
    agent.learn(32)
    assert agent.num_timesteps == 32
    assert not torch.equal(agent.policy.action_net.weight, before)


@pytest.mark.parity
@pytest.mark.parametrize("acted", ["discrete", "box", "box_by_state", "multi_discrete"])
@pytest.mark.parametrize("critic", ["separate", "shared", "none"])
def test_exact_plays_and_learns_what_stock_does_from_the_same_seed(acted: str, critic: str) -> None:
    acted, _, by_state = acted.partition("_by_")
    exploration = {"use_sde": True, "sde_sample_freq": 4} if by_state else {}
    networks = {
        "shared_lstm": critic == "shared",
        "enable_critic_lstm": critic == "separate",
        "n_lstm_layers": 2,
    }
    agents = [
        small_agent(
            noisy_vec_env(3, acted),
            kind=kind,
            policy_kwargs=networks,
            n_steps=16,
            **exploration,
            **settings,
        )
        for kind, settings in ((RecurrentPPO, {}), (FastRecurrentPPO, {"engine": "exact"}))
    ]
    for agent in agents:
        agent.set_random_seed(11)  # building the second agent reseeded all generators
        agent.learn(48, callback=(recorder := Recorder()))
        agent.recorder = recorder
    stock, ours = agents
    assert ours.recorder.calls == stock.recorder.calls
    assert ours.recorder.n_cut > 1, "bootstrapping is compared too"
    missing = stock.recorder.shapes.keys() - ours.recorder.shapes.keys()
    assert missing <= {"clipped_actions", "episode_starts", "terminal_obs", "terminal_value"}
    names = ("actions", "rewards", "values", "log_probs", "advantages", "returns")
    for name in names:
        theirs, mine = (getattr(agent.rollout_buffer, name) for agent in agents)
        if name != "rewards":  # stock's `get` has reordered the others, env by env
            theirs = theirs.reshape(3, 16, -1).swapaxes(0, 1).squeeze()
        np.testing.assert_allclose(mine.squeeze(), theirs, rtol=1e-4, atol=1e-5, err_msg=name)
    for name, weight in ours.policy.state_dict().items():
        torch.testing.assert_close(weight, stock.policy.state_dict()[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_files_load_in_stock_and_the_other_way_round(engine: str, tmp_path: Path) -> None:
    ours = small_agent(engine=engine).learn(24)
    stock = small_agent(kind=RecurrentPPO).learn(24)
    ours.save(tmp_path / "ours.zip")
    stock.save(tmp_path / "stock.zip")
    seen = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
    read = RecurrentPPO.load(tmp_path / "ours.zip", env=noisy_vec_env(3), device="cpu")
    assert_predicts_alike(read, ours, seen)
    read.learn(24)
    read = FastRecurrentPPO.load(tmp_path / "stock.zip", env=noisy_vec_env(3), device="cpu")
    assert_predicts_alike(read, stock, seen)
    assert read.learn(24).num_timesteps == 24
    again = FastRecurrentPPO.load(tmp_path / "ours.zip", env=noisy_vec_env(3), device="cpu")
    assert again.engine == engine
    again.learn(24)


def assert_predicts_alike(first: RecurrentPPO, second: RecurrentPPO, seen: np.ndarray) -> None:
    states: list[Any] = [None, None]
    for _ in range(3):
        actions, states[0] = first.predict(seen, states[0], deterministic=True)
        others, states[1] = second.predict(seen, states[1], deterministic=True)
        np.testing.assert_array_equal(actions, others)
        np.testing.assert_array_equal(states[0], states[1])


@pytest.mark.parametrize("engine", ENGINES)
def test_callbacks_monitors_and_normalization_work(engine: str, tmp_path: Path) -> None:
    env = VecNormalize(VecMonitor(noisy_vec_env(3)))
    agent = small_agent(env, engine=engine)
    evaluated = EvalCallback(
        VecNormalize(VecMonitor(noisy_vec_env(1)), training=False), eval_freq=4, verbose=0
    )
    agent.learn(48, callback=[evaluated, CheckpointCallback(8, str(tmp_path))])
    assert np.isfinite(evaluated.last_mean_reward)
    assert len(list(tmp_path.iterdir())) == 2
    assert agent.ep_info_buffer
    buffer = agent.rollout_buffer
    assert buffer.full
    np.testing.assert_allclose(buffer.returns, buffer.advantages + buffer.values, rtol=1e-6)
    assert buffer.episode_starts.sum() == agent._rollout.episode_starts.sum() > 0


def test_a_callback_stops_the_rollout() -> None:
    recorder = Recorder(stop_after=3)
    agent = small_agent().learn(48, callback=recorder)
    assert recorder.calls == ["start", "step", "step", "step"]
    assert agent.num_timesteps == 9
    agent.learn(24, reset_num_timesteps=False)  # and it goes on


def test_what_the_engine_does_not_cover_trains_with_stocks_loops_after_a_warning() -> None:
    class OwnPolicy(RecurrentActorCriticPolicy):
        def evaluate_actions(self, *args: Any) -> Any:
            return super().evaluate_actions(*args)

    with pytest.warns(UserWarning, match="OwnPolicy's own evaluate_actions"):
        agent = small_agent(policy=OwnPolicy)
    assert agent.learn(24).num_timesteps == 24


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"chunk_steps": 3}, "chunks of 3, n_steps 8"),
        ({"chunk_steps": 1}, "at least two steps"),
        ({"chunk_steps": 4, "batch_size": 6}, "chunks of 4, n_steps 8, batch_size 6"),
        ({"batch_size": 7}, "at least two steps"),
        ({"batch_size": 25}, "not be larger than the rollout"),
        ({"batch_size": 25, "engine": "exact"}, "not be larger than the rollout"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        small_agent(**settings)


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'chunked'"):
        small_agent(engine="chunks")


@pytest.mark.parametrize(
    ("n_steps", "batch_size", "chunk_steps"),
    [(512, 256, 64), (8, 8, 8), (96, 144, 48), (35, 14, 7)],
)
def test_the_automatic_chunk_is_the_longest_that_fits(
    n_steps: int, batch_size: int, chunk_steps: int
) -> None:
    agent = small_agent(n_steps=n_steps, batch_size=batch_size)
    assert agent.resolved_chunk_steps() == chunk_steps


class Spoiled(DummyVecEnv):
    """Gives one bad number at the third step, in env 1."""

    spoils = "observation"

    def step_wait(self) -> Any:
        seen, rewards, dones, infos = super().step_wait()
        self.n_played = getattr(self, "n_played", 0) + 1
        if self.n_played == 3:
            if self.spoils == "observation":
                seen[1, 2] = np.nan
            else:
                rewards[1] = np.inf
        return seen, rewards, dones, infos


@pytest.mark.parametrize(
    ("spoils", "message"),
    [
        ("observation", "Observations.*\n.*nan.*\n.*env step 6, env 1, column 2"),
        ("reward", "Rewards.*\n.*inf.*\n.*env step 6, env 1"),
    ],
)
def test_a_bad_number_stops_with_its_place_and_leaves_the_weights(
    spoils: str, message: str
) -> None:
    env = Spoiled([lambda: NoisyEnv(0, spaces.Discrete(3))] * 2)
    env.spoils = spoils
    agent = small_agent(env)
    before = agent.policy.action_net.weight.clone()
    with pytest.raises(TrainingError, match=message):
        agent.learn(16)
    assert torch.equal(agent.policy.action_net.weight, before)


def test_a_bad_gradient_stops_before_it_reaches_the_weights() -> None:
    agent = small_agent(batch_size=24)
    agent.learn(24)
    before = agent.policy.action_net.weight.clone()
    agent._rollout.returns[3, 1] = torch.nan
    with pytest.raises(TrainingError, match=r"Gradients(.*\n)+.*env step 24, parameter "):
        agent.train()
    assert torch.equal(agent.policy.action_net.weight, before)


def test_a_bad_number_on_the_tape_is_named_with_its_bar() -> None:
    tape = small_tape()
    features = tape.features.copy()
    features[100:, 1] = np.nan
    agent = small_agent(small_env(dataclasses.replace(tape, features=features)))
    with pytest.raises(TrainingError, match=r"env \d, bar 1\d\d \(1970-01-0.T\d\d:00 UTC\), col"):
        agent.learn(400)


class SpoiledAtTheEnd(DummyVecEnv):
    """Gives a bad number as the last observation of every cut episode."""

    def step_wait(self) -> Any:
        seen, rewards, dones, infos = super().step_wait()
        for info in infos:
            if info.get("TimeLimit.truncated"):
                info["terminal_observation"][3] = np.nan
        return seen, rewards, dones, infos


def test_a_bad_last_observation_of_an_episode_is_named() -> None:
    agent = small_agent(SpoiledAtTheEnd([lambda: NoisyEnv(0, spaces.Discrete(3))] * 2))
    with pytest.raises(TrainingError, match=r"Last observations.*\n.*\n.*env \d, column 3"):
        agent.learn(64)


@pytest.mark.parametrize(
    ("fails", "number"),
    [("collect.RolloutCollector.collect", "n_envs"), ("update.Updater.step", "batch_size")],
)
def test_memory_that_does_not_suffice_names_what_to_lower(
    fails: str, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any, **_settings: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr(f"training.agent.{fails}", fail)
    with pytest.raises(TrainingError, match=rf"Tried to allocate 2 GiB(.*\n)+.*lower {number}"):
        small_agent().learn(24)


def test_a_bad_number_after_the_last_step_of_a_rollout_is_named() -> None:
    class SpoiledLast(Spoiled):
        def step_wait(self) -> Any:
            seen, *others = DummyVecEnv.step_wait(self)
            self.n_played = getattr(self, "n_played", 0) + 1
            if self.n_played == 8:
                seen[1, 2] = np.nan
            return seen, *others

    agent = small_agent(SpoiledLast([lambda: NoisyEnv(0, spaces.Discrete(3))] * 2))
    with pytest.raises(TrainingError, match=r"Observations(.*\n)+.*env step 16, env 1, column 2"):
        agent.learn(16)


def test_numbers_for_observations_train_over_cut_episodes() -> None:
    class Counting(NoisyEnv):
        def _seen(self) -> Any:
            return int(self._generator.integers(5))  # gymnasium gives plain integers

    env = DummyVecEnv([lambda: Counting(1, spaces.Discrete(3), spaces.Discrete(5))] * 2)
    assert small_agent(env).learn(64).num_timesteps == 64


def test_a_stock_model_of_sizes_without_a_chunk_loads_to_predict(tmp_path: Path) -> None:
    small_agent(kind=RecurrentPPO, n_steps=5, batch_size=7).save(tmp_path / "model")
    agent = FastRecurrentPPO.load(tmp_path / "model")
    assert agent.predict(np.zeros(5, np.float32))[0].shape == ()
    with pytest.raises(ConfigError, match="chunk"):
        agent.set_env(noisy_vec_env(3))
        agent.learn(15)


def test_another_buffer_gets_a_rollout_of_its_own() -> None:
    agent = small_agent().learn(24)
    agent.n_steps = 16
    agent.rollout_buffer = type(agent.rollout_buffer)(
        16, agent.observation_space, agent.action_space, (16, 1, 3, 6), device="cpu", n_envs=3
    )
    agent.learn(48)
    assert agent._rollout.n_steps == 16
    assert np.shares_memory(agent._rollout.rewards.numpy(), agent.rollout_buffer.rewards)


def test_a_last_layer_of_several_learns() -> None:
    class Deep(RecurrentActorCriticPolicy):
        def _build(self, lr_schedule: Any) -> None:
            super()._build(lr_schedule)
            self.value_net = torch.nn.Sequential(torch.nn.Identity(), self.value_net)

    assert small_agent(policy=Deep).learn(24).num_timesteps == 24
