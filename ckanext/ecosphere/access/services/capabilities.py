"""Parse the XML capabilities of WMS, WMTS, WFS, WCS and CSW, and Atom feeds. No CKAN imports."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from ckanext.ecosphere.access.services.description import (
    LONGEST_NAME,
    MOST_MATRICES,
    Box,
    Description,
    Layer,
    NoDescriptionError,
    box,
    crs_code,
    text,
)
from ckanext.ecosphere.access.services.xml import child, children, every, parse, value
from ckanext.ecosphere.dataset.services import service_kinds
from ckanext.ecosphere.shared.hardened_xml import local_name

DEEPEST = 20
XLINK = "{http://www.w3.org/1999/xlink}href"
#: Scale denominator of zoom 0 of web maps, OGC 07-057r7 annex E.4 (GoogleMapsCompatible).
ZOOM_ZERO = 559_082_264.0287178
WEB_MERCATOR = ("EPSG:3857", "EPSG:900913", "EPSG:3785", "EPSG:102100")


def read(kind: str, data: bytes) -> Description:
    """Parse the capabilities of a service.

    Raises:
        NoDescriptionError: it is not a capabilities document of this kind.
    """
    root = parse(data)
    name = local_name(root).lower()
    if name in ("serviceexceptionreport", "exceptionreport"):
        raise NoDescriptionError("exception")
    if name == "html":
        raise NoDescriptionError("html")
    roots = service_kinds()[kind].roots
    if name not in roots or (name == "capabilities" and kind not in (root.nsmap.get(root.prefix) or "")):
        raise NoDescriptionError("other-xml")
    found = Description(kind, version=text(root.get("version"), 20))
    _READERS[kind](root, found)
    return found


def _limit(found: Description, name: str, written: str) -> None:
    if written.isascii() and written.isdigit() and len(written) < 10 and int(written):  # noqa: PLR2004
        found.limits[name] = int(written)


def _wms(root: etree._Element, found: Description) -> None:
    service, capability = child(root, "Service"), child(root, "Capability")
    found.title, found.abstract = value(service, "Title"), value(service, "Abstract")
    _limit(found, "width", value(service, "MaxWidth"))
    _limit(found, "height", value(service, "MaxHeight"))
    get_map = child(capability, "Request", "GetMap")
    found.formats = [text(each.text, 80) for each in children(get_map, "Format")][:20]
    for layer in children(capability, "Layer"):
        _wms_layer(layer, found, None, [], 0)


def _wms_layer(element: etree._Element, found: Description, extent: Box | None, crs: list[str], depth: int) -> None:
    own = [crs_code(code) for each in children(element, "CRS", "SRS") for code in (each.text or "").split()[:100]]
    crs = list(dict.fromkeys([*own, *crs]))
    extent = _wms_extent(element) or extent
    name = value(element, "Name")[:LONGEST_NAME]
    layers = list(children(element, "Layer"))
    if name:
        found.add(Layer(name, value(element, "Title"), value(element, "Abstract"), extent, list(crs)))
    if depth < DEEPEST:
        for layer in layers:
            _wms_layer(layer, found, extent, crs, depth + 1)


def _wms_extent(element: etree._Element) -> Box | None:
    if (geographic := child(element, "EX_GeographicBoundingBox")) is not None:
        sides = ("westBoundLongitude", "southBoundLatitude", "eastBoundLongitude", "northBoundLatitude")
        return box(*(value(geographic, side) for side in sides))
    if (lonlat := child(element, "LatLonBoundingBox")) is not None:
        return box(*(lonlat.get(side) for side in ("minx", "miny", "maxx", "maxy")))
    return None


def _ows(root: etree._Element, found: Description) -> None:
    identification = child(root, "ServiceIdentification")
    found.title, found.abstract = value(identification, "Title"), value(identification, "Abstract")
    found.version = found.version or value(identification, "ServiceTypeVersion")[:20]


def _corners(element: etree._Element | None) -> Box | None:
    if element is None:
        return None
    west_south, east_north = value(element, "LowerCorner").split(), value(element, "UpperCorner").split()
    return box(*west_south, *east_north) if len(west_south) == len(east_north) == 2 else None  # noqa: PLR2004


def _parameter(root: etree._Element, operation: str, names: tuple[str, ...]) -> list[str]:
    for each in every(root, "Operation"):
        if each.get("name") == operation:
            return [
                text(item.text, 80)
                for parameter in children(each, "Parameter")
                if (parameter.get("name") or "").lower() in names
                for item in every(parameter, "Value")
            ][:20]
    return []


def _wfs(root: etree._Element, found: Description) -> None:
    _ows(root, found)
    service = child(root, "Service")  # WFS 1.0.0
    found.title = found.title or value(service, "Title")
    written = child(root, "Capability", "Request", "GetFeature", "ResultFormat")  # WFS 1.0.0
    found.formats = _parameter(root, "GetFeature", ("outputformat",))
    found.formats = found.formats or [local_name(each) for each in ([] if written is None else written)][:20]
    for constraint in every(root, "Constraint"):
        if constraint.get("name") in ("CountDefault", "DefaultMaxFeatures"):
            written = value(constraint, "DefaultValue") or next((text(v.text) for v in every(constraint, "Value")), "")
            _limit(found, "features", written)
    for each in children(child(root, "FeatureTypeList"), "FeatureType"):
        codes = [
            crs_code(code.text) for code in children(each, "DefaultCRS", "DefaultSRS", "OtherCRS", "OtherSRS", "SRS")
        ]
        lonlat = child(each, "LatLongBoundingBox")
        extent = _corners(child(each, "WGS84BoundingBox"))
        if lonlat is not None:
            extent = box(*(lonlat.get(side) for side in ("minx", "miny", "maxx", "maxy")))
        formats = [text(item.text, 80) for item in children(child(each, "OutputFormats"), "Format")]
        name = value(each, "Name")[:LONGEST_NAME]
        found.add(Layer(name, value(each, "Title"), value(each, "Abstract"), extent, codes, formats))


def _wcs(root: etree._Element, found: Description) -> None:
    _ows(root, found)
    found.formats = [text(each.text, 80) for each in every(root, "formatSupported")][:20]
    for each in every(root, "CoverageSummary"):
        name = value(each, "CoverageId") or value(each, "Identifier")
        codes = [crs_code(code.text) for code in children(each, "SupportedCRS")]
        extent = _corners(child(each, "WGS84BoundingBox"))
        found.add(Layer(name[:LONGEST_NAME], value(each, "Title"), value(each, "Abstract"), extent, codes))
    for each in every(root, "CoverageOfferingBrief"):  # WCS 1.0.0
        found.add(Layer(value(each, "name")[:LONGEST_NAME], value(each, "label"), value(each, "description")))


def _csw(root: etree._Element, found: Description) -> None:
    _ows(root, found)
    found.formats = _parameter(root, "GetRecords", ("outputschema",))


def _wmts(root: etree._Element, found: Description) -> None:
    _ows(root, found)
    contents = child(root, "Contents")
    sets = {value(each, "Identifier"): each for each in children(contents, "TileMatrixSet")}
    web = {name: zooms for name, each in sets.items() if (zooms := _zooms(each))}
    get_tile = next((each for each in every(root, "Operation") if each.get("name") == "GetTile"), None)
    get = next(every(get_tile, "Get"), None) if get_tile is not None else None
    found.details["tile_url"] = text(get.get(XLINK), 2000) if get is not None else ""
    for each in children(contents, "Layer"):
        styles = list(children(each, "Style"))
        style = next((one for one in styles if one.get("isDefault") == "true"), styles[0] if styles else None)
        names = [value(link, "TileMatrixSet") for link in children(each, "TileMatrixSetLink")]
        formats = [text(item.text, 80) for item in children(each, "Format")]
        templates = [
            (text(url.get("format"), 80), text(url.get("template"), 2000))
            for url in children(each, "ResourceURL")
            if url.get("resourceType") == "tile"
        ]
        matrix = next((name for name in names if name in web), "")
        details = {
            "style": value(style, "Identifier")[:LONGEST_NAME] if style is not None else "",
            "matrix_set": matrix,
            "zooms": web.get(matrix, {}),
            "templates": templates[:4],
        }
        codes = [crs_code(value(sets[name], "SupportedCRS")) for name in names if name in sets]
        title, abstract = value(each, "Title"), value(each, "Abstract")
        extent = _corners(child(each, "WGS84BoundingBox"))
        found.add(Layer(value(each, "Identifier")[:LONGEST_NAME], title, abstract, extent, codes, formats, details))


def _zooms(matrix_set: etree._Element) -> dict[str, str]:
    """Return the tile matrices by zoom level of web maps; empty for sets not compatible with web maps."""
    if crs_code(value(matrix_set, "SupportedCRS")) not in WEB_MERCATOR:
        return {}
    found: dict[str, str] = {}
    for matrix in children(matrix_set, "TileMatrix"):
        try:
            denominator = float(value(matrix, "ScaleDenominator"))
            corner = [abs(float(side)) for side in value(matrix, "TopLeftCorner").split()]
        except ValueError:
            continue
        if not denominator > 0:
            continue
        zoom = next((z for z in range(MOST_MATRICES) if abs(ZOOM_ZERO / 2**z / denominator - 1) < 0.01), None)  # noqa: PLR2004
        if zoom is not None and all(abs(side - 20037508.34) < 100 for side in corner):  # noqa: PLR2004
            found[str(zoom)] = value(matrix, "Identifier")[:LONGEST_NAME]
    return found


def _atom(root: etree._Element, found: Description) -> None:
    found.title, found.abstract = value(root, "title"), value(root, "subtitle")
    for entry in children(root, "entry"):
        links = [
            {
                "url": text(link.get("href"), 2000),
                "format": text(link.get("type"), 80),
                "size": text(link.get("length"), 20),
            }
            for link in children(entry, "link")
            if (link.get("rel") or "alternate") in ("alternate", "enclosure", "section", "describedby")
        ]
        codes = [crs_code(each.get("term")) for each in children(entry, "category")]
        formats = [link["format"] for link in links]
        name, title = value(entry, "id")[:LONGEST_NAME], value(entry, "title")
        summary, extent = value(entry, "summary"), _polygon(entry)
        found.add(Layer(name or title, title, summary, extent, codes, formats, {"links": links[:20]}))


def _polygon(entry: etree._Element) -> Box | None:
    """Return the extent of a GeoRSS box or polygon (latitude first)."""
    written = (value(entry, "polygon") or value(entry, "box")).replace(",", " ").split()[:400]
    try:
        numbers = [float(each) for each in written]
    except ValueError:
        return None
    latitudes, longitudes = numbers[::2], numbers[1::2]
    if not latitudes or len(latitudes) != len(longitudes):
        return None
    return box(min(longitudes), min(latitudes), max(longitudes), max(latitudes))


_READERS: dict[str, Callable[[etree._Element, Description], None]] = {
    "wms": _wms,
    "wmts": _wmts,
    "wfs": _wfs,
    "wcs": _wcs,
    "csw": _csw,
    "atom": _atom,
}
