"""Whether this process has the kernel: asked once, checked against torch, switched off by hand.

Not here: building it (`training.agent.kernel.compiler`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from threading import Lock

import torch

from envs.array_cache import default_cache_folder
from envs.errors import ConfigError
from training.agent.kernel.compiler import KernelError, built_library
from training.agent.kernel.layer import Kernel, Weights, run_layer

KERNEL_VARIABLE = "WALKFAST_KERNEL"
"""`0` never uses the kernel, `1` refuses to do without; unset takes it where it can be had."""
_LOCK = Lock()
_SIZES = (3, 17, 5, 18)  # times, rows, inputs, units: nothing fills whole registers or tiles
_TOLERANCE = {False: 1e-4, True: 0.05}  # in float32 and in bfloat16


@dataclass(frozen=True, kw_only=True)
class KernelState:
    """The kernel, or why there is none.

    Attributes:
        kernel: None where it cannot be had or was switched off.
        reason: A clause.
    """

    kernel: Kernel | None
    reason: str


def kernel_state() -> KernelState:
    """Find the kernel; the first call of a process may compile for some seconds.

    Raises:
        ConfigError: If `WALKFAST_KERNEL` is 1 and there is none, or is no known value.
    """
    with _LOCK:
        return _find(os.environ.get(KERNEL_VARIABLE, ""))


@cache
def _find(asked: str) -> KernelState:
    if asked not in {"", "0", "1"}:
        raise ConfigError(
            "The kernel's switch must be 0 or 1",
            came=repr(asked),
            where=KERNEL_VARIABLE,
            mend="0 does without the kernel, 1 insists on it, unset takes it where it can be had",
        )
    if asked == "0":
        return KernelState(kernel=None, reason=f"switched off by {KERNEL_VARIABLE}=0")
    try:
        kernel = Kernel(built_library(default_cache_folder() / "kernels"))
        _check(kernel)
    except (KernelError, OSError, AttributeError) as error:
        if asked == "1":
            raise ConfigError(
                "The LSTM kernel must be usable, as it was insisted on",
                came=str(error),
                where=KERNEL_VARIABLE,
                mend=f"install a C++ compiler, or unset {KERNEL_VARIABLE} to do without",
            ) from error
        return KernelState(kernel=None, reason=str(error))
    precisions = "float32 and bfloat16" if kernel.has_tiles else "float32"
    return KernelState(kernel=kernel, reason=f"built and checked, in {precisions}")


def _check(kernel: Kernel) -> None:
    """Compare a small layer and its gradients with plain operations in float64."""
    n_time, n_rows, n_inputs, n_units = _SIZES
    shapes = [(n_time, n_rows, n_inputs), (4 * n_units, n_inputs), (4 * n_units, n_units)]
    shapes += [(4 * n_units,), (4 * n_units,), (n_rows, n_units), (n_rows, n_units)]
    known = [_waves(shape, index + 1.0) for index, shape in enumerate(shapes)]
    d_outputs = _waves((n_time, n_rows, n_units), 0.5)
    with torch.enable_grad(), torch.autocast("cpu", enabled=False):
        expected = _results(None, [x.double() for x in known], d_outputs, in_bf16=False)
        for in_bf16 in (False, True)[: 1 + kernel.has_tiles]:
            found = _results(kernel, known, d_outputs, in_bf16=in_bf16)
            for ours, theirs in zip(found, expected, strict=True):
                error = float((ours.double() - theirs).norm() / theirs.norm())
                if not error < _TOLERANCE[in_bf16]:
                    raise KernelError("its results are not torch's")


def _results(
    kernel: Kernel | None, known: list[torch.Tensor], d_outputs: torch.Tensor, *, in_bf16: bool
) -> list[torch.Tensor]:
    """Return outputs, and gradients of inputs, weights and biases."""
    inputs, *weights, hidden, cell = [x.clone() for x in known]
    wanted = [x.requires_grad_() for x in (inputs, *weights)]
    packed: Weights = (weights[0], weights[1], weights[2], weights[3])
    if kernel is None:
        outputs = _step_by_step(inputs, packed, hidden, cell)
    else:
        outputs = run_layer(kernel, inputs, packed, (hidden, cell), in_bf16=in_bf16)
    outputs.backward(d_outputs.to(outputs.dtype))  # type: ignore[no-untyped-call]  # torch's
    return [outputs.detach(), *(x.grad for x in wanted if x.grad is not None)]


def _step_by_step(
    inputs: torch.Tensor, weights: Weights, hidden: torch.Tensor, cell: torch.Tensor
) -> torch.Tensor:
    """Run a layer from its definition (Hochreiter and Schmidhuber 1997, with forget gates)."""
    of_inputs, of_hidden, input_biases, biases = weights
    outputs = []
    for seen in inputs:
        sums = seen @ of_inputs.T + hidden @ of_hidden.T + input_biases + biases
        entry, forget, candidate, exit_ = sums.chunk(4, dim=1)
        cell = forget.sigmoid() * cell + entry.sigmoid() * candidate.tanh()
        hidden = exit_.sigmoid() * cell.tanh()
        outputs.append(hidden)
    return torch.stack(outputs)


def _waves(shape: tuple[int, ...], pace: float) -> torch.Tensor:
    """Return numbers within +-0.5 that no random generator has to be asked for."""
    n = torch.Size(shape).numel()
    return torch.sin(torch.arange(n, dtype=torch.float32) * pace + pace).mul(0.5).view(shape)
