"""Build the learning agent, stock sb3-contrib's `RecurrentPPO` or ours, from an `AgentConfig`.

Here: device choice, threads, networks. Not here: the environment (`training.agent.vec_env`) and
changing hyperparameters later (`training.agent.hyperparameters`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.vec_env import VecEnv

from envs.errors import ConfigError, UnknownNameError
from training.agent.config import AgentConfig
from training.agent.kernel import kernel_state
from training.agent.network import ACTIVATIONS
from training.agent.recurrent_ppo import FastRecurrentPPO
from training.machine import allowed_threads
from training.seeds import pin_torch

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
}
DEVICES = ("auto", "cpu", "cuda")


def build_agent(
    vec_env: VecEnv,
    config: AgentConfig,
    *,
    seed: int,
    device: str = "auto",
    tensorboard_folder: Path | None = None,
) -> RecurrentPPO:
    """Build an untrained agent on an environment, with torch pinned for equal bits.

    Seeds Python's, NumPy's and torch's global generators and the environment, as
    stable-baselines3 does, so that the same call twice trains to the same bits on one machine.

    Args:
        vec_env: The training environments; as many as `config.n_envs`.
        config: Networks and hyperparameters.
        seed: 31 bits, see `training.seeds.branch_seed`.
        device: `auto` (CUDA where there is one), `cpu` or `cuda`.
        tensorboard_folder: Where stable-baselines3 writes its scalars; None writes none.

    Raises:
        ConfigError: If CUDA is asked for and missing, the environments are not `n_envs`, or a
            chunk does not fit.
    """
    resolved = resolve_device(device)
    if vec_env.num_envs != config.n_envs:
        raise ConfigError(
            "The training environments must be as many as n_envs",
            came=f"{vec_env.num_envs} environments and n_envs {config.n_envs}",
        )
    pin_torch(n_threads=config.n_torch_threads, device=resolved.type)
    if config.engine != "stock":
        kernel_state()  # the first call ever compiles it: before anything is timed
    return _agent_class(config)(
        "MlpLstmPolicy",
        vec_env,
        tensorboard_log=None if tensorboard_folder is None else str(tensorboard_folder),
        seed=seed,
        device=resolved,
        **agent_arguments(config),
    )


def _agent_class(config: AgentConfig) -> Callable[..., RecurrentPPO]:
    if config.engine == "stock":
        return RecurrentPPO
    assert config.precision != "auto", "whoever builds has probed"
    return partial(
        FastRecurrentPPO,
        engine=config.engine,
        chunk_steps=config.chunk_steps,
        precision=config.precision,
        n_workers=min(config.n_workers, allowed_threads() or config.n_workers),
        n_torch_threads=config.n_torch_threads,
    )


def agent_arguments(config: AgentConfig) -> dict[str, Any]:
    """Translate the hyperparameters and the networks to arguments of `RecurrentPPO`."""
    names = (
        "learning_rate n_steps batch_size n_epochs gamma gae_lambda clip_range clip_range_vf "
        "ent_coef vf_coef max_grad_norm target_kl"
    )
    values = {name: getattr(config, name) for name in names.split()}
    return {**values, "policy_kwargs": policy_arguments(config)}


def policy_arguments(config: AgentConfig) -> dict[str, Any]:
    """Translate the networks and the optimizer to arguments of `RecurrentActorCriticPolicy`."""
    return {
        "net_arch": list(config.net_arch),
        "activation_fn": ACTIVATIONS[config.activation],
        "lstm_hidden_size": config.lstm_hidden_size,
        "n_lstm_layers": config.n_lstm_layers,
        "shared_lstm": config.critic_lstm == "shared",
        "enable_critic_lstm": config.critic_lstm == "separate",
        "optimizer_class": OPTIMIZERS[config.optimizer],
        "optimizer_kwargs": {"eps": config.optimizer_eps, "weight_decay": config.weight_decay},
    }


def resolve_device(device: str) -> torch.device:
    """Turn a wish into a device that is there.

    Args:
        device: `auto`, `cpu` or `cuda`.

    Raises:
        UnknownNameError: If it is none of these.
        ConfigError: If `cuda` is asked for and this torch sees no CUDA device.
    """
    if device not in DEVICES:
        raise UnknownNameError.of("device", device, DEVICES)
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise ConfigError(
            "The device must be on this machine",
            came="cuda, and torch sees no CUDA device",
            where="--device",
            mend="use --device cpu, or install a CUDA build of torch and a driver",
        )
    return torch.device("cuda" if available and device != "cpu" else "cpu")
