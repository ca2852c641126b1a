"""Rows of rich tables whose cells are plain text: a name with `[/]` in it must not be markup."""

from __future__ import annotations

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text


def add_row(table: Table, *cells: RenderableType) -> None:
    """Add a row; a cell that is a string is shown as it is, whatever the console's settings."""
    table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))
