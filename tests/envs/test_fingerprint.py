from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.fingerprint import fingerprint


@dataclass(frozen=True)
class _Point:
    x: int
    y: float


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c"), ("a", "bc")),
        ((1,), ("1",)),
        ((1,), (1.0,)),
        ((True,), (1,)),
        ((None,), ("None",)),
        (("a",), (b"a",)),
        (([1, 2], [3]), ([1], [2, 3])),
        ((np.zeros(2),), (np.zeros((2, 1)),)),
        ((np.zeros(2),), (np.zeros(2, dtype=np.float32),)),
        ((np.array([0.0]),), (np.array([-0.0]),)),
        ((_Point(1, 2.0),), (_Point(2, 1.0),)),
    ],
)
def test_different_contents_never_share_a_fingerprint(one, other):
    assert fingerprint(*one) != fingerprint(*other)


def test_mappings_are_hashed_in_key_order():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})


def test_numpy_scalars_are_their_python_values():
    assert fingerprint(np.int64(3)) == fingerprint(3)


def test_views_and_copies_share_a_fingerprint():
    array = np.arange(12.0).reshape(3, 4)
    assert fingerprint(array[:, ::2]) == fingerprint(array[:, ::2].copy())


def test_one_flipped_bit_changes_it():
    array = np.arange(1000.0)
    before = fingerprint(array)
    array.view(np.uint8)[777] ^= 1
    assert fingerprint(array) != before


@pytest.mark.parametrize("part", [object(), {1, 2}, np.array([object()])])
def test_values_without_a_stable_content_are_refused(part):
    with pytest.raises(TypeError):
        fingerprint(part)


@given(st.lists(st.one_of(st.integers(), st.text(), st.floats(allow_nan=False))))
def test_equal_values_share_it(values):
    assert fingerprint(values) == fingerprint(list(values))
