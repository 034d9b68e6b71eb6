"""Bounding boxes of geometry literals in RDF: WKT, GeoJSON, GML."""

from __future__ import annotations

import json
import re

from ckanext.ecosphere.dataset.geometry import Box as Sides
from ckanext.ecosphere.dataset.geometry import (
    Position,
    boxes_around,
    geometries_in,
    parts_of,
    parts_of_wkt,
)
from ckanext.ecosphere.dataset.places import touches_france
from ckanext.ecosphere.harvest.iso import gml
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import Box, as_boxes

MAX_TEXT = 1_000_000
"""Maximum length of a geometry, in characters; the rest is ignored."""
_FOUR_NUMBERS = re.compile(r"\s*-?\d+(?:\.\d+)?(?:\s*,\s*-?\d+(?:\.\d+)?){3}\s*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE]-?\d+)?")
_SYSTEM = re.compile(r"\s*(?:<([^<>]*)>|SRID=\d{1,6};)", re.IGNORECASE)
_WKT = re.compile(
    r"(?:MULTI)?(?:POLYGON|POINT|LINESTRING)|ENVELOPE|GEOMETRYCOLLECTION", re.IGNORECASE
)
_GML = re.compile(
    r"<(?:[\w.-]{1,40}:)?(?:Envelope|Point|LineString|Polygon|Multi[A-Z][a-z]{3,10})[\s>]"
)
_EPSG = re.compile(r"epsg[/:][\d.]*[/:](\d{4,5})$", re.IGNORECASE)
_LATITUDE_FIRST = {"4326", "4258", "4171", "4979", "4937", "4964"}
"""EPSG codes of geographic systems (WGS 84, ETRS89, RGF93) that are defined with latitude first."""


def boxes_of(text: str) -> list[Box]:
    """Return the bounding boxes of a WKT, GeoJSON or GML geometry, one per group of nearby parts; none if unreadable.

    Longitude comes first in CRS84 and without a reference system (GeoSPARQL 1.1, 8.5.1), latitude in EPSG:4326 and
    similar systems. A geometry that touches France only in the other order is read in that order.
    """
    bare = text[:MAX_TEXT].strip()
    if _GML.match(bare):
        return as_boxes(boxes_around(_of_gml(bare)))
    latitude_first = False
    system = _SYSTEM.match(bare)
    if system:
        bare = bare[system.end() :].strip()
        code = _EPSG.search((system.group(1) or "").strip())
        latitude_first = bool(code and code.group(1) in _LATITUDE_FIRST)
    if bare.startswith("{"):
        return as_boxes(boxes_around(_of_geojson(bare)))
    if _FOUR_NUMBERS.fullmatch(bare):  # ArcGIS: west, south, east, north
        west, south, east, north = (number.strip() for number in bare.split(","))
        return [Box(west, east, south, north)]
    return _of_wkt(bare, latitude_first)


def _of_wkt(text: str, latitude_first: bool) -> list[Box]:
    if not _WKT.match(text):
        return []
    if text[:8].upper() == "ENVELOPE":
        numbers = _NUMBER.findall(text)
        if len(numbers) != 4:  # noqa: PLR2004 - west, east, north, south
            return []
        west, east, north, south = map(float, numbers)
        return as_boxes([(west, south, east, north)])
    sides = boxes_around(parts_of_wkt(text[text.find("(") :]) or _in_pairs(text))
    turned = [(south, west, north, east) for west, south, east, north in sides]
    if latitude_first and not _only_straight(sides, turned):
        sides = turned
    return as_boxes(sides)


def _in_pairs(text: str) -> list[list[Position]]:
    """Read positions written with other separators than WKT's."""
    numbers = [float(number) for number in _NUMBER.findall(text)]
    if not numbers or len(numbers) % 2:
        return []
    return [list(zip(numbers[::2], numbers[1::2], strict=True))]


def _of_gml(text: str) -> list[list[Position]]:
    try:
        geometry = gml.geometry(parse_xml(text.encode("utf-8", "replace")))
    except RecordError:
        return []
    if geometry is None:
        return []
    return parts_of(geometry)


def _of_geojson(text: str) -> list[list[Position]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return []
    parts: list[list[Position]] = []
    for geometry in geometries_in(document):
        parts += parts_of(geometry)
    return parts


def _only_straight(sides: list[Sides], turned: list[Sides]) -> bool:
    """Tell whether a geometry touches France as written, and not with its axes swapped."""
    about = any(touches_france(each, widest=False) for each in sides)
    return about and not any(map(touches_france, turned))
