"""Request URLs for features of a WFS or OGC API Features, and code to copy. No CKAN imports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import yaml
from pyproj import CRS, Transformer

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.dataset.services import with_parameters
from ckanext.ecosphere.vocabularies import tables

Fields = Mapping[str, Any]
Box = tuple[float, float, float, float]

DEGREES = "EPSG:4326"
FEATURE_SERVICES = ("wfs", "ogcapi")
_CRS_OF_OGC = "http://www.opengis.net/def/crs/EPSG/0/"
_DATA = Path(__file__).parents[1] / "data"
#: Parameters of a request that select attributes, of WFS and of OGC API.
_OF_ATTRIBUTES = ("propertyname", "properties")


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
    return {row["id"]: Format(**row) for row in tables.rows(_DATA / "extract-formats.csv")}


@dataclass(frozen=True)
class Part:
    """A part of a layer.

    Attributes:
        box: west, south, east, north in degrees; None for the whole layer.
        attributes: names of the attributes; empty for all.
        crs: code of the CRS of the response.
        geometry: name of the geometry attribute, which a WFS omits unless requested with the
            others; if unknown, all attributes are requested from a WFS.
    """

    box: Box | None = None
    attributes: tuple[str, ...] = ()
    crs: str = DEGREES
    geometry: str = ""


def offers_features(service: Fields, layer: Fields) -> bool:
    """Return whether features of a layer are available: as GeoJSON, or as GML from a WFS."""
    if service["kind"] == "ogcapi":
        return "features" in (service.get("parts") or ["features"])
    if service["kind"] != "wfs":
        return False
    return bool(json_format(service, layer)) or gml_format(service, layer) is not None


def _formats_of(service: Fields, layer: Fields) -> list[str]:
    return [*layer.get("formats", []), *service.get("formats", [])]


def json_format(service: Fields, layer: Fields) -> str:
    """Return the WFS output format for GeoJSON, "" if it is not offered."""
    names = [
        name
        for name in _formats_of(service, layer)
        if "json" in name.lower() and "javascript" not in name.lower()
    ]
    return min(names, key=len, default="")


def gml_format(service: Fields, layer: Fields) -> str | None:
    """Return the WFS output format for GML.

    Returns:
        "" for its default if no formats are listed, None if it is not offered.
    """
    names = _formats_of(service, layer)
    if not names:
        return ""
    for name in names:
        if "gml" in name.lower() and "zip" not in name.lower():
            return name
    return None


def is_gml(service: Fields, layer: Fields) -> bool:
    """Return whether features are requested as GML, since the WFS does not offer GeoJSON."""
    return service["kind"] == "wfs" and not json_format(service, layer)


def address(
    service: Fields, layer: Fields, part: Part, count: int | None = None, start: int = 0
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
    if service["kind"] == "ogcapi":
        return _items(service, layer, part, count)
    return _get_feature(service, layer, part, count, start)


def _items(service: Fields, layer: Fields, part: Part, count: int | None) -> str:
    url = layer.get("details", {}).get("items")
    if not url:
        url = f"{service['url']}/collections/{layer['name']}/items"
    parameters: dict[str, str | int] = {}
    if "f=" not in url:
        parameters["f"] = "json"
    if part.box:
        parameters["bbox"] = ",".join(map(_degrees, part.box))
    if part.attributes:
        parameters["properties"] = ",".join(part.attributes)
    if part.crs != DEGREES:
        parameters["crs"] = _CRS_OF_OGC + part.crs.rpartition(":")[2]
    if count:
        parameters["limit"] = count
    return with_parameters(url, **parameters)


def _get_feature(service: Fields, layer: Fields, part: Part, count: int | None, start: int) -> str:
    version = service["version"] or "2.0.0"
    name_of_types, name_of_count = "TYPENAMES", "COUNT"
    if version.startswith("1."):
        name_of_types, name_of_count = "TYPENAME", "MAXFEATURES"
    parameters: dict[str, str | int] = {
        "SERVICE": "WFS",
        "VERSION": version,
        "REQUEST": "GetFeature",
        name_of_types: layer["name"],
    }
    json_name, gml_name = json_format(service, layer), gml_format(service, layer)
    if json_name:
        parameters.update(OUTPUTFORMAT=json_name, SRSNAME=part.crs)
    elif gml_name:
        parameters["OUTPUTFORMAT"] = gml_name  # in the CRS of the layer; it declares its axes
    if part.box:
        parameters["BBOX"] = _wfs_box(part.box, layer, version)
    if part.attributes and part.geometry:
        parameters["PROPERTYNAME"] = ",".join([*part.attributes, part.geometry])
    if count:
        parameters[name_of_count] = count
    if start:
        parameters["STARTINDEX"] = start
    return with_parameters(service["url"], **parameters)


def _wfs_box(box: Box, layer: Fields, version: str) -> str:
    """Return a BBOX parameter with unambiguous axis order.

    In a projected CRS of the layer, easting always comes first. In degrees, a "urn" name implies
    latitude first (OGC 09-025r2, 7.9.2.4), except in WFS 1.0.0, where longitude is always first.
    """
    code = next(iter(layer.get("crs", [])), "")
    if _is_projected(code):
        transformer = Transformer.from_crs("OGC:CRS84", code, always_xy=True)
        sides = [f"{side:.2f}" for side in transformer.transform_bounds(*box)]
        return ",".join([*sides, code])
    west, south, east, north = map(_degrees, box)
    if version.startswith("1.0"):
        return f"{west},{south},{east},{north}"
    return f"{south},{west},{north},{east},urn:ogc:def:crs:EPSG::4326"


@cache
def _is_projected(code: str) -> bool:
    if not code.startswith("EPSG:"):
        return False
    try:
        return CRS.from_user_input(code).is_projected
    except Exception:  # an unknown code
        return False


def _degrees(side: float) -> str:
    return f"{side:.6f}".rstrip("0").rstrip(".")


def names_attributes(url: str) -> bool:
    """Return whether a request URL selects attributes."""
    parameters = parse_qsl(urlsplit(url).query)
    return any(name.lower() in _OF_ATTRIBUTES for name, _value in parameters)


@cache
def _snippets() -> list[dict[str, str]]:
    return yaml.safe_load((_DATA / "snippets.yaml").read_text(encoding="utf-8"))


def snippets(url: str) -> list[dict[str, str]]:
    """Return code that loads a URL in several languages, as `id`, `label` and `text`.

    The URL is encoded so that it cannot break out of the code.
    """
    safe = quote(url, safe=":/?&=%,+;@~.-_#")
    return [{**code, "text": code["text"].replace("{url}", safe)} for code in _snippets()]
