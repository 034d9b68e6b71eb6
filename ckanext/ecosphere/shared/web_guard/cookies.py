"""Safe values for CKAN's cookie options that still have their defaults."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

UNSET = (None, "", "None")
SAMESITE = ("SESSION_COOKIE_SAMESITE", "REMEMBER_COOKIE_SAMESITE")
SECURE = ("SESSION_COOKIE_SECURE", "REMEMBER_COOKIE_SECURE")
HTTPONLY = ("SESSION_COOKIE_HTTPONLY", "REMEMBER_COOKIE_HTTPONLY")
HTTPS = "https://"


def make_safe(config: MutableMapping[str, Any], secure: bool) -> None:
    """Restrict session and "remember me" cookies to same-site requests (Lax) and, on an https portal, to https.

    Args:
        config: CKAN's configuration, changed in place.
        secure: whether cookies of an https portal are marked Secure.
    """
    for option in SAMESITE:
        if config.get(option) in UNSET:
            config[option] = "Lax"
    if secure and str(config.get("ckan.site_url", "")).lower().startswith(HTTPS):
        for option in SECURE:
            config[option] = True
