"""Parse what services say of themselves (OGC XML, OGC APIs, ArcGIS) to a common description of
limited size.

No CKAN imports.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from lxml import etree

from ckanext.ecosphere.dataset.geometry import Box
from ckanext.ecosphere.dataset.services import service_kinds
from ckanext.ecosphere.dataset.view import Values
from ckanext.ecosphere.shared import parsing
from ckanext.ecosphere.shared.parsing import local_name

MOST_LAYERS = 2_000
MOST_CRS, MOST_FORMATS, MOST_MATRICES = 40, 20, 30
LONGEST_NAME, LONGEST_TEXT, LONGEST_FORMAT, LONGEST_URL = 300, 1_000, 80, 2_000
_EPSG = re.compile(r"(?:epsg:|/epsg/|epsg\.xml#)(?:[^/:]{0,20}[/:]){0,3}(\d{1,10})/?$")
"""End of a reference system's name in lower case: "epsg:2154", "epsg::2154", "/epsg/0/2154"."""


@dataclass
class Layer:
    """A layer, feature type, coverage, collection or feed entry.

    Attributes:
        extent: west, south, east, north in degrees (WGS 84).
        crs: codes such as "EPSG:2154".
        details: values needed by requests: `matrix_set` of a WMTS layer, `links` of a feed entry,
            `items` of a collection, etc.
    """

    name: str
    title: str = ""
    abstract: str = ""
    extent: Box | None = None
    crs: list[str] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    details: Values = field(default_factory=dict)


@dataclass
class Description:
    """Description of a service.

    Attributes:
        formats: output formats of its main operation.
        limits: declared maxima: `features` per response, `width` and `height` of images.
        details: what requests need: URLs of operations, `parts` of an OGC API.
    """

    kind: str
    version: str = ""
    title: str = ""
    abstract: str = ""
    layers: list[Layer] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    limits: dict[str, int] = field(default_factory=dict)
    details: Values = field(default_factory=dict)
    layers_left_out: int = 0

    def add(self, layer: Layer) -> None:
        """Add a layer, unless it has no name or there are too many."""
        if not layer.name:
            return
        if len(self.layers) >= MOST_LAYERS:
            self.layers_left_out += 1
            return
        layer.crs = list(dict.fromkeys(filter(None, layer.crs)))[:MOST_CRS]
        layer.formats = list(dict.fromkeys(filter(None, layer.formats)))[:MOST_FORMATS]
        self.layers.append(layer)

    def as_dict(self) -> Values:
        """Return a dict for storage as JSON."""
        return asdict(self)


class NoDescriptionError(Exception):
    """The response is not a description of the service.

    Attributes:
        code: a key of `services.presentation.MESSAGES`.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def text(value: Any, longest: int = LONGEST_TEXT) -> str:
    """Return a text on one line, truncated."""
    beginning = str(value or "")[: longest * 4].replace("\x00", "")
    return " ".join(beginning.split())[:longest]


def box(west: Any, south: Any, east: Any, north: Any) -> Box | None:
    """Return an extent, None if the numbers are invalid or out of range."""
    try:
        sides = (float(west), float(south), float(east), float(north))
    except (TypeError, ValueError):
        return None
    west, south, east, north = sides
    # Comparisons with NaN are false.
    if -180 <= west <= east <= 180 and -90 <= south <= north <= 90:  # noqa: PLR2004 - degrees
        return sides
    return None


def crs_code(name: Any) -> str:
    """Return the short code of a CRS: "urn:ogc:def:crs:EPSG::2154" → "EPSG:2154"."""
    written = text(name, 120)
    lower = written.lower()
    if "crs84" in lower:
        return "CRS:84"
    epsg = _EPSG.search(lower)
    if epsg:
        return f"EPSG:{epsg[1]}"
    if lower.startswith("crs:"):
        return written.upper()
    return written


# --- OGC services, in XML ---

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


def read_capabilities(kind: str, data: bytes) -> Description:
    """Parse the capabilities of a service.

    Raises:
        NoDescriptionError: it is not a capabilities document of this kind.
    """
    root = parse_xml(data)
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


# --- OGC services: elements of XML ---


def parse_xml(data: bytes) -> Element:
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
        root = etree.fromstring(data, parsing.xml_parser())
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise NoDescriptionError("not-xml") from error
    if root is None or root.getroottree().docinfo.doctype:
        raise NoDescriptionError("entities")
    return root


def children(element: Element | None, *names: str) -> Iterator[Element]:
    """Yield the children with one of the local names."""
    if element is not None:
        yield from element.iterchildren(*_in_any_namespace(names))


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
    if element is not None:
        yield from element.iter(*_in_any_namespace(names))


def _in_any_namespace(names: Iterable[str]) -> list[str]:
    return [f"{{*}}{name}" for name in names]


def _names(elements: Iterator[Element]) -> list[str]:
    """Return the texts of elements that name formats."""
    return [text(element.text, LONGEST_FORMAT) for element in elements][:MOST_FORMATS]


def _codes(elements: Iterator[Element]) -> list[str]:
    return [crs_code(element.text) for element in elements]


def _name(element: Element | None, *path: str) -> str:
    return value(element, *path)[:LONGEST_NAME]


# --- OGC services: their kinds ---


def _limit(description: Description, name: str, written: str) -> None:
    is_number = written.isascii() and written.isdigit() and len(written) < 10  # noqa: PLR2004
    if is_number and int(written):
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
        codes += map(crs_code, (written.text or "").split()[:100])
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
    sets = {}
    for matrix_set in children(contents, "TileMatrixSet"):
        sets[value(matrix_set, "Identifier")] = matrix_set
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
    styles = children(layer, "Style")
    default = min(styles, key=lambda style: style.get("isDefault") != "true", default=None)
    templates = []
    for url in children(layer, "ResourceURL"):
        if url.get("resourceType") == "tile":
            form, template = url.get("format"), url.get("template")
            templates.append((text(form, LONGEST_FORMAT), text(template, LONGEST_URL)))
    details: dict[str, object] = {
        "style": _name(default, "Identifier"),
        "matrix_set": "",
        "zooms": {},
        "templates": templates[:4],
    }
    for name in names:
        zooms = _zooms(sets.get(name))
        if zooms:
            return {**details, "matrix_set": name, "zooms": zooms}
    return details


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


# --- OGC APIs and ArcGIS servers, in JSON ---

#: Substrings of conformance classes → parts of the OGC APIs.
PARTS = {
    "ogcapi-features-1": "features",
    "ogcapi-records-1": "records",
    "ogcapi-maps-1": "maps",
    "ogcapi-tiles-1": "tiles",
    "ogcapi-coverages-1": "coverages",
    "ogcapi-edr-1": "edr",
}
#: Relations of a landing page of which it has at least one, and members of an ArcGIS service.
_OF_LANDING_PAGE = frozenset({"data", "conformance", "service-desc", "collections"})
_OF_ARCGIS = frozenset({"layers", "currentVersion", "serviceDescription", "spatialReference"})
_GENERAL_CRS = "#/crs"
MOST_LISTED = 5_000


def parse_json(data: bytes) -> Values:
    """Parse a JSON object.

    Raises:
        NoDescriptionError: it is not a JSON object.
    """
    if data[:200].lstrip().startswith(b"<"):
        raise NoDescriptionError("html")
    try:
        document = parsing.load_json(data)
    except (ValueError, RecursionError) as error:
        raise NoDescriptionError("not-json") from error
    if not isinstance(document, dict):
        raise NoDescriptionError("not-json")
    return document


def links(document: Values, base: str) -> dict[str, str]:
    """Return the URLs of an OGC API document's links by relation.

    JSON is preferred; links to other servers are left out.
    """
    urls: dict[str, str] = {}
    for link in _objects(document.get("links")):
        href = link.get("href")
        relation = str(link.get("rel") or "").rpartition("/")[2]
        if not isinstance(href, str) or not relation:
            continue
        try:
            url = urljoin(base, href[:LONGEST_URL])
            is_same_server = urlsplit(url).netloc.lower() == urlsplit(base).netloc.lower()
        except ValueError:
            continue
        is_json = "json" in str(link.get("type") or "json")
        if is_same_server and (is_json or relation not in urls):
            urls[relation] = url
    return urls


def landing(document: Values, base: str) -> tuple[Description, dict[str, str]]:
    """Parse the landing page of an OGC API; return its description and links.

    Raises:
        NoDescriptionError: it is not a landing page.
    """
    urls = links(document, base)
    if not _OF_LANDING_PAGE & set(urls):
        raise NoDescriptionError("other-json")
    title, abstract = text(document.get("title")), text(document.get("description"))
    return Description("ogcapi", title=title, abstract=abstract), urls


def conformance(document: Values, description: Description) -> None:
    """Set the parts of the OGC APIs that a server conforms to."""
    listed = _list(document.get("conformsTo"))[:200]
    classes = " ".join(str(written)[:200] for written in listed)
    parts = [part for mark, part in PARTS.items() if mark in classes]
    description.details["parts"] = parts
    description.details["reprojects"] = "ogcapi-features-2" in classes
    if parts:
        description.version = "1.0"


def collections(document: Values, base: str, description: Description) -> None:
    """Add the collections of an OGC API.

    Raises:
        NoDescriptionError: there is no list of collections.
    """
    if not isinstance(document.get("collections"), list):
        raise NoDescriptionError("other-json")
    general = _codes_of_api(document.get("crs"))
    for collection in _objects(document["collections"]):
        urls = links(collection, base)
        codes = _codes_of_api(collection.get("crs"))
        if not codes or _GENERAL_CRS in _list(collection.get("crs")):
            codes = codes + general
        items = [link for link in _objects(collection.get("links")) if link.get("rel") == "items"]
        description.add(
            Layer(
                text(collection.get("id"), LONGEST_NAME),
                text(collection.get("title")),
                text(collection.get("description")),
                _extent(collection.get("extent")),
                codes,
                [text(link.get("type"), LONGEST_FORMAT) for link in items],
                {name: urls[name] for name in ("items", "map") if name in urls},
            )
        )


def arcgis(document: Values) -> Description:
    """Parse the description of an ArcGIS service.

    Raises:
        NoDescriptionError: it is not such a description.
    """
    if isinstance(document.get("error"), dict):
        raise NoDescriptionError("exception")
    if not _OF_ARCGIS & set(document):
        raise NoDescriptionError("other-json")
    description = Description("arcgis", text(document.get("currentVersion"), 20))
    description.title = text(document.get("mapName") or document.get("name"))
    description.abstract = text(document.get("serviceDescription") or document.get("description"))
    formats = text(
        document.get("supportedImageFormatTypes") or document.get("supportedQueryFormats"),
    )
    names = map(str.strip, formats.split(","))
    description.formats = list(filter(None, names))[:MOST_FORMATS]
    _limit(description, "features", str(document.get("maxRecordCount")))
    code = _wkid(document.get("spatialReference"))
    extent = _esri_extent(document.get("fullExtent") or document.get("extent"))
    for layer in _objects(document.get("layers")):
        if isinstance(layer.get("id"), int):
            description.add(Layer(str(layer["id"]), text(layer.get("name")), "", extent, [code]))
    return description


def _esri_extent(extent: Any) -> Box | None:
    if not isinstance(extent, dict):
        return None
    if _wkid(extent.get("spatialReference")) not in ("EPSG:4326", "EPSG:4258"):
        return None
    return box(extent.get("xmin"), extent.get("ymin"), extent.get("xmax"), extent.get("ymax"))


def _wkid(reference: Any) -> str:
    if not isinstance(reference, dict):
        return ""
    number = reference.get("latestWkid") or reference.get("wkid")
    if isinstance(number, int):
        return f"EPSG:{number}"
    return ""


def _extent(extent: Any) -> Box | None:
    """Return the first of the boxes of a collection, without heights."""
    try:
        sides = extent["spatial"]["bbox"][0]
    except (TypeError, KeyError, IndexError):
        return None
    if not isinstance(sides, list):
        return None
    if len(sides) == 6:  # noqa: PLR2004 - with heights
        sides = [*sides[:2], *sides[3:5]]
    if len(sides) == 4:  # noqa: PLR2004
        return box(*sides)
    return None


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value[:MOST_LISTED]
    return []


def _objects(value: Any) -> list[Values]:
    return [element for element in _list(value) if isinstance(element, dict)]


def _codes_of_api(value: Any) -> list[str]:
    return [crs_code(code) for code in _list(value) if code != _GENERAL_CRS]
