"""Check whether a URL answers, with as little traffic as possible. Pure: HTTP without CKAN."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, urlencode, urlunsplit

from ckanext.ecosphere.shared.http_guard import FetchError, GuardedSession, Response, taken_apart
from ckanext.ecosphere.shared.messages import N_

SERVICES = ("wms", "wfs", "wmts", "wcs")
SAMPLE_BYTES = 1024
CAPABILITIES_BYTES = 512 * 1024
#: Statuses that are inconclusive: the server is busy, or requires authentication.
NO_VERDICT = frozenset({401, 403, 407, 408, 425, 429, 503})
#: Status from which a HEAD is repeated as GET: servers that do not support HEAD answer with all kinds of errors.
FIRST_ERROR = 400

#: Media types that carry no information.
SAYS_NOTHING = frozenset(
    {"application/octet-stream", "binary/octet-stream", "application/force-download", "application/download"}
    | {"application/x-download", "application/unknown", "text/plain"}
)
_FILE_NAME = re.compile(r"""filename\*?\s*=\s*(?:[\w-]*'[\w-]*')?"?([^";]+)""", re.IGNORECASE)
_ENDING = re.compile(r"[a-z0-9]{1,8}")
_MEDIA_TYPE = re.compile(r"[a-z]{1,20}/[\w.+-]{1,80}", re.ASCII)
_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)[\s>/]")
_EXCEPTIONS = frozenset({"serviceexceptionreport", "exceptionreport"})
_CAPABILITIES = frozenset(
    {"wms_capabilities", "wmt_ms_capabilities", "wfs_capabilities", "capabilities", "wcs_capabilities"}
)

REASONS = {
    "": N_("It answers."),
    "status": N_("The server answers with an error."),
    "no-verdict": N_("The server is busy or asks who calls: nothing can be said."),
    "exception": N_("The service answers with an exception."),
    "not-capabilities": N_("The answer is not a description of the service."),
    "not-feed": N_("The answer is not an ATOM feed."),
    "unknown-host": N_("The host is unknown."),
    "timeout": N_("The server does not answer in time."),
    "tls": N_("The certificate of the server cannot be verified."),
    "connection": N_("The connection fails."),
    "refused": N_("The address cannot be reached from the internet, or is not valid."),
    "host-down": N_("Other addresses of this host just failed: it will be asked later."),
}


@dataclass(frozen=True)
class Verdict:
    """Result of a check.

    Attributes:
        ok: whether the URL answers; None if inconclusive.
        status: HTTP status, None without an answer.
        reason: a key of `REASONS`.
        answered: type of a file in the answer: extension of the file name given by the server, else media type; "" if
            neither is informative.
    """

    ok: bool | None
    status: int | None = None
    reason: str = ""
    answered: str = ""


def probe(session: GuardedSession, url: str, kind: str) -> Verdict:
    """Check `url`.

    Files are requested with HEAD, then if that fails for their first bytes; services for their capabilities; feeds for
    their beginning.

    Args:
        session: the guarded HTTP session.
        url: the URL.
        kind: file, atom, or a protocol of `SERVICES`.
    """
    try:
        if kind in SERVICES:
            return _service(session, url, kind)
        return _feed(session, url) if kind == "atom" else _file(session, url)
    except FetchError as error:
        reason = "refused" if error.refused else error.code
        return Verdict(False, None, reason if reason in REASONS else "connection")


def _judge(status: int) -> Verdict:
    if status in NO_VERDICT:
        return Verdict(None, status, "no-verdict")
    return Verdict(True, status) if status < FIRST_ERROR else Verdict(False, status, "status")


def _file(session: GuardedSession, url: str) -> Verdict:
    answer = session.request("HEAD", url, attempts=1)
    if answer.status < FIRST_ERROR:
        return Verdict(True, answer.status, answered=answered(answer))
    ranged = {"Range": f"bytes=0-{SAMPLE_BYTES - 1}"}
    answer = session.request("GET", url, headers=ranged, attempts=1, max_bytes=SAMPLE_BYTES, truncate=True)
    if answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:  # an empty file, which exists
        return Verdict(True, answer.status)
    found = _judge(answer.status)
    return replace(found, answered=answered(answer)) if found.ok else found


def answered(answer: Response) -> str:
    """Return the type of a file stated by an answer (`Verdict.answered`)."""
    named = _FILE_NAME.search(answer.headers.get("Content-Disposition", "")[:1000])
    ending = PurePosixPath(named.group(1)).suffix.lstrip(".").lower() if named else ""
    if _ENDING.fullmatch(ending):
        return ending
    kind = answer.content_type
    return kind if _MEDIA_TYPE.fullmatch(kind) and kind not in SAYS_NOTHING else ""


def _feed(session: GuardedSession, url: str) -> Verdict:
    answer = session.request("GET", url, attempts=1, max_bytes=SAMPLE_BYTES, truncate=True)
    found = _judge(answer.status)
    if found.ok and root_name(answer.body) not in ("feed", "rss", "opensearchdescription"):
        return Verdict(False, answer.status, "not-feed")
    return found


def _service(session: GuardedSession, url: str, kind: str) -> Verdict:
    answer = session.request(
        "GET", capabilities_url(url, kind), attempts=1, max_bytes=CAPABILITIES_BYTES, truncate=True
    )
    found = _judge(answer.status)
    if not found.ok:
        return found
    root = root_name(answer.body)
    if root in _EXCEPTIONS:
        return Verdict(False, answer.status, "exception")
    return found if root in _CAPABILITIES else Verdict(False, answer.status, "not-capabilities")


def capabilities_url(url: str, kind: str) -> str:
    """Return the GetCapabilities URL of the service at `url`, keeping its other parameters (MAP=…)."""
    parts = taken_apart(url)
    asked = {"service", "request", "version", "layers", "layer", "typename", "typenames", "styles", "bbox", "format"}
    kept = [
        (name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name.lower() not in asked
    ]
    query = urlencode([*kept, ("SERVICE", kind.upper()), ("REQUEST", "GetCapabilities")])
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def root_name(body: bytes) -> str:
    """Return the local name of the first element in `body`, in lower case; "" if there is none. Parses nothing."""
    match = _ROOT.search(body[: SAMPLE_BYTES * 8])
    return match.group(1).decode("ascii", "replace").lower() if match else ""
