"""A stock buffer that was filled by stock's loops, seen as one of our rollouts."""

import torch

from training.agent.rollout import PER_STEP, Rollout, StockBuffer, map_observations


def rollout_of(buffer: StockBuffer, *, has_critic_lstm: bool) -> Rollout:
    """View a filled buffer of the CPU as a rollout with a state at every step.

    Args:
        buffer: Filled, and not yet read through its own `get`, which would reorder it.
        has_critic_lstm: Whether the critic has an LSTM of its own.
    """
    assert buffer.full, "only a whole rollout can be learned from"
    assert not buffer.generator_ready, "the buffer's `get` has reordered it"
    nets = ("pi", "vf") if has_critic_lstm else ("pi",)
    hidden, cells = (
        torch.stack([torch.as_tensor(getattr(buffer, f"{kind}_states_{net}")) for net in nets], 1)
        for kind in ("hidden", "cell")
    )
    return Rollout(
        observations=map_observations(buffer.observations, torch.as_tensor),
        actions=torch.as_tensor(buffer.actions),
        episode_starts=buffer.episode_starts > 0,
        hidden=hidden,
        cells=cells,
        slot_steps=1,
        **{name: torch.as_tensor(getattr(buffer, name)) for name in PER_STEP},
    )
