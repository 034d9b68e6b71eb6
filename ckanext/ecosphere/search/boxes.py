"""Territories by their boxes: those of a dataset that names none, neighbours, distances. Pure."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import geometry
from ckanext.ecosphere.dataset.geometry import Box
from ckanext.ecosphere.vocabularies import gazetteer

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
        positions = geometry.positions_in(json.loads(text)["coordinates"])
        return geometry.bounds(list(positions))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def places(box: Box) -> tuple[list[str], list[str]]:
    """Return the territories that a box equals or covers, and otherwise the one that contains it,
    as index values.

    Boxes of territories overlap: a small box within those of two départements is assigned to
    neither.
    """
    small: dict[str, Box] = {}
    alike: list[tuple[float, str]] = []
    for territory in voc.get("territories"):
        kind, other = territory.data["type"], territory.data["bbox"]
        if kind in _SMALL + _LARGE and other[0] <= other[2]:
            alike.append((geometry.likeness(box, other), territory.id))
            if kind in _SMALL:
                small[territory.id] = other
    share, best = max(alike)
    if share >= ALIKE:
        return [best], []
    covered = []
    for id_, other in small.items():
        if geometry.common_area(box, other) >= COVERED * geometry.area(other):
            covered.append(id_)
    if len(covered) > MOST_COVERED:
        return [gazetteer.COUNTRIES[0]], []
    if covered:
        return covered, []
    around = [id_ for id_, other in small.items() if geometry.holds(other, box, margin=0)]
    if len(around) > 1:
        around = []
    return [], around


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
    beside = []
    for other in territories:
        is_alike = other.uri != concept.uri and other.data["type"] == concept.data["type"]
        if is_alike and geometry.meet(other.data["bbox"], concept.data["bbox"]):
            beside.append(other)
    return tuple(beside)


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
    """Return the approximate distance between two points in degrees,
    accurate enough within France.
    """
    east = (point[0] - other[0]) * math.cos(math.radians((point[1] + other[1]) / 2))
    return math.hypot(east, point[1] - other[1]) * KILOMETRES_OF_DEGREE
