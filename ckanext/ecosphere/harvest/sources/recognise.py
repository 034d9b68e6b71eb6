"""Recognise what answers at an address, to tell people why it is no source of the chosen type and which one it is."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ckanext.ecosphere.shared import strict_json
from ckanext.ecosphere.shared.http_guard import FetchError, GuardedSession

MAX_BYTES = 512 * 1024
"""How much of the answer is read."""
CSW, DCAT, WAF, OGCAPI, UDATA = (
    "ecosphere_csw",
    "ecosphere_dcat",
    "ecosphere_waf",
    "ecosphere_ogcapi",
    "ecosphere_udata",
)
"""Kinds that are a type of source."""
MAPS, PAGE, UNKNOWN = "maps", "page", "unknown"
"""Other kinds: a service of maps or features, a web page, something else."""
NOTHING, FORBIDDEN, BROKEN, SILENT = "nothing", "forbidden", "broken", "silent"
"""Kinds of no answer: HTTP 404, HTTP 401 or 403, another HTTP error, no response."""
_ROOTS = {
    "GetRecordsResponse": CSW,
    "GetRecordByIdResponse": CSW,
    "RDF": DCAT,
    "WMS_Capabilities": MAPS,
    "WMT_MS_Capabilities": MAPS,
    "WFS_Capabilities": MAPS,
}
_STATUSES = {401: FORBIDDEN, 403: FORBIDDEN, 404: NOTHING, 410: NOTHING}
_MISUNDERSTOOD = 400
"""Status of a service that misses the parameters of a question: its answer still tells what it is."""
_OK = 200
_HEAD = 2_000
"""Characters in which the root of an XML document and its namespaces are looked for."""
_ROOT = re.compile(r"<(?:[\w.-]{1,50}:)?([A-Za-z_][\w.-]{0,100})")
_TURTLE = re.compile(r"@prefix|@base|prefix\s|<https?://\S{1,500}>\s", re.IGNORECASE)
_XML_FILE = re.compile(r"""href=["']?[^"'<>?#]{1,500}\.xml["'?#\s>]""", re.IGNORECASE)


def at(url: str, session: GuardedSession) -> str:
    """Return what answers at an address, one of the kinds of this module; sends one request."""
    try:
        answer = session.get(url, max_bytes=MAX_BYTES, truncate=True, attempts=1)
    except FetchError:
        return SILENT
    if answer.status not in (_OK, _MISUNDERSTOOD):
        return _STATUSES.get(answer.status, BROKEN)
    kind = of_document(answer.body, url)
    if kind == UNKNOWN and answer.status != _OK:
        return BROKEN
    return kind


def of_document(body: bytes, url: str = "") -> str:
    """Return the kind of a document, which may be cut.

    Args:
        body: the document.
        url: its address, which tells apart the services whose error messages look the same.
    """
    text = body.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if text.startswith(("{", "[")):
        return _of_json(body)
    if _TURTLE.match(text):
        return DCAT
    if text.startswith("<"):
        return _of_markup(text, url)
    return UNKNOWN


def _of_markup(text: str, url: str) -> str:
    head = text[:_HEAD]
    match = _ROOT.search(head)
    root = match.group(1) if match else ""
    if root.lower() == "html" or head.lower().startswith("<!doctype html"):
        return WAF if _XML_FILE.search(text) else PAGE
    if root in ("Capabilities", "ExceptionReport"):
        return CSW if "/cat/csw" in head or "csw" in url.lower() else MAPS
    return _ROOTS.get(root, UNKNOWN)


def _of_json(body: bytes) -> str:
    try:
        value = strict_json.loads(body)
    except (ValueError, RecursionError):
        return UNKNOWN
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, Mapping):
        return UNKNOWN
    if not value.keys().isdisjoint(("@context", "@graph", "@id")):
        return DCAT
    if value.keys() >= {"next_page", "data"}:
        return UDATA
    if not value.keys().isdisjoint(("conformsTo", "stac_version", "links")):
        return OGCAPI
    return UNKNOWN
