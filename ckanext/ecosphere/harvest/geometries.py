"""Bounding boxes of GeoJSON and WKT geometries, one for each group of nearby parts instead of one around everything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ckanext.ecosphere.harvest.record import Box, Record, Shape

Position = tuple[float, float]
Sides = tuple[float, float, float, float]
"""Minimum of the first axis, minimum of the second, maximum of the first, maximum of the second."""

MAX_POSITIONS = 100_000
MAX_PARTS = 2_000
"""Maximum parts of a geometry that are treated separately; with more, one box covers all."""
MAX_APART = 20
"""Maximum boxes of one geometry; with more, one box covers all (an archipelago)."""
APART = 5.0
"""Minimum gap in degrees between separate boxes: separates Mayotte and La Réunion, not Corsica and the mainland."""
_PIECE = re.compile(r"[(),]|[^(),]+")
_NUMBERS = (2, 3, 4)
"""Possible numbers of coordinates in WKT: the third is the height, the fourth a measure."""
_HALF_TURN = 180.0


# --- GeoJSON -----------------------------------------------------------------------------------------------------


def geometries_in(value: Any) -> list[dict[str, Any]]:
    """Return the geometries in a GeoJSON object: itself, or those of its features or members."""
    found: list[dict[str, Any]] = []
    todo, number = [value], 0
    while todo and number < MAX_PARTS:
        each = todo.pop()
        number += 1
        if not isinstance(each, dict):
            continue
        if isinstance(each.get("coordinates"), list):
            found.append(each)
            continue
        for name in ("geometries", "features"):
            todo += reversed(each[name]) if isinstance(each.get(name), list) else []
        todo.append(each.get("geometry"))
    return found


def positions_in(coordinates: Any) -> Iterator[Position]:
    """Yield the positions of GeoJSON coordinates nested to any depth, without heights."""
    todo, number = [coordinates], 0
    while todo and number < MAX_POSITIONS:
        value = todo.pop()
        if not isinstance(value, list):
            continue
        if len(value) > 1 and all(type(each) in (int, float) for each in value[:2]):
            number += 1
            yield float(value[0]), float(value[1])
        else:
            todo += value


def parts_of(geometry: dict[str, Any]) -> list[list[Position]]:
    """Return the positions of each polygon, line or point of one of `geometries_in`; empty if there are too many."""
    coordinates: list[Any] = geometry["coordinates"]
    several = str(geometry.get("type")).startswith("Multi") and len(coordinates) <= MAX_PARTS
    pieces = coordinates if several else [coordinates]
    found = [part for piece in pieces if (part := list(positions_in(piece)))]
    return found if sum(map(len, found)) < MAX_POSITIONS else []


# --- WKT ---------------------------------------------------------------------------------------------------------


def parts_of_wkt(text: str) -> list[list[Position]]:
    """Return the positions of each part of a WKT geometry, from its first bracket on; empty if one cannot be read.

    Each ring of a polygon counts as a part; holes lie within the outer ring.
    """
    parts: list[list[Position]] = [[]]
    for piece in _PIECE.findall(text):
        if piece == ")":
            parts += [[]] if parts[-1] else []
        elif piece not in "(,":
            position = _position(piece)
            if position is None and any(sign.isdigit() for sign in piece):
                return []
            parts[-1] += [position] if position else []
    found = [part for part in parts if part]
    return found if len(found) <= MAX_PARTS else [[position for part in found for position in part]]


def _position(text: str) -> Position | None:
    numbers = text.split()
    try:
        found = [float(number) for number in numbers]
    except ValueError:
        return None
    return (found[0], found[1]) if len(found) in _NUMBERS else None


# --- boxes -------------------------------------------------------------------------------------------------------


def sides_of(parts: Iterable[list[Position]]) -> list[Sides]:
    """Return the boxes around parts, merging those near each other, in the order of the parts."""
    boxes = [
        (
            min(x for x, _y in part),
            min(y for _x, y in part),
            max(x for x, _y in part),
            max(y for _x, y in part),
        )
        for part in parts
    ]
    groups: list[Sides] = []
    for box in boxes:
        groups = _with(groups, box)
        if len(groups) > MAX_APART:
            return [_around(*boxes)]
    return groups


def _with(groups: list[Sides], box: Sides) -> list[Sides]:
    """Add a box to a list, merging it with those nearby; the merged box may be near further ones."""
    place = len(groups)
    while near := [number for number, each in enumerate(groups) if _is_near(each, box)]:
        box = _around(box, *(groups[number] for number in near))
        place = min(place, near[0])
        groups = [each for number, each in enumerate(groups) if number not in near]
    return [*groups[:place], box, *groups[place:]]


def _is_near(one: Sides, other: Sides) -> bool:
    gaps = (max(one[at], other[at]) - min(one[at + 2], other[at + 2]) for at in (0, 1))
    return all(gap < APART for gap in gaps)


def _around(*boxes: Sides) -> Sides:
    wests, souths, easts, norths = zip(*boxes, strict=True)
    return min(wests), min(souths), max(easts), max(norths)


def as_boxes(found: list[Sides]) -> list[Box]:
    """Return boxes in longitudes and latitudes; two that meet at the 180th meridian (RFC 7946, 3.1.9) become one."""
    if len(found) == 2:  # noqa: PLR2004
        one, other = sorted(found, reverse=True)
        if one[2] == _HALF_TURN == -other[0] and one[1::2] == other[1::2]:
            found = [(one[0], one[1], other[2], one[3])]
    return [Box(str(west), str(east), str(south), str(north)) for west, south, east, north in found]


def add_geometry(record: Record, value: Any) -> bool:
    """Add a GeoJSON geometry to a record, with its boxes; return False when it has no position, or too many.

    Polygons are also kept as shapes, unless they are boxes.
    """
    if not isinstance(value, dict):
        return False
    geometries = geometries_in(value)
    parts = [part for geometry in geometries for part in parts_of(geometry)]
    record.boxes += as_boxes(sides_of(parts))
    for geometry in geometries:
        own = parts_of(geometry)
        if own and geometry.get("type") in ("Polygon", "MultiPolygon") and not _is_box(own):
            record.shapes.append(Shape(geometry))
    return bool(parts)


def _is_box(parts: list[list[Position]]) -> bool:
    if len(parts) != 1 or len(parts[0]) != 5:  # noqa: PLR2004 - four corners, the first repeated
        return False
    (west, _south, east, _north) = sides_of(parts)[0]
    return len(set(parts[0])) == 4 and {x for x, _y in parts[0]} == {west, east}  # noqa: PLR2004
