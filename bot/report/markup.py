"""HTML that is safe by construction: text is escaped unless it was built here.

A results folder may come from a stranger and symbol names are hostile, so nothing else in the
report writes a tag by hand. Not here: what the report says (`bot.report.sections`).
"""

from __future__ import annotations

import html

from bot.wording import clean

_MAX_TEXT_LENGTH = 4_000


class Html(str):
    """Markup that is ready to be written; made only by `tag`, `join` and `bot.report.pictures`."""

    __slots__ = ()


def text(value: object) -> Html:
    """Escape anything that is not markup yet, without control characters."""
    if isinstance(value, Html):
        return value
    return Html(html.escape(clean(value, max_length=_MAX_TEXT_LENGTH)))


def tag(name: str, *children: object, **attributes: str | int) -> Html:
    """Build an element.

    Args:
        name: Name of the element, from this package's code, never from a file.
        *children: Markup, or anything else, which is escaped.
        **attributes: Values are escaped; `class_` is written `class`, `_` in names as `-`.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
    )
    return Html(f"<{name}{written}>{''.join(text(child) for child in children)}</{name}>")


def join(*parts: object) -> Html:
    """Put parts one after another."""
    return Html("\n".join(text(part) for part in parts))
