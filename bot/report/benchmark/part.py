"""A part of the page: its markup, and its picture, which is also a PNG file beside the page.

Not here: what a part says (`bot.report.benchmark.verdicts`, `conduct`, `honesty`, `ground`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.report.benchmark.read import ArmView
from bot.report.markup import Html, join, tag
from bot.report.pictures import Draw, inline_svg
from bot.report.tables import figure, section, table


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture of the page.

    Attributes:
        file: Name of its PNG file.
        draw: Makes it in a palette.
        says: What it shows, for readers who cannot see it.
        caption: Stands below it.
    """

    file: str
    draw: Draw
    says: str
    caption: str

    def html(self) -> Html:
        """Draw it into the page."""
        return figure(inline_svg(self.draw, says=self.says), self.caption)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A section.

    Attributes:
        html: Its markup.
        picture: None where its data are absent.
    """

    html: Html
    picture: Picture | None = None


def part(title: str, picture: Picture | None, *content: object, intro: str = "") -> Part:
    """Make a section with its picture on top."""
    shown = picture.html() if picture else ""
    return Part(html=section(title, shown, *content, intro=intro), picture=picture)


def absent(title: str, why: str) -> Part:
    """Make a section whose data are absent: one sentence."""
    return Part(html=section(title, tag("p", why)))


def main_and_more(
    rows: Mapping[ArmView, Sequence[object]], headings: Sequence[str], *, kinds: str
) -> Html:
    """Make a table of the arms outside the ablation, and one of the others to be unfolded.

    Args:
        rows: Cells by arm.
        headings: As in `bot.report.tables.table`.
        kinds: As there.
    """
    main = [row for arm, row in rows.items() if arm.is_main]
    more = [row for arm, row in rows.items() if not arm.is_main]
    if not more:
        return table(headings, main, kinds=kinds)
    folded = tag("details", tag("summary", "The other arms"), table(headings, more, kinds=kinds))
    return join(table(headings, main, kinds=kinds) if main else "", folded)


def said(
    words: Callable[[Mapping[str, Any]], Iterable[str | Sequence[str]]], content: Mapping[str, Any]
) -> list[list[str]]:
    """Return what `training.benchmark.table` says, as far as the file goes."""
    found: list[list[str]] = []
    # A file of an older version lacks what the last words speak of: what was said before is kept.
    with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError, IndexError):
        for item in words(content):
            found += [[item] if isinstance(item, str) else [*item]]
    return found
