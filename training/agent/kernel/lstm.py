"""`kernel_lstm`: what an `nn.LSTM` says of a minibatch, by our kernel wherever that can be.

The slow twin is `lstm(inputs, memory)[0]`. The cell itself is in C++, beginning with `lstm.cpp`.
"""

from __future__ import annotations

import torch
from torch import nn

from training.agent.kernel.available import kernel_state
from training.agent.kernel.layer import Kernel, run_layer


def kernel_lstm(
    lstm: nn.LSTM, inputs: torch.Tensor, memory: tuple[torch.Tensor, torch.Tensor]
) -> torch.Tensor:
    """Run an LSTM over a minibatch, in bfloat16 under an autocast to it.

    Falls back to `lstm` for what the kernel does not do: other devices and dtypes, gradients of
    the memory, dropout, projections, two directions, batches first, empty inputs, bfloat16 without
    AMX. In float32 results differ from `lstm`'s by rounding; in bfloat16 they are nearer to float32
    than torch's, because cells and gates are not rounded to bfloat16.

    Args:
        lstm: Its weights serve either way.
        inputs: `(n_time, n_rows, n_inputs)`.
        memory: Hidden and cell states before the first step, `(n_layers, n_rows, n_units)`.

    Returns:
        `(n_time, n_rows, n_units)` outputs of the last layer; a graph through them can be walked
        back once.

    Raises:
        ConfigError: As `kernel_state`.
    """
    in_bf16 = _casts_to_bf16()
    kernel = _kernel_for(lstm, inputs, memory, in_bf16=in_bf16)
    if kernel is None:
        outputs: torch.Tensor = lstm(inputs, memory)[0]
        return outputs
    hidden, cell = memory
    for layer, weights in enumerate(lstm.all_weights):
        before = (hidden[layer], cell[layer])
        inputs = run_layer(
            kernel,
            inputs,
            (weights[0], weights[1], weights[2], weights[3]),
            before,
            in_bf16=in_bf16,
        )
    return inputs


def _casts_to_bf16() -> bool:
    return torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16


def _kernel_for(
    lstm: nn.LSTM,
    inputs: torch.Tensor,
    memory: tuple[torch.Tensor, torch.Tensor],
    *,
    in_bf16: bool,
) -> Kernel | None:
    """Return the kernel if it can do this call."""
    if not (_is_plain(lstm) and _are_plain(inputs, memory, in_bf16=in_bf16)):
        return None
    kernel = kernel_state().kernel
    return None if kernel is None or (in_bf16 and not kernel.has_tiles) else kernel


def _is_plain(lstm: nn.LSTM) -> bool:
    weight = lstm.weight_hh_l0
    others = lstm.bidirectional or lstm.proj_size or lstm.dropout or lstm.batch_first
    return bool(
        lstm.bias and not others and weight.device.type == "cpu" and weight.dtype == torch.float32
    )


def _are_plain(
    inputs: torch.Tensor, memory: tuple[torch.Tensor, torch.Tensor], *, in_bf16: bool
) -> bool:
    if torch.is_autocast_enabled("cpu") and not in_bf16:
        return False
    dtypes = (torch.float32, torch.bfloat16) if in_bf16 else (torch.float32,)
    return (
        inputs.device.type == "cpu"
        and inputs.ndim == 3
        and inputs.numel() > 0
        and inputs.dtype in dtypes
        and all(state.dtype == torch.float32 and not state.requires_grad for state in memory)
    )
