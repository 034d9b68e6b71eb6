"""Recognise URLs of services and normalise them, so that each service is read only once. No CKAN imports."""

from __future__ import annotations

import csv
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

LONGEST_URL = 2_000
#: Parameters of operations; other parameters (map=…, an API key) are part of the service URL.
OPERATION = frozenset(
    {
        "service", "request", "version", "acceptversions", "layers", "layer", "query_layers", "styles", "style", "bbox",
        "format", "outputformat", "crs", "srs", "srsname", "width", "height", "transparent", "typename", "typenames",
        "count", "maxfeatures", "startindex", "propertyname", "resulttype", "featureid", "cql_filter", "filter",
        "exceptions", "coverageid", "coverage", "tilematrixset", "tilematrix", "tilerow", "tilecol", "f", "limit",
        "sections", "updatesequence",
    }
)  # fmt: skip
#: Formats that do not identify the kind of a resource.
VAGUE = ("xml", "html", "json", "api")
VAGUE_PROTOCOLS = ("http", "https")
NAMING = ("layers", "layer", "typenames", "typename", "coverageid", "coverage")
_FILE = Path(__file__).parents[1] / "data" / "kinds.csv"
_ARCGIS = re.compile(r"^(.*/(?:MapServer|FeatureServer|ImageServer))(?:/(\d{1,6}))?(?:/[^/]{0,40})?/?$", re.IGNORECASE)
_COLLECTION = re.compile(r"^(.{0,1900}?)/collections(?:/([^/]{1,300}))?(?:/.{0,300})?$")
_WMTS_FILE = re.compile(r"/(?:1\.0\.0/)?WMTSCapabilities\.xml$", re.IGNORECASE)


@dataclass(frozen=True)
class Kind:
    """A row of `data/kinds.csv`."""

    id: str
    label: str
    protocols: frozenset[str]
    formats: frozenset[str]
    service: str
    path: str
    roots: frozenset[str]


@dataclass(frozen=True)
class Address:
    """A service, and the requested layer ("" for none).

    Attributes:
        kind: id in `data/kinds.csv`.
        url: URL without the parameters of an operation.
    """

    kind: str
    url: str
    layer: str = ""

    @property
    def key(self) -> str:
        """Primary key of the service."""
        return hashlib.sha256(f"{self.kind} {self.url}".encode()).hexdigest()


@cache
def kinds() -> dict[str, Kind]:
    """Return the kinds of services by id."""
    with _FILE.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return {
            row["id"]: Kind(
                row["id"],
                row["label"],
                _set(row["protocols"]),
                _set(row["formats"]),
                row["service"],
                row["path"],
                _set(row["root"]),
            )
            for row in rows
        }


def _set(text: str) -> frozenset[str]:
    return frozenset(filter(None, text.split("|")))


def recognise(url: str, format_: str = "", protocol: str = "") -> Address | None:
    """Return the service of a URL, None if it does not look like one.

    The URL itself takes precedence over the declared format and protocol.

    Args:
        url: the URL.
        format_: format of the resource.
        protocol: protocol of the resource.
    """
    url = url.strip()
    if len(url) > LONGEST_URL or not url.lower().startswith(("http://", "https://")):
        return None
    try:
        parts = urlsplit(url)
        query = dict(_query(parts.query))
        host, _port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host:
        return None
    kind = _kind_of(parts.path, query, format_.strip().lower(), protocol.strip().lower())
    return _address(kind, url, query) if kind else None


def _query(text: str) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=100)]


def _kind_of(path: str, query: dict[str, str], format_: str, protocol: str) -> str:
    asked = query.get("service", "").lower()
    known = kinds().values()
    if found := next((kind.id for kind in known if asked and asked == kind.service), ""):
        return found
    if _ARCGIS.match(path) and kinds()["arcgis"].path in path.lower():
        return "arcgis"
    if _WMTS_FILE.search(path):
        return "wmts"
    if found := next((kind.id for kind in known if _names(protocol, kind.protocols) or format_ in kind.formats), ""):
        return found
    vague = not protocol or protocol in VAGUE_PROTOCOLS or protocol.startswith("www:link")
    if not vague or (format_ and format_ not in VAGUE):
        return ""  # declared as something else
    return next((kind.id for kind in known if _has_path(path.lower().rstrip("/"), kind)), "")


def _has_path(path: str, kind: Kind) -> bool:
    return bool(kind.path) and (path.endswith(kind.path) or (kind.id == "ogcapi" and bool(_COLLECTION.match(path))))


def _names(protocol: str, protocols: frozenset[str]) -> bool:
    """Return whether a protocol is in a set, possibly with a suffix ("OGC:WMS-1.3.0-http-get-map")."""
    return any(protocol == each or protocol.startswith((f"{each}-", f"{each} ")) for each in protocols)


def _address(kind: str, url: str, query: dict[str, str]) -> Address:
    parts = urlsplit(url)
    path, layer = parts.path, next((query[name] for name in NAMING if query.get(name)), "")
    if kind == "arcgis" and (match := _ARCGIS.match(path)):
        path, layer = match[1], match[2] or layer
    elif kind == "ogcapi" and (match := _COLLECTION.match(path)):
        path, layer = match[1], unquote(match[2] or "")
    kept = [] if kind in ("ogcapi", "arcgis") else None
    if kept is None:
        kept = [(name, value) for name, value in parse_qsl(parts.query) if name.lower() not in OPERATION]
    base = urlunsplit((parts.scheme.lower(), parts.netloc.lower(), path or "/", urlencode(kept), ""))
    if kind == "atom":
        base = urlunsplit((parts.scheme.lower(), parts.netloc.lower(), path or "/", parts.query, ""))
    return Address(kind, base.rstrip("/") if kind in ("ogcapi", "arcgis") else base, layer[:300])


def with_parameters(url: str, **parameters: str | int) -> str:
    """Add parameters of an operation to the URL of a service."""
    parts = urlsplit(url)
    added = urlencode({name: str(value) for name, value in parameters.items()}, safe=":,/", quote_via=quote)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "&".join(filter(None, (parts.query, added))), ""))


def capabilities_url(address: Address) -> str:
    """Return the URL of the description of a service."""
    if address.kind == "atom" or _WMTS_FILE.search(urlsplit(address.url).path):
        return address.url
    if address.kind == "ogcapi":
        return with_parameters(f"{address.url}/", f="json")
    if address.kind == "arcgis":
        return with_parameters(address.url, f="json")
    return with_parameters(address.url, SERVICE=kinds()[address.kind].service.upper(), REQUEST="GetCapabilities")
