"""Cookies of CKAN: its options, made safe where they are still at their stock value."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

UNSET = (None, "", "None")
SAMESITE = ("SESSION_COOKIE_SAMESITE", "REMEMBER_COOKIE_SAMESITE")
SECURE = ("SESSION_COOKIE_SECURE", "REMEMBER_COOKIE_SECURE")
HTTPONLY = ("SESSION_COOKIE_HTTPONLY", "REMEMBER_COOKIE_HTTPONLY")
HTTPS = "https://"


def make_safe(config: MutableMapping[str, Any], secure: bool) -> None:
    """Let browsers keep session and "remember me" from other sites, scripts and, on an https portal, plain connections.

    Args:
        config: CKAN's configuration, changed in place.
        secure: whether cookies of a portal with https travel over https only.
    """
    for option in SAMESITE:
        if config.get(option) in UNSET:
            config[option] = "Lax"
    if secure and str(config.get("ckan.site_url", "")).lower().startswith(HTTPS):
        for option in SECURE:
            config[option] = True
