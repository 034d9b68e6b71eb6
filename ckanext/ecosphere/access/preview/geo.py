"""Sample files with GDAL, in the confined process: limited in size, with geometries in degrees."""

from __future__ import annotations

import datetime
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import pyogrio
import shapely
from pyogrio import raw

from ckanext.ecosphere.access.preview import tables
from ckanext.ecosphere.access.preview.kinds import PreviewError
from ckanext.ecosphere.dataset.view import Values
from ckanext.ecosphere.shared.confinement import confine
from ckanext.ecosphere.shared.confinement.coordinates import system, to_degrees

MOST_POINTS = 150_000
#: Approximate width of a map in pixels, to simplify geometries to the visible detail.
PIXELS = 3_000
DECIMALS = 6
#: Attributes that GDAL adds to all KML files, and their values when not used.
_OF_KML = frozenset(
    {
        "id", "description", "timestamp", "begin", "end", "altitudeMode", "tessellate", "extrude",
        "visibility", "drawOrder", "icon", "snippet",
    }
)  # fmt: skip
_UNUSED = (None, "", -1, 0)
#: Bytes of a dBASE table examined for its encoding, and valid UTF-8 characters required per invalid
#: one.
LOOKED_AT, VALID_PER_BROKEN = 4_000_000, 9
#: "Language drivers" in byte 29 of the header of dBASE: undeclared, and Windows (ANSI).
_DBF_HEADER, _LANGUAGE, _ANSI = 32, 29, (0, 3, 87)
_SHORTEST_DEFINITION = 20
#: Error of the ODS driver after about 10 MB of cells.
_TOO_MUCH = "Too much accumulated memory"


class Features(NamedTuple):
    """The first features of a file.

    Attributes:
        info: of the layer: `crs`, and `features`, the number that it says to have.
        geometries: WKB, in the order of the rows; None for a table without geometries.
        names: of the attributes.
        columns: values of each attribute.
    """

    info: Values
    geometries: Any
    names: list[str]
    columns: list[Any]


def read(path: Path, most: int) -> Features:
    """Read the first features of the first layer with geometries, else of the first layer.

    Raises:
        PreviewError: the file cannot be read.
    """
    if path.suffix == ".parquet":
        return _read_parquet(path, most)
    confine.restrict_drivers()
    encoding = _encoding(path)
    try:
        layers = pyogrio.list_layers(path)
        layer = next((name for name, geometry in layers if geometry), layers[0][0])
        info = pyogrio.read_info(path, layer=layer, encoding=encoding, force_total_bounds=False)
        meta, _ids, geometries, columns = raw.read(
            path,
            layer=layer,
            encoding=encoding,
            max_features=most,
            datetime_as_string=True,
        )
    except Exception as error:  # GDAL may fail in any way on crafted files
        if _TOO_MUCH in str(error):
            raise PreviewError("too-complex") from error
        raise PreviewError("unreadable") from error
    info["crs"] = meta["crs"] or info.get("crs")
    return Features(info, geometries, list(meta["fields"]), columns)


def _encoding(path: Path) -> str | None:
    """Guess the encoding of a Shapefile or dBASE table that does not declare it; None if it does.

    GDAL would assume Latin-1, which has neither "œ" nor "’": most of these files are in
    Windows-1252, others in UTF-8.
    """
    table = path.with_suffix(".dbf")
    is_table = path.suffix in (".shp", ".dbf") and table.is_file()
    if not is_table or path.with_suffix(".cpg").is_file():
        return None
    with table.open("rb") as file:
        head, body = file.read(_DBF_HEADER), file.read(LOOKED_AT)
    if len(head) < _DBF_HEADER or head[_LANGUAGE] not in _ANSI or body.isascii():
        return None
    text = body.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    valid = len(text) - len(text.encode("ascii", "ignore")) - broken
    # Some characters may be truncated at the end of a field.
    if valid > VALID_PER_BROKEN * broken:
        return "UTF-8"
    return "CP1252"


def crs_name(crs: str | None) -> str:
    """Return a short name of a CRS: its code, else the name in its definition."""
    if not crs or len(crs) < _SHORTEST_DEFINITION:
        return crs or ""
    try:
        return system(crs).name[:100]
    except PreviewError:
        return ""


def shapes_of(geometries: Any) -> Any:
    """Parse WKB geometries, in 2D; invalid ones become None."""
    wkb = numpy.asarray(geometries, dtype=object)
    return shapely.force_2d(shapely.from_wkb(wkb, on_invalid="ignore"))


def sample(path: Path, rows: int, most_bytes: int) -> Values:
    """Return the map and table of a file.

    Args:
        path: the file, with the extension of its format.
        rows: number of features to keep.
        most_bytes: maximum size of the map.

    Returns:
        as `tables.described`, with `total` (number of features in the file), `crs`, `geojson`
        (feature ids are row numbers) and `extent`; without geometries, only the table and `total`.

    Raises:
        PreviewError: nothing can be shown.
    """
    features = read(path, rows)
    names, columns = features.names, features.columns
    if path.suffix == ".kml":
        names, columns = _used(names, columns)
    count = 0
    if columns:
        count = len(columns[0])
    elif features.geometries is not None:
        count = len(features.geometries)
    declared = int(features.info.get("features") or 0)
    if declared > 0 and not count:
        raise PreviewError("unreadable")  # it has not the features that it says to have
    table = tables.described(names, _rows(columns, count), rows)
    total = max(declared, count)
    table.update(total=total, cut=total > count or table["cut"])
    if features.geometries is None:
        return table
    return {**table, **_map(features.geometries, features.info.get("crs"), most_bytes)}


def _map(geometries: Any, crs: str | None, most_bytes: int) -> Values:
    """Return `crs`, `extent` and `geojson`, and whether the map lacks features; empty if no
    geometry is valid.

    Raises:
        PreviewError: the geometries cannot be moved to degrees.
    """
    shapes = shapes_of(geometries)
    if shapely.is_missing(shapes).all():  # none, or all invalid, e.g. unclosed rings
        return {}
    move = to_degrees(crs)
    if move is not None:
        shapes = shapely.transform(shapes, move)
    bounds = shapely.total_bounds(shapes)
    if not _is_in_degrees(bounds):
        raise PreviewError("no-crs")
    tolerance = max(bounds[2] - bounds[0], bounds[3] - bounds[1]) / PIXELS
    if tolerance > 0:  # leave out details that a map of this extent does not show
        shapes = shapely.simplify(shapes, tolerance, preserve_topology=True)
    features, is_cut = _map_features(shapes, most_bytes)
    content: Values = {
        "crs": crs_name(crs),
        "extent": [round(float(side), DECIMALS) for side in bounds],
        "geojson": {"type": "FeatureCollection", "features": features},
    }
    if is_cut:
        content.update(cut=True, map_cut=True)
    return content


def _rows(columns: list[Any], count: int) -> Iterator[list[Any]]:
    for number in range(count):
        yield [plain(column[number]) for column in columns]


def _used(names: list[str], columns: list[Any]) -> tuple[list[str], list[Any]]:
    """Drop the attributes that GDAL's KML driver adds to every file, if the file lacks them."""
    used = {}
    for name, column in zip(names, columns, strict=True):
        if name not in _OF_KML or any(plain(value) not in _UNUSED for value in column):
            used[name] = column
    return list(used), list(used.values())


def _is_in_degrees(bounds: Any) -> bool:
    """Return whether bounds may be degrees; a degree beyond the ends of the world is tolerated."""
    west, south, east, north = bounds
    # Comparisons with NaN are false.
    return bool(west >= -181 and east <= 181 and south >= -91 and north <= 91)  # noqa: PLR2004


def _map_features(shapes: Any, most_bytes: int) -> tuple[list[Values], bool]:
    """Return the features of a map, and whether some are left out since they are too large."""
    features: list[Values] = []
    points = size = 0
    for number, shape in enumerate(shapes):
        if shape is None or shape.is_empty:
            continue
        geometry = _rounded(shapely.geometry.mapping(shape))
        points += int(shapely.get_num_coordinates(shape))
        size += len(json.dumps(geometry, separators=(",", ":")))
        if points > MOST_POINTS or size > most_bytes:
            return features, True
        features.append({"type": "Feature", "id": number, "properties": {}, "geometry": geometry})
    return features, False


def _rounded(value: Any) -> Any:
    """Return a GeoJSON geometry with rounded coordinates."""
    if isinstance(value, float):
        return round(value, DECIMALS)
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return value


def plain(value: Any) -> Any:
    """Convert an attribute value to a plain Python value; None if it is missing."""
    if isinstance(value, numpy.generic):
        value = value.item()
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004
            return int(value)  # GDAL reads integer columns with nulls as floats
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value


# --- Parquet and GeoParquet 1.1, for which the GDAL of pyogrio has no driver ---

# Arrow's own memory pools reserve more than the process may use.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
LONGEST_FOOTER = 8 * 1024 * 1024
MOST_COLUMNS = 200
_BOUNDS: Values = {
    "thrift_string_size_limit": LONGEST_FOOTER,
    "thrift_container_size_limit": 100_000,
    "pre_buffer": False,
}
#: Encodings of geometries by Arrow's own types, which are not read.
_NATIVE = frozenset(
    {"point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"}
)


def _read_parquet(path: Path, most: int) -> Features:
    """Read the first rows of a file.

    Raises:
        PreviewError: it cannot be read, or pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise PreviewError("no-preview") from error
    pyarrow.set_cpu_count(1)
    try:
        with parquet.ParquetFile(path, **_BOUNDS) as file:
            geometry, crs = _geometry(file.schema_arrow)
            names = [name for name in file.schema_arrow.names if name != geometry][:MOST_COLUMNS]
            names_to_read = list(names)
            if geometry:
                names_to_read.append(geometry)
            batch = next(file.iter_batches(most, columns=names_to_read, use_threads=False), None)
            total = file.metadata.num_rows
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise PreviewError("unreadable") from error
    info = {"features": total, "crs": crs}
    if not batch:
        return Features(info, None, names, [[] for _name in names])
    columns = [list(map(_cell, batch.column(name).to_pylist())) for name in names]
    geometries = None
    if geometry:
        geometries = batch.column(geometry).to_pylist()
    return Features(info, geometries, names, columns)


def _geometry(schema: Any) -> tuple[str | None, str | None]:
    """Return the name of the primary geometry column and its CRS; None for a table without one.

    Raises:
        PreviewError: the CRS is unknown (`"crs": null`), or the geometries are not WKB.
    """
    metadata = (schema.metadata or {}).get(b"geo")
    if metadata is None:
        return None, None
    try:
        geo = json.loads(metadata)
        name = geo["primary_column"]
        column = geo["columns"][name]
        encoding = str(column.get("encoding")).lower()
    except (KeyError, TypeError, AttributeError):
        return None, None
    if name not in schema.names:
        return None, None
    if encoding in _NATIVE:
        raise PreviewError("no-preview")
    if encoding != "wkb":
        raise PreviewError("unreadable")
    crs = column.get("crs", "OGC:CRS84")  # absent: degrees; null: unknown
    if crs is None:
        raise PreviewError("no-crs")
    if not isinstance(crs, str):
        crs = json.dumps(crs)
    return name, crs


def _cell(value: Any) -> Any:
    """Return a value as a table cell: lists and objects as text, None for bytes."""
    if isinstance(value, bytes):
        return None
    if isinstance(value, list | dict | tuple):
        return str(value)
    return value
