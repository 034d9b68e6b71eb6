"""Repair bounding boxes where possible, drop the others, and report both; write them as GeoJSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

from ckanext.ecosphere.harvest.france import lies_in_france, touches_france
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.geography.lambert import CONES
from ckanext.ecosphere.harvest.record import Box, Extent, Shape

Degrees = tuple[float, float, float, float]
"""West, south, east, north in WGS 84 degrees; west > east crosses the 180th meridian."""

MAX_BOXES = 50
_TOLERANCE = 0.01
"""Degrees beyond the poles or the 180th meridian that count as rounding errors."""
_DECIMALS = 6
_PACIFIC = 90
"""A box with west ≥ 90 and east ≤ -90 crosses the Pacific; any other west > east is a mistake."""


def read_number(text: str | None) -> float | None:
    """Return a number, written with a point or a comma; None for anything else, including NaN."""
    try:
        number = float((text or "").strip().replace(",", ".").rstrip("°"))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def repair(box: Box) -> tuple[Degrees | None, list[str]]:
    """Return a box in degrees and the names of the repairs; None if it cannot be used."""
    numbers = [read_number(side) for side in (box.west, box.south, box.east, box.north)]
    if any(number is None for number in numbers):
        return None, ["box-not-a-number"]
    west, south, east, north = (float(number or 0) for number in numbers)
    done: list[str] = []
    metres = _from_metres(west, south, east, north)
    if metres:
        west, south, east, north = metres
        done.append("box-metres")
    if abs(south) > 90 + _TOLERANCE and abs(west) <= 90 >= abs(east):  # noqa: PLR2004 - degrees of a pole
        west, south, east, north = south, west, north, east
        done.append("box-axes-swapped")
    if max(west, east) > 180 + _TOLERANCE and (wrapped := _from_full_circle(west, east)):
        west, east = wrapped
        done.append("box-beyond-180")
    if any(abs(x) > 180 + _TOLERANCE for x in (west, east)) or any(abs(y) > 90 + _TOLERANCE for y in (south, north)):
        return None, ["box-outside-world"]
    west, east = _clamp(west, 180), _clamp(east, 180)
    south, north = _clamp(south, 90), _clamp(north, 90)
    if south > north:
        south, north = north, south
        done.append("box-south-north-swapped")
    if west > east and not (west >= _PACIFIC and east <= -_PACIFIC):
        west, east = east, west
        done.append("box-west-east-swapped")
    if (west, south, east, north) == (0.0, 0.0, 0.0, 0.0):
        return None, ["box-zero"]
    turned = (south, west, north, east)
    if west <= east and lies_in_france(turned) and not touches_france((west, south, east, north)):
        return turned, [*done, "box-axes-swapped"]
    return (west, south, east, north), done


def _clamp(value: float, limit: float) -> float:
    return round(max(-limit, min(limit, value)), _DECIMALS)


def _from_full_circle(west: float, east: float) -> tuple[float, float] | None:
    """Convert longitudes from 0..360 to -180..180 degrees; None if they are not written so."""
    if not -_TOLERANCE <= west < east <= 360 + _TOLERANCE:
        return None
    if east - west >= 360 - _TOLERANCE:
        return -180.0, 180.0
    west, east = (side - 360 if side > 180 else side for side in (west, east))  # noqa: PLR2004
    return (west, east) if west < east or (west >= _PACIFIC and east <= -_PACIFIC) else None


def _from_metres(west: float, south: float, east: float, north: float) -> Degrees | None:
    """Convert four sides in metres of a French Lambert projection, in either order of the corners; None if not so."""
    west, east, south, north = min(west, east), max(west, east), min(south, north), max(south, north)
    for cone in CONES:
        if cone.holds(west, south) and cone.holds(east, north):
            corners = [cone.to_degrees(x, y) for x in (west, east) for y in (south, north)]
            longitudes, latitudes = [c[0] for c in corners], [c[1] for c in corners]
            return min(longitudes), min(latitudes), max(longitudes), max(latitudes)
    return None


def polygon(box: Degrees) -> str:
    """Return a box as GeoJSON, split at the 180th meridian (RFC 7946, 3.1.9)."""
    west, south, east, north = box
    if west > east:
        rings = [_ring(west, south, 180.0, north), _ring(-180.0, south, east, north)]
        shape: dict[str, Any] = {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}
    else:
        shape = {"type": "Polygon", "coordinates": [_ring(west, south, east, north)]}
    return json.dumps(shape)


def _ring(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def _usable(draft: Draft) -> dict[Degrees, Box]:
    """Return the usable boxes in degrees, with the original of each; report errors in the others."""
    kept: dict[Degrees, Box] = {}
    for box in draft.record.boxes[:MAX_BOXES]:
        before = f"{box.west}, {box.south}, {box.east}, {box.north}"
        degrees, done = repair(box)
        for name in done:
            draft.problem(name, box=before)
        if degrees is None:
            draft.lost("EX_GeographicBoundingBox", before)
        elif degrees not in kept:
            kept[degrees] = box
            if done:
                draft.change("spatial_coverage", before, ", ".join(map(str, degrees)))
    if len(draft.record.boxes) > MAX_BOXES:
        draft.too_many("EX_GeographicBoundingBox", len(draft.record.boxes), MAX_BOXES)
    return kept


def boxes(draft: Draft) -> None:
    """Convert each usable box to an extent with its description: the one beside it, or the one at the same index."""
    usable = _usable(draft)
    draft.boxes = list(usable)
    texts = [text for text in draft.record.extent_descriptions if text.strip()]
    paired = [_beside(draft.record.extents, box) for box in usable.values()]
    if not any(paired):
        paired = texts if len(texts) == len(draft.record.boxes) == len(draft.boxes) else []
    if not paired and len(draft.boxes) == 1 and texts:
        paired = texts[:1]
    coverage = [
        {"bbox": polygon(box), "text": paired[n] if n < len(paired) else ""} for n, box in enumerate(draft.boxes)
    ]
    if left := [text for text in texts if text not in paired]:
        draft.lost("extent/description", left)
    shapes = [geometry_of(shape, draft.boxes) for shape in draft.record.shapes[:MAX_BOXES]]
    if len(draft.record.shapes) > MAX_BOXES:
        draft.too_many("EX_BoundingPolygon", len(draft.record.shapes), MAX_BOXES)
    if len(shapes) == len(coverage):
        for row, shape in zip(coverage, shapes, strict=True):
            row["geom"] = shape
    else:
        coverage += [{"geom": shape} for shape in shapes]
    draft.set("spatial_coverage", coverage)


def _beside(extents: Iterable[Extent], box: Box) -> str:
    """Return the description in the same extent as a box; if there are several boxes, the one at the same index."""
    for extent in extents:
        at = next((n for n, each in enumerate(extent.boxes) if each is box), None)
        if at is not None:
            texts = [text for text in extent.texts if text.strip()]
            alone = len(extent.boxes) == 1 or len(texts) == len(extent.boxes)
            return texts[at] if alone and at < len(texts) else ""
    return ""


def geometry_of(shape: Shape, around: Iterable[Degrees]) -> str:
    """Return a geometry as GeoJSON text, with axes swapped if it lies within one of the boxes only then."""
    found = shape.geometry
    positions = list(_positions(found["coordinates"]))
    straight = [box for box in around if _within(box, positions)]
    turned = [(y, x) for x, y in positions]
    wrong = any(abs(y) > 90 for _x, y in positions)  # noqa: PLR2004 - degrees of a pole
    if not straight and (wrong or any(_within(box, turned) for box in around)):
        found = {**found, "coordinates": _turned(found["coordinates"])}
    return json.dumps(found)


def _positions(coordinates: Any) -> Iterator[tuple[float, float]]:
    if coordinates and isinstance(coordinates[0], int | float):
        yield coordinates[0], coordinates[1]
        return
    for part in coordinates:
        yield from _positions(part)


def _turned(coordinates: Any) -> Any:
    if coordinates and isinstance(coordinates[0], int | float):
        return [coordinates[1], coordinates[0], *coordinates[2:]]
    return [_turned(part) for part in coordinates]


def _within(box: Degrees, positions: Iterable[tuple[float, float]]) -> bool:
    west, south, east, north = box
    return all(
        west - _TOLERANCE <= x <= east + _TOLERANCE and south - _TOLERANCE <= y <= north + _TOLERANCE
        for x, y in positions
    )
