"""What is asked of a service for features: a part of a layer, as an address. Pure."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pyproj import CRS, Transformer

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.services.kinds import with_parameters

Box = tuple[float, float, float, float]
DEGREES = "EPSG:4326"
FEATURE_SERVICES = ("wfs", "ogcapi")
_FORMATS = Path(__file__).parents[1] / "data" / "extract-formats.csv"


@dataclass(frozen=True)
class Format:
    """A format of extracts: id, label, suffix and media type of the file, name of the driver of GDAL."""

    id: str
    label: str
    suffix: str
    media_type: str
    driver: str


@cache
def formats() -> dict[str, Format]:
    """Return the formats of extracts by their ids."""
    with _FORMATS.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return {row["id"]: Format(**row) for row in rows}


@dataclass(frozen=True)
class Part:
    """A part of a layer.

    Attributes:
        box: west, south, east, north in degrees; None for all of it.
        attributes: names; all when there are none.
        crs: code of the coordinate system of the answer.
        geometry: name of the attribute with the geometry, which a WFS leaves out when others are named; without it a
            WFS is asked for all attributes.
    """

    box: Box | None = None
    attributes: tuple[str, ...] = ()
    crs: str = DEGREES
    geometry: str = ""


def offers_features(service: Mapping[str, Any], layer: Mapping[str, Any]) -> bool:
    """Whether a layer can be asked for features in a form that is read here: GeoJSON, or GML of a WFS."""
    if service["kind"] == "ogcapi":
        return "features" in (service.get("parts") or ["features"])
    return service["kind"] == "wfs" and (bool(json_format(service, layer)) or gml_format(service, layer) is not None)


def json_format(service: Mapping[str, Any], layer: Mapping[str, Any]) -> str:
    """Return the name under which a WFS offers GeoJSON, "" when it does not."""
    names = [*layer.get("formats", []), *service.get("formats", [])]
    found = [name for name in names if "json" in name.lower() and "javascript" not in name.lower()]
    return min(found, key=len) if found else ""


def gml_format(service: Mapping[str, Any], layer: Mapping[str, Any]) -> str | None:
    """Return the name under which a WFS offers GML, "" for what it answers by itself, None when it does not say GML."""
    names = [*layer.get("formats", []), *service.get("formats", [])]
    found = [name for name in names if "gml" in name.lower() and "zip" not in name.lower()]
    return found[0] if found else None if names else ""


def is_gml(service: Mapping[str, Any], layer: Mapping[str, Any]) -> bool:
    """Whether the features of a layer come as GML, since the service knows no GeoJSON."""
    return service["kind"] == "wfs" and not json_format(service, layer)


def address(
    service: Mapping[str, Any], layer: Mapping[str, Any], part: Part, count: int | None = None, start: int = 0
) -> str:
    """Return the address of a part of a layer, as GeoJSON where the service knows it.

    Args:
        service: as `services.presentation.shown` gives it.
        layer: one of its layers.
        part: what is asked for.
        count: features of one answer; None for what the service gives by itself.
        start: number of the first one, for a WFS; an OGC API names the address of the next page itself.

    Raises:
        PreviewError: the service offers its features in no form that is read here.
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
        asked["OUTPUTFORMAT"] = form  # in the CRS of the layer, whose axes the answer tells
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
    """Write a rectangle so that no server reads its axes the other way round.

    In a projected CRS of the layer easting comes first for everybody. In degrees a name that begins with "urn" has
    latitude first (OGC 09-025r2, 7.9.2.4); WFS 1.0.0 knows longitude first only.
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
    except Exception:  # a code that nobody knows
        return False


def _degrees(side: float) -> str:
    return f"{side:.6f}".rstrip("0").rstrip(".")
