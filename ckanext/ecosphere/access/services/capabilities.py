"""Parse the XML capabilities of WMS, WMTS, WFS, WCS and CSW, and Atom feeds. No CKAN imports.

Documents of others: no entities, no network, limits of bytes, elements and depth.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lxml import etree

from ckanext.ecosphere.access.services.description import (
    LONGEST_FORMAT,
    LONGEST_NAME,
    LONGEST_URL,
    MOST_FORMATS,
    MOST_MATRICES,
    Box,
    Description,
    Layer,
    NoDescriptionError,
    box,
    crs_code,
    text,
)
from ckanext.ecosphere.dataset.services import service_kinds
from ckanext.ecosphere.shared import hardened_xml
from ckanext.ecosphere.shared.hardened_xml import local_name

Element = etree._Element

MAX_ELEMENTS = 400_000
DEEPEST = 20
#: Scale denominator of zoom 0 of web maps, OGC 07-057r7 annex E.4 (GoogleMapsCompatible), and half
#: of the width of their world in metres.
ZOOM_ZERO, HALF_WORLD = 559_082_264.0287178, 20_037_508.34
WEB_MERCATOR = ("EPSG:3857", "EPSG:900913", "EPSG:3785", "EPSG:102100")
_EXCEPTIONS = ("serviceexceptionreport", "exceptionreport")
_HTML = re.compile(rb"^\s*(?:<!doctype\s+html|<html)", re.IGNORECASE)
#: DOCTYPE of WMS 1.1.1, which refers to its DTD; one with an internal subset is refused.
_DOCTYPE = re.compile(rb"<!DOCTYPE[^>\[]{0,1000}>")
_HEAD = 4_000


def read(kind: str, data: bytes) -> Description:
    """Parse the capabilities of a service.

    Raises:
        NoDescriptionError: it is not a capabilities document of this kind.
    """
    root = parse(data)
    name = local_name(root).lower()
    if name in _EXCEPTIONS:
        raise NoDescriptionError("exception")
    if name == "html":
        raise NoDescriptionError("html")
    namespace = root.nsmap.get(root.prefix) or ""
    is_of_another = name == "capabilities" and kind not in namespace
    if name not in service_kinds()[kind].roots or is_of_another:
        raise NoDescriptionError("other-xml")
    description = Description(kind, version=text(root.get("version"), 20))
    _READERS[kind](root, description)
    return description


# --- XML ------------------------------------------------------------------------------------------


def parse(data: bytes) -> Element:
    """Parse a document and return its root.

    Raises:
        NoDescriptionError: it is HTML, not XML, declares entities, or is too large.
    """
    head = data[:_HEAD]
    if _HTML.match(head):
        raise NoDescriptionError("html")
    if data.count(b"<") - data.count(b"</") > MAX_ELEMENTS:
        raise NoDescriptionError("too-large")
    if b"<!ENTITY" in data or b"<!ENTITY" in data.replace(b"\x00", b""):
        raise NoDescriptionError("entities")
    data = _DOCTYPE.sub(b"", head, count=1) + data[_HEAD:]
    try:
        root = etree.fromstring(data, hardened_xml.parser())
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise NoDescriptionError("not-xml") from error
    if root is None or root.getroottree().docinfo.doctype:
        raise NoDescriptionError("entities")
    return root


def children(element: Element | None, *names: str) -> Iterator[Element]:
    """Yield the children with one of the local names."""
    if element is None:
        return
    for child_ in element:
        if local_name(child_) in names:
            yield child_


def child(element: Element | None, *path: str) -> Element | None:
    """Return the first descendant along a path of local names, or None."""
    for name in path:
        element = next(children(element, name), None)
    return element


def value(element: Element | None, *path: str) -> str:
    """Return the text of the element along a path, on one line."""
    target = child(element, *path)
    if target is None:
        return ""
    return text(target.text)


def every(element: Element | None, *names: str) -> Iterator[Element]:
    """Yield the descendants with one of the local names."""
    if element is None:
        return
    for descendant in element.iter():
        if local_name(descendant) in names:
            yield descendant


def _names(elements: Iterator[Element]) -> list[str]:
    """Return the texts of elements that name formats."""
    return [text(element.text, LONGEST_FORMAT) for element in elements][:MOST_FORMATS]


def _codes(elements: Iterator[Element]) -> list[str]:
    return [crs_code(element.text) for element in elements]


def _name(element: Element, *path: str) -> str:
    return value(element, *path)[:LONGEST_NAME]


# --- the kinds of services ------------------------------------------------------------------------


def _limit(description: Description, name: str, written: str) -> None:
    if written.isascii() and written.isdigit() and len(written) < 10 and int(written):  # noqa: PLR2004
        description.limits[name] = int(written)


def _wms(root: Element, description: Description) -> None:
    service, capability = child(root, "Service"), child(root, "Capability")
    description.title = value(service, "Title")
    description.abstract = value(service, "Abstract")
    _limit(description, "width", value(service, "MaxWidth"))
    _limit(description, "height", value(service, "MaxHeight"))
    description.formats = _names(children(child(capability, "Request", "GetMap"), "Format"))
    for layer in children(capability, "Layer"):
        _wms_layer(layer, description, None, [], 0)


def _wms_layer(
    element: Element, description: Description, extent: Box | None, crs: list[str], depth: int
) -> None:
    """Add a layer and those within it, which inherit extent and reference systems."""
    codes: list[str] = []
    for written in children(element, "CRS", "SRS"):
        codes += [crs_code(code) for code in (written.text or "").split()[:100]]
    crs = list(dict.fromkeys([*codes, *crs]))
    extent = _wms_extent(element) or extent
    title, abstract = value(element, "Title"), value(element, "Abstract")
    description.add(Layer(_name(element, "Name"), title, abstract, extent, list(crs)))
    if depth < DEEPEST:
        for layer in children(element, "Layer"):
            _wms_layer(layer, description, extent, crs, depth + 1)


def _wms_extent(element: Element) -> Box | None:
    geographic = child(element, "EX_GeographicBoundingBox")
    if geographic is None:
        return _attributes_of_box(child(element, "LatLonBoundingBox"))
    return box(
        value(geographic, "westBoundLongitude"),
        value(geographic, "southBoundLatitude"),
        value(geographic, "eastBoundLongitude"),
        value(geographic, "northBoundLatitude"),
    )


def _attributes_of_box(element: Element | None) -> Box | None:
    if element is None:
        return None
    return box(element.get("minx"), element.get("miny"), element.get("maxx"), element.get("maxy"))


def _corners(element: Element | None) -> Box | None:
    south_west = value(element, "LowerCorner").split()
    north_east = value(element, "UpperCorner").split()
    if len(south_west) == len(north_east) == 2:  # noqa: PLR2004 - longitude and latitude
        return box(*south_west, *north_east)
    return None


def _ows(root: Element, description: Description) -> None:
    identification = child(root, "ServiceIdentification")
    description.title = value(identification, "Title")
    description.abstract = value(identification, "Abstract")
    if not description.version:
        description.version = value(identification, "ServiceTypeVersion")[:20]


def _parameter(root: Element, operation: str, name: str) -> list[str]:
    """Return the values that a parameter of an operation may have."""
    for element in every(root, "Operation"):
        if element.get("name") != operation:
            continue
        for parameter in children(element, "Parameter"):
            if (parameter.get("name") or "").lower() == name:
                return _names(every(parameter, "Value"))
    return []


def _wfs(root: Element, description: Description) -> None:
    _ows(root, description)
    description.title = description.title or value(child(root, "Service"), "Title")  # WFS 1.0.0
    description.formats = _parameter(root, "GetFeature", "outputformat")
    formats = child(root, "Capability", "Request", "GetFeature", "ResultFormat")  # WFS 1.0.0
    if formats is not None and not description.formats:
        description.formats = [local_name(element) for element in formats][:MOST_FORMATS]
    for constraint in every(root, "Constraint"):
        if constraint.get("name") in ("CountDefault", "DefaultMaxFeatures"):
            values = [value(constraint, "DefaultValue"), *_names(every(constraint, "Value"))]
            _limit(description, "features", next(filter(None, values), ""))
    for element in children(child(root, "FeatureTypeList"), "FeatureType"):
        systems = children(element, "DefaultCRS", "DefaultSRS", "OtherCRS", "OtherSRS", "SRS")
        extent = _corners(child(element, "WGS84BoundingBox"))
        old_extent = child(element, "LatLongBoundingBox")
        if old_extent is not None:
            extent = _attributes_of_box(old_extent)
        description.add(
            Layer(
                _name(element, "Name"),
                value(element, "Title"),
                value(element, "Abstract"),
                extent,
                _codes(systems),
                _names(children(child(element, "OutputFormats"), "Format")),
            )
        )


def _wcs(root: Element, description: Description) -> None:
    _ows(root, description)
    description.formats = _names(every(root, "formatSupported"))
    for element in every(root, "CoverageSummary"):
        description.add(
            Layer(
                _name(element, "CoverageId") or _name(element, "Identifier"),
                value(element, "Title"),
                value(element, "Abstract"),
                _corners(child(element, "WGS84BoundingBox")),
                _codes(children(element, "SupportedCRS")),
            )
        )
    for element in every(root, "CoverageOfferingBrief"):  # WCS 1.0.0
        title, abstract = value(element, "label"), value(element, "description")
        description.add(Layer(_name(element, "name"), title, abstract))


def _csw(root: Element, description: Description) -> None:
    _ows(root, description)
    description.formats = _parameter(root, "GetRecords", "outputschema")


def _wmts(root: Element, description: Description) -> None:
    _ows(root, description)
    contents = child(root, "Contents")
    sets = {value(each, "Identifier"): each for each in children(contents, "TileMatrixSet")}
    for element in children(contents, "Layer"):
        names = [value(link, "TileMatrixSet") for link in children(element, "TileMatrixSetLink")]
        systems = [crs_code(value(sets[name], "SupportedCRS")) for name in names if name in sets]
        description.add(
            Layer(
                _name(element, "Identifier"),
                value(element, "Title"),
                value(element, "Abstract"),
                _corners(child(element, "WGS84BoundingBox")),
                systems,
                _names(children(element, "Format")),
                _tiles(element, names, sets),
            )
        )


def _tiles(layer: Element, names: list[str], sets: dict[str, Element]) -> dict[str, object]:
    """Return what requests of tiles need: style, templates, and the tile matrices of web maps."""
    styles = list(children(layer, "Style"))
    styles.sort(key=lambda style: style.get("isDefault") != "true")
    style = ""
    if styles:
        style = _name(styles[0], "Identifier")
    templates = []
    for url in children(layer, "ResourceURL"):
        if url.get("resourceType") == "tile":
            form, template = url.get("format"), url.get("template")
            templates.append((text(form, LONGEST_FORMAT), text(template, LONGEST_URL)))
    details: dict[str, object] = {"style": style, "matrix_set": "", "zooms": {}}
    for name in names:
        zooms = _zooms(sets.get(name))
        if zooms:
            details.update(matrix_set=name, zooms=zooms)
            break
    return {**details, "templates": templates[:4]}


def _zooms(matrix_set: Element | None) -> dict[str, str]:
    """Return the tile matrices by zoom level of web maps; empty for sets of other systems."""
    if crs_code(value(matrix_set, "SupportedCRS")) not in WEB_MERCATOR:
        return {}
    zooms: dict[str, str] = {}
    for matrix in children(matrix_set, "TileMatrix"):
        zoom = _zoom(matrix)
        if zoom is not None:
            zooms[str(zoom)] = _name(matrix, "Identifier")
    return zooms


def _zoom(matrix: Element) -> int | None:
    """Return the zoom level of web maps that a tile matrix is, None if it is none."""
    try:
        denominator = float(value(matrix, "ScaleDenominator"))
        corner = [abs(float(side)) for side in value(matrix, "TopLeftCorner").split()]
    except ValueError:
        return None
    is_of_web = all(abs(side - HALF_WORLD) < 100 for side in corner)  # noqa: PLR2004 - metres
    if not is_of_web or not denominator > 0:
        return None
    for zoom in range(MOST_MATRICES):
        if abs(ZOOM_ZERO / 2**zoom / denominator - 1) < 0.01:  # noqa: PLR2004 - rounding
            return zoom
    return None


def _atom(root: Element, description: Description) -> None:
    description.title, description.abstract = value(root, "title"), value(root, "subtitle")
    for entry in children(root, "entry"):
        links = _links(entry)
        title = value(entry, "title")
        description.add(
            Layer(
                _name(entry, "id") or title,
                title,
                value(entry, "summary"),
                _polygon(entry),
                [crs_code(category.get("term")) for category in children(entry, "category")],
                [link["format"] for link in links],
                {"links": links[:20]},
            )
        )


def _links(entry: Element) -> list[dict[str, str]]:
    links = []
    for link in children(entry, "link"):
        relation = link.get("rel") or "alternate"
        if relation in ("alternate", "enclosure", "section", "describedby"):
            links.append(
                {
                    "url": text(link.get("href"), LONGEST_URL),
                    "format": text(link.get("type"), LONGEST_FORMAT),
                    "size": text(link.get("length"), 20),
                }
            )
    return links


def _polygon(entry: Element) -> Box | None:
    """Return the extent of a GeoRSS box or polygon (latitude first)."""
    written = value(entry, "polygon") or value(entry, "box")
    try:
        numbers = [float(number) for number in written.replace(",", " ").split()[:400]]
    except ValueError:
        return None
    latitudes, longitudes = numbers[::2], numbers[1::2]
    if not latitudes or len(latitudes) != len(longitudes):
        return None
    return box(min(longitudes), min(latitudes), max(longitudes), max(latitudes))


_READERS: dict[str, Callable[[Element, Description], None]] = {
    "wms": _wms,
    "wmts": _wmts,
    "wfs": _wfs,
    "wcs": _wcs,
    "csw": _csw,
    "atom": _atom,
}
