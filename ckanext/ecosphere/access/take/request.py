"""Build request URLs for features of a WFS or OGC API Features. No CKAN imports."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pyproj import CRS, Transformer

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.dataset.services import with_parameters

Box = tuple[float, float, float, float]
DEGREES = "EPSG:4326"
FEATURE_SERVICES = ("wfs", "ogcapi")
_FORMATS = Path(__file__).parents[1] / "data" / "extract-formats.csv"


@dataclass(frozen=True)
class Format:
    """A format of extracts: id, label, file suffix, media type, GDAL driver."""

    id: str
    label: str
    suffix: str
    media_type: str
    driver: str


@cache
def formats() -> dict[str, Format]:
    """Return the formats of extracts by id."""
    with _FORMATS.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return {row["id"]: Format(**row) for row in rows}


@dataclass(frozen=True)
class Part:
    """A part of a layer.

    Attributes:
        box: west, south, east, north in degrees; None for the whole layer.
        attributes: names of the attributes; empty for all.
        crs: code of the CRS of the response.
        geometry: name of the geometry attribute, which a WFS omits unless requested with the others; if unknown, all
            attributes are requested from a WFS.
    """

    box: Box | None = None
    attributes: tuple[str, ...] = ()
    crs: str = DEGREES
    geometry: str = ""


def offers_features(service: Mapping[str, Any], layer: Mapping[str, Any]) -> bool:
    """Return whether features of a layer are available in a supported format: GeoJSON, or GML from a WFS."""
    if service["kind"] == "ogcapi":
        return "features" in (service.get("parts") or ["features"])
    return service["kind"] == "wfs" and (bool(json_format(service, layer)) or gml_format(service, layer) is not None)


def json_format(service: Mapping[str, Any], layer: Mapping[str, Any]) -> str:
    """Return the WFS output format for GeoJSON, "" if it is not offered."""
    names = [*layer.get("formats", []), *service.get("formats", [])]
    found = [name for name in names if "json" in name.lower() and "javascript" not in name.lower()]
    return min(found, key=len) if found else ""


def gml_format(service: Mapping[str, Any], layer: Mapping[str, Any]) -> str | None:
    """Return the WFS output format for GML, "" for its default if no formats are listed, None if it is not offered."""
    names = [*layer.get("formats", []), *service.get("formats", [])]
    found = [name for name in names if "gml" in name.lower() and "zip" not in name.lower()]
    return found[0] if found else None if names else ""


def is_gml(service: Mapping[str, Any], layer: Mapping[str, Any]) -> bool:
    """Return whether features are requested as GML, since the WFS does not offer GeoJSON."""
    return service["kind"] == "wfs" and not json_format(service, layer)


def address(
    service: Mapping[str, Any], layer: Mapping[str, Any], part: Part, count: int | None = None, start: int = 0
) -> str:
    """Return the request URL of a part of a layer, in GeoJSON if available.

    Args:
        service: the service, from `services.presentation.shown`.
        layer: one of its layers.
        part: the part to request.
        count: maximum number of features per response; None for the default of the service.
        start: index of the first feature, for a WFS; an OGC API links to the next page itself.

    Raises:
        PreviewError: features are not available in a supported format.
    """
    if not offers_features(service, layer):
        raise PreviewError("no-geojson")
    return (_items if service["kind"] == "ogcapi" else _get_feature)(service, layer, part, count, start)


def _items(service: Mapping[str, Any], layer: Mapping[str, Any], part: Part, count: int | None, _start: int) -> str:
    url = layer.get("details", {}).get("items") or f"{service['url']}/collections/{layer['name']}/items"
    asked: dict[str, str | int] = {} if "f=" in url else {"f": "json"}
    if part.box:
        asked["bbox"] = ",".join(map(_degrees, part.box))
    if part.attributes:
        asked["properties"] = ",".join(part.attributes)
    if part.crs != DEGREES:
        asked["crs"] = f"http://www.opengis.net/def/crs/EPSG/0/{part.crs.rpartition(':')[2]}"
    if count:
        asked["limit"] = count
    return with_parameters(url, **asked)


def _get_feature(
    service: Mapping[str, Any], layer: Mapping[str, Any], part: Part, count: int | None, start: int
) -> str:
    version = service["version"] or "2.0.0"
    new = not version.startswith("1.")
    asked: dict[str, str | int] = {
        "SERVICE": "WFS",
        "VERSION": version,
        "REQUEST": "GetFeature",
        "TYPENAMES" if new else "TYPENAME": layer["name"],
    }
    if not is_gml(service, layer):
        asked |= {"OUTPUTFORMAT": json_format(service, layer), "SRSNAME": part.crs}
    elif form := gml_format(service, layer):
        asked["OUTPUTFORMAT"] = form  # in the CRS of the layer; the response declares its axes
    if part.box:
        asked["BBOX"] = _wfs_box(part.box, layer, version)
    if part.attributes and part.geometry:
        asked["PROPERTYNAME"] = ",".join([*part.attributes, part.geometry])
    if count:
        asked["COUNT" if new else "MAXFEATURES"] = count
    if start:
        asked["STARTINDEX"] = start
    return with_parameters(service["url"], **asked)


def _wfs_box(box: Box, layer: Mapping[str, Any], version: str) -> str:
    """Return a BBOX parameter with unambiguous axis order.

    In a projected CRS of the layer, easting always comes first. In degrees, a "urn" name implies latitude first
    (OGC 09-025r2, 7.9.2.4), except in WFS 1.0.0, where longitude is always first.
    """
    code = next((each for each in layer.get("crs", [])[:1] if _is_projected(each)), "")
    if code:
        west, south, east, north = Transformer.from_crs("OGC:CRS84", code, always_xy=True).transform_bounds(*box)
        return f"{west:.2f},{south:.2f},{east:.2f},{north:.2f},{code}"
    west, south, east, north = map(_degrees, box)
    if version.startswith("1.0"):
        return f"{west},{south},{east},{north}"
    return f"{south},{west},{north},{east},urn:ogc:def:crs:EPSG::4326"


@cache
def _is_projected(code: str) -> bool:
    try:
        return CRS.from_user_input(code).is_projected if code.startswith("EPSG:") else False
    except Exception:  # an unknown code
        return False


def _degrees(side: float) -> str:
    return f"{side:.6f}".rstrip("0").rstrip(".")
