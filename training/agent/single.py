"""`SingleActor`: the actor of one policy for one account, in NumPy.

For one row nearly all of the time goes into calls, and NumPy's are the cheapest here. What the
features of all bars add to the first layer does not depend on the actions and is computed ahead,
many bars in one matrix product. Weights that do not fit the cache are read once for a few bars,
layer by layer (measured in `docs/decisions/111-one-window.md`).

Only what a deterministic action needs. Sums run in another order than in the policy itself:
`training.agent.shadows` tells where that could decide an action. Many rows:
`training.agent.stacked`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

from training.agent.gates import joined_cell
from training.agent.weights import Weights

Floats = NDArray[Any]
"""float32, or what the policy's own dtype is."""
MAX_BLOCK_BARS = 16
"""So many bars at most go through a layer before the next one is read."""
CACHED_BYTES = 2**20
"""Recurrent weights up to this size stay in a core's cache from bar to bar."""
_PREPARED_BARS = 1024


class SingleActor:
    """One policy's actor with the memory of one running account; the policy is only read.

    Works on the CPU and in the policy's own dtype, whatever device it is on.

    Args:
        policy: Over a flat observation and discrete actions.
        features: `(n_bars, n_features) float32` of the bars to come, the first columns of their
            observations.
    """

    def __init__(self, policy: RecurrentActorCriticPolicy, features: Floats) -> None:
        state = {name: tensor.detach().cpu() for name, tensor in policy.state_dict().items()}
        lstm, n_features = policy.lstm_actor, features.shape[1]
        # The first layer's features have been dealt with; its account comes with every bar.
        cells = [_gates(state, layer, lstm.hidden_size) for layer in range(lstm.num_layers)]
        weight, self._bias = cells[0]
        self._feature_weight = np.ascontiguousarray(weight[:n_features])
        self._layers = [_Layer(weight[n_features:], lstm.hidden_size)]
        self._between = [(np.ascontiguousarray(w[: lstm.hidden_size]), b) for w, b in cells[1:]]
        self._layers += [_Layer(w[lstm.hidden_size :], lstm.hidden_size) for w, _ in cells[1:]]
        self._accounts = self._layers[0].joined[:, : len(weight) - n_features - lstm.hidden_size]
        names = [
            f"mlp_extractor.policy_net.{i}" for i in range(len(policy.mlp_extractor.policy_net))
        ]
        self._heads = [_linear(state, name) for name in names[::2]]
        self._last = _linear(state, "action_net")
        self._activate = _in_place(policy.activation_fn())
        self.dtype = self._bias.dtype
        self._features, self._prepared = features, np.empty((0, 0), self.dtype)
        self._first_prepared = self._n_walked = 0
        n_bytes = sum(w.nbytes for w, _ in cells) - self._feature_weight.nbytes
        self.max_block_bars = MAX_BLOCK_BARS if n_bytes > CACHED_BYTES else 1

    def logits(self, accounts: Floats) -> Floats:
        """Look at the next bars, as they would be with these accounts; `keep` moves on.

        Args:
            accounts: `(n_bars, n_account)`, the last columns of their observations; at most
                `MAX_BLOCK_BARS` and as many as there are features left.

        Returns:
            `(n_bars, n_actions)`.
        """
        n_bars = len(accounts)
        self._accounts[:n_bars] = accounts
        values = self._layers[0].steps(self._prepared_rows(n_bars))
        for (weight, bias), layer in zip(self._between, self._layers[1:], strict=True):
            values = layer.steps(_applied(values, weight, bias))
        for weight, bias in self._heads:
            values = _applied(values, weight, bias)
            self._activate(values)
        return _applied(values, *self._last)

    def keep(self, n_bars: int) -> None:
        """Let the first so many bars of the latest `logits` have happened."""
        for layer in self._layers:
            layer.keep(n_bars)
        self._n_walked += n_bars

    def _prepared_rows(self, n_bars: int) -> Floats:
        row = self._n_walked - self._first_prepared
        if row + n_bars > len(self._prepared):
            row, self._first_prepared = 0, self._n_walked
            rows = self._features[self._n_walked : self._n_walked + _PREPARED_BARS]
            rows = rows.astype(self.dtype, copy=False)
            self._prepared = rows @ self._feature_weight + self._bias
        return self._prepared[row : row + n_bars]


class _Layer:
    """One LSTM layer (Hochreiter and Schmidhuber 1997); row j is the memory before bar j.

    Gates are ordered (in, forget, out, cell). The first three are halved, for
    sigmoid(x) = tanh(x / 2) / 2 + 1 / 2: one call of tanh serves all four.
    """

    def __init__(self, weight: Floats, n_units: int) -> None:
        n_joined, dtype = len(weight), weight.dtype
        self._weight = np.ascontiguousarray(weight)
        self.joined = np.zeros((MAX_BLOCK_BARS + 1, n_joined), dtype)
        self._hidden = self.joined[:, n_joined - n_units :]
        self._cells = np.zeros((MAX_BLOCK_BARS + 1, n_units), dtype)
        self._gates = np.zeros(4 * n_units, dtype)
        self._sigmoids = self._gates[: 3 * n_units]
        self._parts = np.split(self._gates, 4)
        self._halves = np.full(3 * n_units, 0.5, dtype)  # a number would be converted each time
        # Cutting out a row costs half as much as working on it.
        self._rows = [list(array) for array in (self.joined, self._hidden, self._cells)]

    def steps(self, added: Floats) -> Floats:
        """Walk bars on from row 0; gates of bar j are `joined[j] @ weight + added[j]`.

        Returns:
            `(n_bars, n_units)` hidden outputs, a view.
        """
        weight, gates, sigmoids, halves = self._weight, self._gates, self._sigmoids, self._halves
        take_in, forget, give_out, candidate = self._parts
        joined, hidden, cells = self._rows
        for bar, row in enumerate(added):
            after, output = cells[bar + 1], hidden[bar + 1]
            np.dot(joined[bar], weight, gates)
            np.add(gates, row, gates)
            np.tanh(gates, gates)
            np.multiply(sigmoids, halves, sigmoids)
            np.add(sigmoids, halves, sigmoids)
            np.multiply(cells[bar], forget, after)
            np.multiply(take_in, candidate, candidate)
            np.add(after, candidate, after)
            np.tanh(after, output)
            np.multiply(output, give_out, output)
        return self._hidden[1 : len(added) + 1]

    def keep(self, n_bars: int) -> None:
        self._hidden[0] = self._hidden[n_bars]
        self._cells[0] = self._cells[n_bars]


def _applied(values: Floats, weight: Floats, bias: Floats) -> Floats:
    """`values @ weight + bias`: a vector sooner with NumPy, a matrix of a few rows with torch."""
    if len(values) > 1:
        matrices = map(torch.from_numpy, (bias, values, weight))
        rows: Floats = torch.addmm(*matrices).numpy()
        return rows
    row: Floats = np.dot(values[0], weight)
    row += bias
    return row[None]


def _gates(state: Weights, layer: int, n_units: int) -> tuple[Floats, Floats]:
    """Weight `(n_inputs + n_units, 4 * n_units)` and bias of one layer, as `_Layer` takes them."""
    joined = joined_cell(state, layer, prefix="lstm_actor.")
    weight, bias = (tensor.numpy() for tensor in joined)
    half = np.repeat(np.array([0.5, 1.0], bias.dtype), [3 * n_units, n_units])
    return weight.T * half, bias * half


def _linear(state: Weights, name: str) -> tuple[Floats, Floats]:
    weight = np.ascontiguousarray(state[f"{name}.weight"].numpy().T)
    return weight, state[f"{name}.bias"].numpy()


def _in_place(module: torch.nn.Module) -> Callable[[Floats], object]:
    """Apply an activation to an array in place; tanh is worth its own, the rest is torch's."""
    if isinstance(module, torch.nn.Tanh):
        return lambda values: np.tanh(values, values)

    def apply(values: Floats) -> None:
        tensor = torch.from_numpy(values)
        tensor.copy_(module(tensor))

    return apply
