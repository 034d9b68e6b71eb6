"""Render the badge as SVG: text, shape and colour."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.quality.reports.badge import Badge

CHARACTER = 7.2  # average width of a character at 12 px, in pixels
MARGIN = 10
HEIGHT = 24


@dataclass(frozen=True)
class Look:
    """Colours of a level (text contrast of at least 7:1) and the path of its shape in a 16 px square."""

    ground: str
    text: str
    shape: str
    dashed: bool = False


LOOKS = {
    "gold": Look("#fff3c4", "#5c4300", "M8 1l2.1 4.6 5 .6-3.7 3.4 1 4.9L8 12l-4.4 2.5 1-4.9L.9 6.2l5-.6z"),
    "silver": Look("#e9edf2", "#2f3b47", "M4 2h8l4 6-4 6H4L0 8z"),
    "bronze": Look("#f7e1d0", "#662f0e", "M8 1a7 7 0 1 0 .01 0z"),
    "incomplete": Look("#ffffff", "#4a4a4a", "M8 1.5L15 14.5H1z", dashed=True),
}


def badge_svg(badge: Badge, label: str) -> str:
    """Return the image of `badge`; `label` is the name of its level in the reader's language."""
    look = LOOKS[badge.level]
    left = tk._("Metadata quality")
    right = f"{label} · {badge.score}/100"
    title = tk._("Metadata quality: {level}, {score} out of 100").format(level=label, score=badge.score)
    split = round(len(left) * CHARACTER + 2 * MARGIN)
    width = split + round(len(right) * CHARACTER + 2 * MARGIN + 20)
    fill = f'fill="none" stroke="{look.text}" stroke-width="1.5" stroke-dasharray="3 2"'
    shape = fill if look.dashed else f'fill="{look.text}"'
    text = 'font-family="DejaVu Sans, Verdana, Arial, sans-serif" font-size="12"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT}" role="img" '
        f'aria-labelledby="t" viewBox="0 0 {width} {HEIGHT}"><title id="t">{escape(title)}</title>'
        f'<rect width="{split}" height="{HEIGHT}" fill="#3a3a3a"/>'
        f'<rect x="{split}" width="{width - split}" height="{HEIGHT}" fill="{look.ground}"/>'
        f'<rect x=".5" y=".5" width="{width - 1}" height="{HEIGHT - 1}" fill="none" stroke="#3a3a3a"/>'
        f'<text x="{MARGIN}" y="16" fill="#fff" {text}>{escape(left)}</text>'
        f'<path transform="translate({split + MARGIN - 2} 4)" d="{look.shape}" {shape}/>'
        f'<text x="{split + MARGIN + 20}" y="16" fill="{look.text}" {text}>{escape(right)}</text></svg>'
    )
