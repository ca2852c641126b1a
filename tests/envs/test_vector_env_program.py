"""`Program` calculates what the function calculates, on the same arrays, to the last bit."""

import numpy as np
import pytest

from envs.vector_env.noting import Noted
from envs.vector_env.program import Program


def noted_program(function, *, n=5, seed=0):
    """A program of `function(xp, first, second, mask)` that replaces its first two arguments."""
    generator = np.random.default_rng(seed)
    arrays = [generator.normal(size=n), generator.normal(size=n), generator.random(n) < 0.5]

    def noted(noting):
        results = function(noting, *(Noted(noting, array) for array in arrays))
        return list(zip(results, [*arrays[:2], *[None] * len(results)], strict=False))

    return Program(noted), arrays


def run_plainly(function, arrays):
    """The same function on copies, with NumPy itself."""
    return function(np, *(array.copy() for array in arrays))


def asks(function):
    """Make a function of one that asks nothing."""

    def asking(xp, first, second, mask):
        xp.any(mask)
        return function(xp, first, second, mask)

    return asking


FUNCTIONS = {
    "swapped": lambda xp, a, b, m: (b * 1.0, a * 1.0),
    "chained": lambda xp, a, b, m: (a + b, (a - b) * (a + b)),
    "chosen": lambda xp, a, b, m: (xp.where(m, b, a), xp.where(m, a, b)),
    "chosen from itself": lambda xp, a, b, m: (
        xp.where(a < 0, a * 2.0, a),
        xp.where(b > 0, 0.0, b),
    ),
    "chosen the other way": lambda xp, a, b, m: (xp.where(m, a, b), b + 1.0),
    "untouched": lambda xp, a, b, m: (a, b + 1.0),
    "one result twice": lambda xp, a, b, m: (a + b, a + b, a + b),
    "by numbers": lambda xp, a, b, m: (1.0 - a, 2.0 / (3.0 + b), -a, xp.maximum(a, 0.0)),
    "by masks": lambda xp, a, b, m: (
        xp.astype(m & (a < b), xp.float64) * a,
        xp.astype(xp.logical_not(m) | (a >= b), xp.float64),
        (m ^ (a != b)) & (b <= 0.25) & (a > -9.0),
    ),
    "of functions": lambda xp, a, b, m: (xp.floor(a), xp.sqrt(a * a), xp.log(b * b + 1.0)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_program_repeats_its_function_again_and_again(name):
    function = asks(FUNCTIONS[name])
    for seed in range(5):
        program, arrays = noted_program(function, seed=seed)
        for _ in range(3):
            expected = run_plainly(function, arrays)
            has_any = program.run()
            assert has_any == arrays[2].any()
            for ours, theirs in zip(program.results[has_any], expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)
            for array, theirs in zip(arrays, expected[:2], strict=False):
                np.testing.assert_array_equal(array, theirs)
            arrays[2][:] = np.random.default_rng(seed).random(5) < 0.4


def branching(xp, first, second, mask):
    total = first + second
    if xp.any(mask):
        return xp.where(mask, 0.0, total), first * total
    return total, second


@pytest.mark.parametrize("masked", [True, False])
def test_what_follows_a_question_depends_on_its_answer(masked):
    program, arrays = noted_program(branching)
    for index in range(4):
        arrays[2][:] = masked and index % 2
        expected = run_plainly(branching, arrays)
        assert program.run() == bool(arrays[2].any())
        np.testing.assert_array_equal(arrays[0], expected[0])
        np.testing.assert_array_equal(arrays[1], expected[1])


def test_equal_calls_are_made_once_and_idle_ones_never():
    def function(xp, first, second, mask):
        xp.any(mask)
        first * second * 7.0
        return (first + second) * (first + second), second

    program, _ = noted_program(function)
    tails = (program._no, program._yes)
    assert [len(program._head) + len(tail) for tail in tails] == [2, 2]


def test_a_function_must_do_the_same_up_to_its_question():
    calls = iter([1.0, 2.0])

    def function(xp, first, second, mask):
        moved = first * next(calls)
        xp.any(mask)
        return moved, second

    with pytest.raises(AssertionError, match="must do the same"):
        noted_program(function)


@pytest.mark.parametrize(
    "function", [lambda xp, a, b, m: (a + b, b, a), lambda xp, a, b, m: (b, a + b)]
)
def test_old_arrays_cannot_be_handed_out_once_they_are_replaced(function):
    with pytest.raises(AssertionError, match="old array"):
        noted_program(asks(function))
