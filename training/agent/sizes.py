"""Names of engines and precisions, and the chunk that fits a rollout and its minibatches.

What the settings of a run (`training.agent.config`) and the engine itself
(`training.agent.recurrent_ppo`) both have to know, so that it is said once.
"""

from __future__ import annotations

import math
from typing import Literal

from envs.errors import ConfigError

OwnEngine = Literal["exact", "chunked"]
"""Loops of ours; `stock` are sb3-contrib's."""
Precision = Literal["fp32", "bf16"]
"""What an update computes in."""
LONGEST_AUTOMATIC_CHUNK = 64


def automatic_chunk(n_steps: int, batch_size: int) -> int:
    """Return the longest common divisor of a rollout's steps and a minibatch, up to 64."""
    common = math.gcd(n_steps, batch_size)
    return max(n for n in range(1, min(common, LONGEST_AUTOMATIC_CHUNK) + 1) if common % n == 0)


def check_chunk(chunk_steps: int, *, n_steps: int, batch_size: int) -> None:
    """Refuse a chunk that does not fit.

    Raises:
        ConfigError: If it has one step, or does not divide both sizes.
    """
    mend = "choose a common divisor of n_steps and batch_size, such as 32"
    if chunk_steps < 2:
        raise ConfigError(
            "A chunk must have at least two steps, or the LSTM learns nothing across time",
            came=f"{chunk_steps} with n_steps {n_steps} and batch_size {batch_size}",
            where="chunk_steps",
            mend=mend,
        )
    if n_steps % chunk_steps or batch_size % chunk_steps:
        raise ConfigError(
            "chunk_steps must divide n_steps and batch_size",
            came=f"chunks of {chunk_steps}, n_steps {n_steps}, batch_size {batch_size}",
            where="chunk_steps",
            mend=mend,
        )
