"""A count with its noun, `1 pair` or `12 pairs`. Not here: the sentences it stands in (`plain`)."""

from __future__ import annotations


def counted(number: int, thing: str) -> str:
    """Write so many things; of one, the singular.

    Args:
        number: How many.
        thing: What, in the singular.
    """
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
