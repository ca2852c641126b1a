"""`Noting`: a namespace for rules that calculates like NumPy and notes every call.

Read next: `envs.vector_env.program`, which runs the notes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Call = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function and its arguments, the array that it writes among them."""


@dataclass(frozen=True, slots=True, eq=False)
class Note:
    """One result and how to get it again.

    Attributes:
        function: A ufunc, `np.where`, or `np.copyto` for a conversion.
        reads: Arrays; the numbers among them are arrays without dimensions.
        result: The array that is written.
    """

    function: Callable[..., Any]
    reads: tuple[NDArray[Any], ...]
    result: NDArray[Any]

    def calls(self) -> Iterator[Call]:
        """Spell it out as calls into NumPy."""
        out = self.result
        if self.function is np.where:
            mask, if_true, if_false = self.reads
            if if_false is not out:
                yield np.copyto, (out, if_false)
            yield np.putmask, (out, mask, if_true)
        elif self.function is np.copyto:
            yield np.copyto, (out, *self.reads)
        elif self.function is np.maximum:  # deprecates a result by position
            yield partial(np.maximum, out=out), self.reads
        else:
            yield self.function, (*self.reads, out)

    def may_write_over(self, array: NDArray[Any]) -> bool:
        """Whether the result is right though it is written where `array` was read."""
        return self.function is not np.where or all(array is not read for read in self.reads[:2])


class Noted:
    """An array that a `Noting` knows of; its operators are noted."""

    __slots__ = ("_noting", "array")
    __hash__ = None  # type: ignore[assignment]  # `==` compares elements

    def __init__(self, noting: Noting, array: NDArray[Any]) -> None:
        self._noting = noting
        self.array = array


def _operator(ufunc: np.ufunc, *, is_reflected: bool = False) -> Callable[..., Noted]:
    def apply(self: Noted, *other: Any) -> Noted:
        operands = (*other, self) if is_reflected else (self, *other)
        return self._noting.call(ufunc, *operands)

    return apply


_BINARY: dict[str, np.ufunc] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.true_divide,
    "and": np.logical_and,
    "or": np.logical_or,
    "xor": np.logical_xor,
}
_OTHERS: dict[str, np.ufunc] = {
    "neg": np.negative,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}
for _name, _ufunc in (_BINARY | _OTHERS).items():
    setattr(Noted, f"__{_name}__", _operator(_ufunc))
for _name, _ufunc in _BINARY.items():
    setattr(Noted, f"__r{_name}__", _operator(_ufunc, is_reflected=True))


class Noting:
    """A namespace for rules, like NumPy, that calculates and notes; equal calls only once.

    The one question that rules may ask of their data is `any`, once. Its answer is given here, and
    the notes are split there, for what follows depends on it.

    Args:
        answer: What `any` says.
        since: Notes of the same function for the other answer: what they hold up to the question is
            not noted again.
    """

    float64: ClassVar = np.float64

    def __init__(self, *, answer: bool, since: Noting | None = None) -> None:
        self._answer = answer
        self._known: dict[tuple[Any, ...], NDArray[Any]] = (
            {} if since is None else since.at_question
        )
        self._numbers: dict[str, NDArray[Any]] = {} if since is None else since._numbers
        self.head: list[Note] = []
        self.tail: list[Note] = []
        self._notes = self.head
        self.question: NDArray[Any] | None = None
        self.at_question: dict[tuple[Any, ...], NDArray[Any]] = {}

    def call(self, function: Callable[..., Any], *operands: Any) -> Noted:
        """Calculate a result, or find it if the same was calculated before."""
        reads = tuple(self._array(operand) for operand in operands)
        return self._noted(function, reads, lambda: np.asarray(function(*reads)))

    def _noted(
        self,
        function: Callable[..., Any],
        reads: tuple[NDArray[Any], ...],
        calculate: Callable[[], NDArray[Any]],
    ) -> Noted:
        key = (function, *map(id, reads))
        if key not in self._known:
            note = Note(function, reads, calculate())
            self._notes.append(note)
            self._known[key] = note.result
        return Noted(self, self._known[key])

    def _array(self, operand: Any) -> NDArray[Any]:
        if isinstance(operand, Noted):
            return operand.array
        return self._numbers.setdefault(repr(operand), np.array(operand))

    def any(self, mask: Noted) -> bool:
        """Give the answer that this is for, and note where it was asked for."""
        assert self.question is None, "a program has one question"
        self.question, self.at_question = mask.array, dict(self._known)
        self._notes = self.tail
        return self._answer

    def astype(self, value: Noted, dtype: type[Any]) -> Noted:
        """Convert to a wider type."""
        return self._noted(np.copyto, (value.array,), lambda: value.array.astype(dtype))

    def where(self, mask: Noted, if_true: Any, if_false: Any) -> Noted:
        """Choose element by element."""
        return self.call(np.where, mask, if_true, if_false)

    def floor(self, value: Noted) -> Noted:
        """Round down."""
        return self.call(np.floor, value)

    def log(self, value: Noted) -> Noted:
        """Take the natural logarithm."""
        return self.call(np.log, value)

    def sqrt(self, value: Noted) -> Noted:
        """Take the square root."""
        return self.call(np.sqrt, value)

    def maximum(self, first: Any, second: Any) -> Noted:
        """Take the larger one."""
        return self.call(np.maximum, first, second)

    def logical_not(self, mask: Noted) -> Noted:
        """Negate."""
        return self.call(np.logical_not, mask)
