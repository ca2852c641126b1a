"""From a matplotlib figure to inline SVG or to a PNG file. No pyplot, no global figures.

Text stays text (it scales and can be searched), colours become the page's variables, and names
from files are never drawn, so that nothing has to be escaped twice. Not here: what is drawn
(`bot.report.charts`).
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from bot.report.markup import Html, tag
from bot.report.palette import INLINE, LIGHT, Palette, as_variables

Draw = Callable[[Palette], Figure]

_SETTINGS: dict[Any, object] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 8.5,
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": False,
    "date.converter": "concise",
    "svg.hashsalt": "walkfast",
}
_PNG_DOTS_PER_INCH = 160
_NO_NAME = {"Software": None}
_HEAD = re.compile(r"^.*?<svg[^>]*?viewBox=\"([^\"]*)\"[^>]*>", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_FONT = re.compile(r"font: ([\d.]+)px [^;\"]+")
_XLINK = "http://www.w3.org/1999/xlink"
_IDENTIFIER = re.compile(r"(id=\"|href=\"#|url\(#)")


def inline_svg(draw: Draw, *, says: str) -> Html:
    """Draw a picture as SVG that takes the page's colours and font.

    Args:
        draw: Makes the figure from a palette.
        says: What the picture shows, for readers who cannot see it.
    """
    with mpl.rc_context(_SETTINGS):
        figure = draw(INLINE)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return _adapted(buffer.getvalue(), says)


def png(draw: Draw) -> bytes:
    """Draw a picture as PNG in the light colours."""
    with mpl.rc_context(_SETTINGS):
        figure = draw(LIGHT)
        buffer = io.BytesIO()
        figure.savefig(
            buffer, format="png", dpi=_PNG_DOTS_PER_INCH, facecolor=LIGHT.paper, metadata=_NO_NAME
        )
    return buffer.getvalue()


def _adapted(svg: str, says: str) -> Html:
    head = _HEAD.match(svg)
    assert head is not None, "matplotlib wrote no SVG"
    body = _METADATA.sub("", svg[head.end() :].rpartition("</svg>")[0])
    body = _FONT.sub(r"font-size: \1px", body)
    # Pictures share one page, so their identifiers must differ.
    prefix = hashlib.sha256(body.encode()).hexdigest()[:8]
    body = _IDENTIFIER.sub(rf"\1p{prefix}-", as_variables(body))
    picture = tag(
        "svg", Html(body), viewBox=head[1], role="img", aria_label=says, xmlns_xlink=_XLINK
    )
    return tag("div", Html(picture.replace("xmlns-xlink", "xmlns:xlink", 1)), class_="picture")
