"""Headers of e-mails that no person writes, and a way out of them that mail programs offer.

RFC 5322 (Message-ID), RFC 3834 (Auto-Submitted), RFC 2369 and 8058 (List-Unsubscribe, with one click).
`Precedence: bulk` is in no standard; mail servers of absent people know it.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any
from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk
from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer

ID_CHARACTERS = 32
#: Longest token that is looked at.
MOST_CHARACTERS = 400
AUTOMATIC = {"Auto-Submitted": "auto-generated", "Precedence": "bulk", "X-Auto-Response-Suppress": "All"}


def message_id(*parts: str) -> str:
    """Return an identifier, the same for the same parts, of which nobody can read the number or the moment."""
    digest = hmac.new(_secret().encode(), "\n".join(parts).encode(), hashlib.sha256).hexdigest()
    host = urlsplit(tk.config["ckan.site_url"]).hostname or "localhost"
    return f"<{digest[:ID_CHARACTERS]}@{host}>"


def way_out(address: str) -> dict[str, str]:
    """Return the headers with which a mail program offers to stop e-mails.

    Args:
        address: full address that stops them when a form is sent there, without a log-in.
    """
    return {"List-Unsubscribe": f"<{address}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def sign(purpose: str, value: Any) -> str:
    """Return a signed token that is good for one purpose; it holds the moment at which it was made."""
    return _timed(purpose).dumps(value)  # pyright: ignore[reportReturnType]


def read(purpose: str, token: str, seconds: int | None = None) -> Any:
    """Return what a token was made of, None when it is not one of ours for this purpose.

    Args:
        purpose: as it was signed.
        token: as it came back.
        seconds: age up to which it is good, None for ever: an old e-mail still has a way out.
    """
    return _read(lambda: _timed(purpose).loads(token, max_age=seconds), token)


def sign_lasting(purpose: str, value: Any) -> str:
    """Return a signed token without a moment, always the same."""
    return _lasting(purpose).dumps(value)  # pyright: ignore[reportReturnType]


def read_lasting(purpose: str, token: str) -> Any:
    """Return what a token of `sign_lasting` was made of, None when it is not one of ours for this purpose."""
    return _read(lambda: _lasting(purpose).loads(token), token)


def _read(loads: Any, token: str) -> Any:
    if len(token) > MOST_CHARACTERS:
        return None
    try:
        return loads()
    except (BadSignature, ValueError, TypeError):
        return None


def _timed(purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(_secret(), salt=purpose)


def _lasting(purpose: str) -> URLSafeSerializer:
    return URLSafeSerializer(_secret(), salt=purpose)


def _secret() -> str:
    return str(tk.config["SECRET_KEY"])
