"""Make the file of an extract from pages of GeoJSON or GML, in the sandboxed process (`preview.reader`)."""

from __future__ import annotations

import json
import re
import zipfile
from collections import Counter
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
from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.geo import mover
from ckanext.ecosphere.shared import csv_table

DEGREES = "EPSG:4326"
ID = "id"
README = "LISEZ-MOI.txt"
MOST_MEASURES = 20
_MEASURE = re.compile(
    r"(?:^|_)(?:surf(?:aces?)?|superf(?:icie)?|contenance|aire|area|perim(?:etr?e?)?|longueur|lineaire|length|leng|ha|m2"
    r"|km2|hectares?)(?:\d|_|$)",
    re.IGNORECASE,
)
"""Names of attributes with an area or length; "long" is a longitude as often."""
MOST_FIELDS, MOST_OF_A_PAGE = 200, 20_000


def make(job: dict[str, Any]) -> dict[str, Any]:
    """Write an extract.

    Args:
        job: `pages` (files of GeoJSON or GML), `output`, `format` (id), `driver` (of GDAL), `crs`, `attributes`,
            `clip` (geometry to clip features to, or None), `box`, `most` (maximum number of features), `notice` (text
            that goes with the file) and `warning` (about measures).

    Returns:
        `features`, `cut` (whether there were more), `size` in bytes, `measures` (attributes with the area or length of
        objects that were clipped).

    Raises:
        PreviewError: no feature remains, or a page is invalid.
    """
    area = shape(job["clip"]) if job.get("clip") else None
    box = shapely.box(*job["box"]) if job.get("box") else None
    features: list[dict[str, Any]] = []
    seen: set[str] = set()
    for page in job["pages"]:
        for feature in _read(Path(page)):
            key = str(feature.get("id") or "")
            if key and key in seen:
                continue  # the server started again from the beginning
            seen.add(key)
            if made := _feature(feature, area, box, job["attributes"]):
                features.append(made)
    if not features:
        raise PreviewError("nothing-found")
    cut = len(features) > job["most"]
    features = features[: job["most"]]
    output = Path(job["output"])
    measures = _measures(features) if area is not None else []
    if measures:
        job = {**job, "notice": f"{job['notice']}\n\n{job['warning'].format(names=', '.join(measures))}"}
    _write(features, output, job)
    return {"features": len(features), "cut": cut, "size": output.stat().st_size, "measures": measures}


def _measures(features: list[dict[str, Any]]) -> list[str]:
    """Return the attributes that tell the area or length of objects."""
    names = dict.fromkeys(name for each in features for name in each["properties"])
    return [name for name in names if _MEASURE.search(name)][:MOST_MEASURES]


def _read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".gml":
        return _of_gml(path)
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise PreviewError("not-json") from error
    found = document.get("features") if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise PreviewError("other-json")
    return [each for each in found if isinstance(each, dict)]


def _of_gml(path: Path) -> list[dict[str, Any]]:
    """Return the features of a page of GML, in degrees."""
    info, geometries, names, values = geo.read(path, MOST_OF_A_PAGE)
    shapes = geo.shapes_of(geometries)
    if (move := geo.to_degrees(info.get("crs"))) is not None:
        shapes = shapely.transform(shapes, move)
    return [
        {
            "properties": {
                name: geo.plain(values[column][row]) for column, name in enumerate(names) if name != "gml_id"
            },
            "geometry": mapping(geometry) if geometry is not None else None,
        }
        for row, geometry in enumerate(shapes)
    ]


def _feature(feature: dict[str, Any], area: Any, box: Any, attributes: list[str]) -> dict[str, Any] | None:
    """Return a feature clipped to the area, with the wanted attributes; None if it is outside."""
    given = feature.get("properties")
    properties: dict[str, Any] = given if isinstance(given, dict) else {}
    if isinstance(feature.get("id"), str | int) and ID not in properties:
        properties = {ID: feature["id"], **properties}  # top-level in GeoJSON but a column in the preview
    if attributes:
        properties = {name: properties[name] for name in attributes if name in properties}
        if not properties:
            raise PreviewError("bad-columns")
    try:
        geometry = shape(feature["geometry"]) if feature.get("geometry") else None
        if geometry is not None:
            geometry = shapely.force_2d(geometry)
            if box is not None and not geometry.intersects(box):
                return None
            if area is not None:
                if not geometry.intersects(area):
                    return None
                geometry = shapely.make_valid(geometry).intersection(area)
        elif area is not None or box is not None:
            return None
    except (ShapelyError, ValueError, TypeError, KeyError, AttributeError, IndexError):
        return None  # skip features with invalid geometries
    plain = {str(name)[:100]: _plain(value) for name, value in list(properties.items())[:MOST_FIELDS]}
    shown = mapping(geometry) if geometry is not None and not geometry.is_empty else None
    made = {"type": "Feature", "properties": plain, "geometry": shown}
    return {**made, "id": feature["id"]} if isinstance(feature.get("id"), str | int) else made


def _plain(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False)[:10_000] if isinstance(value, dict | list) else value


def _write(features: list[dict[str, Any]], output: Path, job: dict[str, Any]) -> None:
    if job["format"] == "csv":
        table = output.with_name("extrait.csv")
        _csv(features, table, job["crs"])
        _zip(output, [table], job["notice"])
        return
    source = output.with_name("extract.geojson")
    plain = job["format"] == "geojson" and job["crs"] == DEGREES
    if not plain:  # GDAL would turn the feature id into an additional attribute
        features = [{name: value for name, value in each.items() if name != "id"} for each in features]
    content = {"type": "FeatureCollection", "description": job["notice"], "features": features}
    source.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    if plain:
        source.rename(output)
        return
    meta, _ids, geometries, values = raw.read(source, datetime_as_string=True)
    shapes = _moved(shapely.from_wkb(geometries), job["crs"])
    kinds = Counter(shapely.get_type_id(shapes[shapes != numpy.array(None)]).tolist())
    kind, chosen, promote = _kind(shapes, kinds, single=job["format"] == "shp")
    folder = output.with_name("made")
    folder.mkdir()
    name = {"shp": "extrait.shp", "gpkg": "extrait.gpkg", "geojson": "extrait.geojson"}[job["format"]]
    options: dict[str, Any] = {
        "geojson": {"RFC7946": "NO", "DESCRIPTION": job["notice"]},
        "gpkg": {"DESCRIPTION": job["notice"]},
        "shp": {"ENCODING": "UTF-8"},
    }[job["format"]]
    raw.write(
        folder / name,
        shapely.to_wkb(shapes[chosen]),
        [column[chosen] for column in values],
        list(meta["fields"]),
        driver=job["driver"],
        crs=job["crs"],
        geometry_type=kind,
        promote_to_multi=promote,
        layer="extrait",
        **options,
    )
    if job["format"] == "shp":
        _zip(output, sorted(folder.iterdir()), job["notice"])
    else:
        (folder / name).rename(output)


def _zip(output: Path, parts: list[Path], notice: str) -> None:
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in parts:
            archive.write(part, part.name)
        archive.writestr(README, notice.replace("\n", "\r\n") + "\r\n")


def _moved(shapes: Any, crs: str) -> Any:
    return (
        shapes
        if crs == DEGREES
        else shapely.transform(shapes, mover(Transformer.from_crs(DEGREES, crs, always_xy=True)))
    )


#: Names of the geometry types of shapely; _OF_FAMILY groups them into points, lines and areas, as Shapefile requires.
_FAMILIES = {0: "Point", 4: "MultiPoint", 1: "LineString", 5: "MultiLineString", 3: "Polygon", 6: "MultiPolygon"}
_OF_FAMILY = {0: 0, 4: 0, 1: 1, 5: 1, 3: 2, 6: 2}


def _kind(shapes: Any, kinds: Counter, single: bool) -> tuple[str, Any, bool]:
    """Return geometry type of the file, mask of the features to write, and whether to promote to multi-geometries."""
    families = Counter()
    for kind, number in kinds.items():
        if kind in _OF_FAMILY:
            families[_OF_FAMILY[kind]] += number
    everything = numpy.ones(len(shapes), dtype=bool)
    if not families:
        return "Unknown", everything, False
    family = families.most_common(1)[0][0]
    own = [kind for kind in kinds if _OF_FAMILY.get(kind) == family]
    if len(families) > 1 or len(own) < len(kinds):
        if not single:
            return "Unknown", everything, False
        everything = numpy.isin(shapely.get_type_id(shapes), own)
    if len(own) == 1:
        return _FAMILIES[own[0]], everything, False
    return ("MultiPoint", "MultiLineString", "MultiPolygon")[family], everything, True


def _csv(features: list[dict[str, Any]], output: Path, crs: str) -> None:
    """Write a CSV for spreadsheets, with a point and the WKT of each feature; formulas are neutralised."""
    names = list(dict.fromkeys(name for each in features for name in each["properties"]))
    moved = _moved(numpy.array([shape(each["geometry"]) if each["geometry"] else None for each in features]), crs)

    def rows() -> Iterator[list[Any]]:
        for feature, geometry in zip(features, moved, strict=True):
            point = geometry.representative_point() if geometry is not None and not geometry.is_empty else None
            place = [point.x, point.y, shapely.to_wkt(geometry, 6)] if point is not None else ["", "", ""]
            yield [*(feature["properties"].get(name) for name in names), *place]

    with output.open("w", encoding="utf-8", newline="") as file:
        file.writelines(csv_table.lines([*map(csv_table.cell, names), "x", "y", "wkt"], rows()))
