"""Charts of the statistics as SVG, rendered on the server; each has a table with the same figures beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import ckan.plugins.toolkit as tk
from markupsafe import Markup

from ckanext.ecosphere.shared import dates

WIDTH, HEIGHT = 480, 200
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 12, 30
ROW, LABEL = 30, 175
RECEIVED, ANSWERED, STROKE = "#0d5c49", "#ffffff", "#0d5c49"
HATCH = (
    '<defs><pattern id="eco-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="6" height="6" fill="#fff"/><rect width="2.5" height="6" fill="#0d5c49"/></pattern></defs>'
)
MONTHS_LABELLED = 6


def months(points: Sequence[Mapping[str, Any]]) -> Markup:
    """Draw the requests received (full bars) and answered (hatched bars) by month; empty without data.

    Args:
        points: items `month` ("2026-11"), `received` and `answered`, the oldest first.
    """
    if not points:
        return Markup("")
    highest = max(1, *(max(_number(p, "received"), _number(p, "answered")) for p in points))
    top = _round_up(highest)
    slot = (WIDTH - LEFT - RIGHT) / len(points)
    bar = min(slot * 0.4, 22)
    body = HATCH + _grid(top)
    every = max(1, len(points) // MONTHS_LABELLED)
    for rank, point in enumerate(points):
        middle = LEFT + slot * (rank + 0.5)
        for kind, fill, x in (("received", RECEIVED, middle - bar), ("answered", "url(#eco-hatch)", middle)):
            number = _number(point, kind)
            height = number * (HEIGHT - TOP - BOTTOM) / top
            body += (
                f'<rect x="{x:.1f}" y="{HEIGHT - BOTTOM - height:.1f}" width="{bar:.1f}" height="{height:.1f}" '
                f'fill="{fill}" stroke="{STROKE}"/>'
            )
        if rank % every == 0:
            label = dates.month(point["month"], short=True)
            body += f'<text x="{middle:.1f}" y="{HEIGHT - 10}" text-anchor="middle">{escape(label)}</text>'
    title = tk._("Requests received and answered by month")
    return _svg(title, body, HEIGHT)


def bars(title: str, rows: Sequence[tuple[str, int]]) -> Markup:
    """Draw a horizontal bar for each (label, number); empty when all are zero."""
    highest = max((number for _label, number in rows), default=0)
    if not highest:
        return Markup("")
    body = ""
    for rank, (label, number) in enumerate(rows):
        y = rank * ROW + 4
        width = number * (WIDTH - LABEL - 50) / highest
        body += (
            f'<text x="{LABEL - 8}" y="{y + 15}" text-anchor="end">{escape(label)}</text>'
            f'<rect x="{LABEL}" y="{y}" width="{max(width, 1):.1f}" height="20" fill="{RECEIVED}"/>'
            f'<text x="{LABEL + width + 6:.1f}" y="{y + 15}">{number}</text>'
        )
    sentence = title + tk._(": ") + ", ".join(f"{label} {number}" for label, number in rows)
    return _svg(sentence, body, len(rows) * ROW + 4)


def _number(point: Mapping[str, Any], kind: str) -> int:
    value = point.get(kind)
    return value if isinstance(value, int) else 0


def _round_up(value: int) -> int:
    """Return the next number that four grid lines divide evenly, at least 4."""
    step = 4
    while step < value:
        step *= 2 if str(step)[0] in "48" else 5
    return step


def _grid(top: int) -> str:
    lines = ""
    for quarter in range(5):
        y = HEIGHT - BOTTOM - quarter * (HEIGHT - TOP - BOTTOM) / 4
        lines += (
            f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#d5ddd8"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{top * quarter // 4}</text>'
        )
    return lines


def _svg(title: str, content: str, height: int) -> Markup:
    return Markup(  # noqa: S704  every text above is escaped
        f'<svg class="eco-req-chart" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}" '
        f'font-size="13" font-family="sans-serif">{content}</svg>'
    )
