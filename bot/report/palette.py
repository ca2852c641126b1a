"""Colours of the pictures: one for each series, everywhere, safe for colour-blind readers.

Hues follow Okabe and Ito (Color Universal Design, 2008), darkened or lightened until lines reach a
contrast of 3:1 on their background; series also differ in line style or in width. The page's
stylesheet holds the same colours as variables, so that pictures turn dark with the page.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class Palette:
    """Colours by what they stand for, as `#rrggbb`."""

    ink: str
    muted: str
    grid: str
    paper: str
    agent: str
    hold: str
    random: str
    validation: str
    original: str
    many: str


LIGHT = Palette(
    ink="#1d2329",
    muted="#626c76",
    grid="#dde1e5",
    paper="#ffffff",
    agent="#0067a5",
    hold="#c24e00",
    random="#7b7388",
    validation="#007a5a",
    original="#a33d78",
    many="#8a6d00",
)
"""For `equity.png`, and the light page."""

_MARKS = {field.name: f"#f00d{index:02x}" for index, field in enumerate(fields(Palette))}
INLINE = Palette(**_MARKS)
"""Stand-ins that `as_variables` replaces by the page's variables once a picture is SVG text."""


def as_variables(svg: str) -> str:
    """Replace the stand-in colours of an SVG text by `var(--name)`."""
    for name, mark in _MARKS.items():
        svg = svg.replace(mark, f"var(--{name})")
    return svg
