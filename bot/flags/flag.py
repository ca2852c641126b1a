"""`Flag`: one word of the command line, and the setting that it moves.

Not here: the list of flags (`bot.flags.table`), reading values (`bot.flags.values`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.flags.values import Kind, kind_at


@dataclass(frozen=True)
class ActsWith:
    """When a flag acts: only while another setting has one of some values.

    Attributes:
        path: The other setting.
        values: Its values; empty means "anything but None".
    """

    path: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Flag:
    """One flag.

    Attributes:
        name: Its name with underscores, without dashes.
        help: What it says, with unit and range.
        path: Dotted path of the field that it sets; None for a word that its command translates.
        kind: How its value is written; None takes it from the field.
        aliases: Other names of the same flag.
        acts_with: When it acts; None is always. It is refused where it would not.
        bare: Value of the flag when it stands without one; None needs a value.
        shown: Whether the help shows a default (and the profiles that differ).
        historical: Whether the original scripts had it: where it would not act it is set aside with
            a note, so that old command lines go on running.
        word: Placeholder of its value in the help; None takes the kind's.
        elsewhere: Values that belong to another flag, and what to write instead.
    """

    name: str
    help: str
    path: str | None = None
    kind: Kind | None = None
    aliases: tuple[str, ...] = ()
    acts_with: ActsWith | None = None
    bare: str | None = None
    shown: bool = True
    historical: bool = False
    word: str | None = None
    elsewhere: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def option(self) -> str:
        """The flag as it is typed."""
        return f"--{self.name}"

    def kind_in(self, root: type) -> Kind:
        """Return how its value is written.

        Args:
            root: The dataclass in which `path` is looked up.
        """
        if self.kind is not None:
            return self.kind
        assert self.path is not None, f"{self.option} has neither a kind nor a path"
        return kind_at(root, self.path)
