"""`PolicyStepper`: acting in many environments one bar at a time, with as few calls as possible.

Actor and critic LSTMs run as one batch of matrix products on their own tensors, without autograd;
heads are the policy's own modules; discrete actions need no distribution object. The slow twin is
`RecurrentActorCriticPolicy.forward`. Not here: the loop over bars (`training.agent.collect`).
"""

from __future__ import annotations

import torch
from gymnasium import spaces
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from sb3_contrib.common.recurrent.type_aliases import RNNStates
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.torch_layers import FlattenExtractor
from torch import nn

from training.agent.forward import features_of
from training.agent.gates import joined_cell
from training.agent.rollout import Observations

Step = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class PolicyStepper:
    """A policy's networks with their memory of `n_envs` running episodes.

    Weights are copied when it is built: build a new one after each update.

    Args:
        policy: In evaluation mode; its heads are called, its LSTMs only read.
        states: Memory to start from, `(n_layers, n_envs, n_units)` each; copied.
        draws_as_stock: Whether discrete actions take as many numbers from torch's global generator
            as stock does, in its order. Otherwise each takes one, which is faster and needs no
            answer from a GPU.
    """

    def __init__(
        self, policy: RecurrentActorCriticPolicy, states: RNNStates, *, draws_as_stock: bool
    ) -> None:
        self._policy = policy
        self._draw = _drawn_as_stock if draws_as_stock else _drawn_from_uniform
        lstms = [policy.lstm_actor]
        pairs = [states.pi]
        if policy.lstm_critic is not None:
            lstms.append(policy.lstm_critic)
            pairs.append(states.vf)
        hidden = torch.stack([pair[0] for pair in pairs])
        cells = torch.stack([pair[1] for pair in pairs])
        self._layers = [
            _Layer(lstms, index, hidden[:, index], cells[:, index])
            for index in range(policy.lstm_actor.num_layers)
        ]
        self._n_nets = len(lstms)
        self._is_flat = _sees_flat_box(policy)
        self._is_discrete = isinstance(policy.action_space, spaces.Discrete)

    @torch.inference_mode()
    def step(self, observations: Observations) -> Step:
        """Sample an action for each environment and move its memory on by one bar.

        Args:
            observations: `(n_envs, ...)`, or a dictionary of such.

        Returns:
            Actions `(n_envs, *action_shape)`, values `(n_envs,)`, log-probabilities `(n_envs,)`.
        """
        pi_features, vf_features = self._features(observations)
        outputs = pi_features.expand(self._n_nets, *pi_features.shape)
        if self._n_nets > 1 and vf_features is not pi_features:
            outputs = torch.stack([pi_features, vf_features])
        for layer in self._layers:
            outputs = layer.step(outputs)
        policy = self._policy
        latent_vf = outputs[-1]
        if policy.critic is not None:
            latent_vf = policy.critic(vf_features)
        values = policy.value_net(policy.mlp_extractor.forward_critic(latent_vf)).flatten()
        actions, log_probs = self._acted(policy.mlp_extractor.forward_actor(outputs[0]))
        return actions, values, log_probs

    @torch.inference_mode()
    def peek_values(self, observations: Observations) -> torch.Tensor:
        """Compute the critic's `(n_envs,)` values one bar on, leaving every memory as it is."""
        features = self._features(observations)[1]
        policy, outputs = self._policy, features[None]
        for layer in self._layers:
            outputs = layer.peek(outputs)
        latent = outputs[0] if policy.critic is None else policy.critic(features)
        values: torch.Tensor = policy.value_net(policy.mlp_extractor.forward_critic(latent))
        return values.flatten()

    @torch.inference_mode()
    def forget_where(self, begins: torch.Tensor) -> None:
        """Zero the memory of environments where an episode begins, `(n_envs,) bool`."""
        for layer in self._layers:
            layer.hidden.masked_fill_(begins[:, None], 0.0)
            layer.cells.masked_fill_(begins[:, None], 0.0)

    @torch.inference_mode()
    def forget(self, envs: torch.Tensor) -> None:
        """Zero the memory of `(n_forgotten,)` environments, where an episode begins."""
        for layer in self._layers:
            layer.hidden[:, envs] = 0.0
            layer.cells[:, envs] = 0.0

    def copy_memory(self, hidden: torch.Tensor, cells: torch.Tensor) -> None:
        """Write the memory into `(n_nets, n_layers, n_envs, n_units)` tensors."""
        with torch.no_grad():
            for index, layer in enumerate(self._layers):
                hidden[:, index].copy_(layer.hidden)
                cells[:, index].copy_(layer.cells)

    def states(self) -> RNNStates:
        """Copy the memory in stock's form; a critic without own LSTM shows the actor's."""
        hidden = torch.stack([layer.hidden.clone() for layer in self._layers], 1)
        cells = torch.stack([layer.cells.clone() for layer in self._layers], 1)
        return RNNStates((hidden[0], cells[0]), (hidden[-1], cells[-1]))

    def critic_memory(self, env: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Copy one environment's memory, `(n_layers, n_units)` each, of the net that values it."""
        hidden = torch.stack([layer.hidden[-1, env] for layer in self._layers])
        return hidden, torch.stack([layer.cells[-1, env] for layer in self._layers])

    def _features(self, observations: Observations) -> tuple[torch.Tensor, torch.Tensor]:
        if self._is_flat:
            assert isinstance(observations, torch.Tensor)
            flat = observations.float().flatten(1)
            return flat, flat
        return features_of(self._policy, observations)

    def _acted(self, latent: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if not self._is_discrete:
            distribution = self._policy._get_action_dist_from_latent(latent)
            actions = distribution.get_actions()
            shape = self._policy.action_space.shape
            assert shape is not None, "stable-baselines3 takes only spaces with a shape"
            return actions.reshape((-1, *shape)), distribution.log_prob(actions)
        log_probs = torch.log_softmax(self._policy.action_net(latent), dim=1)
        actions = self._draw(log_probs)
        return actions.squeeze(1), log_probs.gather(1, actions).squeeze(1)


def _drawn_as_stock(log_probs: torch.Tensor) -> torch.Tensor:
    return torch.multinomial(torch.softmax(log_probs, dim=1), 1)


def _drawn_from_uniform(log_probs: torch.Tensor) -> torch.Tensor:
    """Draw `(n, 1)` actions by inverting their cumulative probabilities."""
    below = log_probs.exp().cumsum(1)[:, :-1]
    drawn = torch.rand(len(log_probs), 1, dtype=log_probs.dtype, device=log_probs.device)
    return (below <= drawn).sum(1, keepdim=True)


class _Layer:
    """One LSTM layer of actor and critic, stacked (Hochreiter and Schmidhuber 1997).

    Gates are reordered from torch's (in, forget, cell, out) to (in, forget, out, cell), so that the
    three sigmoids are one call. The hidden output lives beside the input: no joining at each step.
    """

    def __init__(
        self, lstms: list[nn.LSTM], index: int, hidden: torch.Tensor, cells: torch.Tensor
    ) -> None:
        n_nets, n_envs, n_units = hidden.shape
        with torch.no_grad():
            joined = [joined_cell(dict(lstm.named_parameters()), index) for lstm in lstms]
            self._weight = torch.stack([weight.T for weight, _ in joined]).contiguous()
            self._bias = torch.stack([bias for _, bias in joined])[:, None]
        n_inputs = self._weight.shape[1] - n_units
        joint = hidden.new_zeros(n_nets, n_envs, n_inputs + n_units)
        self._joint, self._inputs = joint, joint[..., :n_inputs]
        self.hidden = joint[..., n_inputs:]
        self.hidden.copy_(hidden)
        self.cells = cells.contiguous().clone()
        self._gates = hidden.new_zeros(n_nets, n_envs, 4 * n_units)
        self._sigmoids, self._candidate = torch.split(self._gates, [3 * n_units, n_units], 2)
        self._take_in, self._forget, self._give_out = torch.split(self._sigmoids, n_units, 2)

    def step(self, inputs: torch.Tensor) -> torch.Tensor:
        """Move on by one bar: `(n_nets, n_envs, n_inputs)` to a view of the new `hidden`."""
        self._inputs.copy_(inputs)
        torch.baddbmm(self._bias, self._joint, self._weight, out=self._gates)
        self._sigmoids.sigmoid_()
        self._candidate.tanh_()
        self.cells.mul_(self._forget).addcmul_(self._take_in, self._candidate)
        return torch.mul(self._give_out, torch.tanh(self.cells), out=self.hidden)

    def peek(self, inputs: torch.Tensor) -> torch.Tensor:
        """Show the last network's output one bar on: `(1, n_envs, n_inputs)` to `n_units`."""
        joint = torch.cat([inputs, self.hidden[-1:]], 2)
        gates = torch.baddbmm(self._bias[-1:], joint, self._weight[-1:])
        n_units = self.hidden.shape[2]
        take_in, forget, give_out = gates[..., : 3 * n_units].sigmoid().chunk(3, dim=2)
        cells = forget * self.cells[-1:] + take_in * gates[..., 3 * n_units :].tanh()
        return give_out * cells.tanh()


def _sees_flat_box(policy: RecurrentActorCriticPolicy) -> bool:
    """Whether features are the numbers of the observation themselves."""
    space, extractors = policy.observation_space, {type(policy.features_extractor)}
    if not policy.share_features_extractor:
        extractors = {type(policy.pi_features_extractor), type(policy.vf_features_extractor)}
    is_plain = isinstance(space, spaces.Box) and not is_image_space(space)
    return is_plain and extractors == {FlattenExtractor}
