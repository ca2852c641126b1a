"""PPO's loss on a minibatch, as functions of tensors (Schulman et al. 2017, arXiv 1707.06347).

The slow twin is the body of `RecurrentPPO.train`. The actor's part and the critic's are apart, so
that they can be learned from side by side. Not here: what the networks say
(`training.agent.forward`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch

from training.agent.minibatches import Minibatch
from training.agent.rollout import Rollout

STATISTICS = ("policy_gradient_loss", "entropy_loss", "approx_kl", "clip_fraction", "value_loss")
"""What one minibatch is summed up in; the actor's part says all but the last."""


class Judgement(NamedTuple):
    """What the actor says now of the actions taken.

    Attributes:
        log_probs: `(n,)` of the actions.
        entropy: `(n,)` of the action distribution; None where it has no closed form.
    """

    log_probs: torch.Tensor
    entropy: torch.Tensor | None


class Evaluation(NamedTuple):
    """What both networks say now: `(n,)` values of the critic, and a `Judgement`'s fields."""

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


def targets_of(rollout: Rollout, batch: Minibatch) -> Targets:
    """Pick a minibatch's numbers out of the rollout."""
    every = (rollout.values, rollout.log_probs, rollout.advantages, rollout.returns)
    return Targets(*(tensor.view(-1)[batch.transitions] for tensor in every))


def ppo_loss(
    now: Evaluation, then: Targets, settings: LossSettings
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute the whole loss, weighted as sb3-contrib weighs it.

    Returns:
        The loss, and `(5,)` detached `STATISTICS`.
    """
    of_actor, statistics = actor_loss(Judgement(now.log_probs, now.entropy), then, settings)
    of_critic, value_loss = critic_loss(now.values, then, settings)
    return of_actor + of_critic, torch.cat([statistics, value_loss])


def actor_loss(
    now: Judgement, then: Targets, settings: LossSettings
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute the clipped policy loss with the entropy bonus.

    One difference from sb3-contrib: advantages of a single transition are not normalized. Their
    deviation does not exist, and stock makes all weights NaN there.

    Returns:
        The loss, and `(4,)` detached `STATISTICS` of the actor.
    """
    advantages = then.advantages
    if settings.normalize_advantage and len(advantages) > 1:
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    log_ratio = now.log_probs - then.log_probs
    ratio = torch.exp(log_ratio)
    low, high = 1.0 - settings.clip_range, 1.0 + settings.clip_range
    policy_loss = -torch.min(advantages * ratio, advantages * ratio.clamp(low, high)).mean()
    entropy_loss = now.log_probs.mean() if now.entropy is None else -now.entropy.mean()
    loss = policy_loss + settings.ent_coef * entropy_loss
    with torch.no_grad():
        approx_kl = ((ratio - 1.0) - log_ratio).mean()
        clipped = ((ratio - 1.0).abs() > settings.clip_range).to(ratio.dtype).mean()
        return loss, torch.stack([policy_loss, entropy_loss, approx_kl, clipped])


def critic_loss(
    values: torch.Tensor, then: Targets, settings: LossSettings
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute the weighted value loss, with `(1,)` of it unweighted and detached."""
    limit = settings.clip_range_vf
    if limit is not None:
        values = then.values + (values - then.values).clamp(-limit, limit)
    value_loss = (then.returns - values).square().mean()
    return settings.vf_coef * value_loss, value_loss.detach()[None]
