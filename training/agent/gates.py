"""The order of an LSTM's gates: torch's, and the one in which the three sigmoids are neighbours.

torch stacks the rows of (in, forget, cell, out); our own steps take (in, forget, out, cell), so
that one call makes all sigmoids. Not here: a step (`training.agent.stepper`,
`training.agent.stacked`, `training.agent.single`).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

_OURS_OF_TORCHS = [0, 1, 3, 2]


def joined_cell(
    parameters: Mapping[str, torch.Tensor], layer: int, *, prefix: str = ""
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a layer's weight `(4 * n_units, n_inputs + n_units)` and bias, gates in our order.

    Args:
        parameters: Of an `nn.LSTM`, by torch's names.
        layer: Index of the layer.
        prefix: What stands before those names.
    """

    def both(kind: str) -> list[torch.Tensor]:
        return [parameters[f"{prefix}{kind}_{side}_l{layer}"] for side in ("ih", "hh")]

    of_inputs, of_hidden = both("bias")
    bias = of_inputs + of_hidden
    rows = torch.arange(len(bias), device=bias.device).view(4, -1)[_OURS_OF_TORCHS].flatten()
    return torch.cat(both("weight"), dim=1)[rows], bias[rows]
