"""Generalized advantage estimation over whole rollouts (Schulman et al. 2016, arXiv 1506.02438).

One pass computes all one-step errors; only the recursion runs backwards bar by bar, as one
operation each. The same lines run on any device. The slow twin is stable-baselines3's
`RolloutBuffer.compute_returns_and_advantage`.
"""

from __future__ import annotations

import torch


def advantages_of(
    rewards: torch.Tensor,
    values: torch.Tensor,
    ends_after: torch.Tensor,
    last_values: torch.Tensor,
    *,
    gamma: float,
    gae_lambda: float,
) -> torch.Tensor:
    """Estimate advantages; returns to learn from are `advantages + values`.

    Args:
        rewards: `(n_steps, n_envs)`, with the bootstrap of truncated episodes already added.
        values: `(n_steps, n_envs)` of the observations acted on.
        ends_after: `(n_steps, n_envs) bool`, whether the episode ended with that step.
        last_values: `(n_envs,)` of the observations after the last step.
        gamma: Discount per step.
        gae_lambda: Weight of longer sums.

    Returns:
        `(n_steps, n_envs)` in the dtype of `rewards`.
    """
    goes_on = (~ends_after).to(rewards.dtype)
    next_values = torch.cat([values[1:], last_values[None]])
    errors = rewards + gamma * next_values * goes_on - values
    advantages, carried = errors, (gamma * gae_lambda) * goes_on
    rows, weights = advantages.unbind(0), carried.unbind(0)
    for step in range(len(rows) - 2, -1, -1):
        rows[step].addcmul_(weights[step], rows[step + 1])
    return advantages
