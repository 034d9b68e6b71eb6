"""Places and boxes of the form: suggestions, territories of a box, footprint of a dataset. No CKAN
imports.

The boxes and geometries that people write are checked here; `dataset.geometry` computes with valid
ones.

All coordinates are WGS 84 degrees, longitude first (RFC 7946). A box is
``(west, south, east, north)``;
west > east means that it crosses the 180th meridian, and its polygon is then cut in two (RFC 7946,
3.1.9).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy
import shapely
from ckan.types import DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.geometry import (
    HALF_TURN,
    MAX_POSITIONS,
    QUARTER_TURN,
    Box,
    area,
    box_to_geometry,
    crosses_the_pacific,
    holds,
    hull,
)
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.vocabularies import communes, epcis, gazetteer

MOST = 20
"""Maximum number of suggestions; territories take half of them at most."""
MOST_TERRITORIES = 5
"""Maximum number of territories that are proposed for a box."""


def suggest(text: str, lang: str) -> list[dict[str, str]]:
    """Return territories and communes that match a text, 20 at most: ``uri`` and ``label``."""
    words = _words(text)
    if not words:
        return []
    places = []
    for concept in voc.get("territories"):
        names = " ".join((concept.label_fr, concept.label_en, *concept.alt_labels))
        if _begins(words, names):
            places.append({"uri": concept.uri, "label": concept.label(lang)})
    places = places[: MOST // 2]
    for commune in communes.suggest(text, MOST - len(places)):
        places.append({"uri": commune.uri, "label": commune.label})
    return places


def suggest_epcis(text: str, lang: str) -> list[DataDict]:
    """Return the intercommunalities (EPCI) that match a text, the most populous first, 20 at most.

    Returns:
        dicts as of `epcis.described`.
    """
    words = _words(text)
    if not words:
        return []
    matching = [
        epci
        for epci in epcis.epcis().values()
        if text.strip() == epci.code or _begins(words, epci.name)
    ]
    matching.sort(key=lambda epci: -epci.population)
    return [epcis.described(epci, lang) for epci in matching[:MOST]]


def _words(text: str) -> list[str]:
    """Return the normalised words of a text; none for a single letter, which is in all names."""
    words = voc.normalise(text).split()
    if len("".join(words)) < 2:  # noqa: PLR2004 - letters
        return []
    return words


def _begins(words: list[str], name: str) -> bool:
    """Tell whether each word is the beginning of a word of a name."""
    normalised = f" {voc.normalise(name)}"
    return all(f" {word}" in normalised for word in words)


def label(uri: str, lang: str) -> str:
    """Return the name of a place, or its URI when unknown."""
    concept = voc.get("territories").get(uri)
    if concept:
        return concept.label(lang)
    commune = communes.get(uri)
    if commune:
        return commune.label
    return uri


#: Type of territory → column with its INSEE code.
_CODES = {
    "departement": "departement_code",
    "outre-mer": "departement_code",
    "region": "insee_region",
}


def level(uri: str) -> tuple[str, str]:
    """Return the level of a place (a type of `territories.csv`, or "commune") and its INSEE code;
    "" when unknown.
    """
    concept = voc.get("territories").get(uri)
    if concept:
        kind = concept.data["type"]
        column = _CODES.get(kind, "")
        return kind, concept.data.get(column) or ""
    commune = communes.get(uri)
    if commune:
        return "commune", commune.code
    return "", ""


def territory_box(uri: str) -> Box | None:
    """Return the box of a territory; None for an unknown one and for "Hors de France".

    Boxes of communes are not available: that of the intercommunality is used, clipped to the
    département.
    """
    if not isinstance(uri, str) or not uri:  # not validated: computed even after errors
        return None
    commune = communes.get(uri)
    if commune is None:
        return _box_of_concept(voc.get("territories").get(uri))
    box = _box_of_concept(gazetteer.departements().get(commune.departement))
    outline = epcis.outlines().get(commune.epci)
    if box is None or outline is None:
        return box
    return _clipped(box, outline.box)


def _box_of_concept(territory: voc.Concept | None) -> Box | None:
    if territory is None or territory.data["type"] == "autre":
        return None
    return territory.data["bbox"]


def _clipped(box: Box, other: Box) -> Box:
    """Return the part of a box that lies in another one; all of it if they do not intersect."""
    west, south = max(box[0], other[0]), max(box[1], other[1])
    east, north = min(box[2], other[2]), min(box[3], other[3])
    if west >= east or south >= north:
        return box
    return west, south, east, north


def box_of(uris: Iterable[str]) -> Box | None:
    """Return the smallest box around territories; None if none of them has a box.

    Boxes across the 180th meridian are left out, unless there are no others: the first one then.
    """
    boxes = list(filter(None, map(territory_box, uris)))
    uncut = [box for box in boxes if box[0] <= box[2]]
    if uncut:
        return hull(uncut)
    return next(iter(boxes), None)


def territories_of(box: Box, lang: str) -> list[dict[str, str]]:
    """Return the few smallest territories that contain a box, smallest first:
    ``uri`` and ``label``.
    """
    around = []
    for concept in voc.get("territories"):
        outer = _box_of_concept(concept)
        if outer and holds(outer, box, margin=0):
            around.append(concept)
    around.sort(key=lambda concept: area(concept.data["bbox"]))
    smallest = around[:MOST_TERRITORIES]
    return [{"uri": concept.uri, "label": concept.label(lang)} for concept in smallest]


# --- boxes and geometries --------------------------------------------------------------------

_NUMBERS = re.compile(r"[-+]?\d+(?:[.,]\d+)?")
_BOX_TEXT = re.compile(
    r"(?:[-+]?\d{1,20}(?:\.\d{1,30})?\s{0,9}[,; ]\s{0,9}){3}[-+]?\d{1,20}(?:\.\d{1,30})?"
)
#: French notation with decimal commas, so the numbers must be separated otherwise.
_COMMA_BOX_TEXT = re.compile(
    r"(?:[-+]?\d{1,20}(?:,\d{1,30})?(?:\s{0,9};\s{0,9}|\s{1,9})){3}[-+]?\d{1,20}(?:,\d{1,30})?"
)
TYPES = ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon")
MAX_HEIGHT = 1e8
"""Metres above or below the ellipsoid; anything beyond is a mistake."""
REASONS = ("format", "world", "order", "type", "ring", "size")
"""Reasons why a box or geometry is invalid; the validators have a sentence for each."""


class GeometryError(ValueError):
    """An invalid box or geometry.

    Attributes:
        reason: ``format``, ``world`` (out of range), ``order`` (of the sides), ``type`` (of the
            geometry), ``ring`` (not closed) or ``size`` (too many positions).
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _in_world(longitude: float, latitude: float) -> bool:
    return abs(longitude) <= HALF_TURN and abs(latitude) <= QUARTER_TURN


def check_box(box: Box) -> Box:
    """Return ``box`` if its coordinates are in range and in the right order.

    Raises:
        GeometryError: "format" for infinite numbers, "world" for coordinates out of range, "order"
            if south > north, or west > east without crossing the 180th meridian over the Pacific.
    """
    west, south, east, north = box
    if not all(math.isfinite(side) for side in box):
        raise GeometryError("format")
    if not (_in_world(west, south) and _in_world(east, north)):
        raise GeometryError("world")
    if south > north or (west > east and not crosses_the_pacific(west, east)):
        raise GeometryError("order")
    return box


def parse_box(value: Any) -> DataDict:
    """Return a box as a GeoJSON geometry.

    Args:
        value: "west, south, east, north" as text ("4,72 45,61 6,18 46,52" too), four numbers, or a
            GeoJSON polygon (object or text).

    Raises:
        GeometryError: it is invalid.
    """
    if isinstance(value, str):
        value = _numbers(value.strip()) or value
    if isinstance(value, (list, tuple)):
        try:
            west, south, east, north = map(float, value)
        except (TypeError, ValueError, OverflowError) as error:
            raise GeometryError("format") from error
        return box_to_geometry(check_box((west, south, east, north)))
    geometry = parse_geometry(value)
    if geometry["type"] not in ("Polygon", "MultiPolygon"):
        raise GeometryError("type")
    return geometry


def _numbers(text: str) -> list[str]:
    """Return the numbers of a box written as text, with decimal points; none for another text."""
    if _BOX_TEXT.fullmatch(text):
        return _NUMBERS.findall(text.replace(",", " ").replace(";", " "))
    if _COMMA_BOX_TEXT.fullmatch(text):
        return [number.replace(",", ".") for number in _NUMBERS.findall(text)]
    return []


def parse_geometry(value: Any) -> DataDict:
    """Validate a GeoJSON geometry and return it with only ``type`` and ``coordinates``.

    Args:
        value: a GeoJSON geometry as an object or as text.

    Raises:
        GeometryError: it is invalid.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise GeometryError("format") from error
    if not isinstance(value, Mapping) or not isinstance(value.get("coordinates"), list):
        raise GeometryError("format")
    if value.get("type") not in TYPES:
        raise GeometryError("type")
    geometry = {"type": value["type"], "coordinates": value["coordinates"]}
    positions = shapely.get_coordinates(_parsed(geometry), include_z=True)
    if not len(positions):
        raise GeometryError("format")
    if len(positions) > MAX_POSITIONS:
        raise GeometryError("size")
    if (numpy.abs(positions) > (HALF_TURN, QUARTER_TURN, MAX_HEIGHT)).any():
        raise GeometryError("world")
    for polygon in _polygons(geometry):
        if any(len(ring) < 4 for ring in polygon):  # noqa: PLR2004 - RFC 7946, 3.1.6
            raise GeometryError("ring")
    return geometry


def _parsed(geometry: Row) -> Any:
    """Return a GeoJSON geometry as one of shapely.

    Raises:
        GeometryError: "ring" for one that is not closed, "format".
    """
    try:
        return shapely.from_geojson(json.dumps(geometry))
    except (shapely.GEOSException, TypeError, ValueError, RecursionError) as error:
        if "LinearRing" in str(error):
            raise GeometryError("ring") from error
        raise GeometryError("format") from error


def _polygons(geometry: Row) -> list[Any]:
    """Return the polygons of a geometry; none for points and lines."""
    if geometry["type"] == "Polygon":
        return [geometry["coordinates"]]
    if geometry["type"] == "MultiPolygon":
        return geometry["coordinates"]
    return []


def geometry_to_box(geometry: Row) -> Box:
    """Return the smallest box around ``geometry`` (never crossing the 180th meridian)."""
    west, south, east, north = _parsed(geometry).bounds
    return west, south, east, north


def sides(geometry: Row) -> Box | None:
    """Return the sides of a box, including one cut at the 180th meridian (west > east).

    None for other shapes.
    """
    if geometry["type"] == "MultiPolygon":
        polygons = geometry["coordinates"]
        easternmost = max(position[0] for position in polygons[0][0])
        if easternmost != HALF_TURN or len(polygons) != 2:  # noqa: PLR2004 - cut in two
            return None
        # As `box_to_geometry` cuts it: the part west of the meridian comes first.
        first, second = (
            geometry_to_box({"type": "Polygon", "coordinates": polygon}) for polygon in polygons
        )
        return first[0], first[1], second[2], first[3]
    box = geometry_to_box(geometry)
    if geometry != box_to_geometry(box):
        return None
    return box


def footprint(dataset: Row) -> DataDict | None:
    """Return the footprint of a dataset, from its spatial coverage or else its territories.

    Args:
        dataset: dataset with ``spatial_coverage`` (list of ``uri``, ``geom``, ``bbox``...) and
            ``territory`` (list of URIs), both optional.

    Returns:
        a GeoJSON geometry, or ``None`` without any location.
    """
    rows = (row for row in dataset.get("spatial_coverage") or () if isinstance(row, Mapping))
    shapes = list(filter(None, map(_shape_of, rows)))
    if not shapes:
        shapes = list(filter(None, map(_territory_shape, dataset.get("territory") or ())))
    return _merge(shapes)


def is_derived(dataset: Row) -> bool:
    """Return whether ``spatial`` of a dataset is its footprint,
    rather than a geometry of its own.
    """
    derived = footprint(dataset)
    return derived is not None and json.dumps(derived) == dataset.get("spatial")


def shape(row: Row, key: str) -> DataDict | None:
    """Return the geometry of a row, such as its ``bbox`` or ``geom``.

    None if there is none or it is invalid.
    """
    if not row.get(key):
        return None
    try:
        if key == "bbox":
            return parse_box(row[key])
        return parse_geometry(row[key])
    except GeometryError:
        return None


def _shape_of(row: Row) -> DataDict | None:
    """Return the most exact shape of a row of the spatial coverage: geometry, box,
    or that of its territory.
    """
    return shape(row, "geom") or shape(row, "bbox") or _territory_shape(row.get("uri") or "")


def _territory_shape(uri: str) -> DataDict | None:
    box = territory_box(uri)
    if box is None:
        return None
    return box_to_geometry(box)


def _merge(shapes: list[DataDict]) -> DataDict | None:
    """Return shapes as one; of several, points and lines become boxes."""
    distinct = list({json.dumps(shape): shape for shape in shapes}.values())
    if len(distinct) <= 1:
        return next(iter(distinct), None)
    polygons: list[Any] = []
    for shape in distinct:
        polygons += _polygons(shape) or _polygons(box_to_geometry(geometry_to_box(shape)))
    return {"type": "MultiPolygon", "coordinates": polygons}
