"""Parse the JSON descriptions of OGC APIs and ArcGIS servers. No CKAN imports."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin, urlsplit

from ckanext.ecosphere.access.services.description import (
    LONGEST_NAME,
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


def parse(data: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Raises:
        NoDescriptionError: it is not a JSON object.
    """
    if data[:200].lstrip()[:1] == b"<":
        raise NoDescriptionError("html")
    try:
        found = strict_json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NoDescriptionError("not-json") from error
    if not isinstance(found, dict):
        raise NoDescriptionError("not-json")
    return found


def links(document: dict[str, Any], base: str) -> dict[str, str]:
    """Return the URLs of an OGC API document's links by relation, preferring JSON; other servers are left out."""
    found: dict[str, str] = {}
    for each in _list(document.get("links")):
        if not isinstance(each, dict) or not isinstance(each.get("href"), str):
            continue
        relation = str(each.get("rel") or "").rpartition("/")[2]
        try:
            url = urljoin(base, each["href"][:2000])
            same = urlsplit(url).netloc.lower() == urlsplit(base).netloc.lower()
        except ValueError:
            continue
        is_json = "json" in str(each.get("type") or "json")
        if same and relation and (relation not in found or is_json):
            found.setdefault(relation, url) if not is_json else found.update({relation: url})
    return found


def landing(document: dict[str, Any], base: str) -> tuple[Description, dict[str, str]]:
    """Parse the landing page of an OGC API; return its description and links.

    Raises:
        NoDescriptionError: it is not a landing page.
    """
    found = links(document, base)
    if not {"data", "conformance", "service-desc", "collections"} & set(found):
        raise NoDescriptionError("other-json")
    return (
        Description("ogcapi", title=text(document.get("title")), abstract=text(document.get("description"))),
        found,
    )


def conformance(document: dict[str, Any], description: Description) -> None:
    """Set the parts of the OGC APIs that a server conforms to."""
    classes = " ".join(str(each)[:200] for each in _list(document.get("conformsTo"))[:200])
    description.details["parts"] = [part for mark, part in PARTS.items() if mark in classes]
    description.details["reprojects"] = "ogcapi-features-2" in classes
    description.version = "1.0" if description.details["parts"] else ""


def collections(document: dict[str, Any], base: str, description: Description) -> None:
    """Add the collections of an OGC API.

    Raises:
        NoDescriptionError: there is no list of collections.
    """
    if not isinstance(document.get("collections"), list):
        raise NoDescriptionError("other-json")
    general = [crs_code(each) for each in _list(document.get("crs"))]
    for each in document["collections"]:
        if not isinstance(each, dict):
            continue
        own = links(each, base)
        codes = [crs_code(code) for code in _list(each.get("crs")) if code != "#/crs"]
        formats = [
            text(link.get("type"), 80)
            for link in _list(each.get("links"))
            if isinstance(link, dict) and link.get("rel") == "items"
        ]
        details = {name: own[name] for name in ("items", "map") if name in own}
        description.add(
            Layer(
                text(each.get("id"), LONGEST_NAME),
                text(each.get("title")),
                text(each.get("description")),
                _extent(each.get("extent")),
                codes + (general if "#/crs" in _list(each.get("crs")) or not codes else []),
                formats,
                details,
            )
        )


def arcgis(document: dict[str, Any]) -> Description:
    """Parse the description of an ArcGIS service.

    Raises:
        NoDescriptionError: it is not such a description.
    """
    if isinstance(document.get("error"), dict):
        raise NoDescriptionError("exception")
    if not {"layers", "currentVersion", "serviceDescription", "spatialReference"} & set(document):
        raise NoDescriptionError("other-json")
    title = text(document.get("mapName") or document.get("name"))
    found = Description("arcgis", text(document.get("currentVersion"), 20), title)
    found.abstract = text(document.get("serviceDescription") or document.get("description"))
    found.formats = text(document.get("supportedImageFormatTypes") or document.get("supportedQueryFormats")).split(",")
    found.formats = [each.strip() for each in found.formats if each.strip()][:20]
    number = document.get("maxRecordCount")
    if isinstance(number, int) and number > 0:
        found.limits["features"] = number
    code = _wkid(document.get("spatialReference"))
    extent = _esri_extent(document.get("fullExtent") or document.get("extent"))
    for each in _list(document.get("layers")):
        if isinstance(each, dict) and isinstance(each.get("id"), int):
            found.add(Layer(str(each["id"]), text(each.get("name")), "", extent, [code]))
    return found


def _esri_extent(extent: Any) -> Box | None:
    if not isinstance(extent, dict) or _wkid(extent.get("spatialReference")) not in ("EPSG:4326", "EPSG:4258"):
        return None
    return box(*(extent.get(side) for side in ("xmin", "ymin", "xmax", "ymax")))


def _wkid(reference: Any) -> str:
    if not isinstance(reference, dict):
        return ""
    number = reference.get("latestWkid") or reference.get("wkid")
    return f"EPSG:{number}" if isinstance(number, int) else ""


def _extent(extent: Any) -> Box | None:
    spatial = extent.get("spatial") if isinstance(extent, dict) else None
    boxes = spatial.get("bbox") if isinstance(spatial, dict) else None
    first = boxes[0] if isinstance(boxes, list) and boxes else None
    if not isinstance(first, list):
        return None
    if len(first) == 6:  # noqa: PLR2004 - with heights
        first = [*first[:2], *first[3:5]]
    return box(*first) if len(first) == 4 else None  # noqa: PLR2004


def _list(value: Any) -> list[Any]:
    return value[:5000] if isinstance(value, list) else []
