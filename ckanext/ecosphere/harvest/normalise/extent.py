"""Rule for bounding boxes: repaired where possible, the others dropped, and both reported."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable

from ckanext.ecosphere.dataset import geometry, places
from ckanext.ecosphere.dataset.geometry import HALF_TURN, QUARTER_TURN
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.record import Box, Extent, Shape

MAX_BOXES = 50
_TOLERANCE = 0.01
"""Degrees beyond the poles or the 180th meridian that count as rounding errors."""
_DECIMALS = 6
_PACIFIC = 90
"""A box with west ≥ 90 and east ≤ -90 crosses the Pacific; any other west > east is a mistake."""


def read_number(text: str | None) -> float | None:
    """Return a number, written with a point or a comma; None for anything else, as NaN."""
    try:
        number = float((text or "").strip().replace(",", ".").rstrip("°"))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def repair(box: Box) -> tuple[geometry.Box | None, list[str]]:
    """Return a box in degrees and the names of the repairs; None if it cannot be used."""
    sides = [read_number(side) for side in (box.west, box.south, box.east, box.north)]
    numbers = [side for side in sides if side is not None]
    if len(numbers) < len(sides):
        return None, ["box-not-a-number"]
    west, south, east, north = numbers
    repairs: list[str] = []
    in_degrees = geometry.from_metres((west, south, east, north))
    if in_degrees:
        west, south, east, north = in_degrees
        repairs.append("box-metres")
    if abs(south) > QUARTER_TURN + _TOLERANCE and max(abs(west), abs(east)) <= QUARTER_TURN:
        west, south, east, north = south, west, north, east
        repairs.append("box-axes-swapped")
    wrapped = _from_full_circle(west, east)
    if wrapped:
        west, east = wrapped
        repairs.append("box-beyond-180")
    is_too_wide = max(abs(west), abs(east)) > HALF_TURN + _TOLERANCE
    if is_too_wide or max(abs(south), abs(north)) > QUARTER_TURN + _TOLERANCE:
        return None, ["box-outside-world"]
    west, east = _clamp(west, 180), _clamp(east, 180)
    south, north = _clamp(south, 90), _clamp(north, 90)
    if south > north:
        south, north = north, south
        repairs.append("box-south-north-swapped")
    if west > east and not _crosses_the_pacific(west, east):
        west, east = east, west
        repairs.append("box-west-east-swapped")
    if (west, south, east, north) == (0.0, 0.0, 0.0, 0.0):
        return None, ["box-zero"]
    if places.has_swapped_axes((west, south, east, north)):
        return (south, west, north, east), [*repairs, "box-axes-swapped"]
    return (west, south, east, north), repairs


def _clamp(value: float, limit: float) -> float:
    return round(max(-limit, min(limit, value)), _DECIMALS)


def _crosses_the_pacific(west: float, east: float) -> bool:
    return west >= _PACIFIC and east <= -_PACIFIC


def _from_full_circle(west: float, east: float) -> tuple[float, float] | None:
    """Convert longitudes from 0..360 to -180..180 degrees; None if they are not written so."""
    if not -_TOLERANCE <= west < east <= 2 * HALF_TURN + _TOLERANCE:
        return None
    if east <= HALF_TURN + _TOLERANCE:
        return None
    if east - west >= 2 * HALF_TURN - _TOLERANCE:
        return -HALF_TURN, HALF_TURN
    east -= 2 * HALF_TURN
    if west > HALF_TURN:
        west -= 2 * HALF_TURN
    if west < east or _crosses_the_pacific(west, east):
        return west, east
    return None


# --- the rule --------------------------------------------------------------------------------


def boxes(draft: Draft) -> None:
    """Convert each usable box to an extent with its description, and keep the other shapes."""
    record = draft.record
    usable = _usable(draft)
    draft.boxes = list(usable)
    descriptions = _descriptions(draft, list(usable.values()))
    coverage = []
    for box, text in zip(usable, descriptions, strict=True):
        coverage.append({"bbox": json.dumps(geometry.box_to_geometry(box)), "text": text})
    texts = [text for text in record.extent_descriptions if text.strip()]
    unused = [text for text in texts if text not in descriptions]
    if unused:
        draft.lost("extent/description", unused)
    shapes = [geometry_of(shape, draft.boxes) for shape in record.shapes[:MAX_BOXES]]
    if len(record.shapes) > MAX_BOXES:
        draft.too_many("EX_BoundingPolygon", len(record.shapes), MAX_BOXES)
    if len(shapes) == len(coverage):
        for row, shape in zip(coverage, shapes, strict=True):
            row["geom"] = shape
    else:
        coverage += [{"geom": shape} for shape in shapes]
    draft.set("spatial_coverage", coverage)


def _usable(draft: Draft) -> dict[geometry.Box, Box]:
    """Return the usable boxes in degrees, with the original of each; report the others' errors."""
    usable: dict[geometry.Box, Box] = {}
    for box in draft.record.boxes[:MAX_BOXES]:
        before = f"{box.west}, {box.south}, {box.east}, {box.north}"
        degrees, repairs = repair(box)
        for code in repairs:
            draft.problem(code, box=before)
        if degrees is None:
            draft.lost("EX_GeographicBoundingBox", before)
        elif degrees not in usable:
            usable[degrees] = box
            if repairs:
                draft.change("spatial_coverage", before, ", ".join(map(str, degrees)))
    if len(draft.record.boxes) > MAX_BOXES:
        draft.too_many("EX_GeographicBoundingBox", len(draft.record.boxes), MAX_BOXES)
    return usable


def _descriptions(draft: Draft, usable: list[Box]) -> list[str]:
    """Return the description of each box, or "": the one beside it, or the one at its index."""
    record = draft.record
    beside = [_beside(record.extents, box) for box in usable]
    if any(beside):
        return beside
    texts = [text for text in record.extent_descriptions if text.strip()]
    if len(texts) == len(record.boxes) == len(usable):
        return texts
    if len(usable) == 1 and texts:
        return texts[:1]
    return beside


def _beside(extents: Iterable[Extent], box: Box) -> str:
    """Return the description in the same extent as a box, at its index if there are several."""
    for extent in extents:
        for at, other in enumerate(extent.boxes):
            if other is box:
                texts = [text for text in extent.texts if text.strip()]
                if len(extent.boxes) in (1, len(texts)) and at < len(texts):
                    return texts[at]
                return ""
    return ""


def geometry_of(shape: Shape, around: Iterable[geometry.Box]) -> str:
    """Return a geometry as GeoJSON text.

    Its axes are swapped if it lies within one of the boxes only then.
    """
    positions = list(geometry.positions_in(shape.geometry["coordinates"]))
    bounds = geometry.bounds(positions)
    turned = geometry.swapped(bounds)
    is_straight = any(geometry.holds(box, bounds, _TOLERANCE) for box in around)
    is_turned = any(geometry.holds(box, turned, _TOLERANCE) for box in around)
    is_off_the_world = max(abs(bounds[1]), abs(bounds[3])) > QUARTER_TURN
    if not is_straight and (is_turned or is_off_the_world):
        return json.dumps(geometry.with_axes_swapped(shape.geometry))
    return json.dumps(shape.geometry)
