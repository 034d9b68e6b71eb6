"""Sample files with geometries by GDAL, in the confined process: limited in size, in degrees."""

from __future__ import annotations

import datetime
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy
import pyogrio
import shapely
from pyogrio import raw
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from ckanext.ecosphere.access.confinement import drivers
from ckanext.ecosphere.access.preview import parquet, tables
from ckanext.ecosphere.access.preview.errors import PreviewError

MOST_POINTS = 150_000
#: Approximate width of a map in pixels, to simplify geometries to the visible detail.
PIXELS = 3_000
DECIMALS = 6
#: Attributes that GDAL adds to all KML files, and their values when not used.
_OF_KML = frozenset(
    [
        "id",
        "description",
        "timestamp",
        "begin",
        "end",
        "altitudeMode",
        "tessellate",
        "extrude",
        "visibility",
        "drawOrder",
        "icon",
        "snippet",
    ]
)
_UNSAID = (None, "", -1, 0)
#: Parameters of PROJ and of WKT whose value is a file.
_FILES_OF_CRS = re.compile(r"(grids|file|init)\s*=|PARAMETERFILE", re.I)
#: Zoom at which a département is about one tile.
FEW_TILES = 8
#: Bytes of a dBASE table examined for its encoding, and valid UTF-8 characters required per invalid one.
LOOKED_AT, MOST_BROKEN = 4_000_000, 9
_ANSI = (0, 3, 87)


def open_info(path: Path, **options: Any) -> dict[str, Any]:
    """Return GDAL's information on the first layer with geometries, else on the first layer.

    Args:
        path: path of the file.
        options: open options of the driver.

    Raises:
        PreviewError: it cannot be read.
    """
    drivers.restrict()
    try:
        layers = pyogrio.list_layers(path)
        if not len(layers):
            raise PreviewError("unreadable")
        chosen = next((name for name, kind in layers if kind), layers[0][0])
        return {
            **pyogrio.read_info(path, layer=chosen, force_total_bounds=False, **options),
            "layer": chosen,
            "layers": len(layers),
        }
    except PreviewError:
        raise
    except Exception as error:
        raise PreviewError("unreadable") from error


def read(path: Path, most: int, skip_geometry: bool = False) -> tuple[dict[str, Any], Any, list[str], list[Any]]:
    """Read the first features: layer information, geometries (WKB), names and columns of attributes."""
    if path.suffix == ".parquet":
        return parquet.read(path, most, skip_geometry)
    options: dict[str, Any] = {"ZOOM_LEVEL": _zoom(path)} if path.suffix == ".pmtiles" else {}
    if encoding := _encoding(path):
        options["encoding"] = encoding
    info = open_info(path, **options)
    try:
        meta, _ids, geometries, values = raw.read(
            path,
            layer=info["layer"],
            max_features=most,
            read_geometry=not skip_geometry,
            datetime_as_string=True,
            **options,
        )
    except Exception as error:
        raise PreviewError("unreadable") from error
    return {**info, "crs": meta["crs"] or info.get("crs")}, geometries, list(meta["fields"]), values


def _encoding(path: Path) -> str | None:
    """Guess the encoding of a Shapefile or dBASE table that does not declare it; None if it does.

    GDAL would assume Latin-1, which has neither "œ" nor "’": most of these files are in Windows-1252, others in UTF-8.
    Byte 29 of the header is the "language driver": 0 if undeclared, 3 and 87 for Windows (ANSI).
    """
    table = path.with_suffix(".dbf")
    if path.suffix not in (".shp", ".dbf") or not table.is_file() or path.with_suffix(".cpg").is_file():
        return None
    with table.open("rb") as file:
        head, body = file.read(32), file.read(LOOKED_AT)
    if len(head) < 32 or head[29] not in _ANSI or body.isascii():  # noqa: PLR2004 - bytes of the header
        return None
    text = body.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    whole = len(text) - len(text.encode("ascii", "ignore")) - broken
    # Some characters may be truncated at the end of a field.
    return "UTF-8" if whole > MOST_BROKEN * broken else "CP1252"


def _zoom(path: Path) -> int:
    """Return the zoom at which tiles are read, a compromise between their number and detail.

    Bytes 100 and 101 of the header are the minimum and maximum zoom (PMTiles 3, "Header").
    """
    with path.open("rb") as file:
        least, greatest = file.read(102)[-2:]
    return min(max(least, FEW_TILES), greatest)


def to_degrees(crs: str | None) -> Any:
    """Return a function that transforms coordinates to degrees, None if they are in degrees or the CRS is missing.

    Raises:
        PreviewError: the CRS is unknown.
    """
    if not crs:
        return None
    known = _known(crs)
    if known.is_geographic and known.to_epsg() in (4326, 4258, None, 4171):
        return None
    return mover(Transformer.from_crs(known, "OGC:CRS84", always_xy=True))


def _known(crs: str) -> CRS:
    """Return a CRS by its code or definition; of one that is bound to another, the CRS itself.

    Raises:
        PreviewError: it is unknown, or names files: grids, or the initialisation files of old PROJ.
    """
    if _FILES_OF_CRS.search(crs):
        raise PreviewError("no-crs")
    try:
        known = CRS.from_user_input(crs)
    except CRSError as error:
        raise PreviewError("no-crs") from error
    if known.is_bound and known.source_crs:
        known = known.source_crs
    if any(part.is_bound for part in known.sub_crs_list):
        raise PreviewError("no-crs")  # bound by a transformation, which may read a grid
    return known


def mover(transformer: Transformer) -> Any:
    """Return a transformer as a function for `shapely.transform`."""
    return lambda points: numpy.column_stack(transformer.transform(points[:, 0], points[:, 1]))


def shapes_of(geometries: Any) -> Any:
    """Parse WKB geometries, in 2D; invalid ones become None."""
    return shapely.force_2d(shapely.from_wkb(numpy.asarray(geometries, dtype=object), on_invalid="ignore"))


def sample(path: Path, rows: int, most_bytes: int) -> dict[str, Any]:
    """Return the map and table of a file.

    Returns:
        as `tables.described`, with `total` (number of features in the file), `crs`, `geojson` (feature ids are row
        numbers) and `extent`; without geometries, only the table and `total`.

    Raises:
        PreviewError: nothing can be shown.
    """
    info, geometries, names, values = read(path, rows)
    if path.suffix == ".kml":
        names, values = _said(names, values)
    count = len(values[0]) if values else len(geometries) if geometries is not None else 0
    table = tables.described(names, ([plain(column[n]) for column in values] for n in range(count)), rows)
    total = int(info.get("features") or 0)
    found = {**table, "total": total if total >= count else count, "cut": total > count or table["cut"]}
    if geometries is None or all(each is None for each in geometries):
        return found
    shapes = shapes_of(geometries)
    if shapely.is_missing(shapes).all():  # all invalid, e.g. unclosed rings
        return found
    move = to_degrees(info.get("crs"))
    if move is not None:
        shapes = shapely.transform(shapes, move)
    bounds = shapely.total_bounds(shapes)
    if not all(map(math.isfinite, bounds)) or bounds[0] < -181 or bounds[2] > 181 or abs(bounds[1:4:2]).max() > 91:  # noqa: PLR2004
        raise PreviewError("no-crs")
    shapes = _lighter(shapes, bounds)
    features, points, size = [], 0, 0
    for number, geometry in enumerate(shapes):
        if geometry is None or geometry.is_empty:
            continue
        points += int(shapely.get_num_coordinates(geometry))
        feature = {"type": "Feature", "id": number, "properties": {}, "geometry": _rounded(geometry)}
        size += len(json.dumps(feature["geometry"], separators=(",", ":")))
        if points > MOST_POINTS or size > most_bytes:
            found["cut"] = found["map_cut"] = True
            break
        features.append(feature)
    crs = info.get("crs")
    extent = [round(float(side), DECIMALS) for side in bounds]
    return {
        **found,
        "crs": crs_name(crs),
        "extent": extent,
        "geojson": {"type": "FeatureCollection", "features": features},
    }


def _said(names: list[str], values: list[Any]) -> tuple[list[str], list[Any]]:
    """Drop the attributes that GDAL's KML driver adds to every file, if the file does not use them."""
    kept = [
        (name, column)
        for name, column in zip(names, values, strict=True)
        if name not in _OF_KML or any(plain(value) not in _UNSAID for value in column)
    ]
    return [name for name, _column in kept], [column for _name, column in kept]


def crs_name(crs: str | None) -> str:
    """Return a short name of a CRS: its code, else the name in its definition."""
    if not crs or len(crs) < 20:  # noqa: PLR2004
        return crs or ""
    try:
        return _known(crs).name[:100]
    except PreviewError:
        return ""


def _lighter(shapes: Any, bounds: Any) -> Any:
    tolerance = max(bounds[2] - bounds[0], bounds[3] - bounds[1]) / PIXELS
    return shapely.simplify(shapes, tolerance, preserve_topology=True) if tolerance > 0 else shapes


def _rounded(geometry: Any) -> dict[str, Any]:
    def walk(value: Any) -> Any:
        return round(value, DECIMALS) if isinstance(value, float) else [walk(each) for each in value]

    shown = shapely.geometry.mapping(geometry)
    if "geometries" in shown:
        return {"type": shown["type"], "geometries": [_rounded(each) for each in geometry.geoms]}
    return {"type": shown["type"], "coordinates": walk(shown["coordinates"])}


def plain(value: Any) -> Any:
    """Convert an attribute value to a plain Python value; None if it is missing."""
    if isinstance(value, numpy.generic):
        value = value.item()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004
        return int(value)  # GDAL reads integer columns with nulls as floats
    if isinstance(value, datetime.date | datetime.datetime):
        return value.isoformat()
    return value
