"""An LSTM layer of our own in C++, optional: `nn.LSTM` serves wherever it cannot be had.

Start in `lstm` (`kernel_lstm`, in place of calling an `nn.LSTM`); `available` finds, checks and
switches off the kernel, `compiler` builds it on first use, `layer` is its autograd function. Of the
C++, read `lstm.cpp` and then `fp32.h`. Why it exists: `docs/decisions/104-own-lstm-kernel.md`.
"""

from training.agent.kernel.available import KERNEL_VARIABLE, KernelState, kernel_state
from training.agent.kernel.lstm import kernel_lstm

__all__ = ["KERNEL_VARIABLE", "KernelState", "kernel_lstm", "kernel_state"]
