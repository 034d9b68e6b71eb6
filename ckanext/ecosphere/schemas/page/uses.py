"""Determine the kind, format and main action (download, copy, open) of a resource. No CKAN imports.

The declared role, protocol and format count, but a URL recognised as a service takes precedence: catalogues declare
links to a WFS as pages, and map applications as services.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlunsplit

import yaml

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.fields import urls
from ckanext.ecosphere.shared.http_guard import taken_apart
from ckanext.ecosphere.shared.reach import data_access
from ckanext.ecosphere.vocabularies import Concept, tables

FOLDER = Path(__file__).parent
DATA, SERVICE, VIEWER, DOCUMENTATION, SAMPLE, METADATA = (
    "data",
    "service",
    "viewer",
    "documentation",
    "sample",
    "metadata",
)
DOWNLOAD, COPY, OPEN = "download", "copy", "open"
LONGEST = 4000  # characters of a URL that are examined

_REQUEST_KEYS = {"service", "request", "version", "acceptversions"}
_LAYER_KEYS = {"layers", "layer", "typename", "typenames"}
_FORMAT_KEYS = ("outputformat", "format", "f")
_SUFFIX = re.compile(r"\.([a-z0-9]{1,8})$")
_SHAPE_IN_ZIP = re.compile(r"(?:^|[^a-z])(?:shp|shape|shapefile)s?(?:[^a-z]|$)")
_MAP = re.compile(r"\bcartes?\b|/map\b|\bmap|wms|lizmap|viewer|cartograph")
_SERVICES = ("OGC:", "ATOM", "ESRI:REST", "TMS", "SPARQL")
"""Prefixes of the ids of service protocols."""
_SYNONYMS = {"shape-zip": "shp", "gml2": "gml", "gml3": "gml"}


@dataclass(frozen=True)
class Use:
    """Use of a resource on the dataset page.

    Attributes:
        kind: data, service, viewer, documentation, sample or metadata.
        format: id in the vocabulary `format`, "" when unknown.
        name: name of the format or service on a button ("Shapefile", "WFS"), "" when unknown.
        zipped: whether the file is an archive that contains this format.
        action: download, copy or open; "" without an address.
        address: address to download, copy or open.
        button: key of the button's text in `uses.yaml`.
    """

    kind: str
    format: str
    name: str
    zipped: bool
    action: str
    address: str
    button: str


def texts() -> dict[str, Any]:
    """Return the labels of kinds and buttons."""
    return _texts()


@cache
def _texts() -> dict[str, Any]:
    return yaml.safe_load((FOLDER / "uses.yaml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class _Pattern:
    use: str
    name: str
    format: str
    expression: re.Pattern[str]


@cache
def _patterns(where: str) -> tuple[_Pattern, ...]:
    return tuple(
        _Pattern(row["use"], row["name"], row["format"], re.compile(row["pattern"]))
        for row in tables.rows(FOLDER / "addresses.csv")
        if row["in"] == where
    )


def of(resource: Mapping[str, Any]) -> Use:
    """Return the use of a resource.

    Args:
        resource: the resource, from `package_show`; any field may be missing.
    """
    declared = str(resource.get("url") or resource.get("download_url") or "")
    known = _recognised(declared[:LONGEST].lower())
    protocol = _protocol(resource.get("protocol"))
    found = _format(resource, declared[:LONGEST], known, protocol)
    kind = _kind(resource, known, found, protocol)
    if kind == SERVICE:
        address, found = endpoint(declared), _service_format(known, protocol) or found
        name = _service_name(known, protocol) or _name(found)
    else:
        address, name = str(resource.get("download_url") or declared), _name(found)
    zipped = found is not None and found.data["kind"] != "archive" and _is_zip(resource, address)
    action, button = _button(kind, found, address, _is_file(protocol, resource)) if address else ("", "")
    if button == "copy" and not name:
        button = "copy_plain"
    if button == "open_map" and not _MAP.search(f"{resource.get('name')} {address}"[:LONGEST].lower()):
        button = "open_plain"
    return Use(kind, found.id if found else "", name, zipped, action, address, button)


Entry = tuple[Mapping[str, Any], Use]
"""A resource with its use."""


def grouped(entries: Iterable[Entry]) -> list[tuple[str, list[Entry]]]:
    """Return the resources of a dataset by kind, in the order of `uses.yaml`, without empty kinds."""
    by_kind: dict[str, list[Entry]] = {kind: [] for kind in texts()["kinds"]}
    for entry in entries:
        by_kind[entry[1].kind].append(entry)
    return [(kind, own) for kind, own in by_kind.items() if own]


def main(entries: Iterable[Entry]) -> Entry | None:
    """Return the main resource with its use: the first file, else service, else page; intranet resources come last."""
    usable = [entry for entry in entries if entry[1].kind in (DATA, SERVICE) and entry[1].action]
    closed = [entry for entry in usable if data_access.is_internal(entry[0])]
    public = [entry for entry in usable if not data_access.is_internal(entry[0])]
    for candidates in (public, closed):
        for action in (DOWNLOAD, COPY, OPEN):
            chosen = next((entry for entry in candidates if entry[1].action == action), None)
            if chosen:
                return chosen
    return None


def endpoint(address: str) -> str:
    """Return the base URL of a service, without request parameters; others (``map=``) are kept."""
    parts = taken_apart(address)
    dropped = _REQUEST_KEYS | _LAYER_KEYS
    kept = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k.lower() not in dropped]
    return urlunsplit(parts._replace(query=urlencode(kept, safe="/:,{}"), fragment=""))


@lru_cache(maxsize=4096)
def _recognised(text: str, where: str = "url") -> _Pattern | None:
    return next((each for each in _patterns(where) if each.expression.search(text)), None)


def _protocol(declared: Any) -> Concept | None:
    text = str(declared or "")
    return (voc.get("protocol").get(text) or voc.get("protocol").find(text)) if text else None


def _kind(resource: Mapping[str, Any], known: _Pattern | None, found: Concept | None, protocol: Concept | None) -> str:
    """Return the kind: that of the URL if conclusive, else the declared role, else the usual one of the format."""
    role = _role(resource)
    speaks = protocol is not None and (protocol.data["kind"] not in ("page", "download") or protocol.data["format"])
    if known and (known.use in (SERVICE, METADATA) or not role or role == SERVICE):
        return known.use
    if role == SERVICE and not speaks and found is not None and found.id == "HTML":
        # A web page declared as a service: the name tells what it is, otherwise documentation.
        by_name = _recognised(str(resource.get("name") or "").lower()[:300], "name")
        return by_name.use if by_name else DOCUMENTATION
    return role or _kind_of_format(found, protocol)


def _kind_of_format(found: Concept | None, protocol: Concept | None) -> str:
    if protocol and protocol.id.startswith(_SERVICES):
        return SERVICE
    kind = found.data["kind"] if found else ""
    if kind == "service":
        return SERVICE
    return {"image": SAMPLE, "document": DOCUMENTATION}.get(kind, DATA)


def _role(resource: Mapping[str, Any]) -> str:
    concept = voc.get("resource-role").get(str(resource.get("resource_role") or ""))
    return concept.id if concept else ""


def _service_format(known: _Pattern | None, protocol: Concept | None) -> Concept | None:
    id_ = (known.format if known and known.use == SERVICE else "") or (protocol.data["format"] if protocol else "")
    return voc.get("format").get(id_) if id_ else None


def _format(
    resource: Mapping[str, Any], address: str, known: _Pattern | None, protocol: Concept | None
) -> Concept | None:
    """Return the format, from the recognised URL, declared format, query, file extension, media type or protocol."""
    if known and known.format:
        return voc.get("format").get(known.format)
    signs = [*_signs(resource, address)]
    found = next((concept for text in signs if (concept := named(text))), None)
    if found and found.id == "ZIP" and _SHAPE_IN_ZIP.search(_words(resource)):
        return voc.get("format").get("SHP")
    if found is None and protocol and protocol.data["format"]:
        return voc.get("format").get(protocol.data["format"])
    if found is None and protocol and protocol.id == "HTTP" and _role(resource) not in ("", DATA):
        return voc.get("format").get("HTML")
    return found


def _signs(resource: Mapping[str, Any], address: str) -> Iterator[str]:
    yield str(resource.get("format") or "")
    parts = taken_apart(address)
    suffix = _SUFFIX.search(parts.path.lower().rstrip("/"))
    ending = suffix.group(1) if suffix else ""
    query = dict(parse_qsl(parts.query.lower()))
    yield next((query[key] for key in _FORMAT_KEYS if query.get(key)), "")
    # Extensions of server-side scripts say nothing about the format.
    yield "" if ending in ("php", "do", "jsp", "asp", "aspx") else ending
    yield str(resource.get("mimetype") or "")


@lru_cache(maxsize=4096)
def named(text: str) -> Concept | None:
    """Return the format with this id, label, media type or file extension, or None."""
    bare = text.strip().lower()[:200].partition(";")[0].strip().lstrip(".")
    if not bare:
        return None
    formats = voc.get("format")
    return formats.get(text.strip()) or formats.find(bare) or _by_sign().get(_SYNONYMS.get(bare, bare))


@cache
def _by_sign() -> dict[str, Concept]:
    found: dict[str, Concept] = {}
    for concept in voc.get("format"):
        if concept.data["kind"] != "service":
            for sign in (*concept.data["extensions"], concept.data["media_type"]):
                if sign:
                    found.setdefault(sign.lower(), concept)
    return found


def _words(resource: Mapping[str, Any]) -> str:
    fields = ("name", "description", "url", "compress_format", "package_format")
    return " ".join(str(resource.get(field) or "")[:300] for field in fields).lower()


def _is_zip(resource: Mapping[str, Any], url: str) -> bool:
    packed = str(
        resource.get("package_format") or resource.get("compress_format") or resource.get("format") or ""
    ).lower()
    return packed.endswith("zip") or url.lower().partition("?")[0].endswith(".zip")


def _name(found: Concept | None) -> str:
    return str(texts()["short"].get(found.id, found.id)) if found else ""


def _service_name(known: _Pattern | None, protocol: Concept | None) -> str:
    if known and known.use == SERVICE:
        return known.name
    if protocol is None or not protocol.id.startswith(_SERVICES):
        return ""
    return "OGC API" if "API" in protocol.id else protocol.id.removeprefix("OGC:")


#: Buttons of the kinds whose address is a page to open.
_PAGES = {VIEWER: "open_map", METADATA: "open_record"}


def _button(kind: str, found: Concept | None, address: str, is_file: bool) -> tuple[str, str]:
    """Return the action of the main button and the key of its text."""
    is_page = found is not None and found.id == "HTML"
    if kind == SERVICE:
        return COPY, "copy"
    if not urls.is_web_address(address):
        return COPY, "copy_plain"  # browsers open neither FTP URLs nor network paths
    if kind == DATA and (is_page or _is_folder(address) or not (found or is_file)):
        return OPEN, "open_source"
    if kind in _PAGES or is_page:
        return OPEN, _PAGES.get(kind, "open_page")
    if found is None:
        return (DOWNLOAD, "download_plain") if kind == DATA else (OPEN, "open_plain")
    shown = kind != DATA and found.data["kind"] in ("document", "image")
    return (OPEN, "open") if shown else (DOWNLOAD, "download")


def _is_folder(url: str) -> bool:
    """Return whether a URL is a directory listing rather than a file."""
    parts = taken_apart(url)
    return not parts.query and (parts.path.endswith("/") or not parts.path)


def _is_file(protocol: Concept | None, resource: Mapping[str, Any]) -> bool:
    """Return whether a resource of unknown format is a file rather than a page."""
    uploaded = resource.get("url_type") == "upload" or bool(resource.get("download_url"))
    return uploaded or (protocol is not None and protocol.id == "HTTP:DOWNLOAD")
