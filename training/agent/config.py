"""`AgentConfig`: the networks and the hyperparameters of PPO, checked once.

Not here: how long to train (`training.rules`), on which bars (`training.folds`), and values that
change while training runs (`training.agent.hyperparameters`). Read next: `training.agent.build`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from envs.errors import ConfigError, UnknownNameError
from training.agent import sizes
from training.agent.sizes import OwnEngine, automatic_chunk, check_chunk

Engine = Literal["stock", OwnEngine]
Precision = Literal["auto", sizes.Precision]
CriticLstm = Literal["separate", "shared", "none"]
Activation = Literal["mish", "tanh", "relu"]
Optimizer = Literal["adamw", "adam"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "engine": get_args(Engine),
    "precision": get_args(Precision),
    "critic_lstm": get_args(CriticLstm),
    "activation": get_args(Activation),
    "optimizer": get_args(Optimizer),
}
# Closed ranges. They stop typing mistakes and sizes that no machine holds, not bad taste.
_RANGES: dict[str, tuple[float, float]] = {
    "lstm_hidden_size": (1, 8192),
    "n_lstm_layers": (1, 16),
    "optimizer_eps": (1e-12, 1.0),
    "weight_decay": (0.0, 1.0),
    "learning_rate": (1e-9, 1.0),
    "n_envs": (1, 65_536),
    "n_steps": (1, 1_000_000),
    "batch_size": (2, 16_777_216),
    "n_epochs": (1, 1000),
    "gamma": (0.0, 1.0),
    "gae_lambda": (0.0, 1.0),
    "clip_range": (1e-6, 10.0),
    "clip_range_vf": (1e-6, 1e6),
    "ent_coef": (0.0, 10.0),
    "vf_coef": (0.0, 100.0),
    "max_grad_norm": (1e-6, 1e6),
    "target_kl": (1e-6, 100.0),
    "chunk_steps": (2, 1_000_000),
    "n_threads": (1, 1024),
}


@dataclass(frozen=True, kw_only=True)
class AgentConfig:
    """What to build and how PPO updates it.

    The defaults are the balanced choice on two cores: many short rows of experience and small
    networks, found by the search of `docs/decisions/143-profiles-by-measurement.md`.
    `ORIGINAL_AGENT` is what every comparison is against.
    "PPO" below is Schulman et al. 2017 (arXiv 1707.06347), "GAE" 2016 (arXiv 1506.02438).

    Raises:
        ConfigError: If a value is out of range or `batch_size` does not divide a rollout.
    """

    lstm_hidden_size: int = 64
    """Units of each LSTM layer, 1 to 8192. Source: planted-market runs (design page)."""
    n_lstm_layers: int = 1
    """Stacked LSTM layers, 1 to 16, the same for actor and critic."""
    critic_lstm: CriticLstm = "separate"
    """The critic's memory: an LSTM of its own, the actor's without gradient, or none."""
    net_arch: tuple[int, ...] = (64,)
    """Units of the hidden layers after the LSTM, the same for both heads; () is a linear head."""
    activation: Activation = "tanh"
    """Non-linearity of those layers (Mish: Misra 2019, arXiv 1908.08681)."""
    optimizer: Optimizer = "adamw"
    """Adam, or Adam with decoupled weight decay (arXiv 1711.05101)."""
    optimizer_eps: float = 1e-5
    """Term added to Adam's denominator, 1e-12 to 1. Source: OpenAI baselines' PPO."""
    weight_decay: float = 1e-6
    """Weight decay per step, as a fraction of the learning rate, 0 to 1."""
    learning_rate: float = 1e-3
    """Step size before any schedule, 1e-9 to 1."""
    n_envs: int = 128
    """Environments stepped side by side, 1 to 65,536."""
    n_steps: int = 64
    """Bars that each environment is stepped between two updates, 1 to 1,000,000."""
    batch_size: int = 2048
    """Env steps in a minibatch, at least 2 (advantages are divided by their deviation)."""
    n_epochs: int = 4
    """Passes over each rollout, 1 to 1000."""
    gamma: float = 0.99
    """Discount per bar, 0 to 1."""
    gae_lambda: float = 0.95
    """GAE's lambda: 0 trusts the critic, 1 the returns."""
    clip_range: float = 0.4
    """PPO's epsilon: how far the probability ratio may move a sample, 1e-6 to 10."""
    clip_range_vf: float | None = None
    """How far an update may move a value, in units of return; None does not clip."""
    ent_coef: float = 0.03
    """Weight of the entropy bonus in the loss, 0 to 10."""
    vf_coef: float = 0.5
    """Weight of the value loss, 0 to 100."""
    max_grad_norm: float = 0.5
    """Gradients are scaled down to this 2-norm, 1e-6 to 1e6."""
    target_kl: float | None = None
    """An update ends when the KL divergence passes 1.5 times this, in nats; None never ends it."""
    engine: Engine = "chunked"
    """Loops that train: sb3-contrib's, ours on its minibatches, or ours on fixed chunks."""
    chunk_steps: int | None = None
    """Bars of a sequence with `chunked`, a common divisor of n_steps and batch_size, 2 or more;
    None takes the longest up to 64."""
    precision: Precision = "fp32"
    """Of our engines' updates: `bf16` needs AMX or a GPU; `auto` takes it where a probe shows that
    it is faster. Weights stay float32."""
    n_threads: int = 2
    """Threads, 1 to 1024. Our engines train actor and critic side by side on two, which gives the
    same bits as one; more, and any beyond one with `stock`, split single operations and change
    the last bits, so the number is pinned and recorded."""

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise UnknownNameError.of(name, str(getattr(self, name)), choices)
        for name in _RANGES:
            self._check_range(name)
        self._check_precision()
        self._check_net_arch()
        self._check_batch()

    @property
    def rollout_steps(self) -> int:
        """Env steps between two updates, over all environments."""
        return self.n_steps * self.n_envs

    def whole_rollouts(self, steps: int) -> int:
        """Return the env steps that a budget really comes to: PPO trains whole rollouts."""
        return math.ceil(steps / self.rollout_steps) * self.rollout_steps

    @property
    def n_minibatches(self) -> int:
        """Minibatches in one pass over a rollout."""
        return self.rollout_steps // self.batch_size

    @property
    def n_workers(self) -> int:
        """Threads on which our engines train networks side by side."""
        return 1 if self.engine == "stock" else min(2, self.n_threads)

    @property
    def n_torch_threads(self) -> int:
        """Threads of a single torch operation."""
        return max(1, self.n_threads // self.n_workers)

    @property
    def most_equal_threads(self) -> int:
        """The largest number of threads that gives the same bits as this one.

        Bits follow the threads of a single operation; networks side by side change none.
        """
        return self.n_torch_threads * (1 if self.engine == "stock" else 2)

    def _check_precision(self) -> None:
        if self.engine == "stock" and self.precision == "bf16":
            raise ConfigError(
                "bf16 needs one of our engines",
                came="engine stock",
                where="precision",
                mend="use --engine chunked, or --precision fp32",
            )

    def _check_range(self, name: str) -> None:
        value, (low, high) = getattr(self, name), _RANGES[name]
        if value is None and name in {"clip_range_vf", "target_kl", "chunk_steps"}:
            return
        if not low <= value <= high:  # also refuses NaN
            raise ConfigError(
                f"{name} must lie between {low:g} and {high:g}",
                came=repr(value),
                where=name,
                mend="give a value within that, or leave it out for the profile's own",
            )

    def _check_net_arch(self) -> None:
        if not all(1 <= width <= 8192 for width in self.net_arch):
            raise ConfigError(
                "Every layer of net_arch must have 1 to 8192 units",
                came=repr(self.net_arch),
                where="net_arch",
            )

    def _near_batch(self) -> int:
        """Return the largest divisor of a rollout that is no larger than the batch asked for."""
        most = min(self.batch_size, self.rollout_steps)
        return next(size for size in range(most, 0, -1) if self.rollout_steps % size == 0)

    def _check_batch(self) -> None:
        if self.rollout_steps % self.batch_size:
            raise ConfigError(
                "batch_size must divide n_steps * n_envs",
                came=f"{self.n_steps} * {self.n_envs} = {self.rollout_steps} steps a rollout and "
                f"batches of {self.batch_size}",
                where="batch_size",
                mend=f"choose a divisor of the rollout such as {self._near_batch()}, or change "
                "n_steps or n_envs",
            )
        if self.engine == "chunked":
            chunk_steps = self.chunk_steps or automatic_chunk(self.n_steps, self.batch_size)
            check_chunk(chunk_steps, n_steps=self.n_steps, batch_size=self.batch_size)


ORIGINAL_AGENT = AgentConfig(
    lstm_hidden_size=256,
    n_lstm_layers=2,
    critic_lstm="separate",
    net_arch=(128, 64),
    activation="mish",
    optimizer="adamw",
    optimizer_eps=1e-5,
    weight_decay=1e-6,
    learning_rate=5e-4,
    n_envs=1,
    n_steps=512,
    batch_size=256,
    n_epochs=12,
    gamma=0.99,
    gae_lambda=0.98,
    clip_range=0.1,
    clip_range_vf=0.1,
    ent_coef=0.05,
    vf_coef=1.0,
    max_grad_norm=0.5,
    engine="stock",
    n_threads=1,
)
"""The original training's agent (design page, last paragraph); every speed-up is against it."""
