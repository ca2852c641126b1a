"""`StackedActors`: the actors of several policies as one batch of matrix products.

Only what a deterministic action needs: no critic, no distribution objects, no validation, memory
carried from bar to bar. Layers of all candidates are stacked, so that one `baddbmm` serves them
all (measured in `docs/decisions/052-lean-forward.md`). Not here: walking an environment with it
(`training.evaluate`), one row (`training.agent.single`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

from training.agent.gates import joined_cell
from training.agent.shadows import Shadow
from training.agent.weights import Weights

BLOCK_BARS = 128
"""Shadows follow so many bars at once."""
_Linear = tuple[torch.Tensor, torch.Tensor]


class StackedActors:
    """Actors of policies with equal networks, each walking the same number of windows.

    Rows are ordered by policy, then window: row `p * n_windows + w`. Works on the CPU and in the
    policies' own dtype, whatever device they are on; the policies are only read.

    Args:
        policies: At least one; all of the same `Network`.
        n_windows: Rows of each policy, at least one.
    """

    def __init__(self, policies: Sequence[RecurrentActorCriticPolicy], n_windows: int) -> None:
        first = policies[0]
        states = [{k: v.detach().cpu() for k, v in p.state_dict().items()} for p in policies]
        self._layers = [
            _Layer(*_stacked_cell(states, layer), n_windows)
            for layer in range(first.lstm_actor.num_layers)
        ]
        self._activation = first.activation_fn()
        widths = len(first.mlp_extractor.policy_net) // 2
        names = [f"mlp_extractor.policy_net.{2 * index}" for index in range(widths)]
        self._head = [_stacked_linear(states, name) for name in names]
        self._last = _stacked_linear(states, "action_net")
        self._shape = (len(policies), n_windows)
        self._shadows = [Shadow(policy) for policy in policies]
        self._unfollowed: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._followed: list[torch.Tensor] = []

    @torch.inference_mode()
    def act(self, observations: NDArray[np.float32]) -> NDArray[np.int64]:
        """Choose the most likely action of each row and move its memory on by one bar.

        Args:
            observations: `(n_policies * n_windows, n_inputs) float32`.

        Returns:
            `(n_policies * n_windows,) int64`.
        """
        seen = torch.from_numpy(observations).view(*self._shape, -1)
        values = seen
        for layer in self._layers:
            values = layer.step(values)
        for weight, bias in self._head:
            values = self._activation(torch.baddbmm(bias, values, weight))
        weight, bias = self._last
        logits = torch.baddbmm(bias, values, weight)
        self._unfollowed.append((seen.clone(), logits))
        if len(self._unfollowed) == BLOCK_BARS:
            self._follow()
        return logits.argmax(dim=2).view(-1).numpy()

    def nearness(self) -> NDArray[Any]:
        """How near each decision so far was to another: `(n_bars, n_policies * n_windows)`.

        As `Shadow.nearness`: below 1 it may differ from the policy's own, NaN is no number.
        """
        if self._unfollowed:
            self._follow()
        nearness: NDArray[Any] = torch.cat(self._followed).numpy()
        return nearness

    @torch.inference_mode()
    def _follow(self) -> None:
        seen, logits = (torch.stack(part, dim=1) for part in zip(*self._unfollowed, strict=True))
        self._unfollowed.clear()
        rows = [
            shadow.nearness(seen[index], logits[index])
            for index, shadow in enumerate(self._shadows)
        ]
        self._followed.append(torch.cat(rows, dim=1))


class _Layer:
    """One LSTM layer of all policies (Hochreiter and Schmidhuber 1997).

    Gates are ordered (in, forget, out, cell), so that the three sigmoids are one call. The hidden
    output lives beside the input: no joining at each step.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, n_windows: int) -> None:
        n_policies, n_joined, n_units = len(weight), weight.shape[1], weight.shape[2] // 4
        self._weight, self._bias = weight, bias
        self._joined = weight.new_zeros(n_policies, n_windows, n_joined)
        self._inputs, self._hidden = torch.split(self._joined, [n_joined - n_units, n_units], 2)
        self._gates = weight.new_zeros(n_policies, n_windows, 4 * n_units)
        self._sigmoids, self._candidate = torch.split(self._gates, [3 * n_units, n_units], 2)
        self._take_in, self._forget, self._give_out = torch.split(self._sigmoids, n_units, 2)
        self._cells = weight.new_zeros(n_policies, n_windows, n_units)

    def step(self, inputs: torch.Tensor) -> torch.Tensor:
        """Move on by one bar: `(n_policies, n_windows, n_inputs)` to a view of the new memory."""
        self._inputs.copy_(inputs)
        torch.baddbmm(self._bias, self._joined, self._weight, out=self._gates)
        self._sigmoids.sigmoid_()
        self._candidate.tanh_()
        self._cells.mul_(self._forget).addcmul_(self._take_in, self._candidate)
        return torch.mul(self._give_out, torch.tanh(self._cells), out=self._hidden)


def _stacked_cell(states: Sequence[Weights], layer: int) -> _Linear:
    """Weights `(n_policies, n_inputs + n_units, 4 * n_units)`, one bias row for each policy."""
    cells = [joined_cell(state, layer, prefix="lstm_actor.") for state in states]
    return _stacked([weight for weight, _ in cells], [bias for _, bias in cells])


def _stacked_linear(states: Sequence[Weights], name: str) -> _Linear:
    """Weights `(n_policies, n_inputs, n_outputs)`, biases `(n_policies, 1, n_outputs)`."""
    weights = [state[f"{name}.weight"] for state in states]
    return _stacked(weights, [state[f"{name}.bias"] for state in states])


def _stacked(weights: Sequence[torch.Tensor], biases: Sequence[torch.Tensor]) -> _Linear:
    return torch.stack([w.T for w in weights]).contiguous(), torch.stack(list(biases))[:, None]
