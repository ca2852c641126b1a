"""Cut a rollout into minibatches of sequences that an LSTM can take in one call each.

`exact_minibatches` cuts as stock sb3-contrib does: contiguous stretches of a rotated order, split
where an episode or another environment begins. `chunked_minibatches` draws fixed (env, chunk)
sequences. In both a row that begins an episode starts from zeros, so no step needs a reset. Not
here: running the networks over them (`training.agent.losses`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Positions = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Minibatch:
    """Which transitions to learn from, and how they lie in the LSTM's rows.

    The LSTM runs over `(n_time, n_rows)` cells in time-major order.

    Attributes:
        transitions: `(n,)` flat indices into the rollout, `step * n_envs + env`.
        n_rows: Sequences side by side.
        cell_sources: `(n_time * n_rows,)` position in `transitions` that each cell reads (unused
            cells read any); None where cells are the transitions themselves.
        cells: `(n,)` cell in which each transition's output is found; None likewise.
        slots: `(n_rows,)` slot of the initial state of each row.
        envs: `(n_rows,)` environment of each row.
        keeps_state: `(n_rows,) bool`, False where the row starts from zeros.
    """

    transitions: torch.Tensor
    n_rows: int
    cell_sources: torch.Tensor | None
    cells: torch.Tensor | None
    slots: torch.Tensor
    envs: torch.Tensor
    keeps_state: torch.Tensor

    def to(self, device: torch.device) -> Minibatch:
        """Copy the indices to where the rollout is, without waiting for what runs there."""
        if device.type == "cpu":
            return self
        pins = device.type == "cuda"
        moved: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, torch.Tensor):
                host = value.pin_memory() if pins else value
                moved[field.name] = host.to(device, non_blocking=pins)
        return replace(self, **moved)

    @property
    def n_cells(self) -> int:
        """Cells the LSTM computes; more than transitions by the padding."""
        return len(self.transitions if self.cell_sources is None else self.cell_sources)


def exact_minibatches(
    episode_starts: NDArray[np.bool_], batch_size: int, *, split_index: int
) -> Iterator[Minibatch]:
    """Cut as `RecurrentRolloutBuffer.get` does.

    Args:
        episode_starts: `(n_steps, n_envs)`.
        batch_size: Transitions in each minibatch but the last.
        split_index: Where the env-major order of transitions is cut and swapped, in [0, n).
    """
    total = episode_starts.size
    order = (np.arange(total) + split_index) % total
    for first in range(0, total, batch_size):
        yield _stretch(episode_starts, order[first : first + batch_size])


def chunked_minibatches(
    episode_starts: NDArray[np.bool_], order: Positions, *, chunk_steps: int, n_sequences: int
) -> Iterator[Minibatch]:
    """Cut into (env, chunk) sequences, `n_sequences` a minibatch but for the last.

    Args:
        episode_starts: `(n_steps, n_envs)`.
        order: A permutation of the sequences; sequence `chunk * n_envs + env`.
        chunk_steps: Steps of a chunk, a divisor of `n_steps`.
        n_sequences: Sequences in a minibatch.
    """
    for first in range(0, len(order), n_sequences):
        yield chunk_minibatch(
            episode_starts, order[first : first + n_sequences], chunk_steps=chunk_steps
        )


def chunk_minibatch(
    episode_starts: NDArray[np.bool_], sequences: Positions, *, chunk_steps: int
) -> Minibatch:
    """Lay out some (env, chunk) sequences; what follows a reset inside one gets a row of its own.

    A sequence's own row runs on over the reset, and what it gives there is not read. Resets are
    rare (one in an episode's length), so the extra rows are few.
    """
    n_envs = episode_starts.shape[1]
    chunks, envs = np.divmod(sequences, n_envs)
    steps = chunks * chunk_steps + np.arange(chunk_steps)[:, None]
    starts = episode_starts[steps, envs]
    rows, resets = np.nonzero(starts[1:].T)
    layout = _with_tails(rows, resets + 1, n_steps=chunk_steps, n_rows=len(sequences))
    n_tails = len(rows)
    return _minibatch(
        transitions=(steps * n_envs + envs).ravel(),
        layout=layout,
        slots=np.concatenate([chunks, np.zeros(n_tails, np.int64)]),
        envs=np.concatenate([envs, np.zeros(n_tails, np.int64)]),
        keeps_state=np.concatenate([~starts[0], np.zeros(n_tails, np.bool_)]),
    )


def _with_tails(
    rows: Positions, resets: Positions, *, n_steps: int, n_rows: int
) -> tuple[Positions, Positions] | None:
    """Cell sources and cells of `n_rows` full rows and one tail row for each reset.

    Args:
        rows: Row of each reset, ascending.
        resets: Step of each reset in its row, ascending within a row, at least 1.
        n_steps: Steps of a full row.
        n_rows: Full rows.
    """
    if not len(rows):
        return None
    width, n_tails = n_rows + len(rows), len(rows)
    same_row_follows = np.append(rows[1:] == rows[:-1], False)
    lengths = np.where(same_row_follows, np.append(resets[1:], n_steps), n_steps) - resets
    tail = np.repeat(np.arange(n_tails), lengths)
    offset = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    source = (resets[tail] + offset) * n_rows + rows[tail]
    cell = offset * width + n_rows + tail
    step, row = np.divmod(np.arange(n_steps * n_rows), n_rows)
    cells = step * width + row
    sources = np.zeros(n_steps * width, np.int64)
    sources[cells] = np.arange(n_steps * n_rows)
    cells[source] = cell
    sources[cell] = source
    return sources, cells


def _stretch(episode_starts: NDArray[np.bool_], positions: Positions) -> Minibatch:
    """Lay out a stretch of env-major positions, left-aligned and padded to the longest row."""
    n_steps, n_envs = episode_starts.shape
    envs, steps = np.divmod(positions, n_steps)
    starts = episode_starts[steps, envs]
    begins = starts | (steps == 0)
    begins[0] = True
    firsts = np.flatnonzero(begins)
    row = np.cumsum(begins) - 1
    offset = np.arange(len(positions)) - firsts[row]
    return _minibatch(
        transitions=steps * n_envs + envs,
        layout=_left_aligned(row, offset),
        slots=steps[firsts],
        envs=envs[firsts],
        keeps_state=~starts[firsts],
    )


def _left_aligned(row: Positions, offset: Positions) -> tuple[Positions, Positions] | None:
    n_rows = int(row[-1]) + 1
    if n_rows == 1:
        return None
    cells = offset * n_rows + row
    sources = np.zeros((int(offset.max()) + 1) * n_rows, np.int64)
    sources[cells] = np.arange(len(row))
    return sources, cells


def _minibatch(
    *,
    transitions: Positions,
    layout: tuple[Positions, Positions] | None,
    slots: Positions,
    envs: Positions,
    keeps_state: NDArray[np.bool_],
) -> Minibatch:
    return Minibatch(
        transitions=torch.from_numpy(transitions),
        n_rows=len(slots),
        cell_sources=None if layout is None else torch.from_numpy(layout[0]),
        cells=None if layout is None else torch.from_numpy(layout[1]),
        slots=torch.from_numpy(slots),
        envs=torch.from_numpy(envs),
        keeps_state=torch.from_numpy(keeps_state),
    )
