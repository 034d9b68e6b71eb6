"""Extents (``EX_Extent``): boxes, geometries, places and periods of a dataset. No CKAN imports.

Each row of ``spatial_coverage`` becomes a separate extent. The territories share one, with a bounding box if no row has
a location, since INSPIRE requires one (TG 2.0.1). The periods share another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ckanext.ecosphere.schemas.fields import places, spatial
from ckanext.ecosphere.schemas.iso import gml, xml
from ckanext.ecosphere.schemas.iso.reading import Reader
from ckanext.ecosphere.schemas.iso.xml import el


def extents(dataset: Reader, name: str) -> list[Any]:
    """Return the extents of a dataset in elements ``name``."""
    rows = [part for number, row in enumerate(dataset.rows("spatial_coverage"), 1) if (part := _row(row, number))]
    made = [el(name, el("gmd:EX_Extent", part)) for part in rows]
    territories = [_place(uri) for uri in dataset.texts("territory")]
    boxes = [] if any(_has_place(row) for row in dataset.rows("spatial_coverage")) else _derived_boxes(dataset)
    if territories or boxes:
        made.append(el(name, el("gmd:EX_Extent", territories, [_box(box) for box in boxes])))
    periods = [_period(row, number) for number, row in enumerate(dataset.rows("temporal_coverage"), 1)]
    if any(period is not None for period in periods):
        made.append(el(name, el("gmd:EX_Extent", periods)))
    return made


def _row(row: Mapping[str, Any], number: int) -> list[Any]:
    """Return the contents of an extent in the order of the XML schema: text, place, boxes, shapes."""
    given, shape, centre = (_parsed(row, key) for key in ("bbox", "geom", "centroid"))
    around = given or shape or centre
    found = [
        xml.text("gmd:description", row.get("text")),
        _place(str(row["uri"])) if row.get("uri") else None,
        *([_box(box) for box in _parts(around)] if around else []),
        _shape(shape, f"geometry-{number}") if shape else None,
        _shape(centre, f"centroid-{number}") if centre else None,
    ]
    return [part for part in found if part is not None]


def _has_place(row: Mapping[str, Any]) -> bool:
    return any(_parsed(row, key) for key in ("bbox", "geom", "centroid"))


def _parsed(row: Mapping[str, Any], key: str) -> dict[str, Any] | None:
    try:
        return (spatial.parse_box if key == "bbox" else spatial.parse_geometry)(row[key]) if row.get(key) else None
    except spatial.GeometryError:
        return None


def _derived_boxes(dataset: Reader) -> list[spatial.Box]:
    """Return the boxes of the footprint, else those of the territories."""
    try:
        if dataset.text("spatial"):
            return _parts(spatial.parse_geometry(dataset.text("spatial")))
    except spatial.GeometryError:
        pass
    return list(dict.fromkeys(box for uri in dataset.texts("territory") if (box := spatial.territory_box(uri))))


def _parts(geometry: dict[str, Any]) -> list[spatial.Box]:
    if geometry["type"] == "MultiPolygon":
        polygons = ({"type": "Polygon", "coordinates": part} for part in geometry["coordinates"])
        return [spatial.geometry_to_box(polygon) for polygon in polygons]
    return [spatial.geometry_to_box(geometry)]


def _box(box: spatial.Box) -> Any:
    west, south, east, north = box
    sides = (
        ("gmd:westBoundLongitude", west),
        ("gmd:eastBoundLongitude", east),
        ("gmd:southBoundLatitude", south),
        ("gmd:northBoundLatitude", north),
    )
    inside = [xml.number(name, f"{value:.6f}".rstrip("0").rstrip(".")) for name, value in sides]
    return el("gmd:geographicElement", el("gmd:EX_GeographicBoundingBox", inside))


def _shape(geometry: Mapping[str, Any], name: str) -> Any:
    polygon = el("gmd:polygon", gml.geometry(geometry, name))
    return el("gmd:geographicElement", el("gmd:EX_BoundingPolygon", polygon))


def _place(uri: str) -> Any:
    code = xml.anchor("gmd:code", places.label(uri, "fr"), uri)
    identifier = el("gmd:geographicIdentifier", el("gmd:MD_Identifier", code))
    return el("gmd:geographicElement", el("gmd:EX_GeographicDescription", identifier))


def _period(row: Mapping[str, Any], number: int) -> Any:
    start, end = str(row.get("start") or ""), str(row.get("end") or "")
    if not start and not end:
        return None
    sides = [
        el("gml:beginPosition", text=start) if start else el("gml:beginPosition", indeterminatePosition="unknown"),
        el("gml:endPosition", text=end) if end else el("gml:endPosition", indeterminatePosition="now"),
    ]
    period = el("gml:TimePeriod", sides, gml_id=f"period-{number}")
    return el("gmd:temporalElement", el("gmd:EX_TemporalExtent", el("gmd:extent", period)))
