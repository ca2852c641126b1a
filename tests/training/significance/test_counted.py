"""Counts with their nouns."""

from __future__ import annotations

import pytest

from training.significance.counted import counted


@pytest.mark.parametrize(
    ("number", "says"), [(0, "0 pairs"), (1, "1 pair"), (2, "2 pairs"), (1_079, "1,079 pairs")]
)
def test_one_has_no_plural(number, says):
    assert counted(number, "pair") == says
