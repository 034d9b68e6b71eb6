"""Parse the JSON descriptions of OGC APIs and ArcGIS servers. No CKAN imports."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin, urlsplit

from ckanext.ecosphere.access.services.description import (
    LONGEST_FORMAT,
    LONGEST_NAME,
    LONGEST_URL,
    MOST_FORMATS,
    Box,
    Description,
    Layer,
    NoDescriptionError,
    box,
    crs_code,
    text,
)
from ckanext.ecosphere.shared import strict_json

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


def parse(data: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Raises:
        NoDescriptionError: it is not a JSON object.
    """
    if data[:200].lstrip().startswith(b"<"):
        raise NoDescriptionError("html")
    try:
        document = strict_json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NoDescriptionError("not-json") from error
    if not isinstance(document, dict):
        raise NoDescriptionError("not-json")
    return document


def links(document: dict[str, Any], base: str) -> dict[str, str]:
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


def landing(document: dict[str, Any], base: str) -> tuple[Description, dict[str, str]]:
    """Parse the landing page of an OGC API; return its description and links.

    Raises:
        NoDescriptionError: it is not a landing page.
    """
    urls = links(document, base)
    if not _OF_LANDING_PAGE & set(urls):
        raise NoDescriptionError("other-json")
    title, abstract = text(document.get("title")), text(document.get("description"))
    return Description("ogcapi", title=title, abstract=abstract), urls


def conformance(document: dict[str, Any], description: Description) -> None:
    """Set the parts of the OGC APIs that a server conforms to."""
    listed = _list(document.get("conformsTo"))[:200]
    classes = " ".join(str(written)[:200] for written in listed)
    parts = [part for mark, part in PARTS.items() if mark in classes]
    description.details["parts"] = parts
    description.details["reprojects"] = "ogcapi-features-2" in classes
    if parts:
        description.version = "1.0"


def collections(document: dict[str, Any], base: str, description: Description) -> None:
    """Add the collections of an OGC API.

    Raises:
        NoDescriptionError: there is no list of collections.
    """
    if not isinstance(document.get("collections"), list):
        raise NoDescriptionError("other-json")
    general = _codes(document.get("crs"))
    for collection in _objects(document["collections"]):
        urls = links(collection, base)
        codes = _codes(collection.get("crs"))
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


def arcgis(document: dict[str, Any]) -> Description:
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
    description.abstract = text(
        document.get("serviceDescription") or document.get("description"),
    )
    formats = text(
        document.get("supportedImageFormatTypes") or document.get("supportedQueryFormats"),
    )
    names = map(str.strip, formats.split(","))
    description.formats = list(filter(None, names))[:MOST_FORMATS]
    number = document.get("maxRecordCount")
    if isinstance(number, int) and number > 0:
        description.limits["features"] = number
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


def _objects(value: Any) -> list[dict[str, Any]]:
    return [element for element in _list(value) if isinstance(element, dict)]


def _codes(value: Any) -> list[str]:
    return [crs_code(code) for code in _list(value) if code != _GENERAL_CRS]
