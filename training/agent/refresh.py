"""Compute the states before each chunk anew, with the weights as they are now.

The whole rollout is rolled once more without gradients, in one LSTM call for each stretch in which
no episode begins.
"""

from __future__ import annotations

import numpy as np
import torch
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from torch import nn

from training.agent.forward import features_of
from training.agent.rollout import Rollout, map_observations


@torch.no_grad()
def refresh_states(policy: RecurrentActorCriticPolicy, rollout: Rollout) -> None:
    """Overwrite `rollout.hidden` and `rollout.cells`, but for the first slot.

    The first slot's state was left by earlier rollouts' weights and observations, which are gone.

    Args:
        policy: Its LSTMs are run.
        rollout: Changed in place.
    """
    flat = map_observations(rollout.observations, lambda tensor: tensor.flatten(0, 1))
    lstms = [policy.lstm_actor]
    if policy.lstm_critic is not None:
        lstms.append(policy.lstm_critic)
    for net, (lstm, features) in enumerate(zip(lstms, features_of(policy, flat), strict=False)):
        _roll(lstm, features.view(rollout.n_steps, rollout.n_envs, -1), rollout, net)


def _roll(lstm: nn.LSTM, features: torch.Tensor, rollout: Rollout, net: int) -> None:
    starts, n_slots = rollout.episode_starts, len(rollout.hidden)
    begins_chunk = np.arange(rollout.n_steps) % rollout.slot_steps == 0
    cuts = [int(step) for step in np.flatnonzero(starts.any(1) | begins_chunk)]
    state = (rollout.hidden[0, net].contiguous(), rollout.cells[0, net].contiguous())
    for first, stop in zip(cuts, [*cuts[1:], rollout.n_steps], strict=True):
        keeps = torch.as_tensor(~starts[first], device=features.device)[:, None].to(features.dtype)
        state = (state[0] * keeps, state[1] * keeps)
        slot, is_between = divmod(first, rollout.slot_steps)
        if slot and not is_between:
            rollout.hidden[slot, net].copy_(state[0])
            rollout.cells[slot, net].copy_(state[1])
        if slot < n_slots - 1:  # nothing needs the state after the last slot's
            state = lstm(features[first:stop], state)[1]
