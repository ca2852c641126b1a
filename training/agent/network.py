"""`Network`: the sizes of a recurrent actor-critic, and what follows from them.

Here: reading the sizes off a set of weights, the names and shapes of all parameters, and building
the policy. Not here: hyperparameters (`training.agent.config`) and files
(`training.agent.checkpoint`).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from torch import nn

from training.agent.config import AgentConfig, CriticLstm
from training.errors import ModelError
from training.seeds import torch_state_kept

# Ours are the first three; the others are what people put into stock models.
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "mish": nn.Mish,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "leaky_relu": nn.LeakyReLU,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
}
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True, kw_only=True)
class Network:
    """Sizes of a `RecurrentActorCriticPolicy` over a flat observation and discrete actions.

    Attributes:
        n_inputs: Length of the observation.
        n_actions: Number of discrete actions.
        lstm_hidden_size: Units of each LSTM layer.
        n_lstm_layers: Stacked LSTM layers.
        critic_lstm: `separate`, `shared` with the actor, or `none`.
        actor_layers: Units of the actor's hidden layers after the LSTM.
        critic_layers: The same for the critic.
        activation: A name of `ACTIVATIONS`; the one thing that weights do not show.
    """

    n_inputs: int
    n_actions: int
    lstm_hidden_size: int
    n_lstm_layers: int
    critic_lstm: CriticLstm
    actor_layers: tuple[int, ...]
    critic_layers: tuple[int, ...]
    activation: str

    @classmethod
    def of_config(cls, config: AgentConfig, *, n_inputs: int, n_actions: int) -> Network:
        """Return the sizes that an agent's settings give for an observation and its actions."""
        return cls(
            n_inputs=n_inputs,
            n_actions=n_actions,
            lstm_hidden_size=config.lstm_hidden_size,
            n_lstm_layers=config.n_lstm_layers,
            critic_lstm=config.critic_lstm,
            actor_layers=config.net_arch,
            critic_layers=config.net_arch,
            activation=config.activation,
        )

    def differences(self, wanted: Network) -> str:
        """Say in which sizes this network is not the wanted one; empty where it is."""
        pairs = ((f.name, getattr(self, f.name), getattr(wanted, f.name)) for f in fields(self))
        return "; ".join(f"{name} {own}, not {other}" for name, own, other in pairs if own != other)

    @property
    def shapes(self) -> Shapes:
        """Name and shape of every parameter of the policy."""
        hidden = self.lstm_hidden_size
        actor, critic = (hidden, *self.actor_layers), (hidden, *self.critic_layers)
        shapes = self._lstm_shapes("lstm_actor")
        if self.critic_lstm == "separate":
            shapes |= self._lstm_shapes("lstm_critic")
        elif self.critic_lstm == "none":
            shapes |= _linear_shapes("critic", self.n_inputs, hidden)
        shapes |= _head_shapes("mlp_extractor.policy_net", actor)
        shapes |= _head_shapes("mlp_extractor.value_net", critic)
        shapes |= _linear_shapes("action_net", actor[-1], self.n_actions)
        return shapes | _linear_shapes("value_net", critic[-1], 1)

    def _lstm_shapes(self, name: str) -> Shapes:
        hidden, shapes = self.lstm_hidden_size, Shapes()
        for layer in range(self.n_lstm_layers):
            n_inputs = hidden if layer else self.n_inputs
            shapes[f"{name}.weight_ih_l{layer}"] = (4 * hidden, n_inputs)
            shapes[f"{name}.weight_hh_l{layer}"] = (4 * hidden, hidden)
            shapes[f"{name}.bias_ih_l{layer}"] = (4 * hidden,)
            shapes[f"{name}.bias_hh_l{layer}"] = (4 * hidden,)
        return shapes


def network_of(weights: Mapping[str, torch.Tensor], *, activation: str) -> Network:
    """Read the sizes off the weights of a `RecurrentActorCriticPolicy`.

    Args:
        weights: A state dict.
        activation: A name of `ACTIVATIONS`.

    Raises:
        ModelError: If the names and shapes are not those of such a policy.
    """
    network = Network(
        n_inputs=_size(weights, "lstm_actor.weight_ih_l0", 1),
        n_actions=_size(weights, "action_net.weight", 0),
        lstm_hidden_size=_size(weights, "lstm_actor.weight_hh_l0", 1),
        n_lstm_layers=sum(name.startswith("lstm_actor.weight_ih_l") for name in weights),
        critic_lstm=_critic_lstm(weights),
        actor_layers=_layers(weights, "mlp_extractor.policy_net"),
        critic_layers=_layers(weights, "mlp_extractor.value_net"),
        activation=activation,
    )
    _check_shapes(weights, network.shapes)
    return network


def build_policy(
    network: Network,
    *,
    learning_rate: float = 1e-3,
    optimizer: Mapping[str, Any] | None = None,
) -> RecurrentActorCriticPolicy:
    """Build a policy of these sizes on the CPU, in evaluation mode; its weights are arbitrary.

    Torch's random state stays where it was.

    Args:
        network: The sizes.
        learning_rate: Of the optimizer.
        optimizer: `optimizer_class` and `optimizer_kwargs` of the policy; None takes the stock.
    """
    with torch_state_kept():
        policy = RecurrentActorCriticPolicy(
            spaces.Box(-np.inf, np.inf, (network.n_inputs,), np.float32),
            spaces.Discrete(network.n_actions),
            lambda _progress: learning_rate,
            net_arch={"pi": list(network.actor_layers), "vf": list(network.critic_layers)},
            activation_fn=ACTIVATIONS[network.activation],
            ortho_init=False,  # the weights are about to be replaced
            lstm_hidden_size=network.lstm_hidden_size,
            n_lstm_layers=network.n_lstm_layers,
            shared_lstm=network.critic_lstm == "shared",
            enable_critic_lstm=network.critic_lstm == "separate",
            **(optimizer or {}),
        ).cpu()
    policy.set_training_mode(False)
    return policy


def _linear_shapes(name: str, n_inputs: int, n_outputs: int) -> Shapes:
    return {f"{name}.weight": (n_outputs, n_inputs), f"{name}.bias": (n_outputs,)}


def _head_shapes(name: str, widths: tuple[int, ...]) -> Shapes:
    shapes = Shapes()
    for index, (n_inputs, n_outputs) in enumerate(itertools.pairwise(widths)):
        # Linear layers sit at even places of the sequence, activations between them.
        shapes |= _linear_shapes(f"{name}.{2 * index}", n_inputs, n_outputs)
    return shapes


def _size(weights: Mapping[str, torch.Tensor], name: str, axis: int) -> int:
    if name not in weights or weights[name].ndim != 2:
        raise ModelError(
            "A model must hold the weights of a recurrent policy over discrete actions",
            came=f"no matrix {name!r}",
            mend="save it with this program or with sb3-contrib's RecurrentPPO('MlpLstmPolicy')",
        )
    return weights[name].shape[axis]


def _critic_lstm(weights: Mapping[str, torch.Tensor]) -> CriticLstm:
    if "lstm_critic.weight_hh_l0" in weights:
        return "separate"
    return "none" if "critic.weight" in weights else "shared"


def _layers(weights: Mapping[str, torch.Tensor], name: str) -> tuple[int, ...]:
    widths: list[int] = []
    while f"{name}.{2 * len(widths)}.weight" in weights:
        widths.append(_size(weights, f"{name}.{2 * len(widths)}.weight", 0))
    return tuple(widths)


def _check_shapes(weights: Mapping[str, torch.Tensor], shapes: Shapes) -> None:
    came = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if came == shapes:
        return
    differing = sorted(
        name for name in came.keys() | shapes.keys() if came.get(name) != shapes.get(name)
    )
    name = differing[0]
    raise ModelError(
        "The weights of a model must be those of a recurrent actor-critic policy",
        came=f"{name} of shape {came.get(name, 'missing')} where {shapes.get(name, 'nothing')} "
        f"belongs, and {len(differing) - 1} more",
        mend="features extractors, LSTM variants and continuous actions are not read",
    )
