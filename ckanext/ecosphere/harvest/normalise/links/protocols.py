"""Determine protocol, role and format of a link from its declared protocol, URL, function and name."""

from __future__ import annotations

import re
from functools import cache
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.links.addresses import Address, told_by
from ckanext.ecosphere.harvest.normalise.tables import Phrases, is_placeholder, plain, rows
from ckanext.ecosphere.harvest.record import Link, Service
from ckanext.ecosphere.vocabularies import Concept

OGC_WITH_CAPABILITIES = {
    "OGC:WMS": "WMS",
    "OGC:WMTS": "WMTS",
    "OGC:WFS": "WFS",
    "OGC:WCS": "WCS",
    "OGC:CSW": "CSW",
    "OGC:SOS": "SOS",
    "OGC:WPS": "WPS",
}
GENERIC = {"HTTP", "HTTP:DOWNLOAD", "FTP"}
_MEDIA_IN_PROTOCOL = re.compile(r"^www:(?:download|link)[^:]*:([\w.+/-]+)$", re.IGNORECASE)
_REQUEST_KEYS = {"service", "request", "version", "acceptversions", "layers", "layer", "typename", "typenames"}
_FUNCTIONS = {
    "download": "data",
    "fileaccess": "data",
    "offlineaccess": "data",
    "information": "documentation",
    "information.qualityreport": "documentation",
    "information.content": "documentation",
    "completemetadata": "metadata",
    "browsing": "service",
    "browsegraphic": "sample",
    "view": "service",
    "order": "service",
    "search": "service",
    "upload": "service",
}
"""ISO ``CI_OnLineFunctionCode`` (including later codes) → role of a resource."""
_DOCUMENTS = {"document", "image"}
_EXTENSION = re.compile(r"\.([A-Za-z0-9]{2,8})$")
_WORDS_TOO = {"tab", "asc", "doc", "nc", "las", "txt", "db", "gz", "sql", "mid", "md", "ppt", "n3", "owl", "atom"}
"""Extensions that are also words or names of other things."""
_NO_PAGES = {
    "sld",
    "se",
    "qml",
    "qlr",
    "qgs",
    "qgz",
    "lyr",
    "lyrx",
    "style",
    "xsd",
    "xmi",
    "ili",
    "mapml",
    "mxd",
    "aprx",
    "stl",
}
"""Extensions of files that are neither data nor pages, and whose format is not in the vocabulary."""
_BOTH = re.compile(r"\bwms wfs\b|\bwms et wfs\b")
_FORMAT_KEYS = ("outputformat", "format", "f")
_FILE_KEYS = ("fname", "file")
_LONGEST_FORMAT = 40
NOT_A_DATA_FORMAT = {"HTML"}
SERVICE_KINDS = {"view", "download", "discovery", "invoke", "transformation", "other", "application"}
"""INSPIRE service types, which do not imply a protocol."""


# --- protocol -------------------------------------------------------------------------------------


@cache
def _patterns(where: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(r["pattern"]), r["protocol"]) for r in rows("protocol-patterns") if r["in"] == where)


def _matched(where: str, text: str) -> str | None:
    return next((protocol for pattern, protocol in _patterns(where) if pattern.search(text)), None)


def protocol_of(declared: str | None, address: Address) -> str:
    """Return the canonical protocol: from the request in the URL, the declaration, or the form of the URL."""
    asked = f"OGC:{address.query.get('service', '').upper()}"
    if asked in OGC_WITH_CAPABILITIES:
        return asked
    vocabulary = voc.get("protocol")
    known = None
    if declared and not is_placeholder(declared):
        known = vocabulary.get(declared) or vocabulary.find(declared)
        known = known or vocabulary.get(_matched("protocol", declared.lower()) or "")
    if known and known.id not in GENERIC:
        return known.id
    seen = _matched("url", told_by(address.url or "").lower())
    return seen or (known.id if known else "HTTP")


def protocol_of_service(described: Service) -> str | None:
    """Return the protocol of a service: its declared type, or from its operations, or its kind and version."""
    kind = (described.type or "").strip()
    if kind and kind.lower() not in SERVICE_KINDS:
        return kind
    names = (operation.name or "" for operation in described.operations)
    told = next(filter(None, (_matched("operation", name.strip().lower()) for name in names)), None)
    return told or _matched("kind", " ".join([kind.lower(), *described.versions]))


def serves_both(link: Link, address: Address) -> bool:
    """Tell whether this is a MapServer base URL for WMS and WFS (Géo-IDE: "URL de base des services wms/wfs")."""
    text = f"{plain(link.units_of_distribution or '')} / {plain(link.name or '')}"
    return "service" not in address.query and bool(_BOTH.search(text))


def capabilities(url: str, protocol: str) -> str:
    """Return the GetCapabilities URL of an OGC service, keeping other parameters (``map=``).

    A capabilities document (RESTful WMTS, OGC 07-057r7, 10.2.1: ``WMTSCapabilities.xml``) is returned as it is.
    """
    parts = urlsplit(url)
    if parts.path.lower().endswith("capabilities.xml"):
        return url
    kept = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k.lower() not in _REQUEST_KEYS]
    query = [*kept, ("SERVICE", OGC_WITH_CAPABILITIES[protocol]), ("REQUEST", "GetCapabilities")]
    return urlunsplit(parts._replace(query=urlencode(query, safe="/:,"), fragment=""))


def folded(url: str) -> str:
    """Return a URL with sorted parameters, and OGC parameter names, service and request in lower case."""
    parts = urlsplit(url)
    query = [
        (key.lower(), value.lower() if key.lower() in ("service", "request") else value)
        if key.lower() in _REQUEST_KEYS
        else (key, value)
        for key, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    return urlunsplit(parts._replace(query=urlencode(sorted(query), safe="/:,"), fragment=""))


def endpoint(url: str) -> str:
    """Return the URL of a service without the request parameters."""
    parts = urlsplit(url)
    kept = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k.lower() not in _REQUEST_KEYS]
    return urlunsplit(parts._replace(query=urlencode(kept, safe="/:,"), fragment=""))


# --- use ---------------------------------------------------------------------------------------------


@cache
def _cues() -> tuple[tuple[str, bool, str, re.Pattern[str]], ...]:
    found = rows("link-cues")
    return tuple((row["use"], row["certain"] == "yes", row["in"], re.compile(row["pattern"])) for row in found)


def use_of(link: Link, address: Address) -> tuple[str, bool]:
    """Return the use of a link from its units, name or URL ("" if unknown), and whether that overrides the protocol."""
    texts = {
        "units": plain((link.units_of_distribution or "")[:200]),
        "title": plain((link.name or "")[:200]),
        "name": plain(f"{(link.name or '')[:200]} {(link.description or '')[:200]}"),
        "url": unquote(told_by(address.url or "")).lower(),
    }
    for use, certain, where, pattern in _cues():
        if texts[where] and pattern.search(texts[where]):
            return use, certain
    return "", False


def role_of(link: Link, address: Address, protocol: str, use: str) -> str:
    """Return the role of a resource: data, service, documentation, sample or metadata."""
    if use.startswith("record"):
        return "metadata"
    if address.query.get("request", "").lower() == "getfeature":
        return "data"
    if protocol in GENERIC and use in ("view", "service") and _tells_data(link):
        return _role_of_page(link, address, protocol, use)
    if protocol not in GENERIC or use in ("feed", "view", "service") or _is_other_service(link):
        return "service"
    return _role_of_page(link, address, protocol, use)


def _tells_data(link: Link) -> bool:
    """Tell whether a link states a data format, as RDF distributions do."""
    said = format_named(link.media_type) or format_named(link.format)
    return said is not None and said.data["kind"] not in (*_DOCUMENTS, "service")


def _is_other_service(link: Link) -> bool:
    """Tell whether a link declares an OGC interface that the vocabulary lacks, or a service as its format."""
    said = format_named(link.format)
    if said is not None and said.data["kind"] == "service":
        return True
    declared = (link.protocol or "").lower()
    named = declared.startswith(("ogc:", "ogc api", "ogc-api"))
    return named and voc.get("protocol").find(declared) is None and _matched("protocol", declared) is None


def _is_of_data(said: Concept) -> bool:
    """Tell whether a format is specific to data; a media type often covers a whole family."""
    return said.data["kind"] not in (*_DOCUMENTS, "service", "archive")


def _role_of_page(link: Link, address: Address, protocol: str, use: str) -> str:
    """Distinguish data from documents among plain links: by file, cues, function, then protocol."""
    if _is_other_file(address):
        return "documentation"  # a style file, even if its link is named after the format of its data
    ending = format_of_path(address)
    is_page = ending is not None and ending.id in NOT_A_DATA_FORMAT
    if use == "documentation" or (ending is not None and ending.data["kind"] in _DOCUMENTS and not is_page):
        return "documentation"
    if use == "data" or (ending is not None and not is_page):
        return "data"
    if use != "about" and _tells_data(link):
        return "data"
    function = _FUNCTIONS.get((link.function or "").lower(), "")
    at_root = address.path in ("", "/") and not address.query
    declared = protocol in ("HTTP:DOWNLOAD", "FTP") and not at_root and not is_page and use != "about"
    return function or ("data" if declared else "documentation")


# --- format ------------------------------------------------------------------------------------------


@cache
def _formats() -> Phrases[str]:
    return Phrases(
        (label, concept.id)
        for concept in voc.get("format")
        for label in (
            concept.id,
            concept.label_fr,
            concept.label_en,
            *concept.alt_labels,
            *(each for each in concept.data["extensions"] if each not in _WORDS_TOO),
        )
    )


@cache
def _by_extension() -> dict[str, Concept]:
    found: dict[str, Concept] = {}
    for concept in voc.get("format"):
        for extension in concept.data["extensions"]:
            found.setdefault(extension.lower(), concept)
    return found


@cache
def _by_media_type() -> dict[str, Concept]:
    found: dict[str, Concept] = {}
    for concept in voc.get("format"):
        found.setdefault(concept.data["media_type"].lower(), concept)
    return found


def format_named(text: str | None) -> Concept | None:
    """Return the format named in a text: a media type, an extension, a name, or a name within the text."""
    if not text or is_placeholder(text):
        return None
    bare = text.strip().lower()[:200]
    found = voc.get("format").get(text.strip()) or voc.get("format").find(bare)
    found = found or _by_media_type().get(bare.partition(";")[0].strip()) or _by_extension().get(bare.lstrip("."))
    if found:
        return found
    named = next((value for _start, _end, value in _formats().find(bare)), None)
    return voc.get("format")[named] if named else None


def format_that_is(text: str | None) -> Concept | None:
    """Return the format if a text is only its name ("shp", "GeoJSON"), as portals name their exports."""
    bare = (text or "").strip().lower()
    return (voc.get("format").find(bare) or _by_extension().get(bare)) if 0 < len(bare) <= _LONGEST_FORMAT else None


def formats_named(text: str | None) -> list[Concept]:
    """Return all formats named in a text ("ESRI Shapefile, MapInfo TAB"), in order."""
    whole = format_named(text)
    if not text or whole is None:
        return []
    exact = voc.get("format").find(text.strip().lower()[:200])
    several = [] if exact else [value for _start, _end, value in _formats().find(text.strip().lower()[:200])]
    return [voc.get("format")[value] for value in dict.fromkeys(several)] or [whole]


def format_of_path(address: Address) -> Concept | None:
    """Return the format of the file at the end of a URL, or in one of its parameters (GeoNetwork, Eurostat)."""
    match = _EXTENSION.search(_file_name(address))
    return _by_extension().get(match.group(1).lower()) if match else None


def _file_name(address: Address) -> str:
    return next(filter(None, map(address.query.get, _FILE_KEYS)), address.path)


def is_document(address: Address) -> bool:
    """Tell whether a URL ends in a document or an image."""
    ending = format_of_path(address)
    return ending is not None and ending.data["kind"] in _DOCUMENTS


def _own_format(link: Link, address: Address) -> Concept | None:
    """Return the format that a distribution states, unless it is in an archive, whose format then comes first."""
    own, file = format_named(link.format), format_named(link.media_type) or format_of_path(address)
    is_packed = file is not None and file.data["kind"] == "archive"
    return own if own and _is_of_data(own) and not is_packed else None


def format_of(link: Link, address: Address, protocol: str, role: str) -> Concept | None:
    """Return the format of a resource, from the protocol of a service or the properties of a file."""
    vocabulary = voc.get("format")
    concept = voc.get("protocol").get(protocol)
    if role == "service" and concept and concept.data["format"]:
        return vocabulary.get(concept.data["format"])
    media = _MEDIA_IN_PROTOCOL.match(link.protocol or "")
    asked = next((address.query[key] for key in _FORMAT_KEYS if address.query.get(key)), None)
    told = map(format_named, (link.media_type, media.group(1) if media else None, asked))
    found = _own_format(link, address) if role == "data" else None
    if found := found or next(filter(None, told), None) or format_of_path(address):
        return found
    if role == "service":
        page = None if _is_other_service(link) else vocabulary.get("HTML")
        return format_named(link.format) or page if protocol in GENERIC else None
    if role == "data":
        own, told = format_named(link.format), format_named(link.name)
        if own and told and not _is_of_data(own) and _is_of_data(told):
            return told  # "Shapefile" in "zones.zip"
        return own or told or format_named(link.description)
    return format_named(link.format) or (None if _is_other_file(address) else vocabulary.get("HTML"))


def _is_other_file(address: Address) -> bool:
    """Tell whether a URL ends in a file that is not displayed as a page: a style, a project, a model."""
    ending = _EXTENSION.search(_file_name(address))
    return ending is not None and ending.group(1).lower() in _NO_PAGES
