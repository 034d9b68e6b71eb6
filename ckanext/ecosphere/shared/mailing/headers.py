"""Headers of automatic e-mails, and signed tokens for their unsubscribe links.

RFC 5322 (Message-ID), RFC 3834 (Auto-Submitted), RFC 2369 and 8058 (List-Unsubscribe, one-click). `Precedence: bulk`
is not standardised, but auto-responders respect it.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any
from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk
from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer

from ckanext.ecosphere.shared.mailing import link_key

ID_CHARACTERS = 32
#: Maximum length of a token.
MOST_CHARACTERS = 400
AUTOMATIC = {
    "Auto-Submitted": "auto-generated",
    "Precedence": "bulk",
    "X-Auto-Response-Suppress": "All",
}


def message_id(*parts: str) -> str:
    """Return a Message-ID derived from the parts, which cannot be read from it."""
    secret = str(tk.config["SECRET_KEY"])
    digest = hmac.new(secret.encode(), "\n".join(parts).encode(), hashlib.sha256).hexdigest()
    host = urlsplit(tk.config["ckan.site_url"]).hostname or "localhost"
    return f"<{digest[:ID_CHARACTERS]}@{host}>"


def way_out(address: str) -> dict[str, str]:
    """Return the headers with which a mail program offers to unsubscribe.

    Args:
        address: absolute URL that unsubscribes on POST, without a log-in.
    """
    return {
        "List-Unsubscribe": f"<{address}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def sign(purpose: str, value: Any) -> str:
    """Return a signed, time-stamped token for one purpose."""
    return _timed(purpose).dumps(value)  # pyright: ignore[reportReturnType]


def read(purpose: str, token: str, seconds: int | None = None) -> Any:
    """Return the value of a token, None if it is invalid for this purpose or expired.

    Args:
        purpose: the purpose given to `sign`.
        token: the token.
        seconds: maximum age; None for unlimited, since links of old e-mails must still unsubscribe.
    """
    return _read(lambda: _timed(purpose).loads(token, max_age=seconds), token)


def sign_lasting(purpose: str, value: Any) -> str:
    """Return a signed token without a time stamp, always the same for the same value."""
    return _lasting(purpose).dumps(value)  # pyright: ignore[reportReturnType]


def read_lasting(purpose: str, token: str) -> Any:
    """Return the value of a token of `sign_lasting`, None if it is invalid for this purpose."""
    return _read(lambda: _lasting(purpose).loads(token), token)


def _read(loads: Any, token: str) -> Any:
    if len(token) > MOST_CHARACTERS:
        return None
    try:
        return loads()
    except (BadSignature, ValueError, TypeError):
        return None


def _timed(purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(link_key.get(), salt=purpose)


def _lasting(purpose: str) -> URLSafeSerializer:
    return URLSafeSerializer(link_key.get(), salt=purpose)
