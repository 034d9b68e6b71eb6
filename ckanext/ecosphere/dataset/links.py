"""What a link is: its format, its protocol, its use, and the network from which it is reached.

Every room asks here, so that harvest, page, badge and previews agree on a link. All functions are
pure: they read what is written about a link, not what is behind it. The spellings are in ``data/``
and in the vocabularies `format` and `protocol`. The questions:

- which format does a text name (`format_called`, `format_named`, `formats_named`), which does a URL
  (`format_of_file`, `format_requested`), and which has the link (`format_of` in a record, `nature`
  in a dataset)?
- which protocol is declared (`protocol_declared`), and which does the server speak (`protocol_of`)?
- what is the link for (`sign_of`, `role_of` in a record, `nature` in a dataset)?
- who can reach it (`is_internal`, `is_internal_host`)?

A link *in a record* is what a catalogue wrote: pages, files and services together, so that a link
about which nothing is known is a page. A link *in a dataset* is a resource that a harvest or a
person has sorted already: what they stated counts, and one about which nothing is known is a file.
The reasons for each answer are in `docs/decisions/links.md`. Where a service is: `services`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies import Concept, tables
from ckanext.ecosphere.vocabularies.phrases import Phrases, plain

FOLDER = Path(__file__).parent / "data"
Resource = Mapping[str, Any]
"""A resource of a dataset, as shown or stored."""

#: Roles of a link (vocabulary `resource-role`).
DATA, SERVICE, DOCUMENTATION = "data", "service", "documentation"
SAMPLE, METADATA = "sample", "metadata"
#: Kind of a link, besides the roles: a page on which the data are looked at.
VIEWER = "viewer"

#: Protocols of plain links, which are not those of a service.
GENERIC = frozenset({"HTTP", "HTTP:DOWNLOAD", "FTP"})
OGC_WITH_CAPABILITIES = {
    "OGC:WMS": "WMS",
    "OGC:WMTS": "WMTS",
    "OGC:WFS": "WFS",
    "OGC:WCS": "WCS",
    "OGC:CSW": "CSW",
    "OGC:SOS": "SOS",
    "OGC:WPS": "WPS",
}
"""Protocol → value of ``SERVICE=`` of its GetCapabilities request."""
#: INSPIRE service types, which do not imply a protocol.
SERVICE_KINDS = frozenset(
    {"view", "download", "discovery", "invoke", "transformation", "other", "application"}
)

FORMAT_KEYS = ("outputformat", "format", "f")
"""Parameters of a URL that request a format."""
FILE_KEYS = ("fname", "file")
"""Parameters of a URL with the name of a file (GeoNetwork, Eurostat)."""

LONGEST_URL = 4_000
"""Characters of a URL that are examined."""
_HEAD, _TAIL = 800, 200
"""Characters at the beginning and end of a long URL that are searched for signs."""
_LONGEST_TEXT = 200
"""Characters of other texts that are examined."""
_LONGEST_NAME_OF_FORMAT = 40

#: Kinds of formats that are not specific to data.
DOCUMENT_KINDS = frozenset({"document", "image"})
#: Formats of pages.
NOT_A_DATA_FORMAT = frozenset({"HTML"})
#: Extensions that are also words or names of other things: within a text, they name no format.
_WORDS_TOO = frozenset(
    {
        "tab", "asc", "doc", "nc", "las", "txt", "db", "gz", "sql", "mid", "md", "ppt", "n3",
        "owl", "atom",
    }
)  # fmt: skip
#: Extensions of files that are neither data nor pages (styles, projects, models); the vocabulary
#: does not have their formats.
_OTHER_FILES = frozenset(
    {
        "sld", "se", "qml", "qlr", "qgs", "qgz", "lyr", "lyrx", "style", "xsd", "xmi", "ili",
        "mapml", "mxd", "aprx", "stl",
    }
)  # fmt: skip
#: Media types of several formats, the first of which in the vocabulary is not the usual one.
_USUAL_FORMAT = {"text/plain": "TXT", "image/tiff": "TIFF"}
_EXTENSION = re.compile(r"\.([A-Za-z0-9]{2,10})$")
_MEDIA_REGISTER = "assignments/media-types/"
_MEDIA_IN_PROTOCOL = re.compile(r"^www:(?:download|link)[^:]*:([\w.+/-]+)$", re.IGNORECASE)
_SHAPE_IN_ZIP = re.compile(r"(?:^|[^a-z])(?:shp|shape|shapefile)s?(?:[^a-z]|$)")
_WMS_AND_WFS = re.compile(r"\bwms wfs\b|\bwms et wfs\b")

_ROLE_OF_FUNCTION = {
    "download": DATA,
    "fileaccess": DATA,
    "offlineaccess": DATA,
    "information": DOCUMENTATION,
    "information.qualityreport": DOCUMENTATION,
    "information.content": DOCUMENTATION,
    "completemetadata": METADATA,
    "browsing": SERVICE,
    "browsegraphic": SAMPLE,
    "view": SERVICE,
    "order": SERVICE,
    "search": SERVICE,
    "upload": SERVICE,
}
"""ISO ``CI_OnLineFunctionCode`` (including later codes) → role."""


@dataclass(frozen=True)
class Link:
    """What a record or a dataset states about a link; "" where it states nothing.

    Attributes:
        url: the URL.
        protocol, format, media_type: as written.
        name, description: texts for people.
        function: ISO ``CI_OnLineFunctionCode``.
        units: ISO ``unitsOfDistribution``, in which Géo-IDE writes what the link is for.
    """

    url: str = ""
    protocol: str = ""
    format: str = ""
    media_type: str = ""
    name: str = ""
    description: str = ""
    function: str = ""
    units: str = ""


# --- the URL --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Address:
    """Parts of a URL; the parameters by lower-case name, with their first value."""

    host: str = ""
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


def taken_apart(url: str) -> Address:
    """Return the parts of a URL; the whole text is the path if it is invalid."""
    return _taken_apart(url[:LONGEST_URL])


@lru_cache(maxsize=2048)
def _taken_apart(url: str) -> Address:
    parts = split(url)
    query: dict[str, str] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True)[:200]:
        query.setdefault(name.lower(), value)
    return Address(parts.hostname or "", parts.path, query)


def split(url: str) -> SplitResult:
    """Split a URL; the whole text is the path if it is invalid."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", url, "", "")


def examined(url: str) -> str:
    """Return what is searched for signs: a URL in lower case, of a long one only both ends."""
    if len(url) <= _HEAD + _TAIL:
        return url.lower()
    return f"{url[:_HEAD]} {url[-_TAIL:]}".lower()


# --- the network ----------------------------------------------------------------------------------

INTRANET = "intranet"
"""Id in the vocabulary `network`."""


@cache
def _internal_suffixes() -> tuple[str, ...]:
    return tuple(row["suffix"] for row in tables.rows(FOLDER / "intranet-hosts.csv"))


@lru_cache(maxsize=1_000)
def is_internal_host(host: str) -> bool:
    """Return whether a host is internal: a private address, a bare name, or in the table.

    A loopback address is not internal: it is the reader's own machine, as in a demonstration.
    """
    if not host:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or f".{host.lower()}".endswith(_internal_suffixes())
    return not address.is_global and not address.is_loopback


def is_internal(resource: Resource) -> bool:
    """Return whether a resource is reachable only within the State's own network.

    It is if its field `network` says so, or if its host is internal.
    """
    if resource.get("url_type") == "upload":
        return False
    host = taken_apart(str(resource.get("url") or "")).host
    return resource.get("network") == INTRANET or is_internal_host(host)


# --- the format -----------------------------------------------------------------------------------


@cache
def _by_extension() -> dict[str, Concept]:
    formats: dict[str, Concept] = {}
    for concept in voc.get("format"):
        for extension in concept.data["extensions"]:
            formats.setdefault(extension.lower(), concept)
    return formats


@cache
def _by_media_type() -> dict[str, Concept]:
    formats = {media_type: voc.get("format")[id_] for media_type, id_ in _USUAL_FORMAT.items()}
    for concept in voc.get("format"):
        media_type = concept.data["media_type"].lower()
        if media_type:
            formats.setdefault(media_type, concept)
    return formats


@cache
def _names_of_formats() -> Phrases[str]:
    names: list[tuple[str, str]] = []
    for concept in voc.get("format"):
        labels = [concept.id, concept.label_fr, concept.label_en, *concept.alt_labels]
        labels += [
            extension for extension in concept.data["extensions"] if extension not in _WORDS_TOO
        ]
        names += [(label, concept.id) for label in labels]
    return Phrases(names)


def format_of_media_type(text: str) -> Concept | None:
    """Return the format with a media type: bare, with parameters, or as a URI of the IANA."""
    bare = text.rpartition(_MEDIA_REGISTER)[2].partition(";")[0]
    return _by_media_type().get(bare.strip().lower())


def format_called(text: str) -> Concept | None:
    """Return the format whose URI, id, label, media type or extension is the text."""
    name = text.strip()
    return _format_called(name) if 0 < len(name) <= _LONGEST_TEXT else None


@lru_cache(maxsize=4096)
def _format_called(name: str) -> Concept | None:
    formats = voc.get("format")
    bare = name.partition(";")[0].strip().lower().lstrip(".")
    return (
        formats.get(name)
        or formats.find(name)
        or format_of_media_type(name)
        or _by_extension().get(bare)
    )


def format_named(text: str) -> Concept | None:
    """Return the format of which a text is a name, else the first one named within the text."""
    return format_called(text) or next(iter(_formats_within(text)), None)


def formats_named(text: str) -> list[Concept]:
    """Return all formats named in a text ("ESRI Shapefile, MapInfo TAB"), in order.

    If the whole text is a label of a format, that is the only one.
    """
    if voc.get("format").find(text.strip().lower()[:_LONGEST_TEXT]):
        return [concept for concept in [format_named(text)] if concept]
    whole = format_named(text)
    if whole is None:
        return []
    return _formats_within(text) or [whole]


def _formats_within(text: str) -> list[Concept]:
    return list(_named_within(text.strip().lower()[:_LONGEST_TEXT]))


@lru_cache(maxsize=4096)
def _named_within(text: str) -> tuple[Concept, ...]:
    ids = dict.fromkeys(id_ for _start, _end, id_ in _names_of_formats().find(text))
    return tuple(voc.get("format")[id_] for id_ in ids)


def format_that_is(text: str) -> Concept | None:
    """Return the format whose label or extension is a text ("shp"), as in names of exports."""
    bare = text.strip().lower()
    if not 0 < len(bare) <= _LONGEST_NAME_OF_FORMAT:
        return None
    return voc.get("format").find(bare) or _by_extension().get(bare)


def format_of_file(url: str) -> Concept | None:
    """Return the format of the file at the end of a URL, or in one of its parameters."""
    return _by_extension().get(extension_of(url))


def extension_of(url: str) -> str:
    """Return the extension of the file that a URL names, in lower case."""
    address = taken_apart(url)
    file_name = next(filter(None, map(address.query.get, FILE_KEYS)), address.path)
    match = _EXTENSION.search(file_name)
    return match.group(1).lower() if match else ""


def format_requested(url: str) -> Concept | None:
    """Return the format that the parameters of a URL request."""
    query = taken_apart(url).query
    requested = next(filter(None, map(query.get, FORMAT_KEYS)), "")
    return format_named(requested)


def is_document(url: str) -> bool:
    """Return whether a URL ends in a document or an image."""
    ending = format_of_file(url)
    return ending is not None and ending.data["kind"] in DOCUMENT_KINDS


def _is_page(concept: Concept | None) -> bool:
    return concept is not None and concept.id in NOT_A_DATA_FORMAT


def _is_specific_to_data(concept: Concept) -> bool:
    """Return whether a format is specific to data; an archive may contain anything."""
    return concept.data["kind"] not in (*DOCUMENT_KINDS, "service", "archive")


# --- the protocol ---------------------------------------------------------------------------------


@cache
def protocol_patterns(where: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return the patterns of `protocol-patterns.csv` with their protocols.

    Args:
        where: protocol, url, operation or kind.
    """
    rows = tables.rows(FOLDER / "protocol-patterns.csv")
    return tuple(
        (re.compile(row["pattern"]), row["protocol"]) for row in rows if row["in"] == where
    )


def _matched(where: str, text: str) -> str:
    """Return the protocol of the first pattern that a text matches, "" if there is none."""
    return next(
        (protocol for pattern, protocol in protocol_patterns(where) if pattern.search(text)), ""
    )


def protocol_declared(text: str) -> Concept | None:
    """Return the protocol that a text declares, in any spelling."""
    return _protocol_declared(text[:_LONGEST_TEXT]) if text else None


@lru_cache(maxsize=1024)
def _protocol_declared(text: str) -> Concept | None:
    protocols = voc.get("protocol")
    return (
        protocols.get(text)
        or protocols.find(text)
        or protocols.get(_matched("protocol", text.lower()))
    )


def protocol_at(url: str) -> str:
    """Return the protocol that a URL shows by its form; "" if it shows none."""
    return _protocol_at(url[:LONGEST_URL])


@lru_cache(maxsize=2048)
def _protocol_at(url: str) -> str:
    return _protocol_requested(url) or _matched("url", examined(url))


def _protocol_requested(url: str) -> str:
    """Return the protocol of the OGC service that a URL requests, "" if it requests none."""
    protocol = f"OGC:{taken_apart(url).query.get('service', '').upper()}"
    return protocol if protocol in OGC_WITH_CAPABILITIES else ""


def protocol_of(declared: str, url: str) -> str:
    """Return the id of a protocol: by the request in the URL, the declaration, or the URL."""
    requested = _protocol_requested(url)
    if requested:
        return requested
    concept = protocol_declared(declared)
    if concept and concept.id not in GENERIC:
        return concept.id
    return protocol_at(url) or (concept.id if concept else "HTTP")


def protocol_spoken(link: Link, sign: Sign) -> str:
    """Return the id of the protocol of a link.

    Some signs count more than the declaration: Géo-IDE declares its exports as services, others
    declare their map applications and feeds as files.
    """
    protocol = protocol_of(link.protocol, link.url)
    if sign.certain and sign.use == DATA and protocol not in ("HTTP", "FTP"):
        return "HTTP:DOWNLOAD"
    if sign.certain and sign.use == "view":
        return "HTTP"
    if sign.use == "feed" and protocol in ("HTTP", "HTTP:DOWNLOAD"):
        return "ATOM"
    return protocol


def is_service_protocol(protocol: str) -> bool:
    """Return whether a protocol is that of a service, not of plain links or an internal store."""
    concept = voc.get("protocol").get(protocol)
    return concept is not None and concept.id not in GENERIC and concept.data["kind"] != "internal"


def protocol_of_service(declared: str, operations: Iterable[str], versions: Iterable[str]) -> str:
    """Return the protocol of the service that a record describes; "" if it cannot be told.

    It is the declared type unless that is only an INSPIRE type; else it follows from the
    operations, else from type and versions.
    """
    kind = declared.strip()
    if kind and kind.lower() not in SERVICE_KINDS:
        return kind
    for operation in operations:
        protocol = _matched("operation", operation.strip().lower())
        if protocol:
            return protocol
    return _matched("kind", " ".join([kind.lower(), *versions]))


def serves_wms_and_wfs(link: Link) -> bool:
    """Return whether this is the base URL of a WMS and a WFS.

    Géo-IDE names those of MapServer "URL de base des services wms/wfs".
    """
    if "service" in taken_apart(link.url).query:
        return False
    return bool(_WMS_AND_WFS.search(f"{plain(link.units)} / {plain(link.name)}"))


# --- the use --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sign:
    """A row of `link-signs.csv`: a sign of the use of a link.

    Attributes:
        use: record-html, record-xml, data, request, sample, feed, service, view, documentation,
            about.
        certain: whether the URL alone decides, whatever is declared.
        where: the text that the pattern is searched in.
        format: id of the format, "" if the sign does not tell it.
    """

    use: str
    certain: bool
    where: str
    format: str
    pattern: re.Pattern[str]


@cache
def signs() -> tuple[Sign, ...]:
    """Return the rows of `link-signs.csv`."""
    rows = tables.rows(FOLDER / "link-signs.csv")
    return tuple(
        Sign(
            use=row["use"],
            certain=row["certain"] == "yes",
            where=row["in"],
            format=row["format"],
            pattern=re.compile(row["pattern"]),
        )
        for row in rows
    )


NO_SIGN = Sign("", False, "", "", re.compile(""))


def sign_of(link: Link) -> Sign:
    """Return the first sign of the use of a link in its units, name or URL, else `NO_SIGN`."""
    texts = (link.units, link.name, link.description)
    return _sign_of(examined(link.url), *(text[:_LONGEST_TEXT] for text in texts))


@lru_cache(maxsize=2048)
def _sign_of(url: str, units: str, name: str, description: str) -> Sign:
    texts = {
        "units": plain(units),
        "title": plain(name),
        "name": plain(f"{name} {description}"),
        "url": unquote(url).lower(),
    }
    for sign in signs():
        text = texts.get(sign.where)
        if text and sign.pattern.search(text):
            return sign
    return NO_SIGN


def sign_of_page(name: str) -> Sign:
    """Return the sign in the name of a web page that is declared as a service, else `NO_SIGN`."""
    text = name.lower()[:_LONGEST_TEXT]
    of_pages = (sign for sign in signs() if sign.where == "page")
    return next((sign for sign in of_pages if sign.pattern.search(text)), NO_SIGN)


# --- a link in a record ---------------------------------------------------------------------------


def role_of(link: Link, protocol: str, use: str) -> str:
    """Return the role of a link in a record.

    Args:
        link: the link.
        protocol: its protocol, see `protocol_of`.
        use: its use, see `sign_of`.
    """
    if use.startswith("record"):
        return METADATA
    if use == "request":
        return DATA
    if protocol in GENERIC and use in ("view", "service") and _states_data(link):
        return _role_of_page(link, protocol, use)
    if protocol not in GENERIC or use in ("feed", "view", "service") or is_unlisted_service(link):
        return SERVICE
    return _role_of_page(link, protocol, use)


def _states_data(link: Link) -> bool:
    """Return whether a link states a data format, as RDF distributions do."""
    concept = format_named(link.media_type) or format_named(link.format)
    return concept is not None and concept.data["kind"] not in (*DOCUMENT_KINDS, "service")


def is_unlisted_service(link: Link) -> bool:
    """Return whether a link declares an unlisted OGC interface, or a service as its format."""
    concept = format_named(link.format)
    if concept is not None and concept.data["kind"] == "service":
        return True
    declared = link.protocol.lower()
    is_of_ogc = declared.startswith(("ogc:", "ogc api", "ogc-api"))
    return is_of_ogc and protocol_declared(link.protocol) is None


def _role_of_page(link: Link, protocol: str, use: str) -> str:
    """Return the role of a plain link: by its file, its sign, its function, then its protocol."""
    if _is_other_file(link.url):
        return DOCUMENTATION  # even if the link of a style file names the format of the data
    ending = format_of_file(link.url)
    is_file = ending is not None and not _is_page(ending)
    if use == DOCUMENTATION or (is_file and is_document(link.url)):
        return DOCUMENTATION
    if use == DATA or is_file:
        return DATA
    if use != "about" and _states_data(link):
        return DATA
    role = _ROLE_OF_FUNCTION.get(link.function.lower(), "")
    if role:
        return role
    address = taken_apart(link.url)
    is_site = address.path in ("", "/") and not address.query
    is_download = protocol in ("HTTP:DOWNLOAD", "FTP") and not is_site and not _is_page(ending)
    return DATA if is_download and use != "about" else DOCUMENTATION


def _is_other_file(url: str) -> bool:
    """Return whether a URL ends in a file that is neither data nor a page, such as a style."""
    return extension_of(url) in _OTHER_FILES


def format_of(link: Link, protocol: str, role: str) -> Concept | None:
    """Return the format of a link in a record: of its service, or of its file."""
    of_protocol = format_of_protocol(protocol)
    if role == SERVICE and of_protocol:
        return of_protocol
    sign = sign_of(link)
    concept = _stated_for_data(link) if role == DATA else None
    of_file = (
        _format_of_export(sign) or concept or _format_of_content(link) or _format_of_sign(sign)
    )
    if of_file:
        return of_file
    if role == SERVICE:
        return _format_of_other_service(link, protocol)
    if role == DATA:
        return _format_in_texts(link)
    page = None if _is_other_file(link.url) else voc.get("format")["HTML"]
    return format_named(link.format) or page


def format_of_protocol(protocol: str) -> Concept | None:
    """Return the format of the services with a protocol; None if it does not determine one."""
    concept = voc.get("protocol").get(protocol)
    return voc.get("format").get(concept.data["format"]) if concept else None


def _format_of_export(sign: Sign) -> Concept | None:
    """Return the format in the URL of an export, more exact than the stated one (often JSON)."""
    return _format_of_sign(sign) if sign.use == DATA else None


def _stated_for_data(link: Link) -> Concept | None:
    """Return the format that a link states if it is specific to data, and not in an archive."""
    concept = format_named(link.format)
    of_file = format_named(link.media_type) or format_of_file(link.url)
    is_packed = of_file is not None and of_file.data["kind"] == "archive"
    return concept if concept and _is_specific_to_data(concept) and not is_packed else None


def _format_of_content(link: Link) -> Concept | None:
    """Return the format by media type (alone, or in the protocol), request, or file name."""
    media_type = _MEDIA_IN_PROTOCOL.match(link.protocol)
    return (
        format_named(link.media_type)
        or format_named(media_type.group(1) if media_type else "")
        or format_requested(link.url)
        or format_of_file(link.url)
    )


def _format_of_other_service(link: Link, protocol: str) -> Concept | None:
    """Return the format of a service whose protocol does not determine it."""
    if protocol not in GENERIC:
        return None
    page = None if is_unlisted_service(link) else voc.get("format")["HTML"]
    return format_named(link.format) or page


def _format_in_texts(link: Link) -> Concept | None:
    of_format, of_name = format_named(link.format), format_named(link.name)
    if (
        of_format
        and of_name
        and not _is_specific_to_data(of_format)
        and _is_specific_to_data(of_name)
    ):
        return of_name  # "Shapefile" in "zones.zip"
    return of_format or of_name or format_named(link.description)


# --- a link in a dataset --------------------------------------------------------------------------


@dataclass(frozen=True)
class Nature:
    """What a resource of a dataset is.

    Attributes:
        kind: data, service, viewer, documentation, sample or metadata.
        format: its format, None when unknown.
        protocol: id of its protocol, HTTP when unknown.
    """

    kind: str
    format: Concept | None
    protocol: str


def nature(resource: Resource) -> Nature:
    """Return what a resource of a dataset is.

    Role, protocol and format that are stated count, but a URL that is certainly a service takes
    precedence: people declare links to a WFS as pages, and map applications as services.

    Args:
        resource: the resource, from `package_show`; any field may be missing.
    """
    link = _link_of(resource)
    sign = sign_of(Link(link.url))
    protocol = protocol_spoken(link, sign)
    role = _role_stated(resource)
    concept = _format_stated(link, sign, role)
    kind_of_url = _kind_of_url(link.url, sign, protocol)
    kind = _kind(link, kind_of_url, role, concept, protocol)
    if kind == SERVICE:
        concept = format_of_protocol(protocol) or _format_of_sign(sign) or concept
    elif concept is not None and concept.id == "ZIP" and _SHAPE_IN_ZIP.search(_text_of(resource)):
        concept = voc.get("format")["SHP"]
    return Nature(kind, concept, protocol)


def _link_of(resource: Resource) -> Link:
    return Link(
        url=str(resource.get("url") or resource.get("download_url") or ""),
        protocol=str(resource.get("protocol") or ""),
        format=str(resource.get("format") or ""),
        media_type=str(resource.get("mimetype") or ""),
        name=str(resource.get("name") or ""),
    )


def _role_stated(resource: Resource) -> str:
    concept = voc.get("resource-role").get(str(resource.get("resource_role") or ""))
    return concept.id if concept else ""


_KIND_OF_USE = {
    "record-html": METADATA,
    "record-xml": METADATA,
    "request": DATA,
    "feed": SERVICE,
    "view": VIEWER,
}
"""Use of a sign → kind; the other uses are kinds themselves."""


def _kind_of_url(url: str, sign: Sign, protocol: str) -> str:
    """Return the kind that a URL alone shows; "" if it does not tell."""
    is_service = is_service_protocol(protocol)
    if sign.use and not (sign.use == DOCUMENTATION and is_service):
        return _KIND_OF_USE.get(sign.use, sign.use)
    return SERVICE if is_service and protocol_at(url) else ""


def _kind(link: Link, of_url: str, role: str, concept: Concept | None, protocol: str) -> str:
    """Return the kind: of a conclusive URL, else as stated, else the usual one of the format."""
    if of_url in (SERVICE, METADATA) or (of_url and not role):
        return of_url
    if role != SERVICE:
        return role or _kind_of_format(concept, protocol)
    if of_url and of_url != SAMPLE:  # the URL of an image of a service leads to the service
        return of_url
    if _is_page(concept) and not is_service_protocol(protocol):
        # A web page stated as a service is a viewer if its name has a sign of one.
        return DOCUMENTATION if sign_of_page(link.name) is NO_SIGN else VIEWER
    return SERVICE


def _kind_of_format(concept: Concept | None, protocol: str) -> str:
    if is_service_protocol(protocol):
        return SERVICE
    kind = concept.data["kind"] if concept else ""
    return {"service": SERVICE, "image": SAMPLE, "document": DOCUMENTATION}.get(kind, DATA)


def _format_of_sign(sign: Sign) -> Concept | None:
    return voc.get("format")[sign.format] if sign.format else None


def _format_stated(link: Link, sign: Sign, role: str) -> Concept | None:
    """Return the format: of an export, else as stated, else by request, file, sign or protocol."""
    concept = (
        _format_of_export(sign)
        or format_named(link.format)
        or format_requested(link.url)
        or format_of_file(link.url)
        or format_called(link.media_type)
        or _format_of_sign(sign)
    )
    protocol = protocol_declared(link.protocol)
    if concept is None and protocol:
        concept = format_of_protocol(protocol.id)
    if concept is None and protocol and protocol.id == "HTTP" and role not in ("", DATA):
        return voc.get("format")["HTML"]
    return concept


#: Fields of a resource with the format of an archive, and with texts about it.
_PACKED = ("package_format", "compress_format")
_TEXTS = ("name", "description", "url", *_PACKED)
FIELDS = ("format", "mimetype", "protocol", "resource_role", "download_url", *_TEXTS)
"""Fields of a resource that tell its nature."""


def _text_of(resource: Resource) -> str:
    """Return what the texts and the URL of a resource say, in lower case."""
    return " ".join(str(resource.get(name) or "")[:300] for name in _TEXTS).lower()


def is_zip(resource: Resource, url: str) -> bool:
    """Return whether a resource is a ZIP archive, as stated or by its URL."""
    formats = (resource.get(name) for name in (*_PACKED, "format"))
    stated = str(next(filter(None, formats), "")).lower()
    return stated.endswith("zip") or url.lower().partition("?")[0].endswith(".zip")
