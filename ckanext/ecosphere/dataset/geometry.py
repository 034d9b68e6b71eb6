"""Boxes and geometries in degrees: how they overlap, and how they are written.

A box is west, south, east, north in WGS 84; with west > east it crosses the 180th meridian. Pure
functions over numbers and GeoJSON, of bounded size; what a box says about a territory is in
`places`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pyproj import Transformer

Box = tuple[float, float, float, float]
"""West, south, east, north."""
Geometry = dict[str, Any]
"""A geometry of GeoJSON, or an object that holds some."""
Position = tuple[float, float]
"""Longitude and latitude."""

MAX_POSITIONS = 100_000
MAX_PARTS = 2_000
"""Maximum parts of a geometry that are treated separately; with more, one box covers all."""
MAX_APART = 20
"""Maximum boxes of one geometry; with more, one box covers all (an archipelago)."""
APART = 5.0
"""Minimum gap in degrees between separate boxes: Mayotte and La Réunion are two, Corsica and the
mainland one."""
MARGIN = 0.05
"""Degrees by which a box may extend beyond the one that holds it."""
HALF_TURN, QUARTER_TURN = 180.0, 90.0
_PACIFIC = 90.0
"""A box with west ≥ 90 and east ≤ -90 crosses the Pacific; any other west > east is a mistake."""
_POINTS_OF_A_RING = 5


# --- projections -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Projection:
    """A projected system, in metres and easting first.

    Attributes:
        epsg: its code.
        eastings: its area of use, in metres.
        northings: its area of use, in metres.
    """

    epsg: int
    eastings: tuple[float, float]
    northings: tuple[float, float]

    def holds(self, x: float, y: float) -> bool:
        """Tell whether a point in metres lies in the area of use."""
        in_width = self.eastings[0] <= x <= self.eastings[1]
        return in_width and self.northings[0] <= y <= self.northings[1]

    def to_degrees(self, x: float, y: float) -> Position:
        """Return longitude and latitude of a point in metres."""
        return _to_degrees(self.epsg).transform(x, y)

    def box_to_degrees(self, box: Box) -> Box:
        """Return a box in degrees around a box in metres, whose sides are curves in degrees."""
        return _to_degrees(self.epsg).transform_bounds(*box)


LAMBERT_93 = Projection(2154, (80_000, 1_300_000), (6_000_000, 7_200_000))
LAMBERT_2_EXTENDED = Projection(27572, (0, 1_250_000), (1_600_000, 2_750_000))
OF_THE_MAINLAND = (LAMBERT_93, LAMBERT_2_EXTENDED)
"""Projections whose areas in metres do not overlap, so that a point shows its projection."""


@cache
def _to_degrees(epsg: int) -> Transformer:
    return Transformer.from_crs(epsg, 4326, always_xy=True)


def from_metres(box: Box) -> Box | None:
    """Return a box in degrees whose corners are in metres of a mainland projection; else None.

    Args:
        box: two opposite corners, in any order.
    """
    west, east = sorted((box[0], box[2]))
    south, north = sorted((box[1], box[3]))
    for projection in OF_THE_MAINLAND:
        if projection.holds(west, south) and projection.holds(east, north):
            return projection.box_to_degrees((west, south, east, north))
    return None


# --- boxes -----------------------------------------------------------------------------------


def _parts(box: Box) -> list[Box]:
    """Return a box, in two parts where it crosses the 180th meridian (RFC 7946, 3.1.9)."""
    west, south, east, north = box
    if west <= east:
        return [box]
    return [(west, south, HALF_TURN, north), (-HALF_TURN, south, east, north)]


def crosses_the_pacific(west: float, east: float) -> bool:
    """Tell whether a box with west > east may be meant so."""
    return west >= _PACIFIC and east <= -_PACIFIC


def area(box: Box) -> float:
    """Return the area of a box, in square degrees."""
    return sum((east - west) * (north - south) for west, south, east, north in _parts(box))


def common_area(one: Box, other: Box) -> float:
    """Return the area that two boxes have in common, in square degrees."""
    total = 0.0
    for first in _parts(one):
        for second in _parts(other):
            width = min(first[2], second[2]) - max(first[0], second[0])
            height = min(first[3], second[3]) - max(first[1], second[1])
            if width > 0 and height > 0:
                total += width * height
    return total


def meet(one: Box, other: Box) -> bool:
    """Tell whether two boxes intersect, or touch each other."""
    for first in _parts(one):
        for second in _parts(other):
            are_beside = first[2] < second[0] or second[2] < first[0]
            are_above = first[3] < second[1] or second[3] < first[1]
            if not are_beside and not are_above:
                return True
    return False


def likeness(one: Box, other: Box) -> float:
    """Return the similarity of two boxes: intersection over union, from 0 to 1."""
    common = common_area(one, other)
    union = area(one) + area(other) - common
    if union > 0:
        return common / union
    return float(one == other)


def holds(outer: Box, inner: Box, margin: float = MARGIN) -> bool:
    """Tell whether a box contains another, which may extend beyond it by some degrees."""
    parts = _parts(outer)
    return all(_one_holds(parts, part, margin) for part in _parts(inner))


def _one_holds(boxes: list[Box], inner: Box, margin: float) -> bool:
    """Tell whether one of some boxes contains another, of which none crosses the 180th meridian."""
    for west, south, east, north in boxes:
        begins_within = west - margin <= inner[0] and south - margin <= inner[1]
        if begins_within and inner[2] <= east + margin and inner[3] <= north + margin:
            return True
    return False


def same(one: Box, other: Box) -> bool:
    """Tell whether two boxes differ by no more than the margin."""
    return holds(one, other) and holds(other, one)


def hull(boxes: Iterable[Box]) -> Box:
    """Return the box around some boxes, of which there is at least one."""
    wests, souths, easts, norths = zip(*boxes, strict=True)
    return min(wests), min(souths), max(easts), max(norths)


def swapped(box: Box) -> Box:
    """Return a box with its axes exchanged."""
    west, south, east, north = box
    return south, west, north, east


def box_to_geometry(box: Box) -> Geometry:
    """Return a box as GeoJSON, in two parts if it crosses the 180th meridian."""
    rings = [_ring(part) for part in _parts(box)]
    if len(rings) == 1:
        return {"type": "Polygon", "coordinates": rings}
    return {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}


def _ring(box: Box) -> list[list[float]]:
    west, south, east, north = box
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


# --- GeoJSON ---------------------------------------------------------------------------------


def geometries_in(value: Any) -> list[Geometry]:
    """Return the geometries in a GeoJSON object: itself, or those of its features or members."""
    geometries: list[Geometry] = []
    waiting = [value]
    for _number in range(MAX_PARTS):
        if not waiting:
            break
        item = waiting.pop()
        if not isinstance(item, dict):
            continue
        if isinstance(item.get("coordinates"), list):
            geometries.append(item)
            continue
        for name in ("geometries", "features"):
            if isinstance(item.get(name), list):
                waiting += reversed(item[name])
        waiting.append(item.get("geometry"))
    return geometries


def positions_in(coordinates: Any) -> Iterator[Position]:
    """Yield the positions of GeoJSON coordinates nested to any depth, without heights."""
    waiting, number = [coordinates], 0
    while waiting and number < MAX_POSITIONS:
        value = waiting.pop()
        if not isinstance(value, list):
            continue
        if len(value) > 1 and all(type(part) in (int, float) for part in value[:2]):
            number += 1
            yield float(value[0]), float(value[1])
        else:
            waiting += value


def parts_of(geometry: Geometry) -> list[list[Position]]:
    """Return the positions of each polygon, line or point of one of `geometries_in`.

    Empty if there are too many positions.
    """
    coordinates: list[Any] = geometry["coordinates"]
    pieces = [coordinates]
    if str(geometry.get("type")).startswith("Multi") and len(coordinates) <= MAX_PARTS:
        pieces = coordinates
    parts = list(filter(None, map(list, map(positions_in, pieces))))
    if sum(map(len, parts)) >= MAX_POSITIONS:
        return []
    return parts


def with_axes_swapped(geometry: Geometry) -> Geometry:
    """Return a GeoJSON geometry whose positions were written latitude first."""
    return {**geometry, "coordinates": _latitudes_second(geometry["coordinates"])}


def _latitudes_second(coordinates: Any) -> Any:
    """Return coordinates nested to any depth, with the first two
    numbers of each position exchanged.
    """
    if coordinates and isinstance(coordinates[0], int | float):
        return [coordinates[1], coordinates[0], *coordinates[2:]]
    return [_latitudes_second(part) for part in coordinates]


# --- boxes around geometries -----------------------------------------------------------------


def bounds(positions: Sequence[Position]) -> Box:
    """Return the box around positions, of which there is at least one."""
    longitudes = [x for x, _y in positions]
    latitudes = [y for _x, y in positions]
    return min(longitudes), min(latitudes), max(longitudes), max(latitudes)


def boxes_around(parts: Iterable[Sequence[Position]]) -> list[Box]:
    """Return the boxes around parts, in their order; parts near each other have one box."""
    boxes = [bounds(part) for part in parts]
    groups: list[Box] = []
    for box in boxes:
        groups = _joined_with(groups, box)
        if len(groups) > MAX_APART:
            return [hull(boxes)]
    return groups


def _joined_with(groups: list[Box], box: Box) -> list[Box]:
    """Add a box to some others, joined with those nearby; it may then be near further ones."""
    place = len(groups)
    while True:
        near = [other for other in groups if _is_near(other, box)]
        if not near:
            return [*groups[:place], box, *groups[place:]]
        box = hull([box, *near])
        place = min(place, groups.index(near[0]))
        groups = [other for other in groups if other not in near]


def _is_near(one: Box, other: Box) -> bool:
    across = max(one[0], other[0]) - min(one[2], other[2])
    along = max(one[1], other[1]) - min(one[3], other[3])
    return across < APART and along < APART


def joined_at_180(boxes: list[Box]) -> list[Box]:
    """Return two boxes that meet at the 180th meridian (RFC 7946, 3.1.9) as one."""
    if len(boxes) != 2:  # noqa: PLR2004
        return boxes
    east_of_it, west_of_it = sorted(boxes)  # east of the meridian, longitudes begin at -180
    meet = west_of_it[2] == HALF_TURN == -east_of_it[0]
    if meet and west_of_it[1::2] == east_of_it[1::2]:
        return [(west_of_it[0], west_of_it[1], east_of_it[2], west_of_it[3])]
    return boxes


def is_box(parts: list[list[Position]]) -> bool:
    """Tell whether the parts of a polygon are one rectangle along the axes."""
    if len(parts) != 1 or len(parts[0]) != _POINTS_OF_A_RING:
        return False
    corners = set(parts[0])
    west, _south, east, _north = bounds(parts[0])
    return len(corners) == _POINTS_OF_A_RING - 1 and {x for x, _y in corners} == {west, east}


# --- coordinates as people write them --------------------------------------------------------

POINT = 0.0005
"""Degrees by which a point is enlarged at each side, some fifty metres: Solr and some services find
no point."""

_SIDES = re.compile(r"\s*[,;\s]\s*")
_NUMBERS = re.compile(r"[-+]?\d[-+0-9.]*[,;\s][-+0-9.,;\s]+")
_DECIMAL_COMMAS = re.compile(r"[-+]?\d+,\d+(?:(?:\s*;\s*|\s+)[-+]?\d+,\d+)+")
"""Numbers with decimal commas, separated by ";" or a space: "43,70 ; -1,06"."""
_PARTS_OF_FRANCE: list[Box] = [
    (-6, 41, 10, 52),  # the mainland and Corsica
    (-64, 14, -60, 19),  # the Antilles
    (-55, 2, -51, 6),  # Guyane
    (45, -14, 46, -12),  # Mayotte
    (55, -22, 56, -20),  # La Réunion
    (-57, 46, -56, 48),  # Saint-Pierre-et-Miquelon
    (163, -23, 172, -19),  # Nouvelle-Calédonie
    (-155, -28, -134, -7),  # Polynésie française
    (-179, -15, -176, -13),  # Wallis-et-Futuna
]
"""Boxes around the parts of France: a point of one is in none with latitude and longitude
exchanged."""


def numbers_in(text: str) -> str:
    """Return a text of several numbers, with decimal points; "" if it is none."""
    if _DECIMAL_COMMAS.fullmatch(text):
        text = text.replace(",", ".")
    if _NUMBERS.fullmatch(text):
        return text
    return ""


def read_coordinates(text: str) -> tuple[float, ...]:
    """Return a point or box as west, south, east, north in degrees.

    Other finite numbers are returned as they are; empty for any other text.

    Args:
        text: a point, or the sides of a box, in degrees or in metres (Lambert-93). Latitude and
            longitude of a point of France in degrees may be in any order.
    """
    pieces = _SIDES.split((numbers_in(text) or text).strip(" ,;"))
    try:
        coordinates = tuple(map(float, filter(None, pieces)))
    except ValueError:
        return ()
    if all(map(math.isfinite, coordinates)):
        return _coordinates_in_degrees(coordinates)
    return ()


def _coordinates_in_degrees(sides: tuple[float, ...]) -> tuple[float, ...]:
    """Return a point as a box, and a box in metres in degrees; other numbers as they are."""
    if len(sides) == 2:  # noqa: PLR2004 - a point
        sides = (*sides, *sides)
        if _one_holds(_PARTS_OF_FRANCE, swapped(sides), 0):
            sides = swapped(sides)
    if len(sides) != 4:  # noqa: PLR2004
        return sides
    west, south, east, north = sides
    if LAMBERT_93.holds(west, south) and LAMBERT_93.holds(east, north):
        return LAMBERT_93.box_to_degrees(sides)
    return sides


def enlarged(box: Box) -> Box:
    """Return a box that has an area: around a point or a line, one of some metres."""
    west, south, east, north = box
    if west < east and south < north:
        return box
    return west - POINT, south - POINT, east + POINT, north + POINT
