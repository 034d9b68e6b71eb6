"""Build data source URIs for the providers of QGIS. No CKAN imports.

The formats are those written by QGIS itself: `QgsDataSourceUri::encodedUri` for wms, `QgsDataSourceUri::uri` for WFS,
OAPIF and ArcGIS, GDAL paths for ogr.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.dataset.services import ServiceAddress

RASTER, VECTOR = "raster", "vector"
WEB_MERCATOR, DEGREES = "EPSG:3857", "EPSG:4326"
PREFERRED = ("EPSG:2154", WEB_MERCATOR, DEGREES, "CRS:84")
#: Formats that GDAL opens over HTTP, with the prefix of their path.
_FILES = {
    "GeoPackage": "",
    "GeoJSON": "",
    "KML": "",
    "KMZ": "",
    "FlatGeobuf": "",
    "SHP": "/vsizip/",
    "ZIP": "/vsizip/",
    "TIFF": "",
    "GeoTIFF": "",
}
_RASTERS = ("TIFF", "GeoTIFF")
#: Signs of a URL that are data for the ogr and gdal providers; others would begin an option of a data source
#: (`|layername=`, `|subset=`, `|option:`), name the stored credentials to use (` authcfg='…'`), or be XML.
_PLAIN = ":/?&=%,+;@~!$*.()_-"
_HOST = re.compile(r"[\w.-]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?")
_CRS = re.compile(r"[A-Za-z]{2,12}:[A-Za-z0-9.]{1,20}")


@dataclass(frozen=True)
class Source:
    """A QGIS layer: kind (raster or vector), provider, URI and CRS."""

    title: str
    kind: str
    provider: str
    uri: str
    crs: str = WEB_MERCATOR


def of_service(service: Mapping[str, Any], layer: Mapping[str, Any]) -> Source | None:
    """Return a layer of a service as a QGIS layer, None if not supported."""
    if not str(service["url"]).startswith(("http://", "https://")):
        return None
    make = {"wms": _wms, "wmts": _wmts, "wfs": _wfs, "ogcapi": _oapif, "arcgis": _arcgis}.get(service["kind"])
    return make(service, layer, _crs(layer)) if make else None


def of_file(url: str, format_: str, title: str) -> Source | None:
    """Return a file on the web as a QGIS layer, None if not supported."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    concepts = (links.format_of_file(url), links.format_called(format_))
    form = next((concept.id for concept in concepts if concept and concept.id in _FILES), "")
    if not form or parts.scheme not in ("http", "https") or not _HOST.fullmatch(parts.netloc):
        return None
    path = quote(urlunsplit(("", "", parts.path, parts.query, "")), safe=_PLAIN)
    uri = f"{_FILES[form]}/vsicurl/{parts.scheme}://{parts.netloc}{path}"
    if form in _RASTERS:
        return Source(title, RASTER, "gdal", uri, "")
    return Source(title, VECTOR, "ogr", uri, "")


def _title(layer: Mapping[str, Any]) -> str:
    return layer["title"] or layer["name"]


def _crs(layer: Mapping[str, Any]) -> str:
    known = _codes(layer)
    return next((code for code in PREFERRED if code in known), known[0] if known else WEB_MERCATOR)


def _codes(layer: Mapping[str, Any]) -> list[str]:
    """Return the reference systems of a layer that are codes, not anything a service wrote in their place."""
    return [code for code in layer.get("crs") or [] if _CRS.fullmatch(code)]


def _pairs(**pairs: str) -> str:
    return "&".join(f"{name}={quote(value, safe=':/,')}" for name, value in pairs.items())


def _quoted(**pairs: str) -> str:
    """Return quoted pairs as QGIS writes them for WFS, with apostrophes and backslashes escaped."""
    escaped = {name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in pairs.items()}
    return " ".join(f"{name}='{value}'" for name, value in escaped.items())


def _wms(service: Mapping[str, Any], layer: Mapping[str, Any], crs: str) -> Source:
    formats = service.get("formats") or ["image/png"]
    form = "image/png" if "image/png" in formats else formats[0]
    uri = _pairs(
        contextualWMSLegend="0",
        crs=crs,
        dpiMode="7",
        featureCount="10",
        format=form,
        layers=layer["name"],
        styles="",
        url=service["url"],
    )
    return Source(_title(layer), RASTER, "wms", uri, crs)


def _wmts(service: Mapping[str, Any], layer: Mapping[str, Any], crs: str) -> Source | None:
    details = layer.get("details", {})
    if not details.get("matrix_set"):
        return None
    formats = layer.get("formats") or ["image/png"]
    uri = _pairs(
        contextualWMSLegend="0",
        crs=WEB_MERCATOR,
        dpiMode="7",
        format=formats[0],
        layers=layer["name"],
        styles=details.get("style", ""),
        tileMatrixSet=details["matrix_set"],
        url=ServiceAddress("wmts", service["url"]).description_url,
    )
    return Source(_title(layer), RASTER, "wms", uri, WEB_MERCATOR)


def _wfs(service: Mapping[str, Any], layer: Mapping[str, Any], crs: str) -> Source:
    crs = (_codes(layer) or [crs])[0]
    uri = _quoted(
        pagingEnabled="true",
        preferCoordinatesForWfsT11="false",
        restrictToRequestBBOX="1",
        srsname=crs,
        typename=layer["name"],
        url=service["url"],
        version="auto",
    )
    return Source(_title(layer), VECTOR, "WFS", uri, crs)


def _oapif(service: Mapping[str, Any], layer: Mapping[str, Any], _crs_: str) -> Source:
    uri = _quoted(
        pagingEnabled="true",
        restrictToRequestBBOX="1",
        srsname="OGC:CRS84",
        typename=layer["name"],
        url=service["url"],
    )
    return Source(_title(layer), VECTOR, "OAPIF", uri, "OGC:CRS84")


def _arcgis(service: Mapping[str, Any], layer: Mapping[str, Any], crs: str) -> Source | None:
    url = service["url"]
    if url.lower().endswith("/mapserver"):
        uri = _quoted(crs=crs, format="PNG32", layer=layer["name"], url=url)
        return Source(_title(layer), RASTER, "arcgismapserver", uri, crs)
    if url.lower().endswith("/featureserver"):
        return Source(_title(layer), VECTOR, "arcgisfeatureserver", _quoted(crs=crs, url=f"{url}/{layer['name']}"), crs)
    return None
