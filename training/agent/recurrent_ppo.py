"""`FastRecurrentPPO`: sb3-contrib's `RecurrentPPO` with faster loops around the same policy.

Models saved by either load in the other and predict the same. Two engines: `exact` learns from
stock's very minibatches, `chunked` from fixed (env, chunk) sequences. What neither covers (policies
with own forward passes) runs stock's loops, after a warning.

Read next: `training.agent.collect` (rollouts), `training.agent.minibatches`,
`training.agent.update`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

import numpy as np
import torch
from sb3_contrib import RecurrentPPO
from sb3_contrib.common.recurrent.buffers import RecurrentDictRolloutBuffer, RecurrentRolloutBuffer
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import explained_variance
from stable_baselines3.common.vec_env import VecEnv

from envs.errors import ConfigError, UnknownNameError
from training.agent.collect import RolloutCollector, policy_of
from training.agent.device_collect import DeviceCollector
from training.agent.losses import STATISTICS, LossSettings
from training.agent.minibatches import Minibatch, chunked_minibatches, exact_minibatches
from training.agent.refresh import refresh_states
from training.agent.rollout import Rollout, allocate_rollout
from training.agent.sizes import OwnEngine, Precision, automatic_chunk, check_chunk
from training.agent.update import Updater
from training.agent.vec_env import TensorTradingVecEnv
from training.errors import TrainingError

_OWN_PASSES = (
    "evaluate_actions",
    "extract_features",
    "forward",
    "predict_values",
    "_process_sequence",
    "_get_action_dist_from_latent",
)
"""Methods of a policy that the engine replaces or relies on."""


class FastRecurrentPPO(RecurrentPPO):
    """Recurrent PPO; arguments and results are those of sb3-contrib's `RecurrentPPO`.

    Args:
        *args: As for `RecurrentPPO`.
        engine: `exact` or `chunked`.
        chunk_steps: Steps of a sequence in `chunked`; divides `n_steps` and `batch_size`. None
            takes the longest that does, up to 64.
        refresh_states: Whether `chunked` computes the states before each chunk anew for each epoch
            after the first, as they drift from the weights (Kapturowski et al. 2019, R2D2).
        precision: `bf16` runs the networks of an update in bfloat16, from weights that stay
            float32; rollouts are played in float32.
        n_workers: Threads of an update on the CPU, 1 or 2: actor and critic side by side. Both give
            the same bits.
        n_torch_threads: Threads of a single operation on the CPU while this agent plays and
            learns; torch's own setting comes back afterwards, and None leaves it alone. Small
            networks are several times slower with two.
        **kwargs: As for `RecurrentPPO`.

    Raises:
        ConfigError: If chunk, minibatch and rollout do not fit each other.
        UnknownNameError: If the engine is not a known one.
    """

    def __init__(
        self,
        *args: Any,
        engine: OwnEngine = "chunked",
        chunk_steps: int | None = None,
        refresh_states: bool = False,
        precision: Precision = "fp32",
        n_workers: int = 2,
        n_torch_threads: int | None = 1,
        **kwargs: Any,
    ) -> None:
        self.engine = engine
        self.precision = precision
        self.n_workers = n_workers
        self.n_torch_threads = n_torch_threads
        self.chunk_steps = chunk_steps
        self.refresh_states = refresh_states
        self._rollout: Rollout | None = None
        self._rollout_source: RolloutBuffer | None = None
        super().__init__(*args, **kwargs)

    @property
    def stock_reason(self) -> str | None:
        """Why this agent runs stock's loops; None where it runs its own."""
        policy = self._recurrent_policy
        if policy.lstm_kwargs:
            return f"LSTM arguments {policy.lstm_kwargs}"
        own = [
            name
            for name in _OWN_PASSES
            if getattr(type(policy), name) is not getattr(RecurrentActorCriticPolicy, name)
        ]
        return f"{type(policy).__name__}'s own {own[0]}" if own else None

    @property
    def _recurrent_policy(self) -> RecurrentActorCriticPolicy:
        return policy_of(self)

    def resolved_chunk_steps(self) -> int:
        """Return the steps between two stored states: 1 in `exact`, else the chunk."""
        if self.engine == "exact":
            return 1
        if self.chunk_steps is not None:
            return self.chunk_steps
        return automatic_chunk(self.n_steps, self.batch_size or self.n_steps)

    def _setup_model(self) -> None:
        self._check_settings()
        super()._setup_model()
        self._rollout = self._rollout_source = None
        if self.stock_reason is not None:
            warnings.warn(
                f"The {self.engine} engine does not cover {self.stock_reason}; this agent trains "
                "with sb3-contrib's own, slower loops.",
                stacklevel=2,
            )
        elif self.env is not None:  # a model that is loaded to predict needs no sizes
            self._check_sizes()

    def _check_settings(self) -> None:
        for name, choices in (("engine", get_args(OwnEngine)), ("precision", get_args(Precision))):
            if getattr(self, name) not in choices:
                raise UnknownNameError.of(name, str(getattr(self, name)), choices)
        if self.n_workers not in {1, 2}:
            raise ConfigError(
                "There can be one worker or two: actor and critic",
                came=f"{self.n_workers}",
                where="n_workers",
            )
        is_of_tensors = self.env is not None and isinstance(self.env.unwrapped, TensorTradingVecEnv)
        if is_of_tensors and not isinstance(self.env, TensorTradingVecEnv):
            raise ConfigError(
                "A market of tensors must be given to the agent without wrappers",
                came=type(self.env).__name__,
                mend="leave the wrapper out: observations are scaled features already",
            )

    def _check_sizes(self) -> None:
        _check_sizes(
            engine=self.engine,
            chunk_steps=self.resolved_chunk_steps(),
            n_steps=self.n_steps,
            n_envs=self.n_envs,
            batch_size=self.batch_size or self.n_steps * self.n_envs,
        )

    def _excluded_save_params(self) -> list[str]:
        on_device = [
            name
            for name in ("_last_obs", "_last_episode_starts")
            if isinstance(getattr(self, name), torch.Tensor)
        ]
        return [*super()._excluded_save_params(), "_rollout", "_rollout_source", *on_device]

    def collect_rollouts(
        self,
        env: VecEnv,
        callback: BaseCallback,
        rollout_buffer: RolloutBuffer,
        n_rollout_steps: int,
    ) -> bool:
        """Play a rollout into own tensors, which the buffer's arrays show on the CPU.

        Raises:
            TrainingError: If an observation or a reward is NaN or infinite.
        """
        if self.stock_reason is not None:
            return super().collect_rollouts(env, callback, rollout_buffer, n_rollout_steps)
        self.policy.set_training_mode(False)
        if self._rollout is None or self._rollout_source is not rollout_buffer:
            self._check_sizes()
            assert isinstance(rollout_buffer, RecurrentRolloutBuffer | RecurrentDictRolloutBuffer)
            self._rollout = allocate_rollout(
                rollout_buffer, self._recurrent_policy, slot_steps=self.resolved_chunk_steps()
            )
            self._rollout_source = rollout_buffer
        rollout_buffer.pos, rollout_buffer.full = 0, False
        with self._own_threads(), _memory_named("n_envs or n_steps"):
            is_complete = self._collector(env, callback, self._rollout).collect()
        if not is_complete:
            return False
        rollout_buffer.episode_starts[:] = self._rollout.episode_starts
        rollout_buffer.pos, rollout_buffer.full = n_rollout_steps, True
        return True

    def _collector(
        self, env: VecEnv, callback: BaseCallback, rollout: Rollout
    ) -> RolloutCollector | DeviceCollector:
        if isinstance(env, TensorTradingVecEnv):
            return DeviceCollector(agent=self, env=env, callback=callback, rollout=rollout)
        return RolloutCollector(agent=self, env=env, callback=callback, rollout=rollout)

    def train(self) -> None:
        """Update the policy from the last rollout.

        Raises:
            TrainingError: If a gradient is NaN or infinite; the weights keep their last values.
        """
        if self.stock_reason is not None:
            super().train()
            return
        assert self._rollout is not None, "collect a rollout before training on it"
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        settings = self._loss_settings()
        updater = Updater(
            self._recurrent_policy,
            precision=self.precision,
            n_workers=self.n_workers if self.device.type == "cpu" else 1,
        )
        with self._own_threads(), updater:
            statistics, n_last_epoch, loss = self._learn_epochs(self._rollout, updater, settings)
            updater.finish(n_timesteps=self.num_timesteps)
        self._log(torch.stack(statistics), n_last_epoch, float(loss), settings)

    @contextmanager
    def _own_threads(self) -> Iterator[None]:
        before = torch.get_num_threads()
        torch.set_num_threads(self.n_torch_threads or before)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def _learn_epochs(
        self, rollout: Rollout, updater: Updater, settings: LossSettings
    ) -> tuple[list[torch.Tensor], int, torch.Tensor]:
        """Learn until the epochs are over or the policy has moved too far.

        Returns:
            Statistics of every minibatch, how many of them are of the last epoch, the last loss.
        """
        max_kl = None if self.target_kl is None else 1.5 * self.target_kl
        statistics: list[torch.Tensor] = []
        n_before, goes_on, loss = 0, True, torch.zeros(())
        for epoch_index in range(self.n_epochs):
            n_before = len(statistics)
            for batch in self._minibatches(epoch_index):
                with _memory_named("batch_size"):
                    loss, found, goes_on = updater.step(
                        rollout,
                        batch.to(self.device),
                        settings,
                        max_kl=max_kl,
                        max_grad_norm=self.max_grad_norm,
                        n_timesteps=self.num_timesteps,
                    )
                statistics.append(found)
                if not goes_on:
                    break
            self._n_updates += 1
            if not goes_on:
                break
        return statistics, len(statistics) - n_before, loss

    def _minibatches(self, epoch_index: int) -> Iterator[Minibatch]:
        rollout = self._rollout
        assert rollout is not None
        batch_size = self.batch_size or rollout.n_transitions
        if self.engine == "exact":
            # Stock draws this very number from NumPy's global generator, which SB3 seeds.
            split_index = np.random.randint(rollout.n_transitions)  # noqa: NPY002
            return exact_minibatches(rollout.episode_starts, batch_size, split_index=split_index)
        if self.refresh_states and epoch_index:
            refresh_states(self._recurrent_policy, rollout)
        n_sequences = rollout.n_transitions // rollout.slot_steps
        return chunked_minibatches(
            rollout.episode_starts,
            torch.randperm(n_sequences).numpy(),
            chunk_steps=rollout.slot_steps,
            n_sequences=batch_size // rollout.slot_steps,
        )

    def _loss_settings(self) -> LossSettings:
        progress, limit = self._current_progress_remaining, self.clip_range_vf
        assert callable(self.clip_range), "stable-baselines3 makes it a schedule when it builds"
        return LossSettings(
            clip_range=self.clip_range(progress),
            clip_range_vf=limit(progress) if callable(limit) else limit,
            ent_coef=self.ent_coef,
            vf_coef=self.vf_coef,
            normalize_advantage=self.normalize_advantage,
        )

    def _log(
        self, statistics: torch.Tensor, n_last_epoch: int, loss: float, settings: LossSettings
    ) -> None:
        """Record what stock records, under the same names; the only read of the statistics."""
        assert self._rollout is not None
        means = statistics.mean(0).tolist()
        for name, mean in zip(STATISTICS, means, strict=True):
            self.logger.record(f"train/{name}", mean)
        kl_index = STATISTICS.index("approx_kl")  # of the last epoch only, as in stock
        self.logger.record("train/approx_kl", float(statistics[-n_last_epoch:, kl_index].mean()))
        self.logger.record("train/loss", loss)
        values, returns = self._rollout.values.cpu().numpy(), self._rollout.returns.cpu().numpy()
        explained = explained_variance(values.flatten(), returns.flatten())
        self.logger.record("train/explained_variance", explained)
        if hasattr(self.policy, "log_std"):
            self.logger.record("train/std", float(self.policy.log_std.detach().exp().mean()))
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/clip_range", settings.clip_range)
        if settings.clip_range_vf is not None:
            self.logger.record("train/clip_range_vf", settings.clip_range_vf)


@contextmanager
def _memory_named(number: str) -> Iterator[None]:
    """Say which number to lower where a GPU's memory does not suffice."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            "Rollouts and minibatches must fit into the GPU's memory",
            came=str(error).partition("\n")[0],
            mend=f"lower {number}, or lstm_hidden_size",
        ) from error


def _check_sizes(
    *, engine: OwnEngine, chunk_steps: int, n_steps: int, n_envs: int, batch_size: int
) -> None:
    """Refuse sizes that do not fit each other."""
    if batch_size > n_steps * n_envs:
        raise ConfigError(
            "A minibatch must not be larger than the rollout",
            came=f"batch_size {batch_size} and {n_steps} steps * {n_envs} envs",
            where="batch_size",
            mend="lower batch_size, or raise n_steps or the number of environments",
        )
    if engine == "chunked":
        check_chunk(chunk_steps, n_steps=n_steps, batch_size=batch_size)
