"""Outlines of France and its overseas départements, on which boxes are drawn or shown.

They are SVG drawings (`frames`) to whose pixels boxes and areas are converted (`rectangle`,
`path_of`). No tiles are fetched. Pure: nothing here depends on CKAN.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import shapely
from shapely.affinity import affine_transform
from shapely.geometry.base import BaseGeometry

from ckanext.ecosphere.dataset.geometry import Box

FILE = Path(__file__).parents[1] / "data" / "outlines.json"
#: Width of a drawing, in pixels.
WIDTH = 480
#: Pixels that the name of a town needs at its right.
LABEL_ROOM = 70


@dataclass(frozen=True)
class Town:
    """A town on the map, in pixels of the drawing; `left` puts its name on its left."""

    name: str
    x: float
    y: float
    left: bool


@dataclass(frozen=True)
class Frame:
    """A map: mainland France or one of its overseas parts.

    Attributes:
        id: name in the form.
        territory: id in the vocabulary `territories`, whose label is the title of the map.
        box: west, south, east, north in degrees (WGS 84).
        path: outline in degrees, as the `d` attribute of an SVG path.
        width, height: size of the drawing, in pixels.
        scale_x, scale_y: pixels per degree of longitude and of latitude.
        towns: towns shown.
    """

    id: str
    territory: str
    box: Box
    path: str
    width: int
    height: int
    scale_x: float
    scale_y: float
    towns: tuple[Town, ...]

    def as_dict(self) -> dict[str, float]:
        """Return what the script needs to place tiles: west and north in degrees, and scales."""
        return {
            "west": self.box[0],
            "north": self.box[3],
            "scale_x": self.scale_x,
            "scale_y": self.scale_y,
        }


@cache
def frames() -> tuple[Frame, ...]:
    """Return the maps, mainland France first."""
    return tuple(
        _frame(name, data) for name, data in json.loads(FILE.read_text(encoding="utf-8")).items()
    )


def _frame(name: str, data: dict) -> Frame:
    west, south, east, north = data["box"]
    scale_x = WIDTH / (east - west)
    middle = math.radians((south + north) / 2)
    scale_y = scale_x / math.cos(middle)  # equirectangular projection, true in the middle
    towns = []
    for town, longitude, latitude in data["towns"]:
        x = (longitude - west) * scale_x
        y = (north - latitude) * scale_y
        towns.append(Town(town, round(x, 1), round(y, 1), left=x > WIDTH - LABEL_ROOM))
    height = round((north - south) * scale_y)
    return Frame(
        name,
        data["territory"],
        (west, south, east, north),
        data["path"],
        WIDTH,
        height,
        scale_x,
        scale_y,
        tuple(towns),
    )


# --- boxes and areas on them ---

#: Least width and height of a rectangle in pixels, so that it can be seen and clicked.
SMALLEST = 6.0
#: Tolerance in pixels by which areas are simplified: finer details are not seen, even zoomed.
FINEST = 0.05
#: Degrees by which lines and points, which have no area, are widened to be drawn.
LINE = 0.0005


@dataclass(frozen=True)
class Rectangle:
    """A box in pixels of the drawing."""

    x: float
    y: float
    width: float
    height: float


def frame_of(box: Box) -> Frame | None:
    """Return the map that contains the centre of a box, None if there is none."""
    x = (box[0] + box[2]) / 2
    y = (box[1] + box[3]) / 2
    for frame in frames():
        west, south, east, north = frame.box
        if west <= x <= east and south <= y <= north:
            return frame
    return None


def rectangle(frame: Frame, box: Box, smallest: float = SMALLEST) -> Rectangle:
    """Return a box in pixels of a map, clipped to its edges.

    Args:
        frame: the map.
        box: west, south, east, north in degrees.
        smallest: least width and height, in pixels.
    """
    west, south, east, north = box
    left = max((west - frame.box[0]) * frame.scale_x, 0)
    right = min((east - frame.box[0]) * frame.scale_x, frame.width)
    top = max((frame.box[3] - north) * frame.scale_y, 0)
    bottom = min((frame.box[3] - south) * frame.scale_y, frame.height)
    width = max(right - left, smallest)
    height = max(bottom - top, smallest)
    return Rectangle(round(left, 1), round(top, 1), round(width, 1), round(height, 1))


def path_of(shape: BaseGeometry, frame: Frame) -> str:
    """Return a geometry in degrees as the `d` attribute of an SVG path, in pixels of a map."""
    if shape.area == 0:
        shape = shape.buffer(LINE)
    simple = shape.simplify(FINEST / frame.scale_x)
    x_offset = -frame.box[0] * frame.scale_x
    y_offset = frame.box[3] * frame.scale_y
    pixels = affine_transform(simple, [frame.scale_x, 0, 0, -frame.scale_y, x_offset, y_offset])
    commands = []
    for ring in shapely.get_rings(shapely.get_parts(pixels)):
        points = [f"{x:.2f} {y:.2f}" for x, y in shapely.get_coordinates(ring)]
        commands.append(f"M{'L'.join(points)}Z")
    return "".join(commands)
