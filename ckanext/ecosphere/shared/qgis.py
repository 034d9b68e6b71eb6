"""QGIS layer definitions (.qlr) of the layers that the reader of a dataset can reach.

Data source URIs are written as QGIS itself does: `QgsDataSourceUri::encodedUri` for wms,
`QgsDataSourceUri::uri` for WFS, OAPIF and ArcGIS, GDAL paths for ogr. The file is a layer tree and
the layers, as `QgsLayerDefinition::exportLayerDefinition` writes them:
https://docs.qgis.org/latest/en/docs/user_manual/introduction/general_tools.html#layer-definition-file
and `src/core/qgslayerdefinition.cpp`, `qgslayertreelayer.cpp`, `qgsmaplayer.cpp` of QGIS.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import ckan.plugins.toolkit as tk
from ckan.lib.search import SearchError
from lxml import etree

from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.dataset.services import ServiceAddress
from ckanext.ecosphere.shared import characters, template_helpers
from ckanext.ecosphere.shared.reach import link_states

Fields = Mapping[str, Any]

MEDIA_TYPE = "application/x-qgis-layer-definition"
SUFFIX = ".qlr"
DOCTYPE = "<!DOCTYPE qgis-layer-definition>"
RASTER, VECTOR = "raster", "vector"
WEB_MERCATOR, DEGREES = "EPSG:3857", "EPSG:4326"
PREFERRED = ("EPSG:2154", WEB_MERCATOR, DEGREES, "CRS:84")
MOST_LAYERS = 12
CLOSED, FAILED = "closed", "failed"
"""States of a service (`ecosphere_access_service_show`) whose layers cannot be opened."""
BROKEN = "broken"
"""State of a URL that did not answer its last check."""
#: Formats that GDAL opens over HTTP: type of the layer, provider, and prefix of the path.
_FILES = {
    "GeoPackage": (VECTOR, "ogr", ""),
    "GeoJSON": (VECTOR, "ogr", ""),
    "KML": (VECTOR, "ogr", ""),
    "KMZ": (VECTOR, "ogr", ""),
    "FlatGeobuf": (VECTOR, "ogr", ""),
    "SHP": (VECTOR, "ogr", "/vsizip/"),
    "ZIP": (VECTOR, "ogr", "/vsizip/"),
    "TIFF": (RASTER, "gdal", ""),
    "GeoTIFF": (RASTER, "gdal", ""),
}
#: Signs of a URL that are data for the ogr and gdal providers; others would begin an option of a
#: data source (`|layername=`, `|subset=`, `|option:`), name the stored credentials to use
#: (` authcfg='…'`), or be XML.
_PLAIN = ":/?&=%,+;@~!$*.()_-"
_HOST = re.compile(r"[\w.-]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?")
_CRS = re.compile(r"[A-Za-z]{2,12}:[A-Za-z0-9.]{1,20}")
_TECHNICAL = re.compile(r"\w[_:]\w")
_SERIES = "/series"
#: Index field with the series of a dataset, and the fields of a series that it may refer to.
_IN_SERIES = "vocab_ecosphere_in_series"
_NAMES_OF_SERIES = ("name", "id", "metadata_identifier", "identifier", "uri")


@dataclass(frozen=True)
class Source:
    """A QGIS layer: kind (raster or vector), provider, URI and CRS."""

    title: str
    kind: str
    provider: str
    uri: str
    crs: str = WEB_MERCATOR


# --- the layers of a resource ---------------------------------------------------------------------


def layers_of_resource(dataset: Fields, resource: Fields, service: Fields | None) -> list[Source]:
    """Return the layers of a resource that QGIS can open and the reader can reach.

    Services and files that are closed to the reader (`template_helpers.ecosphere_closed`) or did
    not answer when they were last asked are left out.

    Args:
        dataset: the dataset, from `package_show`.
        resource: one of its resources.
        service: its service, from `services.presentation.shown`, or None.
    """
    if template_helpers.ecosphere_closed(dataset, resource):
        return []
    title = _title(str(resource.get("name") or ""), str(dataset.get("title") or dataset["name"]))
    if service is not None:
        return _of_service(service, title)
    url = str(resource.get("url") or "")
    if resource.get("url_type") == "upload" and not url.startswith("http"):
        url = tk.h.url_for("/", qualified=True).rstrip("/") + url
    source = source_of_file(url, str(resource.get("format") or ""), title)
    if source is None:
        return []
    state = link_states(dataset).get(url, {}).get("state")
    if state == BROKEN:
        return []
    return [source]


def _title(name: str, title: str) -> str:
    """Return the title of a layer: that of the dataset, and the name of the resource.

    A technical name is left out, and one that contains the other stands alone.
    """
    if not name or _TECHNICAL.search(name) or name in title:
        return title
    if title in name:
        return name
    return f"{title} – {name}"


def _of_service(service: Fields, title: str) -> list[Source]:
    if service["state"] in (CLOSED, FAILED):
        return []
    layers = service["layers"][:MOST_LAYERS]
    sources = []
    for layer in layers:
        source = source_of_layer(service, layer)
        if source is None:
            continue
        if len(layers) == 1:
            sources.append(replace(source, title=title))
        else:
            sources.append(replace(source, title=f"{title} – {source.title}"))
    return sources


def source_of_file(url: str, format_: str, title: str) -> Source | None:
    """Return a file on the web as a QGIS layer, None if not supported."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(parts.netloc):
        return None
    for concept in (links.format_of_file(url), links.format_called(format_)):
        if concept is None or concept.id not in _FILES:
            continue
        kind, provider, prefix = _FILES[concept.id]
        path = quote(urlunsplit(("", "", parts.path, parts.query, "")), safe=_PLAIN)
        uri = f"{prefix}/vsicurl/{parts.scheme}://{parts.netloc}{path}"
        return Source(title, kind, provider, uri, "")
    return None


def source_of_layer(service: Fields, layer: Fields) -> Source | None:
    """Return a layer of a service as a QGIS layer, None if not supported."""
    make = _MAKERS.get(service["kind"])
    if make is None or not str(service["url"]).startswith(("http://", "https://")):
        return None
    codes = [code for code in layer.get("crs") or [] if _CRS.fullmatch(code)]
    return make(service, layer, codes or [WEB_MERCATOR])


def _preferred(codes: list[str]) -> str:
    return next((code for code in PREFERRED if code in codes), codes[0])


def _title_of_layer(layer: Fields) -> str:
    return layer["title"] or layer["name"]


def _pairs(**pairs: str) -> str:
    return "&".join(f"{name}={quote(value, safe=':/,')}" for name, value in pairs.items())


def _quoted(**pairs: str) -> str:
    """Return quoted pairs as QGIS writes them, with apostrophes and backslashes escaped."""
    written = []
    for name, value in pairs.items():
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        written.append(f"{name}='{escaped}'")
    return " ".join(written)


def _wms(service: Fields, layer: Fields, codes: list[str]) -> Source:
    formats = service.get("formats") or ["image/png"]
    image = formats[0]
    if "image/png" in formats:
        image = "image/png"
    crs = _preferred(codes)
    uri = _pairs(
        contextualWMSLegend="0",
        crs=crs,
        dpiMode="7",
        featureCount="10",
        format=image,
        layers=layer["name"],
        styles="",
        url=service["url"],
    )
    return Source(_title_of_layer(layer), RASTER, "wms", uri, crs)


def _wmts(service: Fields, layer: Fields, _codes: list[str]) -> Source | None:
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
    return Source(_title_of_layer(layer), RASTER, "wms", uri, WEB_MERCATOR)


def _wfs(service: Fields, layer: Fields, codes: list[str]) -> Source:
    uri = _quoted(
        pagingEnabled="true",
        preferCoordinatesForWfsT11="false",
        restrictToRequestBBOX="1",
        srsname=codes[0],
        typename=layer["name"],
        url=service["url"],
        version="auto",
    )
    return Source(_title_of_layer(layer), VECTOR, "WFS", uri, codes[0])


def _oapif(service: Fields, layer: Fields, _codes: list[str]) -> Source:
    uri = _quoted(
        pagingEnabled="true",
        restrictToRequestBBOX="1",
        srsname="OGC:CRS84",
        typename=layer["name"],
        url=service["url"],
    )
    return Source(_title_of_layer(layer), VECTOR, "OAPIF", uri, "OGC:CRS84")


def _arcgis(service: Fields, layer: Fields, codes: list[str]) -> Source | None:
    url, crs, title = service["url"], _preferred(codes), _title_of_layer(layer)
    if url.lower().endswith("/mapserver"):
        uri = _quoted(crs=crs, format="PNG32", layer=layer["name"], url=url)
        return Source(title, RASTER, "arcgismapserver", uri, crs)
    if url.lower().endswith("/featureserver"):
        uri = _quoted(crs=crs, url=f"{url}/{layer['name']}")
        return Source(title, VECTOR, "arcgisfeatureserver", uri, crs)
    return None


_MAKERS = {"wms": _wms, "wmts": _wmts, "wfs": _wfs, "ogcapi": _oapif, "arcgis": _arcgis}


# --- series ---------------------------------------------------------------------------------------


def is_series(dataset: Fields) -> bool:
    """Return whether a dataset is a series, with whose members it is opened."""
    return str(dataset.get("dcat_type") or "").endswith(_SERIES)


def members(context: Any, series: Fields, most: int) -> list[dict[str, Any]]:
    """Return the first members of a series that the user may see."""
    names = []
    for field in _NAMES_OF_SERIES:
        if series.get(field):
            escaped = str(series[field]).replace("\\", "\\\\").replace('"', '\\"')
            names.append(f'"{escaped}"')
    query = {
        "fq": f"+dataset_type:dataset +{_IN_SERIES}:({' OR '.join(names)})",
        "rows": most,
        "sort": "title_string asc",
        "include_private": True,
        "facet": "false",
    }
    try:
        return tk.get_action("package_search")(context, query)["results"]
    except SearchError:
        return []


# --- the file -------------------------------------------------------------------------------------


def write(title: str, groups: Sequence[tuple[str, Sequence[Source]]]) -> bytes:
    """Return a file that adds layers to a QGIS project.

    Args:
        title: title of the top group.
        groups: title and layers of each dataset; datasets without layers are left out, and a single
            one gets no group of its own.
    """
    root = etree.Element("qlr")
    top = group(root, title)
    layers = etree.SubElement(root, "maplayers")
    filled = [(name, sources) for name, sources in groups if sources]
    for name, sources in filled:
        parent = top
        if len(filled) > 1:
            parent = group(top, name)
        for source in sources:
            add_layer(parent, layers, source)
    return etree.tostring(root, encoding="utf-8", doctype=DOCTYPE, pretty_print=True)


def group(parent: etree._Element, name: str) -> etree._Element:
    """Add a group of layers to a layer tree."""
    group = etree.SubElement(
        parent,
        "layer-tree-group",
        name=characters.clean(name),
        expanded="1",
        checked="Qt::Checked",
        groupLayer="",
    )
    etree.SubElement(group, "customproperties")
    return group


def add_layer(tree: etree._Element, layers: etree._Element, source: Source) -> None:
    """Add a layer to a group of the layer tree, and to the list of layers."""
    title, uri = characters.clean(source.title), characters.clean(source.uri)
    digest = uuid.uuid5(uuid.NAMESPACE_URL, f"{source.provider} {uri}").hex
    id_ = f"layer_{digest}_{len(layers)}"
    branch = etree.SubElement(
        tree,
        "layer-tree-layer",
        id=id_,
        name=title,
        source=uri,
        providerKey=source.provider,
        checked="Qt::Checked",
        expanded="0",
        legend_exp="",
    )
    etree.SubElement(branch, "customproperties")
    layer = etree.SubElement(
        layers,
        "maplayer",
        type=source.kind,
        hasScaleBasedVisibilityFlag="0",
        autoRefreshMode="Disabled",
    )
    for name, value in (("id", id_), ("datasource", uri), ("layername", title)):
        etree.SubElement(layer, name).text = value
    if source.crs:
        system = etree.SubElement(layer, "srs")
        reference = etree.SubElement(system, "spatialrefsys", nativeFormat="Wkt")
        code = characters.clean(source.crs)
        if code == "CRS:84":
            code = "OGC:CRS84"
        etree.SubElement(reference, "authid").text = code
    provider = etree.SubElement(layer, "provider")
    provider.text = source.provider
    if source.kind == VECTOR:
        provider.set("encoding", "UTF-8")
