"""The badge, and charts, as SVG; each chart has a table with the same figures beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any

import ckan.plugins.toolkit as tk
from markupsafe import Markup

from ckanext.ecosphere import vocabularies
from ckanext.ecosphere.quality import presentation
from ckanext.ecosphere.quality.store import Badge
from ckanext.ecosphere.shared import dates, outlines

WIDTH, HEIGHT = 640, 200
LEFT, RIGHT, TOP, BOTTOM = 36, 10, 12, 26
TICKS = (0, 25, 50, 75, 100)
FILLS = {"gold": "#b8860b", "silver": "#7d8a99", "bronze": "#a65e2e", "incomplete": "#ffffff"}
#: Radius of a disc, in pixels; minimum mean score → colours of the disc and of its number.
DISC = 11
SHADES = (
    (80, "#1d5c3f", "#fff"),
    (65, "#5b9a75", "#000"),
    (50, "#b9dcc4", "#000"),
    (0, "#fff", "#000"),
)
ALONE = 2  # minimum number of points for a line


def trend(points: Sequence[Mapping[str, Any]]) -> Markup:
    """Draw the mean score over time as a step line; empty for fewer than two days.

    Args:
        points: items of `overview.trend`: `day` (ISO date) and `mean` (0–100).
    """
    if len(points) < ALONE:
        return Markup("")
    days = [date.fromisoformat(point["day"]) for point in points]
    span = max((days[-1] - days[0]).days, 1)
    a_day = (WIDTH - LEFT - RIGHT) / span
    grid = ""
    for score in TICKS:
        grid += f'<path d="M{LEFT} {_height(score):.1f}H{WIDTH - RIGHT}" stroke="#c9c9c9"/>'
        grid += (
            f'<text x="{LEFT - 6}" y="{_height(score) + 4:.1f}" text-anchor="end">{score}</text>'
        )
    line, dots = "", ""
    for day, point in zip(days, points, strict=True):
        x, y = LEFT + (day - days[0]).days * a_day, _height(point["mean"])
        line += f"H{x:.1f}V{y:.1f}" if line else f"M{x:.1f} {y:.1f}"
        dots += f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#1d5c3f"/>'
    line = f'<path d="{line}" fill="none" stroke="#1d5c3f" stroke-width="2"/>'
    start, end = dates.day(days[0], "medium"), dates.day(days[-1], "medium")
    before, after = presentation.number(points[0]["mean"]), presentation.number(points[-1]["mean"])
    ends = _end_of_line(LEFT, "start", start, points[0]["mean"], before)
    ends += _end_of_line(WIDTH - RIGHT, "end", end, points[-1]["mean"], after)
    title = tk._("Mean score: {before} on {start}, {after} on {end}")
    title = title.format(before=before, start=start, after=after, end=end)
    return _svg(title, grid + line + dots + ends, HEIGHT)


def _end_of_line(x: int, anchor: str, day: str, mean: float, value: str) -> str:
    """Draw the day below an end of the line, and the value above it, or below it near the top."""
    y = _height(mean)
    y_of_value = y - 8 if y > TOP + 16 else y + 18
    return (
        f'<text x="{x}" y="{HEIGHT - 6}" text-anchor="{anchor}">{escape(day)}</text>'
        f'<text x="{x}" y="{y_of_value:.1f}" text-anchor="{anchor}" font-weight="600">{escape(value)}</text>'
    )


def map_of(places: Sequence[Mapping[str, Any]]) -> Markup:
    """Draw the mean score of each département as a disc on an outline of France; empty without départements.

    Args:
        places: territories of `overview.overview`: `id`, `label`, `kind`, `mean`, `datasets`.
    """
    territories = vocabularies.get("territories")
    mainland = outlines.frames()[0]
    discs, overseas = "", 0
    for place in sorted(places, key=lambda place: str(place["id"])):
        concept = territories.get(place["id"])
        if place["kind"] != "departement" or place["mean"] is None or concept is None:
            continue
        west, south, east, north = concept.data["bbox"]
        x, y = ((west + east) / 2 - mainland.box[0]) * mainland.scale_x, 0.0
        if outlines.frame_of(concept.data["bbox"]) is mainland:
            y = (mainland.box[3] - (south + north) / 2) * mainland.scale_y
        else:
            x, y = DISC * (2 + 2.5 * overseas), mainland.height + DISC
            overseas += 1
        discs += _disc(x, y, place)
    if not discs:
        return Markup("")
    turn = f"scale({mainland.scale_x} {-mainland.scale_y}) translate({-mainland.box[0]} {-mainland.box[3]})"
    outline = (
        f'<path class="ecosphere-land" d="{mainland.path}" vector-effect="non-scaling-stroke"/>'
    )
    land = f'<g transform="{turn}">{outline}</g>'
    height = mainland.height
    if overseas:
        height += 3 * DISC
    return _svg(
        tk._("Mean score of the datasets of each département"), land + discs, height, mainland.width
    )


def _disc(x: float, y: float, place: Mapping[str, Any]) -> str:
    mean = presentation.number(place["mean"])
    fill, ink = next((fill, ink) for least, fill, ink in SHADES if place["mean"] >= least)
    title = f"{place['label']}{tk._(': ')}{mean} ({place['datasets']})"
    return (
        f"<g><title>{escape(title)}</title>"
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{DISC}" fill="{fill}" stroke="#333"/>'
        f'<text x="{x:.0f}" y="{y + 4:.0f}" text-anchor="middle" font-size="10" fill="{ink}">{place["mean"]:.0f}</text>'
        "</g>"
    )


def levels(shares: Sequence[Mapping[str, Any]]) -> Markup:
    """Draw the share of each level as a stacked bar; empty without datasets.

    Args:
        shares: items with `level`, `label` and `datasets`, best level first.
    """
    total = sum(share["datasets"] for share in shares)
    if not total:
        return Markup("")
    bars, x = "", 0.0
    for share in shares:
        width = WIDTH * share["datasets"] / total
        fill = FILLS[share["level"]]
        dash = ' stroke-dasharray="4 3"' if share["level"] == "incomplete" else ""
        bars += (
            f'<rect x="{x:.1f}" y="1" width="{width:.1f}" height="26" fill="{fill}" stroke="#333"{dash}>'
            f"<title>{escape(share['label'])}{tk._(': ')}{share['datasets']}</title></rect>"
        )
        x += width
    texts = ", ".join(f"{share['label']} {share['datasets']}" for share in shares)
    return _svg(tk._("Share of the levels") + tk._(": ") + texts, bars, 28)


def _height(value: float) -> float:
    return TOP + (100 - value) * (HEIGHT - TOP - BOTTOM) / 100


def _svg(title: str, content: str, height: int, width: int = WIDTH) -> Markup:
    return Markup(  # noqa: S704  every text above is escaped
        f'<svg class="ecosphere-chart" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}" '
        f'font-size="12" font-family="sans-serif">{content}</svg>'
    )


# --- badge ---

CHARACTER = 7.2  # average width of a character at 12 px, in pixels
MARGIN = 10
BADGE_HEIGHT = 24


@dataclass(frozen=True)
class Look:
    """Colours of a level (text contrast of at least 7:1) and the path of its shape in a 16 px square."""

    ground: str
    text: str
    shape: str
    dashed: bool = False


LOOKS = {
    "gold": Look(
        "#fff3c4", "#5c4300", "M8 1l2.1 4.6 5 .6-3.7 3.4 1 4.9L8 12l-4.4 2.5 1-4.9L.9 6.2l5-.6z"
    ),
    "silver": Look("#e9edf2", "#2f3b47", "M4 2h8l4 6-4 6H4L0 8z"),
    "bronze": Look("#f7e1d0", "#662f0e", "M8 1a7 7 0 1 0 .01 0z"),
    "incomplete": Look("#ffffff", "#4a4a4a", "M8 1.5L15 14.5H1z", dashed=True),
}


def badge(shown: Badge, label: str) -> str:
    """Return the image of a badge; `label` is the name of its level in the reader's language."""
    look = LOOKS[shown.level]
    left = tk._("Metadata quality")
    right = f"{label} · {shown.score}/100"
    title = tk._("Metadata quality: {level}, {score} out of 100").format(
        level=label, score=shown.score
    )
    split = round(len(left) * CHARACTER + 2 * MARGIN)
    width = split + round(len(right) * CHARACTER + 2 * MARGIN + 20)
    shape = f'fill="{look.text}"'
    if look.dashed:
        shape = f'fill="none" stroke="{look.text}" stroke-width="1.5" stroke-dasharray="3 2"'
    text = 'font-family="DejaVu Sans, Verdana, Arial, sans-serif" font-size="12"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{BADGE_HEIGHT}" role="img" '
        f'aria-labelledby="t" viewBox="0 0 {width} {BADGE_HEIGHT}"><title id="t">{escape(title)}</title>'
        f'<rect width="{split}" height="{BADGE_HEIGHT}" fill="#3a3a3a"/>'
        f'<rect x="{split}" width="{width - split}" height="{BADGE_HEIGHT}" fill="{look.ground}"/>'
        f'<rect x=".5" y=".5" width="{width - 1}" height="{BADGE_HEIGHT - 1}" fill="none" stroke="#3a3a3a"/>'
        f'<text x="{MARGIN}" y="16" fill="#fff" {text}>{escape(left)}</text>'
        f'<path transform="translate({split + MARGIN - 2} 4)" d="{look.shape}" {shape}/>'
        f'<text x="{split + MARGIN + 20}" y="16" fill="{look.text}" {text}>{escape(right)}</text></svg>'
    )
