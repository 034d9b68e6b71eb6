"""Write GeoJSON geometries as GML 3.2 (ISO 19136) in EPSG:4326, latitude before longitude. No CKAN imports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ckanext.ecosphere.schemas.iso.xml import el

WGS_84 = "http://www.opengis.net/def/crs/EPSG/0/4326"
_MANY = {
    "MultiPoint": ("gml:MultiPoint", "gml:pointMember", "Point"),
    "MultiLineString": ("gml:MultiCurve", "gml:curveMember", "LineString"),
    "MultiPolygon": ("gml:MultiSurface", "gml:surfaceMember", "Polygon"),
}


def geometry(shape: Mapping[str, Any], name: str) -> Any:
    """Return the GML element of a (multi)point, (multi)line or (multi)polygon; heights are left out.

    Args:
        shape: a GeoJSON geometry.
        name: its ``gml:id``, and prefix of the ids of its parts.
    """
    made = _element(shape["type"], shape["coordinates"], name)
    made.set("srsName", WGS_84)
    return made


def _element(kind: str, coordinates: Any, name: str) -> Any:
    if kind in _MANY:
        element, member, single = _MANY[kind]
        parts = enumerate(coordinates, 1)
        return el(element, [el(member, _element(single, part, f"{name}-{n}")) for n, part in parts], gml_id=name)
    if kind == "Point":
        return el("gml:Point", el("gml:pos", text=_position(coordinates)), gml_id=name)
    if kind == "LineString":
        return el("gml:LineString", _positions(coordinates), gml_id=name)
    rings = [el("gml:LinearRing", _positions(ring)) for ring in coordinates]
    sides = [el("gml:interior" if number else "gml:exterior", ring) for number, ring in enumerate(rings)]
    return el("gml:Polygon", sides, gml_id=name)


def _positions(coordinates: Any) -> Any:
    return el("gml:posList", text=" ".join(map(_position, coordinates)))


def _position(coordinates: Any) -> str:
    longitude, latitude = coordinates[:2]
    return f"{latitude!r} {longitude!r}"
