"""Where a service is: its kind, the URL under which it is read, and that of its description.

Pure functions over URLs; which link is a service is decided by `links`. The kinds are in
``data/services.csv``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.dataset.links import OGC_WITH_CAPABILITIES
from ckanext.ecosphere.vocabularies import tables

#: Parameters of a request; others (``map=``, an API key) are part of the URL of the service.
REQUEST_KEYS = frozenset(
    {"service", "request", "version", "acceptversions", "layers", "layer", "typename", "typenames"}
)
LAYER_KEYS = ("layers", "layer", "typenames", "typename", "coverageid", "coverage")
#: Further parameters of operations, left out when services are compared.
OPERATION_KEYS = REQUEST_KEYS | {
    "query_layers", "styles", "style", "bbox", "format", "outputformat", "crs", "srs", "srsname",
    "width", "height", "transparent", "count", "maxfeatures", "startindex", "propertyname",
    "resulttype", "featureid", "cql_filter", "filter", "exceptions", "coverageid", "coverage",
    "tilematrixset", "tilematrix", "tilerow", "tilecol", "f", "limit", "sections", "updatesequence",
}  # fmt: skip
LONGEST_URL = 2_000
LONGEST_LAYER = 300
_ARCGIS = re.compile(
    r"^(.*/(?:MapServer|FeatureServer|ImageServer))(?:/(\d{1,6}))?(?:/[^/]{0,40})?/?$",
    re.IGNORECASE,
)
_COLLECTION = re.compile(r"^(.{0,1900}?)/collections(?:/([^/]{1,300}))?(?:/.{0,300})?$")
_WMTS_FILE = re.compile(r"/(?:1\.0\.0/)?WMTSCapabilities\.xml$", re.IGNORECASE)
_JSON = re.compile(r"json(?!p)(?!.*javascript)", re.IGNORECASE)
#: Formats that do not exclude a service.
_VAGUE_FORMATS = frozenset({"", "xml", "html", "json", "api"})


def endpoint(url: str) -> str:
    """Return the URL of a service without the parameters of a request (`REQUEST_KEYS`)."""
    return urlunsplit(_without(url, REQUEST_KEYS))


def capabilities(url: str, protocol: str) -> str:
    """Return the URL of the capabilities of an OGC service.

    A capabilities document is returned as it is (RESTful WMTS, OGC 07-057r7, 10.2.1:
    ``WMTSCapabilities.xml``).
    """
    if links.split(url).path.lower().endswith("capabilities.xml"):
        return url
    parts = _without(url, REQUEST_KEYS)
    request = urlencode({"SERVICE": OGC_WITH_CAPABILITIES[protocol], "REQUEST": "GetCapabilities"})
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, request)))))


def _without(url: str, names: Iterable[str]) -> SplitResult:
    parts = links.split(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    others = [(name, value) for name, value in query if name.lower() not in names]
    return parts._replace(query=urlencode(others, safe="/:,{}"), fragment="")


def folded(url: str) -> str:
    """Return a URL in the form in which requests to an OGC service are compared.

    Parameters are sorted; the names of those of OGC, service and request are in lower case.
    """
    parts = links.split(url)
    query = []
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        key = name.lower()
        if key in ("service", "request"):
            query.append((key, value.lower()))
        else:
            query.append((key if key in REQUEST_KEYS else name, value))
    return urlunsplit(parts._replace(query=urlencode(sorted(query), safe="/:,"), fragment=""))


def with_parameters(url: str, **parameters: str | int) -> str:
    """Add parameters of an operation to the URL of a service."""
    parts = urlsplit(url)
    added = urlencode(
        {name: str(value) for name, value in parameters.items()}, safe=":,/", quote_via=quote
    )
    query = "&".join(filter(None, (parts.query, added)))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


@dataclass(frozen=True)
class ServiceKind:
    """A row of `services.csv`."""

    id: str
    label: str
    protocol: str
    formats: frozenset[str]
    spellings: frozenset[str]
    asked: str
    roots: frozenset[str]


@dataclass(frozen=True)
class ServiceAddress:
    """A service, and the requested layer ("" for none).

    Attributes:
        kind: id in `services.csv`.
        url: URL without the parameters of an operation, so that each service is read only once.
    """

    kind: str
    url: str
    layer: str = ""

    @property
    def key(self) -> str:
        """Primary key of the service."""
        return hashlib.sha256(f"{self.kind} {self.url}".encode()).hexdigest()

    @property
    def description_url(self) -> str:
        """URL of the description of the service: its capabilities, feed or landing page."""
        if self.kind == "atom":
            return self.url
        if self.kind == "ogcapi":
            return with_parameters(f"{self.url}/", f="json")
        if self.kind == "arcgis":
            return with_parameters(self.url, f="json")
        return capabilities(self.url, service_kinds()[self.kind].protocol)


@cache
def service_kinds() -> dict[str, ServiceKind]:
    """Return the kinds of services that are read, by id."""
    return {
        row["id"]: ServiceKind(
            row["id"],
            row["label"],
            row["protocol"],
            _values(row["formats"]),
            _values(row["spellings"]),
            row["asked"],
            _values(row["root"]),
        )
        for row in tables.rows(links.FOLDER / "services.csv")
    }


def _values(cell: str) -> frozenset[str]:
    return frozenset(filter(None, cell.split("|")))


def service_at(url: str, format_: str = "", protocol: str = "") -> ServiceAddress | None:
    """Return the service of a URL, None if it does not look like one.

    Args:
        url: the URL.
        format_: format of the resource, as stated.
        protocol: protocol of the resource, as stated.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises when the port is not a number
    except ValueError:
        return None
    if (
        len(url) > LONGEST_URL
        or parts.scheme.lower() not in ("http", "https")
        or not parts.hostname
    ):
        return None
    kind = _kind_of_service(url, format_.strip(), protocol.strip())
    return _service_address(kind, url) if kind else None


def _kind_of_service(url: str, format_: str, protocol: str) -> str:
    address = links.taken_apart(url)
    service = address.query.get("service", "").lower()
    kinds = service_kinds().values()
    for kind in kinds:
        if service and service == kind.asked:
            return kind.id
    if _ARCGIS.match(address.path) and "/rest/services/" in address.path.lower():
        return "arcgis"
    if _WMTS_FILE.search(address.path):
        return "wmts"
    declared = links.protocol_declared(protocol)
    concept = links.format_called(format_)
    formats = {format_.lower(), concept.id.lower() if concept else ""}
    for kind in kinds:
        is_of_protocol = declared is not None and declared.id == kind.protocol
        if is_of_protocol or protocol.lower() in kind.spellings or formats & kind.formats:
            return kind.id
    is_plain_link = not protocol or (declared is not None and declared.id == "HTTP")
    if not is_plain_link or format_.lower() not in _VAGUE_FORMATS:
        return ""  # stated as something else
    link = links.Link(url)
    spoken = links.protocol_spoken(link, links.sign_of(link))
    return next((kind.id for kind in kinds if kind.protocol == spoken), "")


def _service_address(kind: str, url: str) -> ServiceAddress:
    parts, address = urlsplit(url), links.taken_apart(url)
    path, query = parts.path, ""
    layer = next(filter(None, map(address.query.get, LAYER_KEYS)), "")
    if kind == "arcgis":
        match = _ARCGIS.match(path)
        path, layer = (match[1], match[2] or layer) if match else (path, layer)
    elif kind == "ogcapi":
        match = _COLLECTION.match(path)
        path, layer = (match[1], unquote(match[2] or "")) if match else (path, layer)
    elif kind == "atom":
        query = parts.query
    else:
        query = urlencode(
            [(k, v) for k, v in parse_qsl(parts.query) if k.lower() not in OPERATION_KEYS]
        )
    base = urlunsplit((parts.scheme.lower(), parts.netloc.lower(), path or "/", query, ""))
    if kind in ("ogcapi", "arcgis"):
        base = base.rstrip("/")
    return ServiceAddress(kind, base, layer[:LONGEST_LAYER])


# --- requests for features -------------------------------------------------------------------


def feature_request(
    url: str, version: str, layer: str, most: int | None = None, **more: Any
) -> str:
    """Return the URL of a GetFeature request (WFS 2.0, or 1.1 and before, OGC 09-025r2).

    Args:
        version: of the WFS, "" if not known.
        most: maximum number of features.
    """
    names = ("TYPENAMES", "COUNT")
    if version.startswith("1."):
        names = ("TYPENAME", "MAXFEATURES")
    parameters = {"SERVICE": "WFS", "VERSION": version or "2.0.0", "REQUEST": "GetFeature"}
    parameters |= {names[0]: layer, **more}
    if most:
        parameters[names[1]] = str(most)
    return with_parameters(url, **parameters)


def items_request(url: str, layer: str, items: str = "", **parameters: Any) -> str:
    """Return the URL of the features of a collection, as GeoJSON (OGC API Features, 17-069r4).

    Args:
        items: URL that the service states for them, "" for the usual one.
    """
    address = items or f"{url}/collections/{layer}/items"
    if "f=" not in address:
        parameters = {"f": "json", **parameters}
    return with_parameters(address, **parameters)


def json_format(names: Iterable[str]) -> str:
    """Return the output format of a WFS for GeoJSON among those that it offers,
    "" if there is none.
    """
    return min(filter(_JSON.search, names), key=len, default="")
