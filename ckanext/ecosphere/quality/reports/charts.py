"""Charts rendered on the server as SVG; each has a table with the same figures beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from typing import Any

import ckan.plugins.toolkit as tk
from markupsafe import Markup

from ckanext.ecosphere import vocabularies
from ckanext.ecosphere.quality.reports import presentation
from ckanext.ecosphere.shared import dates, outlines

WIDTH, HEIGHT = 640, 200
LEFT, RIGHT, TOP, BOTTOM = 36, 10, 12, 26
TICKS = (0, 25, 50, 75, 100)
FILLS = {"gold": "#b8860b", "silver": "#7d8a99", "bronze": "#a65e2e", "incomplete": "#ffffff"}
#: Radius of a disc, in pixels; minimum mean score → colours of the disc and of its number.
DISC = 11
SHADES = ((80, "#1d5c3f", "#fff"), (65, "#5b9a75", "#000"), (50, "#b9dcc4", "#000"), (0, "#fff", "#000"))
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
    places = [
        (LEFT + (day - days[0]).days * (WIDTH - LEFT - RIGHT) / span, _height(point["mean"]))
        for day, point in zip(days, points, strict=True)
    ]
    path = f"M{places[0][0]:.1f} {places[0][1]:.1f}" + "".join(f"H{x:.1f}V{y:.1f}" for x, y in places[1:])
    first, last = (dates.day(day, "medium") for day in (days[0], days[-1]))
    values = [presentation.number(points[n]["mean"]) for n in (0, -1)]
    title = tk._("Mean score: {before} on {start}, {after} on {end}").format(
        before=values[0], start=first, after=values[1], end=last
    )
    grid = "".join(
        f'<path d="M{LEFT} {_height(t):.1f}H{WIDTH - RIGHT}" stroke="#c9c9c9"/>'
        f'<text x="{LEFT - 6}" y="{_height(t) + 4:.1f}" text-anchor="end">{t}</text>'
        for t in TICKS
    )
    ends = (
        f'<text x="{LEFT}" y="{HEIGHT - 6}">{escape(first)}</text>'
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end">{escape(last)}</text>'
    )
    line = f'<path d="{path}" fill="none" stroke="#1d5c3f" stroke-width="2"/>'
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#1d5c3f"/>' for x, y in places)
    ends += "".join(
        f'<text x="{x:.1f}" y="{_beside(y):.1f}" text-anchor="{anchor}" font-weight="600">{escape(value)}</text>'
        for (x, y), value, anchor in zip((places[0], places[-1]), values, ("start", "end"), strict=True)
    )
    return _svg(title, grid + line + dots + ends, HEIGHT)


def map_of(places: Sequence[Mapping[str, Any]]) -> Markup:
    """Draw the mean score of each département as a disc on an outline of France; empty without départements.

    Args:
        places: territories of `overview.overview`: `id`, `label`, `kind`, `mean`, `datasets`.
    """
    known = vocabularies.get("territories")
    mainland = outlines.frames()[0]
    discs, overseas = "", 0
    for each in sorted(places, key=lambda place: str(place["id"])):
        concept = known.get(each["id"])
        if each["kind"] != "departement" or each["mean"] is None or concept is None:
            continue
        west, south, east, north = concept.data["bbox"]
        x, y = ((west + east) / 2 - mainland.box[0]) * mainland.scale_x, 0.0
        if outlines.frame_of(concept.data["bbox"]) is mainland:
            y = (mainland.box[3] - (south + north) / 2) * mainland.scale_y
        else:
            x, y = DISC * (2 + 2.5 * overseas), mainland.height + DISC
            overseas += 1
        discs += _disc(x, y, each)
    if not discs:
        return Markup("")
    turn = f"scale({mainland.scale_x} {-mainland.scale_y}) translate({-mainland.box[0]} {-mainland.box[3]})"
    outline = f'<path class="ecosphere-land" d="{mainland.path}" vector-effect="non-scaling-stroke"/>'
    land = f'<g transform="{turn}">{outline}</g>'
    height = mainland.height + (3 * DISC if overseas else 0)
    return _svg(tk._("Mean score of the datasets of each département"), land + discs, height, mainland.width)


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


def levels(found: Sequence[Mapping[str, Any]]) -> Markup:
    """Draw the share of each level as a stacked bar; empty without datasets.

    Args:
        found: items with `level`, `label` and `datasets`, best level first.
    """
    total = sum(each["datasets"] for each in found)
    if not total:
        return Markup("")
    bars, x = "", 0.0
    for each in found:
        width = WIDTH * each["datasets"] / total
        fill = FILLS[each["level"]]
        dash = ' stroke-dasharray="4 3"' if each["level"] == "incomplete" else ""
        bars += (
            f'<rect x="{x:.1f}" y="1" width="{width:.1f}" height="26" fill="{fill}" stroke="#333"{dash}>'
            f"<title>{escape(each['label'])}{tk._(': ')}{each['datasets']}</title></rect>"
        )
        x += width
    title = tk._("Share of the levels") + tk._(": ") + ", ".join(f"{e['label']} {e['datasets']}" for e in found)
    return _svg(title, bars, 28)


def _beside(y: float) -> float:
    """Return the vertical position of a point's label: above it, or below it near the top."""
    return y - 8 if y > TOP + 16 else y + 18


def _height(value: float) -> float:
    return TOP + (100 - value) * (HEIGHT - TOP - BOTTOM) / 100


def _svg(title: str, content: str, height: int, width: int = WIDTH) -> Markup:
    return Markup(  # noqa: S704  every text above is escaped
        f'<svg class="ecosphere-chart" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}" '
        f'font-size="12" font-family="sans-serif">{content}</svg>'
    )
