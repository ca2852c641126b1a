"""Reading one value from text, by the type of the setting it is for.

Generous here (`100_000`, `1e5`, `128,64`), strict inside the configuration dataclasses, which check
ranges. Not here: which flags there are (`bot.flags.table`).
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from envs.errors import ConfigError, UnknownNameError

NONE_WORDS = frozenset({"none", "off"})


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How values of one setting are written.

    Attributes:
        scalar: `int`, `float`, `str` or `bool`.
        choices: The only values there are; empty where any will do.
        optional: Whether `none` is a value.
        many: Whether several values are taken.
    """

    scalar: type
    choices: tuple[str, ...] = ()
    optional: bool = False
    many: bool = False

    @property
    def metavar(self) -> str:
        """The placeholder in the help."""
        if self.choices:
            return "NAME"
        return {int: "N", float: "X", str: "TEXT", bool: ""}[self.scalar]


def one_of(names: Iterable[str]) -> Kind:
    """Return the kind of a text that must be one of some names."""
    return Kind(scalar=str, choices=tuple(names))


@cache
def kind_at(root: type, path: str) -> Kind:
    """Return the kind of the setting at a dotted path of a dataclass."""
    annotation: Any = root
    for name in path.split("."):
        annotation = get_type_hints(annotation)[name]
    return kind_of(annotation)


def kind_of(annotation: Any) -> Kind:
    """Translate a type annotation: scalars, literals, `X | None` and `tuple[X, ...]`."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        (inner,) = (item for item in arguments if item is not types.NoneType)
        kind = kind_of(inner)
        return Kind(scalar=kind.scalar, choices=kind.choices, optional=True, many=kind.many)
    if origin is Literal:
        return Kind(scalar=str, choices=tuple(arguments))
    if origin is tuple:
        return Kind(scalar=arguments[0], many=True)
    assert annotation in (int, float, str, bool), f"no way to write a {annotation!r}"
    return Kind(scalar=annotation)


def read_value(kind: Kind, text: str, flag: str) -> Any:
    """Read one value.

    Raises:
        UnknownNameError: If it is none of the choices.
        ConfigError: If it is not a number where one is needed.
    """
    if kind.optional and text.lower() in NONE_WORDS:
        return None
    if kind.choices:
        return _choice(kind.choices, text, flag)
    return _READERS[kind.scalar](text, flag)


def read_values(kind: Kind, texts: Sequence[str], flag: str) -> tuple[Any, ...] | None:
    """Read several values, separated by spaces, commas or both.

    Raises:
        ConfigError: If one of them cannot be read.
    """
    words = [word for text in texts for word in text.split(",") if word]
    if kind.optional and [word.lower() for word in words] == ["none"]:
        return None
    return tuple(_READERS[kind.scalar](word, flag) for word in words)


def _choice(choices: tuple[str, ...], text: str, flag: str) -> str:
    word, known = text.replace("-", "_").lower(), {choice.lower(): choice for choice in choices}
    if word not in known:
        raise UnknownNameError.of(f"value of {flag}", text, choices)
    return known[word]


def _whole_number(text: str, flag: str) -> int:
    try:
        number = float(text)
        value = int(text) if text.lstrip("+-").replace("_", "").isdigit() else int(number)
    except (ValueError, OverflowError):
        raise _unreadable("a whole number", text, flag) from None
    if value != number and abs(number) < 2**53:
        raise _unreadable("a whole number", text, flag)
    return value


def _number(text: str, flag: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _unreadable("a number", text, flag) from None


def _text(text: str, flag: str) -> str:
    if not text.strip():
        raise ConfigError(f"{flag} needs a value", came="an empty text")
    return text


def _unreadable(what: str, text: str, flag: str) -> ConfigError:
    return ConfigError(f"{flag} must be {what}", came=repr(text))


_READERS: dict[type, Callable[[str, str], Any]] = {
    int: _whole_number,
    float: _number,
    str: _text,
}
