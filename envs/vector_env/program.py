"""`Program`: a function of arrays as a list of NumPy calls on fixed arrays, run again and again.

For 16 environments a NumPy call costs more than its arithmetic, and an expression costs more than
its call: each result is a new array, each number is converted, each rule is a Python function that
packs and unpacks. So a `Noting` is handed to the rules instead of NumPy; it calculates as they ask,
and notes each call once with the arrays it read and wrote. Running the notes makes the same calls
on the same arrays, so that bits are equal, with nothing in between. The rules stay as they are and
do not know (docs/decisions/105).

Not here: what is noted (`envs.vector_env.replay`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.vector_env.noting import Call, Note, Noted, Noting


@dataclass(slots=True)
class Wanted:
    """What a function returns.

    Attributes:
        array: Where it is found after a run.
        place: Where it should be, an array that the function reads; None is wherever it falls.
    """

    array: NDArray[Any]
    place: NDArray[Any] | None


class Program:
    """The notes of one function, for both answers to its question.

    What nobody wants is left out. A result that replaces one of the function's own arrays is
    written there at once if nothing reads the old one afterwards, else it is copied at the end.

    Args:
        function: Takes a `Noting` and returns results; each with the array whose new value it
            is, or None.
    """

    def __init__(
        self, function: Callable[[Noting], Sequence[tuple[Noted, NDArray[Any] | None]]]
    ) -> None:
        no = Noting(answer=False)
        wanted_no = [Wanted(noted.array, place) for noted, place in function(no)]
        yes = Noting(answer=True, since=no)
        wanted_yes = [Wanted(noted.array, place) for noted, place in function(yes)]
        assert no.question is not None, "the function has not asked its question"
        assert not yes.head, "up to its question a function must do the same"
        self._question = no.question
        tails = _Tail(no.tail, wanted_no), _Tail(yes.tail, wanted_yes)
        head = _needed(no.head, [no.question, *tails[0].needs(), *tails[1].needs()])
        _place_all(head, tails)
        self._head = list(_calls(head))
        self._no, self._yes = ([*_calls(tail.notes), *tail.copies()] for tail in tails)
        self.results = tuple([wanted.array for wanted in tail.wanted] for tail in tails)
        """Arrays of the results if the answer was no, and if it was yes."""

    def run(self) -> bool:
        """Read and write the arrays; returns the answer to the question."""
        for function, arguments in self._head:
            function(*arguments)
        answer = bool(np.count_nonzero(self._question))
        for function, arguments in self._yes if answer else self._no:
            function(*arguments)
        return answer


class _Tail:
    """What follows the question for one of its answers."""

    def __init__(self, notes: list[Note], wanted: list[Wanted]) -> None:
        self.wanted = wanted
        self.notes = _needed(notes, [one.array for one in wanted])

    def needs(self) -> Iterator[NDArray[Any]]:
        for note in self.notes:
            yield from note.reads
        yield from (one.array for one in self.wanted)

    def rename(self, old: NDArray[Any], new: NDArray[Any]) -> None:
        _rename(self.notes, old, new)
        for one in self.wanted:
            if one.array is old:
                one.array = new

    def copies(self) -> list[Call]:
        moved = [one for one in self.wanted if one.place is not None and one.place is not one.array]
        written = {id(one.place) for one in moved}
        assert all(id(one.array) not in written for one in self.wanted), "an old array is wanted"
        return [(np.copyto, (one.place, one.array)) for one in moved]


def _calls(notes: list[Note]) -> Iterator[Call]:
    for note in notes:
        yield from note.calls()


def _needed(notes: list[Note], wanted: Iterable[NDArray[Any]]) -> list[Note]:
    """Leave out the notes that do not lead to what is wanted."""
    needed = {id(array) for array in wanted}
    kept = []
    for note in reversed(notes):
        if id(note.result) in needed:
            needed |= {id(array) for array in note.reads}
            kept.append(note)
    return kept[::-1]


def _place_all(head: list[Note], tails: tuple[_Tail, _Tail]) -> None:
    """Let results be written where they should be, as far as that is right."""
    for tail in tails:
        places = {id(one.place) for one in tail.wanted}
        for one in tail.wanted:
            result, place = one.array, one.place
            if place is None or id(result) in places:  # unchanged, or has a place already
                continue
            readers = tails if _index(head, result) is not None else (tail,)
            if _may_place(head, readers, result, place):
                _rename(head, result, place)
                for reader in readers:
                    reader.rename(result, place)


def _may_place(
    head: list[Note], tails: Sequence[_Tail], result: NDArray[Any], place: NDArray[Any]
) -> bool:
    """Whether nothing reads or writes `place` once `result` is there."""
    for tail in tails:
        notes = head + tail.notes
        index = _index(notes, result)
        if index is None or not notes[index].may_write_over(place):
            return False
        later = notes[index + 1 :]
        if any(array is place for note in later for array in (*note.reads, note.result)):
            return False
        if any(one.array is place for one in tail.wanted):
            return False
    return True


def _index(notes: list[Note], result: NDArray[Any]) -> int | None:
    found = [index for index, note in enumerate(notes) if note.result is result]
    return found[0] if found else None


def _rename(notes: list[Note], old: NDArray[Any], new: NDArray[Any]) -> None:
    for index, note in enumerate(notes):
        reads = tuple(new if array is old else array for array in note.reads)
        result = new if note.result is old else note.result
        notes[index] = replace(note, reads=reads, result=result)
