"""Make the file of an extract from pages of GeoJSON or GML. Confined (`preview.reader`)."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import shapely
from pyogrio import raw
from pyproj import Transformer
from shapely.errors import ShapelyError
from shapely.geometry import mapping, shape

from ckanext.ecosphere.access.preview import geo
from ckanext.ecosphere.access.preview.kinds import PreviewError
from ckanext.ecosphere.dataset.view import Values
from ckanext.ecosphere.shared import csv_table
from ckanext.ecosphere.shared.confinement import coordinates

Feature = Values

DEGREES = "EPSG:4326"
ID = "id"
README = "LISEZ-MOI.txt"
MOST_MEASURES = 20
_MEASURE = re.compile(
    r"(?:^|_)(?:surf(?:aces?)?|superf(?:icie)?|contenance|aire|area|perim(?:etr?e?)?|longueur"
    r"|lineaire|length|leng|ha|m2|km2|hectares?)(?:\d|_|$)",
    re.IGNORECASE,
)
"""Names of attributes with an area or length; "long" is a longitude as often."""
MOST_FIELDS, MOST_OF_A_PAGE = 200, 20_000
LONGEST_FIELD, LONGEST_VALUE = 100, 10_000
#: Ids of the geometry types of shapely, in families: points, lines and areas, the simple type
#: first.
_FAMILIES = ((0, 4), (1, 5), (3, 6))
_NAMES = {
    0: "Point",
    4: "MultiPoint",
    1: "LineString",
    5: "MultiLineString",
    3: "Polygon",
    6: "MultiPolygon",
}


def make(job: Values) -> Values:
    """Write an extract.

    Args:
        job: `pages` (files of GeoJSON or GML), `output`, `format` (id), `driver` (of GDAL), `crs`,
            `attributes`, `clip` (geometry to clip features to, or None), `box`, `most` (maximum
            number of features), `notice` (text that goes with the file) and `warning` (about
            measures).

    Returns:
        `features`, `cut` (whether there were more), `size` in bytes, `measures` (attributes with
        the area or length of objects that were clipped).

    Raises:
        PreviewError: no feature remains, none has the chosen attributes, or a page is invalid.
    """
    area = box = None
    if job.get("clip"):
        area = shape(job["clip"])
    if job.get("box"):
        box = shapely.box(*job["box"])
    features: list[Feature] = []
    ids: set[str] = set()
    for page in job["pages"]:
        for feature in _read(Path(page)):
            id_ = str(feature.get("id") or "")
            if id_ and id_ in ids:
                continue  # the server started again from the beginning
            ids.add(id_)
            part = _part(feature, area, box, job["attributes"])
            if part:
                features.append(part)
    if not features:
        raise PreviewError("nothing-found")
    if job["attributes"] and not _names_of(features):
        raise PreviewError("bad-columns")
    is_cut = len(features) > job["most"]
    features = features[: job["most"]]
    measures = []
    if area is not None:
        measures = list(filter(_MEASURE.search, _names_of(features)))[:MOST_MEASURES]
    if measures:
        warning = job["warning"].format(names=", ".join(measures))
        job = {**job, "notice": f"{job['notice']}\n\n{warning}"}
    output = Path(job["output"])
    _write(features, output, job)
    size = output.stat().st_size
    return {"features": len(features), "cut": is_cut, "size": size, "measures": measures}


def _names_of(features: list[Feature]) -> list[str]:
    names: dict[str, None] = {}
    for feature in features:
        names.update(dict.fromkeys(feature["properties"]))
    return list(names)


# --- reading --------------------------------------------------------------------------------------


def _read(path: Path) -> list[Feature]:
    if path.suffix == ".gml":
        return list(_of_gml(path))
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise PreviewError("not-json") from error
    if not isinstance(document, dict) or not isinstance(document.get("features"), list):
        raise PreviewError("other-json")
    return [feature for feature in document["features"] if isinstance(feature, dict)]


def _of_gml(path: Path) -> Iterator[Feature]:
    """Yield the features of a page of GML, in degrees."""
    page = geo.read(path, MOST_OF_A_PAGE)
    shapes = geo.shapes_of(page.geometries)
    move = coordinates.to_degrees(page.info.get("crs"))
    if move is not None:
        shapes = shapely.transform(shapes, move)
    for row, geometry in enumerate(shapes):
        cells = [geo.plain(column[row]) for column in page.columns]
        properties = dict(zip(page.names, cells, strict=True))
        properties.pop("gml_id", None)
        yield {"properties": properties, "geometry": _mapping(geometry)}


def _mapping(geometry: Any) -> Values | None:
    if geometry is None or geometry.is_empty:
        return None
    return mapping(geometry)


def _part(feature: Feature, area: Any, box: Any, attributes: list[str]) -> Feature | None:
    """Return a feature clipped to the area, with the chosen attributes that it has.

    None if it is outside.
    """
    properties = feature.get("properties")
    if not isinstance(properties, dict):
        properties = {}
    has_id = isinstance(feature.get("id"), str | int)
    if has_id and ID not in properties:
        # Top-level in GeoJSON, but a column in the preview.
        properties = {ID: feature["id"], **properties}
    if attributes:
        properties = {name: properties[name] for name in attributes if name in properties}
    try:
        geometry = _clipped(feature.get("geometry"), area, box)
    except (ShapelyError, ValueError, TypeError, LookupError, AttributeError):
        return None  # an invalid geometry
    if geometry is None and (area is not None or box is not None):
        return None
    plain = {}
    for name, value in list(properties.items())[:MOST_FIELDS]:
        plain[str(name)[:LONGEST_FIELD]] = _plain(value)
    part = {"type": "Feature", "properties": plain, "geometry": _mapping(geometry)}
    if has_id:
        part["id"] = feature["id"]
    return part


def _clipped(written: Any, area: Any, box: Any) -> Any:
    """Return a geometry clipped to an area, or None if it is outside of it or of a box."""
    if not written:
        return None
    geometry = shapely.force_2d(shape(written))
    if box is not None and not geometry.intersects(box):
        return None
    if area is None:
        return geometry
    if not geometry.intersects(area):
        return None
    return shapely.make_valid(geometry).intersection(area)


def _plain(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)[:LONGEST_VALUE]
    return value


# --- writing --------------------------------------------------------------------------------------


def _write(features: list[Feature], output: Path, job: Values) -> None:
    if job["format"] == "csv":
        table = output.with_name("extrait.csv")
        _write_csv(features, table, job["crs"])
        _zip(output, [table], job["notice"])
        return
    is_plain = job["format"] == "geojson" and job["crs"] == DEGREES
    if not is_plain:
        for feature in features:
            feature.pop("id", None)  # GDAL would turn it into an additional attribute
    content = {"type": "FeatureCollection", "description": job["notice"], "features": features}
    source = output.with_name("extract.geojson")
    source.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    if is_plain:
        source.rename(output)
        return
    folder = output.with_name("made")
    folder.mkdir()
    target = folder / f"extrait.{job['format']}"
    _convert(source, target, job)
    if job["format"] == "shp":
        _zip(output, sorted(folder.iterdir()), job["notice"])
    else:
        target.rename(output)


def _convert(source: Path, target: Path, job: Values) -> None:
    """Write GeoJSON in another format or reference system, with GDAL."""
    options: dict[str, Values] = {
        "geojson": {"RFC7946": "NO", "DESCRIPTION": job["notice"]},
        "gpkg": {"DESCRIPTION": job["notice"]},
        "shp": {"ENCODING": "UTF-8"},
    }
    meta, _ids, geometries, values = raw.read(source, datetime_as_string=True)
    shapes = _moved(shapely.from_wkb(geometries), job["crs"])
    kind, is_written, promote = _kind(shapes, single=job["format"] == "shp")
    raw.write(
        target,
        shapely.to_wkb(shapes[is_written]),
        [column[is_written] for column in values],
        list(meta["fields"]),
        driver=job["driver"],
        crs=job["crs"],
        geometry_type=kind,
        promote_to_multi=promote,
        layer="extrait",
        **options[job["format"]],
    )


def _zip(output: Path, parts: list[Path], notice: str) -> None:
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in parts:
            archive.write(part, part.name)
        archive.writestr(README, notice.replace("\n", "\r\n") + "\r\n")


def _moved(shapes: Any, crs: str) -> Any:
    if crs == DEGREES:
        return shapes
    transformer = Transformer.from_crs(DEGREES, crs, always_xy=True)
    return shapely.transform(shapes, coordinates.mover(transformer))


def _kind(shapes: Any, *, single: bool) -> tuple[str, Any, bool]:
    """Return what a file of these geometries holds.

    Args:
        shapes: the geometries.
        single: whether all must be of one family, as in a Shapefile: of others than the most
            frequent one, none is written.

    Returns:
        geometry type of the file, mask of the features to write, whether to promote them to
        multi-geometries.
    """
    kinds = shapely.get_type_id(shapes)  # -1 without geometry
    everything = numpy.ones(len(shapes), dtype=bool)
    counts = [int(numpy.isin(kinds, family).sum()) for family in _FAMILIES]
    if not any(counts):
        return "Unknown", everything, False
    family = _FAMILIES[counts.index(max(counts))]
    is_own = numpy.isin(kinds, family)
    if not (is_own | (kinds == -1)).all():
        if not single:
            return "Unknown", everything, False
        everything = is_own
    own = set(kinds[is_own].tolist())
    if len(own) == 1:
        return _NAMES[own.pop()], everything, False
    return _NAMES[family[1]], everything, True


def _write_csv(features: list[Feature], output: Path, crs: str) -> None:
    """Write a CSV for spreadsheets, with a point and the WKT of each feature.

    Formulas are neutralised.
    """
    names = _names_of(features)
    shapes = [feature["geometry"] and shape(feature["geometry"]) for feature in features]
    moved = _moved(numpy.array(shapes, dtype=object), crs)

    def rows() -> Iterator[list[Any]]:
        for feature, geometry in zip(features, moved, strict=True):
            cells = [feature["properties"].get(name) for name in names]
            place: list[Any] = ["", "", ""]
            if geometry is not None and not geometry.is_empty:
                point = geometry.representative_point()
                place = [point.x, point.y, shapely.to_wkt(geometry, 6)]
            yield [*cells, *place]

    header = [*map(csv_table.cell, names), "x", "y", "wkt"]
    with output.open("w", encoding="utf-8", newline="") as file:
        file.writelines(csv_table.lines(header, rows()))
