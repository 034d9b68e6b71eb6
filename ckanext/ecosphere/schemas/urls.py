r"""Validation of web addresses and URIs. No CKAN imports.

Browsers drop tabs and line breaks inside a scheme and read ``\`` as ``/``. Addresses with control
characters, spaces or backslashes are therefore refused rather than repaired, so that a link leads
exactly where it says.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

WEB = frozenset({"http", "https"})
WEB_AND_FTP = WEB | {"ftp", "ftps"}
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\u2000-\u200f\u2028-\u202f\ufeff\\<>\"]")
_URN = re.compile(r"urn:[a-z0-9][a-z0-9-]{1,31}:[^\s<>\"\\]+", re.IGNORECASE)
MAX_LENGTH = 4000


def is_web_address(text: str, schemes: frozenset[str] = WEB) -> bool:
    """Return whether ``text`` is an absolute URL with one of ``schemes`` and a host."""
    if len(text) > MAX_LENGTH or _FORBIDDEN.search(text):
        return False
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises when the port is not a number
    except ValueError:
        return False
    return parts.scheme.lower() in schemes and bool(parts.hostname)


def is_uri(text: str) -> bool:
    """Return whether ``text`` is a web address or a URN."""
    return is_web_address(text) or (len(text) <= MAX_LENGTH and bool(_URN.fullmatch(text)))
