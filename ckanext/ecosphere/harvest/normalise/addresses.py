"""Clean and check the URLs of links; find the record that a URL shows."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit, urlunsplit

from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.harvest.normalise.tables import is_placeholder
from ckanext.ecosphere.harvest.record import Link
from ckanext.ecosphere.shared.characters import SECRET_PARAMETER

SCHEMES = {"http", "https", "ftp", "ftps"}
MAX_URL = 4000
MAX_LINKS = 3_000
"""Maximum number of links of a record that are read."""
_REMOVED = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202f\ufeff]")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_TYPO = re.compile(r"^(https?|ftp)(?:;//|:/(?!/)|//|:\\\\|\s*:\s*//)", re.IGNORECASE)
_TWICE = re.compile(r"^https?://(?=https?://)", re.IGNORECASE)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?", re.IGNORECASE)
_LONGEST_HOST = 253
_UNSAFE = re.compile(r"[\s\\<>\"^`{|}]")


@dataclass(slots=True)
class Address:
    """A cleaned URL, or the reason for its refusal.

    Attributes:
        url: the URL, None when refused.
        reason: ``empty``, ``scheme``, ``not-an-address``, ``too-long``.
        credentials: whether a user name, password or token was removed.
        query: parameters, with lower-case names and their first value.
    """

    url: str | None = None
    reason: str = ""
    host: str = ""
    path: str = ""
    credentials: bool = False
    query: dict[str, str] = field(default_factory=dict)


def clean_url(text: str | None) -> Address:
    """Clean a URL as written in a record.

    Tabs and line ends, which browsers ignore inside a scheme, are removed before the scheme is
    checked; other schemes than http, https, ftp and ftps are refused (``javascript:``, ``file:``…).
    """
    bare = _REMOVED.sub("", text or "").strip().strip("<>\"'").strip()
    if not bare:
        return Address(reason="empty")
    if len(bare) > MAX_URL:
        return Address(reason="too-long")
    bare = bare.replace("&amp;", "&")
    bare = _TWICE.sub("", _TYPO.sub(lambda match: f"{match.group(1)}://", bare))
    if bare.lower().startswith("www."):
        bare = f"http://{bare}"
    scheme = _SCHEME.match(bare)
    if not scheme:
        return Address(reason="not-an-address")
    if scheme.group()[:-1].lower() not in SCHEMES:
        return Address(reason="scheme")
    return _checked(bare)


_ENCODED_QUERY = re.compile(r"[^=&]*%3D[^=&]*", re.IGNORECASE)
"""A query whose delimiters are percent-encoded too: ``?service%3DWMS%26request%3DGetCapabilities``."""


def _checked(url: str) -> Address:
    try:
        parts = urlsplit(url)
        if _ENCODED_QUERY.fullmatch(parts.query):
            parts = parts._replace(query=unquote(parts.query))
        query = _without_secrets(parts.query)
        holds_secret = query != parts.query
        parts = parts._replace(query=query)
        host = (parts.hostname or "").rstrip(".")
        port = parts.port
    except ValueError:
        return Address(reason="not-an-address")
    if not _is_host(host):
        return Address(reason="not-an-address")
    netloc = host
    if ":" in host:
        netloc = f"[{host}]"
    if port is not None:
        netloc = f"{netloc}:{port}"
    unsafe = (parts.path, parts.query, parts.fragment)
    path, query, fragment = (_UNSAFE.sub(_escape, part) for part in unsafe)
    clean = urlunsplit(SplitResult(parts.scheme.lower(), netloc, path, query, fragment))
    parameters: dict[str, str] = {}
    for key, value in parse_qsl(parts.query, keep_blank_values=True)[:200]:
        parameters.setdefault(key.lower(), value)
    holds_secret = holds_secret or "@" in parts.netloc
    return Address(clean, "", host, parts.path, holds_secret, parameters)


def _without_secrets(query: str) -> str:
    """Return a query without passwords and tokens."""
    if not SECRET_PARAMETER.search(f"?{query}"):
        return query
    safe = [part for part in query.split("&") if not SECRET_PARAMETER.search(f"?{part}")]
    return "&".join(safe)


def _escape(match: re.Match[str]) -> str:
    return quote(match.group(), safe="")


@lru_cache(maxsize=1_000)
def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
        return True
    except ValueError:
        pass
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return False
    return bool(_HOST.fullmatch(host)) and len(host) <= _LONGEST_HOST


def is_intranet(host: str) -> bool:
    """Return whether a host is internal, or the machine on which the record was written."""
    return links.is_internal_host(host) or host.startswith("127.")


def stated(link: Link, address: Address) -> links.Link:
    """Return what a link of a record states, under its cleaned URL and without placeholders."""
    protocol, format_, media_type = map(_filled, (link.protocol, link.format, link.media_type))
    return links.Link(
        url=address.url or "",
        protocol=protocol,
        format=format_,
        media_type=media_type,
        name=link.name or "",
        description=link.description or "",
        function=link.function or "",
        units=link.units_of_distribution or "",
    )


def _filled(text: str | None) -> str:
    if text is None or is_placeholder(text):
        return ""
    return text


_RECORD_PAGE = re.compile(
    r"(?:/api/records/|#/metadata/|/metadata\.show\?(?:uuid|id)=|[?&]uuid=)"
    r"(?!\d{1,9}(?![^/?#&]))([^/?#&]{2,200})"
)
"""The identifier in the URL of any view of a GeoNetwork record, but not its internal number."""


def record_named(address: str) -> str:
    """Return the identifier of the record that a catalogue URL shows; empty for any other URL."""
    query = clean_url(address).query
    if query.get("request", "").lower() == "getrecordbyid":
        return query.get("id", "")
    match = _RECORD_PAGE.search(address[:2_000])
    if not match:
        return ""
    return unquote(match.group(1))
