"""`Rollout`: the experience between two updates, as tensors that are allocated once.

Time-major, so that a bar of all environments is one contiguous block and a chunk needs no copy to
become an LSTM's input. On the CPU the tensors share memory with the stock buffer's arrays, which
callbacks read. Not here: how it is filled (`training.agent.collect`), how it is cut
(`training.agent.minibatches`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sb3_contrib.common.recurrent.buffers import RecurrentDictRolloutBuffer, RecurrentRolloutBuffer
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from stable_baselines3.common.type_aliases import TensorDict

StockBuffer = RecurrentRolloutBuffer | RecurrentDictRolloutBuffer
Observations = torch.Tensor | TensorDict
PER_STEP = ("rewards", "values", "log_probs", "advantages", "returns")
"""What a stock buffer and ours hold as `(n_steps, n_envs)` numbers under the same name."""


@dataclass(kw_only=True)
class Rollout:
    """Tensors of one rollout.

    Attributes:
        observations: `(n_steps, n_envs, ...)`, or one such tensor by name for `Dict` spaces.
        actions: `(n_steps, n_envs, action_dim)` in the action space's dtype.
        rewards: `(n_steps, n_envs)`.
        values: `(n_steps, n_envs)` the critic gave while acting.
        log_probs: `(n_steps, n_envs)` of the actions while acting.
        advantages: `(n_steps, n_envs)`.
        returns: `(n_steps, n_envs)`, what the critic learns.
        episode_starts: `(n_steps, n_envs) bool` on the host, whether a step was an episode's first.
        hidden: `(n_slots, n_nets, n_layers, n_envs, n_units)` output of the LSTMs before the steps
            `slot * slot_steps`; net 0 is the actor's LSTM, net 1 the critic's own, if it has one.
        cells: The same of their cells.
        slot_steps: Steps between two stored states; 1 in `exact` mode, else the chunk.
    """

    observations: Observations
    actions: torch.Tensor
    rewards: torch.Tensor
    values: torch.Tensor
    log_probs: torch.Tensor
    advantages: torch.Tensor
    returns: torch.Tensor
    episode_starts: NDArray[np.bool_]
    hidden: torch.Tensor
    cells: torch.Tensor
    slot_steps: int

    @property
    def n_steps(self) -> int:
        """Steps of each environment."""
        return int(self.episode_starts.shape[0])

    @property
    def n_envs(self) -> int:
        """Environments side by side."""
        return int(self.episode_starts.shape[1])

    @property
    def n_transitions(self) -> int:
        """Env steps in all; transition `step * n_envs + env` is the order of every flat index."""
        return self.n_steps * self.n_envs


def allocate_rollout(
    buffer: StockBuffer, policy: RecurrentActorCriticPolicy, *, slot_steps: int
) -> Rollout:
    """Make an empty rollout of a stock buffer's sizes, sharing its arrays on the CPU.

    The buffer's arrays of LSTM states become empty: ours are the only ones.

    Args:
        buffer: Its arrays are taken as they are, in `(n_steps, n_envs, ...)` order.
        policy: Gives sizes and dtype of the states.
        slot_steps: Steps between two stored states; must divide the buffer's steps.
    """
    buffer.reset()  # type: ignore[no-untyped-call]  # of sb3-contrib
    lstm, device = policy.lstm_actor, buffer.device
    n_nets = 2 if policy.lstm_critic is not None else 1
    n_slots = buffer.buffer_size // slot_steps
    shape = (n_slots, n_nets, lstm.num_layers, buffer.n_envs, lstm.hidden_size)
    dtype = lstm.weight_ih_l0.dtype
    assert isinstance(dtype, torch.dtype)
    for name in ("hidden_states_pi", "cell_states_pi", "hidden_states_vf", "cell_states_vf"):
        setattr(buffer, name, np.zeros((0,), np.float32))
    return Rollout(
        **_shared(buffer),
        episode_starts=np.zeros((buffer.buffer_size, buffer.n_envs), np.bool_),
        hidden=torch.zeros(shape, dtype=dtype, device=device),
        cells=torch.zeros(shape, dtype=dtype, device=device),
        slot_steps=slot_steps,
    )


def map_observations(
    observations: Observations, change: Callable[[torch.Tensor], torch.Tensor]
) -> Observations:
    """Apply a function to an observation tensor, or to each of a `Dict` space."""
    if isinstance(observations, dict):
        return {name: change(tensor) for name, tensor in observations.items()}
    return change(observations)


def _shared(buffer: StockBuffer) -> dict[str, Any]:
    def tensor(array: NDArray[Any]) -> torch.Tensor:
        return torch.as_tensor(array, device=buffer.device)

    seen = buffer.observations
    return {
        "observations": {name: tensor(array) for name, array in seen.items()}
        if isinstance(seen, dict)
        else tensor(seen),
        "actions": tensor(buffer.actions),
        **{name: tensor(getattr(buffer, name)) for name in PER_STEP},
    }
