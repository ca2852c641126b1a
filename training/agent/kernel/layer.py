"""`run_layer`: one LSTM layer of the kernel, with gradients; and the library it calls.

Gates are kept once and become their own gradients, so a graph can be walked back once only.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.autograd.function import once_differentiable

Weights = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
"""Of inputs `(4 n_units, n_inputs)`, of recurrence `(4 n_units, n_units)`, and both biases."""
_Sizes = ctypes.c_int64 * 4
_Arrays = ctypes.c_int64 * 16


class Kernel:
    """The loaded library. Its calls release Python's lock and share nothing between threads.

    Attributes:
        path: Where it lies.
        has_tiles: Whether it can compute in bfloat16.

    Raises:
        OSError: If the file is not a library that can be loaded.
        AttributeError: If it is another library.
    """

    def __init__(self, path: Path) -> None:
        library = ctypes.CDLL(str(path))
        pointer, number = ctypes.c_void_p, ctypes.c_int64
        self.path = path
        self.forward = _typed(library.lstm_forward, (pointer, pointer, number), None)
        self.backward = _typed(library.lstm_backward, (pointer, pointer, number), None)
        self.kept_bytes = _typed(library.lstm_kept_bytes, (pointer, number), number)
        self.scratch_bytes = _typed(library.lstm_scratch_bytes, (pointer, number), number)
        self.has_tiles = bool(_typed(library.lstm_has_tiles, (), number)())


def run_layer(
    kernel: Kernel,
    inputs: torch.Tensor,
    weights: Weights,
    memory: tuple[torch.Tensor, torch.Tensor],
    *,
    in_bf16: bool,
) -> torch.Tensor:
    """Run one layer over a minibatch.

    Args:
        kernel: With tiles, if `in_bf16`.
        inputs: `(n_time, n_rows, n_inputs) float32`, nothing empty; with `in_bf16` also bfloat16.
        weights: float32, as an `nn.LSTM` has them.
        memory: Hidden and cell state before, `(n_rows, n_units) float32`; no gradients for them.
        in_bf16: Products of bfloat16 instead of float32.

    Returns:
        `(n_time, n_rows, n_units)`; bfloat16 if `in_bf16`, else float32.
    """
    outputs: torch.Tensor = _Layer.apply(kernel, in_bf16, inputs, *weights, *memory)  # type: ignore[no-untyped-call]  # torch's
    return outputs


@dataclass
class _Call:
    """What the backward pass needs besides tensors of torch."""

    kernel: Kernel
    in_bf16: bool
    sizes: Any
    kept: torch.Tensor | None


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        kernel: Kernel,
        in_bf16: bool,
        inputs: torch.Tensor,
        *others: torch.Tensor,
    ) -> torch.Tensor:
        inputs = inputs.contiguous()
        others = tuple(tensor.contiguous() for tensor in others)
        n_time, n_rows, n_inputs = inputs.shape
        n_units = others[1].shape[1]
        sizes = _Sizes(n_time, n_rows, n_inputs, n_units)
        dtype = torch.bfloat16 if in_bf16 else torch.float32
        outputs = torch.empty((n_time, n_rows, n_units), dtype=dtype)
        kept = _bytes(kernel.kept_bytes(sizes, in_bf16))
        scratch = _bytes(kernel.scratch_bytes(sizes, in_bf16))
        kernel.forward(sizes, _arrays(inputs, *others, outputs, kept, scratch), in_bf16)
        ctx.call = _Call(kernel, in_bf16, sizes, kept)
        ctx.save_for_backward(inputs, *others, outputs)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        call: _Call = ctx.call
        kept, call.kept = call.kept, None
        assert kept is not None, "the kernel's gates became gradients: walk back once only"
        inputs, input_weights, weights, biases, *_ = saved = ctx.saved_tensors
        d_inputs = torch.empty_like(inputs) if ctx.needs_input_grad[2] else None
        found = [torch.empty_like(tensor) for tensor in (input_weights, weights, biases)]
        scratch = _bytes(call.kernel.scratch_bytes(call.sizes, call.in_bf16))
        d_outputs = d_outputs.contiguous()
        arrays = _arrays(*saved, kept, scratch, d_outputs, d_inputs, *found)
        call.kernel.backward(call.sizes, arrays, call.in_bf16)
        return (None, None, d_inputs, *found, found[2].clone(), None, None)


def _bytes(n_bytes: int) -> torch.Tensor:
    """Return memory that begins at 64 bytes, as torch's does."""
    return torch.empty(n_bytes, dtype=torch.uint8)


def _arrays(inputs: torch.Tensor, *others: torch.Tensor | None) -> Any:
    """Return the struct `Arrays` of `layout.h`."""
    places = [0 if tensor is None else tensor.data_ptr() for tensor in (inputs, *others)]
    missing = [0] * (len(_Arrays()) - 1 - len(places))
    return _Arrays(*places, *missing, inputs.dtype == torch.bfloat16)


def _typed(function: Any, arguments: tuple[Any, ...], result: Any) -> Any:
    function.argtypes, function.restype = arguments, result
    return function
