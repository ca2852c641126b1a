"""`StackedActors`: the actors of several policies as one batch of matrix products.

Only what a deterministic action needs: no critic, no distribution objects, no validation, memory
carried from bar to bar. Layers of all candidates are stacked, so that one `baddbmm` serves them
all (measured in `docs/decisions/052-lean-forward.md`). Not here: walking an environment with it
(`training.evaluate`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

from training.agent.weights import Weights

TIE_TOLERANCE = 1e-5
"""Two logits closer than this times the largest row norm of the last layer count as a tie.

Sums in another order differ in the last bits, so at such a bar the batch might choose otherwise
than one policy alone. The largest difference measured was an eighteenth of it (decision 052)."""
SHADOW_NOISE = 2.0**-20
"""How much a shadow's memory is moved at every bar: eight times float32's rounding step."""
_Layer = tuple[torch.Tensor, torch.Tensor]


class StackedActors:
    """Actors of policies with equal networks, each walking the same number of windows.

    Rows are ordered by policy, then window: row `p * n_windows + w`. Works on the CPU and in the
    policies' own dtype, whatever device they are on; the policies are only read.

    Each row has a shadow that sees the same and whose memory is shaken by a little more than
    rounding does. Where the two part, the network amplifies rounding errors, and the order of sums
    can decide an action however far apart the logits are.

    Attributes:
        nearest_tie: `(n_policies, n_windows) float` smallest distance so far between the best two
            logits, over what rounding could move: below 1 an action may differ from the policy's
            own. NaN once a logit was not a number.

    Args:
        policies: At least one; all of the same `Network`.
        n_windows: Rows of each policy, at least one.
    """

    def __init__(self, policies: Sequence[RecurrentActorCriticPolicy], n_windows: int) -> None:
        first = policies[0]
        states = [{k: v.detach().cpu() for k, v in p.state_dict().items()} for p in policies]
        self._cells = [_stacked_cell(states, layer) for layer in range(first.lstm_actor.num_layers)]
        self._activation = first.activation_fn()
        widths = len(first.mlp_extractor.policy_net) // 2
        names = [f"mlp_extractor.policy_net.{2 * index}" for index in range(widths)]
        self._head = [_stacked_linear(states, name) for name in names]
        self._last = _stacked_linear(states, "action_net")
        norms = self._last[0].norm(dim=1).amax(dim=1)
        self._tolerance = TIE_TOLERANCE * norms[:, None] + torch.finfo(norms.dtype).tiny
        self._shape = (len(policies), n_windows)
        hidden = norms.new_zeros(len(policies), 2 * n_windows, first.lstm_actor.hidden_size)
        self._memory = [(hidden, hidden) for _ in self._cells]
        self._shake = _shake(hidden)
        self.nearest_tie = norms.new_full(self._shape, float("inf"))

    @torch.inference_mode()
    def act(self, observations: NDArray[np.float32]) -> NDArray[np.int64]:
        """Choose the most likely action of each row and move its memory on by one bar.

        Args:
            observations: `(n_policies * n_windows, n_inputs) float32`.

        Returns:
            `(n_policies * n_windows,) int64`.
        """
        seen = torch.from_numpy(observations).to(self._tolerance.dtype).view(*self._shape, -1)
        values = torch.cat([seen, seen], dim=1)
        for index, layer in enumerate(self._cells):
            values, carried = _cell(layer, values, self._memory[index])
            self._memory[index] = (values * self._shake, carried)
        for weight, bias in self._head:
            values = self._activation(torch.baddbmm(bias, values, weight))
        weight, bias = self._last
        logits, shadow = torch.baddbmm(bias, values, weight).chunk(2, dim=1)
        best = logits.topk(2, dim=2)
        moved = self._tolerance + (logits - shadow).abs().amax(dim=2)
        nearness = (best.values[..., 0] - best.values[..., 1]) / moved
        self.nearest_tie = torch.minimum(self.nearest_tie, nearness)
        return best.indices[..., 0].reshape(-1).numpy()


def _shake(hidden: torch.Tensor) -> torch.Tensor:
    """Factors of a memory `(n_policies, 2 * n_windows, n_units)`: 1, and a hair off for shadows."""
    factors = torch.ones_like(hidden)
    shadows = factors[:, hidden.shape[1] // 2 :]
    shadows[..., ::2] += SHADOW_NOISE
    shadows[..., 1::2] -= SHADOW_NOISE
    return factors


def _cell(
    layer: _Layer, inputs: torch.Tensor, memory: tuple[torch.Tensor, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """One step of an LSTM layer (Hochreiter and Schmidhuber 1997, gates in torch's order)."""
    hidden, carried = memory
    gates = torch.baddbmm(layer[1], torch.cat([inputs, hidden], dim=2), layer[0])
    n_units = hidden.shape[2]
    take_in, forget, _, give_out = torch.sigmoid(gates).chunk(4, dim=2)
    candidate = torch.tanh(gates[..., 2 * n_units : 3 * n_units])
    carried = forget * carried + take_in * candidate
    return give_out * torch.tanh(carried), carried


def _stacked_cell(states: Sequence[Weights], layer: int) -> _Layer:
    """Weights `(n_policies, n_inputs + n_units, 4 * n_units)`, one bias row for each policy."""
    name = "lstm_actor.{}_{}_l" + str(layer)
    weights = [
        torch.cat([state[name.format("weight", "ih")], state[name.format("weight", "hh")]], dim=1)
        for state in states
    ]
    biases = [
        state[name.format("bias", "ih")] + state[name.format("bias", "hh")] for state in states
    ]
    return _stacked(weights, biases)


def _stacked_linear(states: Sequence[Weights], name: str) -> _Layer:
    """Weights `(n_policies, n_inputs, n_outputs)`, biases `(n_policies, 1, n_outputs)`."""
    weights = [state[f"{name}.weight"] for state in states]
    return _stacked(weights, [state[f"{name}.bias"] for state in states])


def _stacked(weights: Sequence[torch.Tensor], biases: Sequence[torch.Tensor]) -> _Layer:
    return torch.stack([w.T for w in weights]).contiguous(), torch.stack(list(biases))[:, None]
