"""Geometries of others: repaired and bounded; files are read with GDAL, in the confined process. No
CKAN imports.

Every refusal is a `FileError`; `sites` in `studies/data/messages.yaml` has a sentence for each
code.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from ckanext.ecosphere.shared.confinement import confine
from ckanext.ecosphere.shared.confinement.confine import FileError
from ckanext.ecosphere.shared.confinement.process import serve

MODULE = "ckanext.ecosphere.shared.confinement.geofiles"
#: Geometries of one site, and bytes of an unpacked archive.
MOST_PARTS, MOST_UNPACKED = 2_000, 60 * 1024 * 1024
#: Beyond so many contacts of edges, for each edge and in addition, a geometry would take minutes to
#: repair.
CONTACTS_OF_AN_EDGE, MOST_CONTACTS = 12, 4_000
#: Edges that are compared with the others at once.
EDGES_AT_ONCE = 50
#: Degrees of longitude from which a geometry is taken to cross the 180th meridian.
WIDEST = 180
_EPSG = re.compile(r"(?:^|[:/])EPSG(?::[\d.]*:|[:/](?:0/)?)(\d{4,5})$", re.IGNORECASE)
_DOCTYPE = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
_HEAD = 64_000
_DIMENSIONS = {"Polygon": 2, "MultiPolygon": 2, "LineString": 1, "MultiLineString": 1}


# --- geometries ------------------------------------------------------------------------------


def of_geojson(text: str | bytes) -> list[BaseGeometry]:
    """Return the geometries in a GeoJSON text (RFC 7946), in degrees.

    A "crs" member (GeoJSON 2008) is read, since QGIS still writes it.

    Raises:
        FileError: it is not GeoJSON, or has too many parts.
    """
    from ckanext.ecosphere.shared import parsing

    try:
        document = parsing.load_json(text)
    except (ValueError, RecursionError):
        raise FileError("not-geojson") from None
    if not isinstance(document, dict) or not isinstance(document.get("type"), str):
        raise FileError("not-geojson")
    geometries: list[BaseGeometry] = []
    waiting: list[Any] = [document]
    number = 0
    while waiting:
        item = waiting.pop()
        if not isinstance(item, dict):
            continue
        number += 1
        if number > MOST_PARTS:
            raise FileError("too-many-parts")
        for name in ("features", "geometries"):
            if isinstance(item.get(name), list):
                waiting += item[name][: MOST_PARTS + 1]
        waiting.append(item.get("geometry"))
        if isinstance(item.get("coordinates"), list):
            geometries.append(_geometry(item))
    return in_degrees(geometries, _crs_of(document))


def _geometry(item: dict[str, Any]) -> BaseGeometry:
    is_of_many = str(item.get("type")).startswith("Multi")
    if is_of_many and len(item["coordinates"]) > MOST_PARTS:
        raise FileError("too-many-parts")  # before each part takes the time to be made
    try:
        return shapely.force_2d(shape(item))
    except (ShapelyError, ValueError, TypeError, LookupError, AttributeError, OverflowError):
        raise FileError("bad-geometry") from None


def _crs_of(document: dict[str, Any]) -> str:
    crs = document.get("crs")
    if not isinstance(crs, dict):
        return ""
    properties = crs.get("properties")
    name = ""
    if isinstance(properties, dict):
        name = str(properties.get("name") or "")[:200]
    code = _EPSG.search(name)
    if code:
        return f"EPSG:{code[1]}"
    if "CRS84" in name:
        return ""
    raise FileError("no-crs")


def in_degrees(geometries: list[BaseGeometry], crs: str) -> list[BaseGeometry]:
    """Return geometries in degrees.

    Raises:
        FileError: the coordinate system is unknown, or does not fit the coordinates.
    """
    from ckanext.ecosphere.shared.confinement import coordinates

    move = coordinates.to_degrees(crs)
    if move is None or not geometries:
        return geometries
    moved = [shapely.transform(geometry, move) for geometry in geometries]
    if not all(map(math.isfinite, shapely.total_bounds(moved))):
        raise FileError("wrong-crs")
    return moved


def cleaned(geometries: list[BaseGeometry], most_vertices: int) -> BaseGeometry:
    """Return geometries in degrees as one valid geometry: areas if there are any, else lines, else
    points.

    Raises:
        FileError: nothing is left, it lies outside the world, or is too large or too tangled.
    """
    parts = [part for part in shapely.get_parts(geometries) if not part.is_empty]
    while any(part.geom_type == "GeometryCollection" for part in parts):
        parts = [part for part in shapely.get_parts(parts) if not part.is_empty]
    if not parts:
        raise FileError("empty")
    if len(parts) > MOST_PARTS:
        raise FileError("too-many-parts")
    if sum(map(shapely.get_num_coordinates, parts)) > most_vertices:
        raise FileError("too-many-vertices")
    if not numpy.isfinite(shapely.get_coordinates(parts)).all():
        raise FileError("not-finite")
    _refuse_outside(shapely.total_bounds(parts))
    dimension = max(_DIMENSIONS.get(part.geom_type, 0) for part in parts)
    parts = [part for part in parts if _DIMENSIONS.get(part.geom_type, 0) == dimension]
    if len(parts) == 1 and parts[0].is_valid:
        return parts[0]
    _refuse_tangled(parts)
    whole = shapely.union_all([shapely.make_valid(part) for part in parts])
    if dimension == _DIMENSIONS["Polygon"]:
        areas = [part for part in shapely.get_parts(whole) if part.geom_type == "Polygon"]
        areas = [part for part in areas if part.area > 0]
        if not areas:
            raise FileError("empty")
        whole = shapely.union_all(areas)
    return whole


def _refuse_outside(bounds: Any) -> None:
    west, south, east, north = map(float, bounds)
    is_high = south < -90 or north > 90  # noqa: PLR2004
    if is_high or west < -360 or east > 360:  # noqa: PLR2004
        raise FileError("outside-world")
    if west < -180 or east > 180 or east - west > WIDEST:  # noqa: PLR2004
        raise FileError("antimeridian")


def _refuse_tangled(parts: list[BaseGeometry]) -> None:
    """Refuse geometries whose edges meet so often that GEOS would take minutes, and gigabytes,
    to join them.
    """
    edges = [edge for part in parts for edge in _edges(part)]
    most = CONTACTS_OF_AN_EDGE * len(edges) + MOST_CONTACTS
    tree = shapely.STRtree(edges)
    contacts = 0
    for begin in range(0, len(edges), EDGES_AT_ONCE):
        pairs = tree.query(edges[begin : begin + EDGES_AT_ONCE], predicate="intersects")
        contacts += pairs.shape[1]
        if contacts > most:
            raise FileError("self-crossing")


def _edges(part: BaseGeometry) -> list[BaseGeometry]:
    rings = [part]
    if part.geom_type == "Polygon":
        rings = list(shapely.get_rings(part))
    edges: list[BaseGeometry] = []
    for ring in rings:
        places = shapely.get_coordinates(ring)
        if len(places) > 1:
            ends = numpy.stack([places[:-1], places[1:]], axis=1)
            edges += shapely.get_parts(shapely.multilinestrings(ends)).tolist()
    return edges


# --- files -----------------------------------------------------------------------------------


def carry_out(job: dict[str, Any]) -> dict[str, Any]:
    """Write the geometry of a file as GeoJSON to `output`.

    Args:
        job: `input` and `output`, paths; `most_vertices`.

    Raises:
        FileError: it cannot be used.
    """
    geometry = cleaned(_read(_main_file(Path(job["input"]))), int(job["most_vertices"]))
    text = shapely.to_geojson(geometry)
    Path(job["output"]).write_text(text, encoding="utf-8")
    return {}


def _main_file(path: Path) -> Path:
    """Return the file that GDAL reads, with the extension by which it tells its format."""
    from ckanext.ecosphere.shared.confinement import archives, geopackage

    head = _head(path)
    if head.startswith(b"PK\x03\x04"):
        path = archives.unpack(path, path.parent, MOST_UNPACKED)
        head = _head(path)
    if path.suffix == ".shp":
        return path
    if head.startswith(b"SQLite format 3\x00"):
        copy, _total = geopackage.copied(path, path.parent, MOST_PARTS + 1)
        return copy
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"{"):
        return path.rename(path.with_suffix(".geojson"))
    if text.startswith(b"<") and b"<kml" in text.lower():
        if _DOCTYPE.search(path.read_bytes()):
            raise FileError("unreadable")
        return path.rename(path.with_suffix(".kml"))
    if not text:
        raise FileError("empty")
    raise FileError("unknown-format")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)


def _read(path: Path) -> list[BaseGeometry]:
    """Return the geometries of the first layer that has some, in degrees."""
    import pyogrio
    from pyogrio import raw

    confine.restrict_drivers()
    if path.suffix == ".geojson":
        return of_geojson(path.read_bytes())
    try:
        names = [name for name, kind in pyogrio.list_layers(path) if kind]
        meta, _ids, geometries, _values = raw.read(
            path,
            layer=next(iter(names), None),
            columns=[],
            max_features=MOST_PARTS + 1,
            force_2d=True,
        )
    except Exception as error:  # GDAL may fail in any way on crafted files
        raise FileError("unreadable") from error
    if geometries is None:
        raise FileError("empty")
    parsed = shapely.from_wkb(geometries, on_invalid="ignore")
    shapes = [part for part in parsed if part is not None]
    if not shapes:
        raise FileError("empty")
    if not meta["crs"] or "Undefined" in str(meta["crs"]):
        raise FileError("no-crs")
    return in_degrees(shapes, str(meta["crs"]))


if __name__ == "__main__":
    serve(carry_out)
