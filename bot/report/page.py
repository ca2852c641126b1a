"""The shell of a page: everything inside it, no script, no request, and a policy that forbids both.

Not here: what a page says (`bot.report.write`, `bot.report.benchmark`).
"""

from __future__ import annotations

from pathlib import Path

from bot.report.markup import Html, tag

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE_FILE = Path(__file__).with_name("style.css")


def page(title: str, body: Html) -> str:
    """Return a whole page.

    Args:
        title: Shown by the browser; escaped.
        body: Content of `main`.
    """
    head = tag(
        "head",
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="color-scheme" content="light dark">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        tag("title", title),
        tag("style", Html(_STYLE_FILE.read_text(encoding="utf-8"))),
    )
    return f'<!doctype html>\n<html lang="en">{head}{tag("body", tag("main", body))}</html>\n'
