"""Sums and moments over the last `window_bars` values: causal, linear time, numerically careful.

Here: the arithmetic that indicators and scaling share. Read next: `envs.features.scaling`.

A running sum that adds the newest and subtracts the oldest value keeps the rounding error of every
large value for ever, and prefix sums over a long series cancel. Instead the series is cut into
blocks as long as the window. A window then is the end of one block and the beginning of the next,
so its sum is one backward and one forward cumulative sum, each over values of the window only (the
two-pass scheme of van Herk, "A fast algorithm for local minimum and maximum filters on rectangular
and octagonal kernels", 1992, with sums in place of minima). Nothing is ever subtracted out, and a
result depends on nothing but its own window and the mean of the block before, so its bits never
change when later values do. Cumulative sums are sequential: the length of a series cannot reorder
them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_VALUES_AT_A_TIME = 32_768  # so that the temporaries stay in the processor's cache


def rolling_sum(values: Floats, *, window_bars: int) -> Floats:
    """Sum the last `window_bars` values; as many as there are before that.

    Args:
        values: `(n_bars,) float64`, finite.
        window_bars: At least 1.

    Returns:
        `(n_bars,) float64`, a new array.
    """
    blocks = _blocks(values, window_bars)
    sums = np.cumsum(blocks, axis=1)
    sums[1:] += _sums_after(blocks[:-1])
    return sums.reshape(-1)[: len(values)]


def rolling_deviation(values: Floats, *, window_bars: int) -> tuple[Floats, Floats]:
    """Subtract the rolling mean, and give the rolling standard deviation (ddof 0) beside it.

    Until the window is full both are over all values so far. Squares are taken around the mean of
    the previous block, so that a level far from zero does not cancel.

    Args:
        values: `(n_bars,) float64`, finite.
        window_bars: At least 1.

    Returns:
        `(n_bars,) float64` value minus mean of its window, and `(n_bars,) float64` deviation.
    """
    blocks = _blocks(values, window_bars)
    deviation, spread = np.empty_like(blocks), np.empty_like(blocks)
    deviation[0], spread[0] = _growing_deviation(blocks[0])
    step = max(1, _VALUES_AT_A_TIME // window_bars)
    for start in range(1, len(blocks), step):
        stop = min(start + step, len(blocks))
        deviation[start:stop], spread[start:stop] = _full_deviation(blocks[start - 1 : stop])
    n_bars = len(values)
    return deviation.reshape(-1)[:n_bars], spread.reshape(-1)[:n_bars]


def _growing_deviation(block: Floats) -> tuple[Floats, Floats]:
    """Value minus mean, and deviation, over all values of the first block so far."""
    ahead = block - block[0]
    sums = np.cumsum(ahead), np.cumsum(np.square(ahead))
    return _moments(ahead, sums, np.arange(1.0, len(block) + 1.0))


def _full_deviation(blocks: Floats) -> tuple[Floats, Floats]:
    """Value minus mean, and deviation, over full windows, for every block but the first."""
    n_values = blocks.shape[1]
    means = np.cumsum(blocks[:-1], axis=1)[:, -1:] / n_values
    ahead, behind = blocks[1:] - means, blocks[:-1] - means
    first = np.cumsum(ahead, axis=1)
    first += _sums_after(behind)
    second = np.cumsum(np.square(ahead), axis=1)
    second += _sums_after(np.square(behind, out=behind))
    return _moments(ahead, (first, second), n_values)


def _moments(
    ahead: Floats, sums: tuple[Floats, Floats], counts: Floats | int
) -> tuple[Floats, Floats]:
    """Turn centred sums into (value minus mean, standard deviation), in place."""
    mean, variance = sums
    mean /= counts
    variance /= counts
    ahead -= mean
    variance -= np.square(mean, out=mean)
    np.maximum(variance, 0.0, out=variance)
    return ahead, np.sqrt(variance, out=variance)


def _blocks(values: Floats, window_bars: int) -> Floats:
    """Copy into `(n_blocks, window_bars)`, zeros after the end: no result looks at them."""
    n_blocks = max(1, -(-len(values) // window_bars))
    padded = np.zeros(n_blocks * window_bars)
    padded[: len(values)] = values
    return padded.reshape(n_blocks, window_bars)


def _sums_after(blocks: Floats) -> Floats:
    """Sum, at each position of a block, the values after it; zero at the last position."""
    sums = np.zeros_like(blocks)
    np.cumsum(blocks[:, :0:-1], axis=1, out=sums[:, -2::-1])
    return sums
