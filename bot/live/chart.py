"""A line chart in characters: braille dots on a UTF-8 terminal, plain characters elsewhere.

Pure: numbers in, lines of text out. Not here: colours and headings (`bot.live.view`).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

_BRAILLE_BLANK = 0x2800
_BRAILLE_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # [row][column] of a cell


@dataclass(frozen=True, kw_only=True)
class Canvas:
    """How dots become characters.

    Attributes:
        n_columns: Characters across.
        n_rows: Characters down.
        unicode: Braille cells of 2 x 4 dots; otherwise one dot a character.
    """

    n_columns: int
    n_rows: int
    unicode: bool = True

    @property
    def dot_shape(self) -> tuple[int, int]:
        """Dots down and across the whole canvas."""
        down, across = self.cell_shape
        return self.n_rows * down, self.n_columns * across

    @property
    def cell_shape(self) -> tuple[int, int]:
        """Dots down and across one character."""
        return (4, 2) if self.unicode else (1, 1)

    @property
    def mark(self) -> str:
        """The character that marks the best point."""
        return "\N{BLACK DIAMOND}" if self.unicode else "*"


def draw(
    steps: Sequence[float], values: Sequence[float], canvas: Canvas, *, best: int | None = None
) -> list[str]:
    """Draw values over steps as connected dots.

    Args:
        steps: `(n_points,)` positions, not decreasing.
        values: `(n_points,)` finite heights.
        canvas: Size and characters.
        best: Index of the point to mark; None marks none.

    Returns:
        `n_rows` lines of `n_columns` characters; blank where there are no points.
    """
    cells = [[0] * canvas.n_columns for _ in range(canvas.n_rows)]
    dots = _dots(steps, values, canvas)
    for row, column in _joined(dots):
        _set(cells, canvas, row, column)
    lines = [[_character(cell, canvas) for cell in line] for line in cells]
    if best is not None and dots:
        down, across = canvas.cell_shape
        row, column = dots[best]
        lines[row // down][column // across] = canvas.mark
    return ["".join(line) for line in lines]


def _dots(steps: Sequence[float], values: Sequence[float], canvas: Canvas) -> list[tuple[int, int]]:
    if not values:
        return []
    n_down, n_across = canvas.dot_shape
    columns = _scaled(steps, n_across)
    rows = [n_down - 1 - height for height in _scaled(values, n_down)]
    return list(zip(rows, columns, strict=True))


def _scaled(numbers: Sequence[float], n_places: int) -> list[int]:
    """Map numbers to 0 .. n_places - 1; all to the middle where they are equal."""
    low, high = min(numbers), max(numbers)
    if high == low:
        return [(n_places - 1) // 2] * len(numbers)
    return [round((number - low) / (high - low) * (n_places - 1)) for number in numbers]


def _joined(dots: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Fill the way between neighbouring dots with as many dots as the longer side needs."""
    path = list(dots[:1])
    for (row, column), (next_row, next_column) in itertools.pairwise(dots):
        n_moves = max(abs(next_row - row), abs(next_column - column), 1)
        for move in range(1, n_moves + 1):
            share = move / n_moves
            step = (
                round(row + (next_row - row) * share),
                round(column + (next_column - column) * share),
            )
            path.append(step)
    return path


def _set(cells: list[list[int]], canvas: Canvas, row: int, column: int) -> None:
    down, across = canvas.cell_shape
    bit = _BRAILLE_BITS[row % down][column % across]
    cells[row // down][column // across] |= bit


def _character(cell: int, canvas: Canvas) -> str:
    if canvas.unicode:
        return chr(_BRAILLE_BLANK + cell) if cell else " "
    return "." if cell else " "
