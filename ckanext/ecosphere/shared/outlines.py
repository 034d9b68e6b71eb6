"""Outlines of France and its overseas départements, on which boxes are drawn or shown; no tiles, nothing fetched.

Pure: nothing here knows CKAN.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).parents[1] / "data" / "outlines.json"
WIDTH = 480
LABEL_ROOM = 70  # pixels that the name of a town needs at its right


@dataclass(frozen=True)
class Town:
    """A mark on the map, in pixels of the drawing."""

    name: str
    x: float
    y: float
    left: bool


@dataclass(frozen=True)
class Frame:
    """A map: France without its overseas parts, or one of these.

    Attributes:
        id: name in the form.
        territory: id in the vocabulary `territories`, whose label is that of the map.
        box: west, south, east, north in degrees (WGS 84).
        path: outline, in degrees, as the `d` of an SVG path.
        width, height: of the drawing, in pixels.
        scale_x, scale_y: pixels for a degree of longitude and of latitude.
        towns: marks.
    """

    id: str
    territory: str
    box: tuple[float, float, float, float]
    path: str
    width: int
    height: int
    scale_x: float
    scale_y: float
    towns: tuple[Town, ...]


@cache
def frames() -> tuple[Frame, ...]:
    """Return the maps, that of the mainland first."""
    return tuple(_frame(name, data) for name, data in json.loads(FILE.read_text(encoding="utf-8")).items())


def _frame(name: str, data: dict) -> Frame:
    west, south, east, north = data["box"]
    scale_x = WIDTH / (east - west)
    scale_y = scale_x / math.cos(math.radians((south + north) / 2))  # equirectangular, true in the middle
    marks = ((town, (x - west) * scale_x, (north - y) * scale_y) for town, x, y in data["towns"])
    towns = tuple(Town(town, round(x, 1), round(y, 1), x > WIDTH - LABEL_ROOM) for town, x, y in marks)
    height = round((north - south) * scale_y)
    return Frame(
        name, data["territory"], (west, south, east, north), data["path"], WIDTH, height, scale_x, scale_y, towns
    )


# --- boxes on them ---

#: Pixels that a rectangle has at least, so that it is seen and met.
SMALLEST = 6.0

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees (WGS 84)."""


@dataclass(frozen=True)
class Rectangle:
    """A box in pixels of the drawing."""

    x: float
    y: float
    width: float
    height: float


def frame_of(box: Box) -> Frame | None:
    """Return the outline that has the middle of a box, None when it lies elsewhere."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return next(
        (each for each in frames() if each.box[0] <= x <= each.box[2] and each.box[1] <= y <= each.box[3]),
        None,
    )


def rectangle(frame: Frame, box: Box, smallest: float = SMALLEST) -> Rectangle:
    """Return where a box stands on an outline, cut at its sides and at least `smallest` pixels wide and high."""
    left = max((box[0] - frame.box[0]) * frame.scale_x, 0)
    right = min((box[2] - frame.box[0]) * frame.scale_x, frame.width)
    top = max((frame.box[3] - box[3]) * frame.scale_y, 0)
    bottom = min((frame.box[3] - box[1]) * frame.scale_y, frame.height)
    width, height = max(right - left, smallest), max(bottom - top, smallest)
    return Rectangle(round(left, 1), round(top, 1), round(width, 1), round(height, 1))
