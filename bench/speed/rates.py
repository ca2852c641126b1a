"""What an update's time is worth: useful flops, padding, and matrix products measured beside it.

An env step needs F * (1 + 3 * epochs) flops, F those of one forward pass of actor and critic: one
pass while playing, then forward and backward in every epoch; less what nobody asks for, the
gradient of the observations. The rate it is compared with is that of plain matrix products of the
same dtype on as many cores, each in a thread of its own: `mixed` of the very shapes that an
LSTM's update multiplies, each weighed with its flops (a step of all sequences at a time where the
recurrence forces it), `best` of the fastest shape among them and around.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter

import numpy as np
import torch
from sb3_contrib import RecurrentPPO

from bench.speed.arms import Arm
from training.agent.config import AgentConfig
from training.agent.minibatches import chunked_minibatches, exact_minibatches

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
BLOCK_S, N_BLOCKS = 0.03, 5
LONGEST_CHUNK = 64
Shape = tuple[int, int, int]
"""Rows, inner size and columns of a product."""


@dataclass(frozen=True, kw_only=True)
class ProductRates:
    """Measured rates of matrix products, in flops a second over all cores.

    Attributes:
        mixed: Of the shapes an update multiplies, each weighed with its flops.
        best: Of the fastest shape.
    """

    mixed: float
    best: float


def forward_flops(agent: RecurrentPPO) -> float:
    """Flops of the matrix products of one forward pass over one env step, actor and critic."""
    weights = [weight for weight in agent.policy.parameters() if weight.ndim == 2]
    return 2.0 * sum(weight.numel() for weight in weights)


def epoch_flops(agent: RecurrentPPO) -> float:
    """Flops that learning once from one env step needs: forward, backward, no gradient of input."""
    first = [w for name, w in agent.policy.named_parameters() if name.endswith("weight_ih_l0")]
    return 3.0 * forward_flops(agent) - 2.0 * sum(weight.numel() for weight in first)


def useful_flops_per_step(agent: RecurrentPPO) -> float:
    """Flops that an env step needs from being played to being learned from."""
    return forward_flops(agent) + agent.n_epochs * epoch_flops(agent)


def update_flops_per_s(arm: Arm) -> float:
    """Useful flops of the updates in a second of updating, median of turns."""
    assert arm.agent is not None
    flops = epoch_flops(arm.agent) * arm.config.n_epochs
    return arm.median(lambda turn: flops * turn.n_steps / turn.update_s)


def padding_frac(agent: RecurrentPPO) -> float:
    """Cells the LSTM computes beyond the transitions of one epoch, as a share of them."""
    rollout = getattr(agent, "_rollout", None)
    if rollout is None:
        return float("nan")
    starts, size = rollout.episode_starts, agent.batch_size
    if rollout.slot_steps == 1:
        batches = exact_minibatches(starts, size, split_index=starts.size // 3)
    else:
        order = np.random.default_rng(0).permutation(starts.size // rollout.slot_steps)
        batches = chunked_minibatches(
            starts,
            order,
            chunk_steps=rollout.slot_steps,
            n_sequences=size // rollout.slot_steps,
        )
    return sum(batch.n_cells for batch in batches) / starts.size - 1.0


def product_rates(config: AgentConfig, *, n_inputs: int, precision: str) -> ProductRates:
    """Measure what the cores of an arm can do in the products of its LSTM's update."""
    shapes = update_shapes(config, n_inputs=n_inputs)
    rates = {shape: _rate(shape, precision, config.n_threads) for shape in shapes}
    seconds = sum(_flops(shape) * times / rates[shape] for shape, times in shapes.items())
    flops = sum(_flops(shape) * times for shape, times in shapes.items())
    hidden = config.lstm_hidden_size
    around = [(n_rows, hidden, 4 * hidden) for n_rows in (256, 1024)]
    every = [*rates.values(), *(_rate(shape, precision, config.n_threads) for shape in around)]
    return ProductRates(mixed=flops / seconds, best=max(every))


def update_shapes(config: AgentConfig, *, n_inputs: int) -> dict[Shape, int]:
    """List the products of one LSTM's forward and backward over a minibatch, and how many of each.

    The recurrence multiplies a step of all sequences at a time, forward and backward; inputs and
    the gradients of both weights take all steps in one product.
    """
    batch, units = config.batch_size, config.lstm_hidden_size
    n_steps = min(config.chunk_steps or LONGEST_CHUNK, config.n_steps, batch)
    rows, gates = batch // n_steps, 4 * units
    shapes: dict[Shape, int] = {}
    for layer in range(config.n_lstm_layers):
        n_in = units if layer else n_inputs
        products = [
            ((batch, n_in, gates), 1),
            ((rows, units, gates), n_steps),
            ((rows, gates, units), n_steps),
            ((gates, batch, n_in), 1),
            ((gates, batch, units), 1),
        ]
        products += [((batch, gates, n_in), 1)] if layer else []
        for shape, times in products:
            shapes[shape] = shapes.get(shape, 0) + times
    return shapes


def _flops(shape: Shape) -> float:
    return 2.0 * shape[0] * shape[1] * shape[2]


@lru_cache(maxsize=256)
def _rate(shape: Shape, precision: str, n_cores: int) -> float:
    """Flops a second of one product, the best block; each core works on matrices of its own."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(n_cores) as pool:
            works = [_Products(shape, DTYPES[precision]) for _ in range(n_cores)]
            return max(sum(pool.map(_Products.block, works)) for _ in range(N_BLOCKS))
    finally:
        torch.set_num_threads(n_threads)


class _Products:
    """Products of two matrices, again and again."""

    def __init__(self, shape: Shape, dtype: torch.dtype) -> None:
        n_rows, n_inner, n_columns = shape
        self._left = torch.randn(n_rows, n_inner).to(dtype)
        self._right = torch.randn(n_inner, n_columns).to(dtype)
        self._out = torch.empty(n_rows, n_columns, dtype=dtype)
        self._flops = _flops(shape)

    def block(self) -> float:
        """Flops a second over a block of time."""
        torch.set_num_threads(1)  # a setting of each thread
        n_products, started_s = 0, perf_counter()
        with torch.inference_mode():
            while True:
                for _ in range(4):
                    torch.mm(self._left, self._right, out=self._out)
                n_products += 4
                elapsed_s = perf_counter() - started_s
                if elapsed_s >= BLOCK_S:
                    return n_products * self._flops / elapsed_s
