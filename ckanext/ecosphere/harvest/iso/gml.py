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

Position = list[float]
Axes = bool | Cone
"""Whether latitude comes first, or the projection of the positions."""


def geometry(element: etree._Element) -> dict[str, Any] | None:
    """Return a geometry as GeoJSON; None if it is not supported (another CRS, arcs) or too large."""
    name = next(filter(None, ((each.get("srsName") or "").strip() for each in element.iter(etree.Element))), "")
    written = sum(len((each.text or "").split()) for each in element.iter("{*}pos", "{*}posList", "{*}coordinates"))
    code = _CODE.search(name.lower())
    cone = _CONES.get(code.group(1)) if code else None
    if written > MAX_NUMBERS or (name and not cone and not _GEOGRAPHIC.search(name)):
        return None
    try:
        found = _geometry(element, cone or bool(_LATITUDE_FIRST.search(name)))
    except ValueError:
        return None
    return found if found and found["coordinates"] else None


def _geometry(element: etree._Element, axes: Axes) -> dict[str, Any] | None:
    kind = local_name(element)
    if kind in _MANY:
        single, several = _MANY[kind]
        parts = [_single(each, single, axes) for each in element.iter(f"{{*}}{single}")]
        return {"type": several, "coordinates": parts}
    if kind == "Envelope":
        return {"type": "Polygon", "coordinates": [_envelope(element, axes)]}
    return {"type": kind, "coordinates": _single(element, kind, axes)} if kind in _SINGLE else None


_SINGLE = ("Point", "LineString", "Polygon")


def _single(element: etree._Element, kind: str, axes: Axes) -> Any:
    if kind == "Polygon":
        rings = [_positions(ring, axes) for ring in element.iter("{*}LinearRing")]
        if not rings or any(len(ring) < 4 or ring[0] != ring[-1] for ring in rings):  # noqa: PLR2004 - RFC 7946, 3.1.6
            raise ValueError("ring")
        return rings
    positions = _positions(element, axes)
    if not positions:
        raise ValueError("empty")
    return positions[0] if kind == "Point" else positions


def _envelope(element: etree._Element, axes: Axes) -> list[Position]:
    """Return the ring around two opposite corners."""
    written = [corner for name in ("lower", "upper") for corner in element.iterfind(f"{{*}}{name}Corner")]
    corners = [_checked([float(number) for number in (each.text or "").split()][:2], axes) for each in written]
    (west, south), (east, north) = corners
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def _positions(element: etree._Element, axes: Axes) -> list[Position]:
    """Read ``pos``, ``posList`` or the older ``coordinates``."""
    found: list[Position] = []
    for child in element.iter("{*}pos", "{*}posList", "{*}coordinates"):
        size = int(child.get("srsDimension") or element.get("srsDimension") or 2)
        if local_name(child) == "coordinates":
            found += [[float(number) for number in part.split(",")] for part in (child.text or "").split()]
            continue
        numbers = [float(number) for number in (child.text or "").split()]
        if local_name(child) == "pos":
            size = len(numbers)
        if size not in (2, 3) or len(numbers) % size:
            raise ValueError("dimension")
        found += [numbers[start : start + size] for start in range(0, len(numbers), size)]
    return [_checked(position[:2], axes) for position in found]


def _checked(position: Position, axes: Axes) -> Position:
    if isinstance(axes, Cone):
        if not axes.holds(*position):
            raise ValueError("world")
        return [round(number, _DECIMALS) for number in axes.to_degrees(*position)]
    x, y = reversed(position) if axes else position
    if not (math.isfinite(x) and math.isfinite(y) and abs(x) <= 180 and abs(y) <= 180):  # noqa: PLR2004 - degrees
        raise ValueError("world")
    return [x, y]
