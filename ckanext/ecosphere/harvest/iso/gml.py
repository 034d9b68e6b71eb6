"""Convert GML geometries (3.2 and older) to GeoJSON in longitudes and latitudes. Pure functions.

Lambert coordinates in metres are converted. Axis order: latitude first when the CRS is a URL or URN, as EPSG defines
it; longitude first for ``EPSG:4326``, CRS84 or no CRS (OGC 09-048r5; GeoServer, GeoNetwork). Producers mix these up:
the rules compare the result with the bounding boxes of the record and swap the axes if needed.
"""

from __future__ import annotations

import math
import re
from typing import Any

from lxml import etree

from ckanext.ecosphere.dataset.geometry import LAMBERT_2_EXTENDED, LAMBERT_93
from ckanext.ecosphere.dataset.geometry import Projection as Cone
from ckanext.ecosphere.shared.hardened_xml import local_name

MAX_NUMBERS = 20_000
"""Maximum numbers of one geometry, including all its parts."""
_CODE = re.compile(r"(?:^|[:/#])([a-z0-9]{4,20})$")
_CONES = {
    **dict.fromkeys(("2154", "9794", "lamb93", "rgf93lamb93"), LAMBERT_93),
    **dict.fromkeys(("27572", "27582", "lambe", "ntflambe"), LAMBERT_2_EXTENDED),
}
"""EPSG and IGN codes → projection used on the mainland, in metres, easting first."""
_DECIMALS = 6
_GEOGRAPHIC = re.compile(r"(?:4326|4979|4258|4171|crs84)$", re.IGNORECASE)
_LATITUDE_FIRST = re.compile(r"(?:/crs/epsg/|:crs:epsg:)[\d.]*[/:]\d+$", re.IGNORECASE)
_MANY = {
    "MultiPoint": ("Point", "MultiPoint"),
    "MultiCurve": ("LineString", "MultiLineString"),
    "MultiLineString": ("LineString", "MultiLineString"),
    "MultiSurface": ("Polygon", "MultiPolygon"),
    "MultiPolygon": ("Polygon", "MultiPolygon"),
}

_NUMBERS = ("{*}pos", "{*}posList", "{*}coordinates")
"""Elements that hold positions."""

Position = list[float]
Axes = bool | Cone
"""Whether latitude comes first, or the projection of the positions."""


def geometry(element: etree._Element) -> dict[str, Any] | None:
    """Return a geometry as GeoJSON; None if it is not supported (another CRS, arcs) or too large."""
    names = [(part.get("srsName") or "").strip() for part in element.iter(etree.Element)]
    name = next(filter(None, names), "")
    code = _CODE.search(name.lower())
    cone = _CONES.get(code.group(1)) if code else None
    if name and not cone and not _GEOGRAPHIC.search(name):
        return None
    texts = [part.text or "" for part in element.iter(*_NUMBERS)]
    if sum(len(text.split()) for text in texts) > MAX_NUMBERS:
        return None
    try:
        shape = _geometry(element, cone or bool(_LATITUDE_FIRST.search(name)))
    except ValueError:
        return None
    if not shape or not shape["coordinates"]:
        return None
    return shape


def _geometry(element: etree._Element, axes: Axes) -> dict[str, Any] | None:
    kind = local_name(element)
    if kind in _MANY:
        single, collection = _MANY[kind]
        members = [_single(part, single, axes) for part in element.iter(f"{{*}}{single}")]
        return {"type": collection, "coordinates": members}
    if kind == "Envelope":
        return {"type": "Polygon", "coordinates": [_envelope(element, axes)]}
    if kind in _SINGLE:
        return {"type": kind, "coordinates": _single(element, kind, axes)}
    return None


_SINGLE = ("Point", "LineString", "Polygon")


def _single(element: etree._Element, kind: str, axes: Axes) -> Any:
    if kind == "Polygon":
        rings = [_positions(ring, axes) for ring in element.iter("{*}LinearRing")]
        if not rings or not all(map(_is_ring, rings)):
            raise ValueError("ring")
        return rings
    positions = _positions(element, axes)
    if not positions:
        raise ValueError("empty")
    if kind == "Point":
        return positions[0]
    return positions


def _is_ring(positions: list[Position]) -> bool:
    """Return whether positions are a closed ring (RFC 7946, 3.1.6)."""
    return len(positions) >= 4 and positions[0] == positions[-1]  # noqa: PLR2004


def _envelope(element: etree._Element, axes: Axes) -> list[Position]:
    """Return the ring around two opposite corners."""
    corners = []
    for name in ("lower", "upper"):
        for corner in element.iterfind(f"{{*}}{name}Corner"):
            corners.append(_checked(_numbers(corner.text)[:2], axes))
    (west, south), (east, north) = corners
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def _positions(element: etree._Element, axes: Axes) -> list[Position]:
    """Read ``pos``, ``posList`` or the older ``coordinates``."""
    positions: list[Position] = []
    for child in element.iter(*_NUMBERS):
        kind = local_name(child)
        if kind == "coordinates":
            for pair in (child.text or "").split():
                positions.append([float(number) for number in pair.split(",")])
            continue
        numbers = _numbers(child.text)
        size = int(child.get("srsDimension") or element.get("srsDimension") or 2)
        if kind == "pos":
            size = len(numbers)
        if size not in (2, 3) or len(numbers) % size:
            raise ValueError("dimension")
        positions += [numbers[i : i + size] for i in range(0, len(numbers), size)]
    return [_checked(position[:2], axes) for position in positions]


def _numbers(text: str | None) -> list[float]:
    return [float(number) for number in (text or "").split()]


def _checked(position: Position, axes: Axes) -> Position:
    if isinstance(axes, Cone):
        if not axes.holds(*position):
            raise ValueError("world")
        return [round(number, _DECIMALS) for number in axes.to_degrees(*position)]
    x, y = position
    if axes:
        x, y = y, x
    for degrees in (x, y):
        if not math.isfinite(degrees) or abs(degrees) > 180:  # noqa: PLR2004
            raise ValueError("world")
    return [x, y]
