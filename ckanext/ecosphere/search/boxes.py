"""Derive the territories of a dataset from its geometry, if it names none. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import cache
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies import gazetteer

Box = tuple[float, float, float, float]
"""West, south, east, north, in degrees of WGS 84."""
LONGEST_GEOMETRY = 100_000
"""Maximum characters of a geometry."""
ALIKE = 0.6
"""Intersection over union from which two boxes are the same place."""
COVERED = 0.9
"""Share of a territory's box that must lie in a box for it to count as covered."""
MOST_COVERED = 20
"""Maximum number of covered départements; with more, the dataset covers the whole country."""
KILOMETRES_OF_DEGREE = 111.2
_SMALL, _LARGE = ("departement", "outre-mer"), ("region", "pays")


def of_geometry(text: Any) -> Box | None:
    """Return the bounding box of a GeoJSON geometry; None if it is invalid."""
    if not isinstance(text, str) or not text or len(text) > LONGEST_GEOMETRY:
        return None
    try:
        points = list(_points(json.loads(text)["coordinates"]))
        xs, ys = [float(x) for x, _y in points], [float(y) for _x, y in points]
        return min(xs), min(ys), max(xs), max(ys)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError):
        return None


def places(box: Box) -> tuple[list[str], list[str]]:
    """Return the territories that a box equals or covers, and otherwise the one that contains it, as index values.

    Boxes of territories overlap: a small box within those of two départements is assigned to neither.
    """
    small: dict[str, Box] = {}
    alike: list[tuple[float, str]] = []
    for territory in voc.get("territories"):
        kind, other = territory.data["type"], territory.data["bbox"]
        if kind in _SMALL + _LARGE and other[0] <= other[2]:
            alike.append((_shared(box, other) / _together(box, other), territory.id))
            if kind in _SMALL:
                small[territory.id] = other
    share, best = max(alike)
    if share >= ALIKE:
        return [best], []
    covered = [id_ for id_, other in small.items() if _shared(box, other) >= COVERED * _size(other)]
    if len(covered) > MOST_COVERED:
        return [gazetteer.COUNTRIES[0]], []
    if covered:
        return covered, []
    around = [id_ for id_, other in small.items() if _holds(other, box)]
    if len(around) > 1:
        around = []
    return [], around


@voc.derived
@cache
def neighbours(id_: str) -> tuple[voc.Concept, ...]:
    """Return the territories of the same type whose boxes intersect that of a territory.

    Args:
        id_: index value of a territory; empty result if it is unknown.
    """
    territories = voc.get("territories")
    concept = territories.get(id_)
    if concept is None:
        return ()
    kind, box = concept.data["type"], concept.data["bbox"]
    others = (other for other in territories if other.uri != concept.uri)
    alike = (other for other in others if other.data["type"] == kind)
    return tuple(other for other in alike if _meet(other.data["bbox"], box))


@voc.derived
@cache
def distances(id_: str) -> tuple[tuple[str, float], ...]:
    """Return the départements and régions by their distance from one of them, itself included.

    Args:
        id_: index value of a territory; empty result if it is unknown.

    Returns:
        index values and kilometres between the middles of the boxes, nearest first.
    """
    territories = voc.get("territories")
    start = territories.get(id_)
    if start is None:
        return ()
    middle = _middle(start.data["bbox"])
    kilometres = {
        other.id: _kilometres(middle, _middle(other.data["bbox"]))
        for other in territories
        if other.data["type"] in (*_SMALL, "region")
    }
    return tuple(sorted(kilometres.items(), key=lambda item: item[1]))


def _middle(box: Box) -> tuple[float, float]:
    west, south, east, north = box
    return (west + east) / 2, (south + north) / 2


def _kilometres(point: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the approximate distance between two points in degrees, accurate enough within France."""
    east = (point[0] - other[0]) * math.cos(math.radians((point[1] + other[1]) / 2))
    return math.hypot(east, point[1] - other[1]) * KILOMETRES_OF_DEGREE


def _meet(box: Box, other: Box) -> bool:
    """Return whether two boxes intersect; one that crosses the 180th meridian intersects none."""
    west, south, east, north = box
    west_of_other, bottom, right, top = other
    return west <= right and west_of_other <= east and south <= top and bottom <= north


def _points(coordinates: Any) -> Iterator[tuple[Any, Any]]:
    if coordinates and isinstance(coordinates[0], int | float):
        yield coordinates[0], coordinates[1]
        return
    for inner in coordinates:
        yield from _points(inner)


def _size(box: Box) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def _shared(box: Box, other: Box) -> float:
    west, south = max(box[0], other[0]), max(box[1], other[1])
    east, north = min(box[2], other[2]), min(box[3], other[3])
    return max(east - west, 0.0) * max(north - south, 0.0)


def _together(box: Box, other: Box) -> float:
    return _size(box) + _size(other) - _shared(box, other) or 1.0


def _holds(outer: Box, inner: Box) -> bool:
    """Return whether a box contains another one, which may be a point."""
    return (
        outer[0] <= inner[0]
        and outer[1] <= inner[1]
        and inner[2] <= outer[2]
        and inner[3] <= outer[3]
    )
