"""Which bars an episode gets, and the random state that decides it, as arrays.

Not here: stepping (`envs.vector_env.world`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.errors import ConfigError
from envs.market import Tape

_WORD = 1 << 64


def checked_slice(tape: Tape, start: int, stop: int | None) -> tuple[int, int]:
    """Resolve and check a slice [start, stop) of bars to decide on.

    Raises:
        ConfigError: If it is empty, or its last decision has no bar after it to fill at.
    """
    stop = len(tape) - 1 if stop is None else stop
    if not 0 <= start < stop < len(tape):
        raise ConfigError(
            "A slice must hold a bar to decide on and leave one bar after its last",
            came=f"[{start}, {stop}) of {len(tape)} bars",
            mend="stop may be at most the number of bars less one",
        )
    return start, stop


def draw_windows(
    generator: np.random.Generator,
    n_windows: int,
    slice_: tuple[int, int],
    episode_bars: int | None,
    *,
    stagger: bool,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw training episodes so that every bar of the slice is equally likely to be visited.

    A window of `episode_bars` is laid at random so that it overlaps the slice, and what sticks out
    is cut off: most episodes are whole, those at the edges are shorter.

    Args:
        generator: Where randomness comes from.
        n_windows: How many to draw.
        slice_: (start, stop), the bars to decide on.
        episode_bars: Length of a window; None is the whole slice.
        stagger: Begin at a random bar of the window, as if it had been running for a while, so
            that environments which start together do not all end together.

    Returns:
        First bar of a decision and bar of the last mark, both `(n_windows,) int64`,
        start <= first < last <= stop.
    """
    start, stop = slice_
    length = min(episode_bars or stop - start, stop - start)
    laid = generator.integers(start - length + 1, stop, size=n_windows)
    first, last = np.maximum(laid, start), np.minimum(laid + length, stop)
    if stagger:
        first = first + (generator.random(n_windows) * (last - first)).astype(np.int64)
    return first, last


def pack_generator(generator: np.random.Generator) -> NDArray[np.uint64]:
    """Write the state of a PCG64 generator as six 64-bit words."""
    state = generator.bit_generator.state
    assert state["bit_generator"] == "PCG64", "gymnasium's generators are PCG64"
    inner = state["state"]
    words = [*divmod(inner["state"], _WORD), *divmod(inner["inc"], _WORD)]
    return np.array([*words, state["has_uint32"], state["uinteger"]], dtype=np.uint64)


def unpack_generator(words: NDArray[np.uint64]) -> np.random.Generator:
    """Make the generator that `pack_generator` wrote."""
    high, low, inc_high, inc_low, has_uint32, uinteger = (int(word) for word in words)
    bits = np.random.PCG64()
    bits.state = {
        "bit_generator": "PCG64",
        "state": {"state": high * _WORD + low, "inc": inc_high * _WORD + inc_low},
        "has_uint32": has_uint32,
        "uinteger": uinteger,
    }
    return np.random.Generator(bits)
