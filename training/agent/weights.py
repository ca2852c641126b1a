"""An agent's weights in memory: copy, put back, mix with fresh ones, name by content.

Not here: files (`training.agent.checkpoint`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from sb3_contrib import RecurrentPPO

from envs.errors import ConfigError
from envs.fingerprint import fingerprint
from training.errors import ModelError

Weights = Mapping[str, torch.Tensor]


def snapshot_weights(agent: RecurrentPPO) -> dict[str, torch.Tensor]:
    """Copy the policy's weights to the CPU; later training does not move the copy."""
    state = agent.policy.state_dict()
    return {name: tensor.detach().cpu().clone() for name, tensor in state.items()}


def restore_weights(agent: RecurrentPPO, weights: Weights) -> None:
    """Copy `weights` into the policy, in place; the optimizer keeps its own state.

    Raises:
        ModelError: If names or shapes are not those of the agent's policy.
    """
    own = {name: tuple(tensor.shape) for name, tensor in agent.policy.state_dict().items()}
    came = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if own != came:
        differing = sorted(n for n in own.keys() | came.keys() if own.get(n) != came.get(n))
        raise ModelError(
            "Weights can only go into a network of the same layers",
            came=f"{differing[0]}: {came.get(differing[0])} for {own.get(differing[0])}",
            mend="give the agent the settings that the weights were trained with",
        )
    agent.policy.load_state_dict(dict(weights))


def shrink_and_perturb(
    weights: Weights,
    fresh: Weights,
    *,
    shrink_frac: float | None,
    perturb_frac: float | None,
    generator: np.random.Generator,
) -> dict[str, torch.Tensor]:
    """Pull trained weights towards zero and add a little noise, each layer at its own scale.

    `shrink_frac * weights + perturb_frac * std(fresh layer) * normal noise`: Ash and Adams 2020
    (arXiv 1910.08475), who found that a network warm-started so generalizes like a fresh one.

    Args:
        weights: Trained weights.
        fresh: Untrained weights of the same network; they give each layer's initial deviation
            (0 for the heads' biases, which start at zero and so stay unperturbed).
        shrink_frac: Share of the weights that is kept, in (0, 1]; None keeps all.
        perturb_frac: Noise in units of the initial deviation, in (0, 1]; None adds none.
        generator: Draws the noise.

    Raises:
        ConfigError: If a fraction is outside (0, 1].
    """
    for name, value in (("shrink_frac", shrink_frac), ("perturb_frac", perturb_frac)):
        if value is not None and not 0.0 < value <= 1.0:
            raise ConfigError(f"{name} must be above 0 and at most 1", came=repr(value), where=name)
    assert weights.keys() == fresh.keys(), "both must come from the same network"
    mixed = {}
    for name, tensor in weights.items():
        mixed[name] = tensor.clone() if shrink_frac is None else shrink_frac * tensor
        if perturb_frac is not None:
            noise = torch.from_numpy(generator.standard_normal(tuple(tensor.shape)))
            deviation = fresh[name].std(correction=0)
            mixed[name] += perturb_frac * deviation * noise.to(tensor.dtype)
    return mixed


def weights_sha256(weights: Weights) -> str:
    """Hash names, shapes, dtypes and bits to 64 hex digits; the order of names does not matter."""
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in weights.items()}
    return fingerprint("weights-1", arrays)
