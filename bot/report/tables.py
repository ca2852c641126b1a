"""Tables and small blocks of the report: aligned on decimals, escaped, without a word of content.

Read next: `bot.report.results` and `bot.report.record`, which fill them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bot.report.markup import Html, join, tag
from bot.wording import decided_value


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], *, kinds: str) -> Html:
    """Build a table.

    Args:
        headings: One for each column.
        rows: One cell for each column.
        kinds: One letter for each column: `t` text, `n` number, `w` text that may wrap.
    """
    classes = {"t": "text", "n": "number", "w": "wrapping"}
    styles = [classes[kind] for kind in kinds]
    head = [
        tag("th", heading, class_=style, scope="col")
        for heading, style in zip(headings, styles, strict=True)
    ]
    body = [
        tag("tr", *(tag("td", cell, class_=style) for cell, style in zip(row, styles, strict=True)))
        for row in rows
    ]
    content = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *body))
    return tag("div", content, class_="scroll")


def integer(written: str) -> Html:
    """Mark a whole number among numbers with two decimals, so that the decimal points align."""
    return tag("span", written, class_="integer")


def facts(values: Mapping[str, object]) -> Html:
    """Build a list of names and values."""
    parts = [
        tag(kind, part)
        for pair in values.items()
        for kind, part in zip(("dt", "dd"), pair, strict=True)
    ]
    return tag("dl", *parts)


def section(title: str, *content: object, intro: str = "", anchor: str = "") -> Html:
    """Build a section with a heading; `anchor` names it for the table of contents."""
    head = [tag("h2", title)] + ([tag("p", intro, class_="intro")] if intro else [])
    return tag("section", join(*head, *content), id=anchor or title.lower().replace(" ", "-"))


def led(head: str, words: object) -> tuple[Html, Html, object]:
    """Return the children of a paragraph that begins with a strong word or two."""
    return tag("strong", head), Html(" "), words


def figure(picture: Html, caption: str) -> Html:
    """Put a caption below a picture."""
    return tag("figure", picture, tag("figcaption", caption))


def flattened(values: object, path: str = "") -> list[tuple[str, object]]:
    """List nested settings by dotted path; a list is one value."""
    if not isinstance(values, Mapping):
        return [(path, values)]
    return [
        pair
        for key, value in values.items()
        for pair in flattened(value, f"{path}.{key}" if path else str(key))
    ]


def setting(value: object) -> str:
    """Write the value of a setting."""
    if isinstance(value, list):
        return ", ".join(setting(item) for item in value) or "none"
    if isinstance(value, float):
        return f"{value:.10g}"
    return value if isinstance(value, str) else decided_value("", value)
