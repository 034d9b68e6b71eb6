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


# --- GeoJSON ---


def geometries_in(value: Any) -> list[dict[str, Any]]:
    """Return the geometries in a GeoJSON object: itself, or those of its features or members."""
    geometries: list[dict[str, Any]] = []
    stack, number = [value], 0
    while stack and number < MAX_PARTS:
        item = stack.pop()
        number += 1
        if not isinstance(item, dict):
            continue
        if isinstance(item.get("coordinates"), list):
            geometries.append(item)
            continue
        for name in ("geometries", "features"):
            members = item.get(name)
            if isinstance(members, list):
                stack += reversed(members)
        stack.append(item.get("geometry"))
    return geometries


def positions_in(coordinates: Any) -> Iterator[Position]:
    """Yield the positions of GeoJSON coordinates nested to any depth, without heights."""
    stack, number = [coordinates], 0
    while stack and number < MAX_POSITIONS:
        value = stack.pop()
        if not isinstance(value, list):
            continue
        if len(value) > 1 and all(type(part) in (int, float) for part in value[:2]):
            number += 1
            yield float(value[0]), float(value[1])
        else:
            stack += value


def parts_of(geometry: dict[str, Any]) -> list[list[Position]]:
    """Return the positions of each polygon, line or point of one of `geometries_in`; empty if there are too many."""
    coordinates: list[Any] = geometry["coordinates"]
    pieces = [coordinates]
    if str(geometry.get("type")).startswith("Multi") and len(coordinates) <= MAX_PARTS:
        pieces = coordinates
    parts = [list(positions_in(piece)) for piece in pieces]
    parts = [part for part in parts if part]
    return parts if sum(map(len, parts)) < MAX_POSITIONS else []


# --- WKT ---


def parts_of_wkt(text: str) -> list[list[Position]]:
    """Return the positions of each part of a WKT geometry, from its first bracket on; empty if one cannot be read.

    Each ring of a polygon counts as a part; holes lie within the outer ring.
    """
    parts: list[list[Position]] = [[]]
    for piece in _PIECE.findall(text):
        if piece == ")":
            parts.append([])
        elif piece not in "(,":
            position = _position(piece)
            if position:
                parts[-1].append(position)
            elif any(sign.isdigit() for sign in piece):
                return []
    parts = [part for part in parts if part]
    if len(parts) > MAX_PARTS:
        return [[position for part in parts for position in part]]
    return parts


def _position(text: str) -> Position | None:
    try:
        numbers = [float(number) for number in text.split()]
    except ValueError:
        return None
    return (numbers[0], numbers[1]) if len(numbers) in _NUMBERS else None


# --- boxes ---


def sides_of(parts: Iterable[list[Position]]) -> list[Sides]:
    """Return the boxes around parts, merging those near each other, in the order of the parts."""
    boxes = [_box_of(part) for part in parts]
    groups: list[Sides] = []
    for box in boxes:
        groups = _with(groups, box)
        if len(groups) > MAX_APART:
            return [_around(boxes)]
    return groups


def _box_of(part: list[Position]) -> Sides:
    firsts, seconds = zip(*part, strict=True)
    return min(firsts), min(seconds), max(firsts), max(seconds)


def _with(groups: list[Sides], box: Sides) -> list[Sides]:
    """Add a box to a list, merging it with those nearby; the merged box may be near further ones."""
    place = len(groups)
    near = [group for group in groups if _is_near(group, box)]
    while near:
        place = min(place, groups.index(near[0]))
        box = _around([box, *near])
        groups = [group for group in groups if group not in near]
        near = [group for group in groups if _is_near(group, box)]
    return [*groups[:place], box, *groups[place:]]


def _is_near(one: Sides, other: Sides) -> bool:
    for axis in (0, 1):
        gap = max(one[axis], other[axis]) - min(one[axis + 2], other[axis + 2])
        if gap >= APART:
            return False
    return True


def _around(boxes: Iterable[Sides]) -> Sides:
    wests, souths, easts, norths = zip(*boxes, strict=True)
    return min(wests), min(souths), max(easts), max(norths)


def as_boxes(boxes: list[Sides]) -> list[Box]:
    """Return boxes in longitudes and latitudes; two that meet at the 180th meridian (RFC 7946, 3.1.9) become one."""
    if len(boxes) == 2:  # noqa: PLR2004
        one, other = sorted(boxes, reverse=True)
        if one[2] == _HALF_TURN == -other[0] and one[1::2] == other[1::2]:
            boxes = [(one[0], one[1], other[2], one[3])]
    return [Box(str(west), str(east), str(south), str(north)) for west, south, east, north in boxes]


def add_geometry(record: Record, value: Any) -> bool:
    """Add a GeoJSON geometry to a record, with its boxes; return False when it has no position, or too many.

    Polygons are also kept as shapes, unless they are boxes.
    """
    if not isinstance(value, dict):
        return False
    parts: list[list[Position]] = []
    for geometry in geometries_in(value):
        own = parts_of(geometry)
        parts += own
        if own and geometry.get("type") in ("Polygon", "MultiPolygon") and not _is_box(own):
            record.shapes.append(Shape(geometry))
    record.boxes += as_boxes(sides_of(parts))
    return bool(parts)


def _is_box(parts: list[list[Position]]) -> bool:
    """Tell whether there is one part, with four corners of which the first is repeated."""
    if len(parts) != 1 or len(parts[0]) != 5 or len(set(parts[0])) != 4:  # noqa: PLR2004
        return False
    west, _south, east, _north = _box_of(parts[0])
    return {longitude for longitude, _latitude in parts[0]} == {west, east}
