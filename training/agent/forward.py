"""What actor and critic say about a minibatch of sequences, with one LSTM call each.

The slow twin is `RecurrentActorCriticPolicy.evaluate_actions`. Not here: what PPO makes of it
(`training.agent.losses`) and the optimizer's step (`training.agent.update`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from gymnasium import spaces
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from stable_baselines3.common.policies import BasePolicy
from torch import nn

from training.agent.kernel import kernel_lstm
from training.agent.losses import Evaluation, Judgement
from training.agent.minibatches import Minibatch
from training.agent.rollout import Observations, Rollout, map_observations
from training.agent.sizes import Precision


@dataclass(frozen=True, kw_only=True)
class ForwardPass:
    """A policy's networks, about to run over one minibatch.

    Attributes:
        policy: In training mode.
        rollout: What was seen and done.
        batch: Which part of it.
        precision: `bf16` runs LSTMs and hidden layers in bfloat16 from weights that stay as they
            are; the last layers, and all that follows, keep the weights' own precision.
    """

    policy: RecurrentActorCriticPolicy
    rollout: Rollout
    batch: Minibatch
    precision: Precision = "fp32"

    def evaluation(self) -> Evaluation:
        """Run actor and critic, whatever they share."""
        policy = self.policy
        pi_features, vf_features = features_of(policy, self._seen())
        latent = self._remembered(policy.lstm_actor, pi_features, net=0)
        judged = self._judged(latent)
        if not policy.shared_lstm:
            latent = self._critic_latent(vf_features)
        return Evaluation(self._valued(latent.detach() if policy.shared_lstm else latent), *judged)

    def judgement(self) -> Judgement:
        """Run the actor alone."""
        features = self._own_features(self.policy.pi_features_extractor)
        return self._judged(self._remembered(self.policy.lstm_actor, features, net=0))

    def values(self) -> torch.Tensor:
        """Run the critic alone, where `are_independent`: `(n,)` values."""
        return self._valued(
            self._critic_latent(self._own_features(self.policy.vf_features_extractor))
        )

    def _seen(self) -> Observations:
        picked = self.batch.transitions
        return map_observations(
            self.rollout.observations, lambda seen: seen.flatten(0, 1).index_select(0, picked)
        )

    def _own_features(self, extractor: nn.Module) -> torch.Tensor:
        extracted: torch.Tensor = BasePolicy.extract_features(self.policy, self._seen(), extractor)  # type: ignore[arg-type]  # annotated for the base class alone
        return extracted

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.policy.value_net.parameters()).dtype

    def _autocast(self) -> torch.autocast:
        return torch.autocast(
            self.rollout.values.device.type,
            dtype=torch.bfloat16,
            enabled=self.precision == "bf16",
            cache_enabled=False,  # each weight is cast once a pass anyway
        )

    def _critic_latent(self, features: torch.Tensor) -> torch.Tensor:
        policy = self.policy
        if policy.lstm_critic is not None:
            return self._remembered(policy.lstm_critic, features, net=1)
        assert policy.critic is not None, "a critic without an LSTM has a linear layer instead"
        latent: torch.Tensor = policy.critic(features)
        return latent

    def _remembered(self, lstm: nn.LSTM, features: torch.Tensor, *, net: int) -> torch.Tensor:
        """Run an LSTM over the minibatch: `(n, n_features)` to `(n, n_units)`."""
        batch = self.batch
        if batch.cell_sources is not None:
            features = features.index_select(0, batch.cell_sources)
        rows = features.view(-1, batch.n_rows, features.shape[-1])
        memory = initial_states(self.rollout, batch, net)
        with self._autocast():
            outputs = kernel_lstm(lstm, rows, memory).flatten(0, 1)
        return outputs if batch.cells is None else outputs.index_select(0, batch.cells)

    def _valued(self, latent: torch.Tensor) -> torch.Tensor:
        with self._autocast():
            latent = self.policy.mlp_extractor.forward_critic(latent)
        values: torch.Tensor = self.policy.value_net(latent.to(self._dtype)).flatten()
        return values

    def _judged(self, latent: torch.Tensor) -> Judgement:
        """Judge the actions taken; without a distribution object where possible."""
        policy, dtype = self.policy, self._dtype
        with self._autocast():
            latent = policy.mlp_extractor.forward_actor(latent)
        latent = latent.to(dtype)
        actions = self.rollout.actions.flatten(0, 1)[self.batch.transitions]
        if isinstance(policy.action_space, spaces.Discrete):
            log_probs = torch.log_softmax(policy.action_net(latent), dim=1)
            taken = log_probs.gather(1, actions.long().view(-1, 1)).squeeze(1)
            return Judgement(taken, -(log_probs.exp() * log_probs).sum(1))
        distribution = policy._get_action_dist_from_latent(latent)
        if isinstance(policy.action_space, spaces.MultiBinary):
            actions = actions.to(dtype)  # torch wants probabilities; stock stops here
        return Judgement(distribution.log_prob(actions), distribution.entropy())


def are_independent(policy: RecurrentActorCriticPolicy) -> bool:
    """Whether actor and critic share no weights and neither needs what the other computed."""
    if policy.shared_lstm:
        return False
    if not policy.share_features_extractor:
        return True
    return not list(policy.features_extractor.parameters())


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
