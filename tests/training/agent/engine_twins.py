"""Stock agents and ours with equal weights, and the same made-up rollouts for both."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium import Env, spaces
from sb3_contrib import RecurrentPPO
from sb3_contrib.common.recurrent.buffers import RecurrentRolloutBuffer
from stable_baselines3.common.logger import configure
from stable_baselines3.common.torch_layers import FlattenExtractor
from stable_baselines3.common.vec_env import DummyVecEnv

from training.agent.recurrent_ppo import FastRecurrentPPO

N_INPUTS = 5
SETTINGS = {
    "learning_rate": 3e-3,
    "gamma": 0.97,
    "gae_lambda": 0.9,
    "ent_coef": 0.02,
    "device": "cpu",
    "seed": 3,
}
OBSERVED = spaces.Box(-np.inf, np.inf, (N_INPUTS,), np.float32)
DICT_OBSERVED = spaces.Dict({"bars": OBSERVED, "state": spaces.Box(-1.0, 1.0, (2,), np.float32)})
ACTED = {
    "discrete": spaces.Discrete(3),
    "box": spaces.Box(-1.0, 1.0, (2,), np.float32),
    "multi_discrete": spaces.MultiDiscrete([2, 3]),
    "multi_binary": spaces.MultiBinary(3),
}


class DoubleFlatten(FlattenExtractor):
    """stable-baselines3 makes every observation float32; this makes it float64 again."""

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        return self.flatten(observations).double()


class NoisyEnv(Env):
    """Random observations and rewards; episodes of drawn lengths, half of them cut."""

    def __init__(
        self, seed: int, action_space: spaces.Space, observed: spaces.Space = OBSERVED
    ) -> None:
        self.observation_space, self.action_space = observed, action_space
        self.observation_space.seed(seed)
        self._generator = np.random.default_rng(seed)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> Any:
        self._left = int(self._generator.integers(1, 12))
        return self._seen(), {}

    def step(self, action: Any) -> Any:
        self._left -= 1
        ends, cut = self._left == 0, self._generator.random() < 0.5
        reward = float(self._generator.standard_normal())
        return self._seen(), reward, ends and not cut, ends and cut, {}

    def _seen(self) -> Any:
        if isinstance(self.observation_space, spaces.Dict):
            return self.observation_space.sample()
        return self._generator.standard_normal(N_INPUTS).astype(np.float32)


def noisy_vec_env(
    n_envs: int, acted: str = "discrete", observed: spaces.Space = OBSERVED
) -> DummyVecEnv:
    return DummyVecEnv([lambda i=i: NoisyEnv(i, ACTED[acted], observed) for i in range(n_envs)])


@dataclass(frozen=True, kw_only=True)
class Case:
    """Sizes of a twin; the defaults are the plainest."""

    n_steps: int = 8
    n_envs: int = 3
    batch_size: int = 8
    n_layers: int = 1
    critic: str = "separate"
    clip_range_vf: float | None = None
    normalize_advantage: bool = True
    acted: str = "discrete"
    by_state: bool = False
    double: bool = True
    n_epochs: int = 2
    target_kl: float | None = None

    def agent(self, kind: type[RecurrentPPO], **settings: Any) -> RecurrentPPO:
        policy = {
            "lstm_hidden_size": 6,
            "n_lstm_layers": self.n_layers,
            "shared_lstm": self.critic == "shared",
            "enable_critic_lstm": self.critic == "separate",
            "net_arch": [7],
            "optimizer_kwargs": {"eps": 1e-5},
        }
        if self.double:
            policy["features_extractor_class"] = DoubleFlatten
        agent = kind(
            "MlpLstmPolicy",
            noisy_vec_env(self.n_envs, self.acted),
            n_steps=self.n_steps,
            batch_size=self.batch_size,
            n_epochs=self.n_epochs,
            clip_range_vf=self.clip_range_vf,
            normalize_advantage=self.normalize_advantage,
            target_kl=self.target_kl,
            use_sde=self.by_state,
            policy_kwargs=policy,
            **SETTINGS,
            **settings,
        )
        agent.set_logger(configure(None, []))
        if self.double:
            agent.policy.double()
        return agent

    def twins(self, **settings: Any) -> tuple[RecurrentPPO, FastRecurrentPPO]:
        """Stock and ours, with the same weights."""
        stock, ours = self.agent(RecurrentPPO), self.agent(FastRecurrentPPO, **settings)
        ours.policy.load_state_dict(stock.policy.state_dict())
        return stock, ours


def fill(buffer: RecurrentRolloutBuffer, starts: np.ndarray, seed: int, *, double: bool) -> None:
    """Fill a stock buffer with noise and these episode starts, `(n_steps, n_envs)`."""
    generator, dtype = np.random.default_rng(seed), np.float64 if double else np.float32
    buffer.reset()
    buffer.action_space.seed(seed)
    shape = starts.shape
    buffer.observations = generator.standard_normal((*shape, N_INPUTS)).astype(np.float32)
    buffer.actions = np.array(
        [[buffer.action_space.sample() for _ in range(shape[1])] for _ in range(shape[0])]
    ).reshape(buffer.actions.shape)
    for name, scale in (("values", 1.0), ("advantages", 1.0), ("returns", 1.0)):
        setattr(buffer, name, (scale * generator.standard_normal(shape)).astype(dtype))
    buffer.log_probs = (-1.1 + 0.2 * generator.standard_normal(shape)).astype(dtype)
    for name in ("hidden_states_pi", "cell_states_pi", "hidden_states_vf", "cell_states_vf"):
        states = 0.5 * generator.standard_normal(buffer.hidden_state_shape)
        setattr(buffer, name, states.astype(dtype))
    buffer.episode_starts = starts.astype(dtype)
    buffer.pos, buffer.full = shape[0], True


def starts_for(case: Case, update_index: int) -> np.ndarray:
    """Episode starts at random places, and at one place that walks over all of them."""
    generator = np.random.default_rng(update_index)
    starts = generator.random((case.n_steps, case.n_envs)) < 0.1
    starts[update_index % case.n_steps, update_index % case.n_envs] = True
    return starts


def difference(first: RecurrentPPO, second: RecurrentPPO) -> float:
    """Largest difference of any weight, relative to the largest weight of its tensor."""
    state, other = first.policy.state_dict(), second.policy.state_dict()
    return max(float((other[k] - state[k]).abs().max() / state[k].abs().max()) for k in state)
