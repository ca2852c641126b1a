"""What the networks say about a minibatch of sequences, and PPO's loss on it.

Here: `evaluate_minibatch` (the slow twin is `RecurrentActorCriticPolicy.evaluate_actions`) and
`ppo_loss` (its twin is the body of `RecurrentPPO.train`), as functions of tensors. Not here: the
loop over minibatches (`training.agent.recurrent_ppo`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from gymnasium import spaces
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from torch import nn

from training.agent.minibatches import Minibatch
from training.agent.rollout import Observations, Rollout, map_observations

STATISTICS = ("policy_gradient_loss", "value_loss", "entropy_loss", "approx_kl", "clip_fraction")


class Evaluation(NamedTuple):
    """What the networks say now, a number for each transition of a minibatch.

    Attributes:
        values: `(n,)` of the critic.
        log_probs: `(n,)` of the actions taken.
        entropy: `(n,)` of the action distribution; None where it has no closed form.
    """

    values: torch.Tensor
    log_probs: torch.Tensor
    entropy: torch.Tensor | None


class Targets(NamedTuple):
    """What the rollout says, `(n,)` each, in the order of an `Evaluation`."""

    values: torch.Tensor
    log_probs: torch.Tensor
    advantages: torch.Tensor
    returns: torch.Tensor


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """Weights and limits of one update; their meaning is that of `AgentConfig`'s fields."""

    clip_range: float
    clip_range_vf: float | None
    ent_coef: float
    vf_coef: float
    normalize_advantage: bool


def evaluate_minibatch(
    policy: RecurrentActorCriticPolicy, rollout: Rollout, batch: Minibatch
) -> Evaluation:
    """Run actor and critic over a minibatch, with one LSTM call each."""
    seen = map_observations(
        rollout.observations, lambda tensor: tensor.flatten(0, 1).index_select(0, batch.transitions)
    )
    pi_features, vf_features = features_of(policy, seen)
    latent_pi = _remembered(
        policy.lstm_actor, pi_features, batch, initial_states(rollout, batch, 0)
    )
    if policy.lstm_critic is not None:
        memory = initial_states(rollout, batch, 1)
        latent_vf = _remembered(policy.lstm_critic, vf_features, batch, memory)
    elif policy.shared_lstm:
        latent_vf = latent_pi.detach()
    else:
        assert policy.critic is not None, "a critic without an LSTM has a linear layer instead"
        latent_vf = policy.critic(vf_features)
    values = policy.value_net(policy.mlp_extractor.forward_critic(latent_vf)).flatten()
    judged = policy.mlp_extractor.forward_actor(latent_pi)
    actions = rollout.actions.flatten(0, 1)[batch.transitions]
    return Evaluation(values, *_judged(policy, judged, actions))


def targets_of(rollout: Rollout, batch: Minibatch) -> Targets:
    """Pick a minibatch's numbers out of the rollout."""
    every = (rollout.values, rollout.log_probs, rollout.advantages, rollout.returns)
    return Targets(*(tensor.view(-1)[batch.transitions] for tensor in every))


def ppo_loss(
    now: Evaluation, then: Targets, settings: LossSettings
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute PPO's clipped loss (Schulman et al. 2017, arXiv 1707.06347), as sb3-contrib does.

    One difference: advantages of a single transition are not normalized. Their deviation does not
    exist, and stock makes all weights NaN there.

    Returns:
        The loss, and `(5,)` detached `STATISTICS`.
    """
    advantages = then.advantages
    if settings.normalize_advantage and len(advantages) > 1:
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    log_ratio = now.log_probs - then.log_probs
    ratio = torch.exp(log_ratio)
    low, high = 1.0 - settings.clip_range, 1.0 + settings.clip_range
    policy_loss = -torch.min(advantages * ratio, advantages * ratio.clamp(low, high)).mean()
    value_loss = (then.returns - _clipped(now.values, then.values, settings)).square().mean()
    entropy_loss = now.log_probs.mean() if now.entropy is None else -now.entropy.mean()
    loss = policy_loss + settings.ent_coef * entropy_loss + settings.vf_coef * value_loss
    with torch.no_grad():
        approx_kl = ((ratio - 1.0) - log_ratio).mean()
        clipped = ((ratio - 1.0).abs() > settings.clip_range).to(ratio.dtype).mean()
        found = (policy_loss, value_loss, entropy_loss, approx_kl, clipped)
        return loss, torch.stack([number.detach() for number in found])


def features_of(
    policy: RecurrentActorCriticPolicy, observations: Observations
) -> tuple[torch.Tensor, torch.Tensor]:
    """Extract `(n, n_features)` for actor and critic, the same tensor where they share it."""
    features = policy.extract_features(observations)
    return features if isinstance(features, tuple) else (features, features)


def initial_states(
    rollout: Rollout, batch: Minibatch, net: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gather `(n_layers, n_rows, n_units)` states before each row; zeros begin an episode."""
    keeps = batch.keeps_state[:, None, None]

    def picked(states: torch.Tensor) -> torch.Tensor:
        rows = states[:, net][batch.slots, :, batch.envs]
        return (rows * keeps.to(rows.dtype)).transpose(0, 1).contiguous()

    return picked(rollout.hidden), picked(rollout.cells)


def _remembered(
    lstm: nn.LSTM,
    features: torch.Tensor,
    batch: Minibatch,
    memory: tuple[torch.Tensor, torch.Tensor],
) -> torch.Tensor:
    """Run an LSTM over a minibatch: `(n, n_features)` to `(n, n_units)`."""
    if batch.cell_sources is not None:
        features = features.index_select(0, batch.cell_sources)
    rows = features.view(-1, batch.n_rows, features.shape[-1])
    outputs: torch.Tensor = lstm(rows, memory)[0].flatten(0, 1)
    return outputs if batch.cells is None else outputs.index_select(0, batch.cells)


def _judged(
    policy: RecurrentActorCriticPolicy, latent: torch.Tensor, actions: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Log-probabilities of actions and entropy; without a distribution object where possible."""
    if isinstance(policy.action_space, spaces.Discrete):
        log_probs = torch.log_softmax(policy.action_net(latent), dim=1)
        taken = log_probs.gather(1, actions.long().view(-1, 1)).squeeze(1)
        return taken, -(log_probs.exp() * log_probs).sum(1)
    distribution = policy._get_action_dist_from_latent(latent)
    if isinstance(policy.action_space, spaces.MultiBinary):
        actions = actions.to(latent.dtype)  # torch wants probabilities; stock stops here
    return distribution.log_prob(actions), distribution.entropy()


def _clipped(
    values: torch.Tensor, old_values: torch.Tensor, settings: LossSettings
) -> torch.Tensor:
    limit = settings.clip_range_vf
    if limit is None:
        return values
    return old_values + (values - old_values).clamp(-limit, limit)
