"""How much faster our LSTM kernel is than torch's `nn.LSTM`, and how far from exact both are.

    python bench/lstm.py [--n_pairs 30] [--precision fp32 bf16]

One layer, forward and backward, one thread. Engines run in turns, each pair the other way round;
prints the best times, the ratio of the best and the median of the pairs' ratios, and the errors of
all gradients together (2-norm, relative) against float64. Results do not go anywhere: paste them.
"""

from __future__ import annotations

import argparse
import platform
import sys
from pathlib import Path
from statistics import median
from time import thread_time

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))

from training.agent.kernel import kernel_lstm, kernel_state  # the repository comes first

SHAPES = (
    *((n_time, n_rows, 34, 64) for n_time, n_rows in ((16, 64), (32, 32), (64, 16), (16, 128))),
    *((n_time, n_rows, 34, 128) for n_time, n_rows in ((16, 64), (32, 32), (64, 16), (16, 128))),
    (32, 32, 34, 256),
    (32, 32, 256, 256),
)
"""Times, rows, inputs, units; as many inputs as units stand for a second layer."""


class Layer:
    """One shape's layer, a minibatch for it, and a gradient from above."""

    def __init__(self, n_time: int, n_rows: int, n_inputs: int, n_units: int) -> None:
        self.lstm = nn.LSTM(n_inputs, n_units)
        self.inputs = torch.randn(n_time, n_rows, n_inputs)
        self.inputs.requires_grad_(n_inputs == n_units)
        self.memory = (torch.randn(1, n_rows, n_units), torch.randn(1, n_rows, n_units))
        self.d_outputs = torch.randn(n_time, n_rows, n_units)
        products = 2.0 * n_time * n_rows * 4 * n_units
        self.n_flops = products * (3 * n_units + (3 if n_inputs == n_units else 2) * n_inputs)

    def run(self, *, own: bool, in_bf16: bool) -> float:
        """Run forward and backward; return the seconds that this thread worked."""
        self.lstm.zero_grad(set_to_none=True)
        self.inputs.grad = None
        d_outputs = self.d_outputs.bfloat16() if in_bf16 else self.d_outputs
        started_s = thread_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=in_bf16, cache_enabled=False):
            if own:
                outputs = kernel_lstm(self.lstm, self.inputs, self.memory)
            else:
                outputs = self.lstm(self.inputs, self.memory)[0]
        outputs.backward(d_outputs)
        return thread_time() - started_s

    def gradients(self) -> torch.Tensor:
        """Return those of the weights, in one line."""
        found = [weight.grad for weight in self.lstm.parameters() if weight.grad is not None]
        return torch.cat([gradient.double().flatten() for gradient in found])

    def error(self, *, own: bool, in_bf16: bool) -> float:
        """Return how far the gradients are from those of the same layer in float64."""
        self.run(own=own, in_bf16=in_bf16)
        found = self.gradients()
        exact = nn.LSTM(self.lstm.input_size, self.lstm.hidden_size, dtype=torch.float64)
        exact.load_state_dict(self.lstm.state_dict())
        hidden, cell = self.memory
        outputs = exact(self.inputs.detach().double(), (hidden.double(), cell.double()))[0]
        outputs.backward(self.d_outputs.double())
        known = [weight.grad for weight in exact.parameters() if weight.grad is not None]
        expected = torch.cat([gradient.flatten() for gradient in known])
        return float((found - expected).norm() / expected.norm())


def main() -> None:
    """Compare on every shape."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n_pairs", type=int, default=30)
    parser.add_argument(
        "--precision", nargs="*", choices=("fp32", "bf16"), default=["fp32", "bf16"]
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{platform.machine()}, torch {torch.__version__}; kernel: {kernel_state().reason}")
    for precision in options.precision:
        for shape in SHAPES:
            _compare(shape, in_bf16=precision == "bf16", n_pairs=options.n_pairs)


def _compare(shape: tuple[int, int, int, int], *, in_bf16: bool, n_pairs: int) -> None:
    layer = Layer(*shape)
    errors = {own: layer.error(own=own, in_bf16=in_bf16) for own in (False, True)}
    pairs = []
    for index in range(n_pairs):
        order = (False, True) if index % 2 else (True, False)
        took_s = {own: layer.run(own=own, in_bf16=in_bf16) for own in order}
        pairs.append((took_s[False], took_s[True]))
    torch_s, own_s = (min(times_s) for times_s in zip(*pairs, strict=True))
    ratio = median(theirs / ours for theirs, ours in pairs)
    n_time, n_rows, n_inputs, n_units = shape
    print(
        f"{'bf16' if in_bf16 else 'fp32'} {n_time:2} x {n_rows:3}, {n_inputs:3} -> {n_units:3}: "
        f"torch {1e3 * torch_s:6.2f} ms, own {1e3 * own_s:6.2f} ms "
        f"({layer.n_flops / own_s / 1e9:4.0f} Gflop/s), ratio of the best {torch_s / own_s:.2f}, "
        f"median {ratio:.2f}; errors {errors[False]:.1e} and {errors[True]:.1e}",
        flush=True,
    )


if __name__ == "__main__":
    main()
