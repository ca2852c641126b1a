"""The error tree: every message says what must hold, what came, where, and how to mend it.

These are the user's mistakes (a file, a flag, a setting). Our own mistakes are assertions.
`bot` turns any `WalkfastError` into a short message and exit code 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class WalkfastError(Exception):
    """A mistake that the user can mend.

    Attributes:
        must_hold: What has to be true, as a sentence.
        came: What was found instead.
        where: File, row, column, flag or setting; empty when `must_hold` already names it.
        mend: What to do about it.
    """

    def __init__(self, must_hold: str, *, came: str, where: str = "", mend: str = "") -> None:
        self.must_hold = must_hold
        self.came = came
        self.where = where
        self.mend = mend
        super().__init__(must_hold, came, where, mend)

    def __str__(self) -> str:
        parts = [self.must_hold.rstrip(".") + ".", f"Found: {self.came.rstrip('.')}."]
        if self.where:
            parts.append(f"Where: {self.where.rstrip('.')}.")
        if self.mend:
            parts.append(f"To mend: {self.mend.rstrip('.')}.")
        return "\n".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle through the keyword arguments, so that workers can send errors home."""
        return _rebuild, (type(self), (self.must_hold, self.came, self.where, self.mend))


class DataError(WalkfastError):
    """A bars file that cannot be read, or bars that break a rule."""


class ConfigError(WalkfastError):
    """A setting that is out of range or contradicts another."""


class UnknownNameError(ConfigError):
    """A name that is not in a known list; carries the nearest match."""

    @classmethod
    def of(cls, kind: str, name: str, valid: Iterable[str]) -> UnknownNameError:
        """Build the message for a `name` of some `kind` that is not among `valid`."""
        choices = sorted(valid)
        near = difflib.get_close_matches(name, choices, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        return cls(
            f"The {kind} must be a known one",
            came=repr(name),
            mend=f"{hint}Choose from: {', '.join(choices)}",
        )


class FeatureError(WalkfastError):
    """A feature that cannot be built, is not finite, or looks ahead."""


class CacheError(WalkfastError):
    """A cache folder that cannot be used."""


def _rebuild(kind: type[WalkfastError], state: tuple[str, str, str, str]) -> WalkfastError:
    must_hold, came, where, mend = state
    return kind(must_hold, came=came, where=where, mend=mend)
