"""Options of the plugin `ecosphere_hardening`, as typed functions."""

from __future__ import annotations

from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.hardening.web import proxies
from ckanext.ecosphere.shared import config as shared
from ckanext.ecosphere.shared.web_guard import headers
from ckanext.ecosphere.shared.web_guard.incoming import MEGABYTE, Limits, Settings

TRUSTED_PROXIES = "ecosphere.trusted_proxies"
CSP = "ecosphere.web.content_security_policy"
CSP_SOURCES = "ecosphere.web.content_security_policy_sources"
FRAME_ANCESTORS = "ecosphere.web.frame_ancestors"
FORM_MEGABYTES = "ecosphere.web.form_megabytes"
FORM_FIELDS = "ecosphere.web.form_fields"
SECURE_COOKIES = "ecosphere.web.secure_cookies"
LIMITS = {
    "login": "ecosphere.web.login_limits",
    "login_address": "ecosphere.web.login_address_limits",
    "login_account": "ecosphere.web.login_account_limits",
    "registration": "ecosphere.web.registration_limits",
    "reset": "ecosphere.web.reset_limits",
    "reset_address": "ecosphere.web.reset_address_limits",
    "token": "ecosphere.web.token_limits",
}
UPLOAD_SIZES = ("ckan.max_resource_size", "ckan.max_image_size")


def secure_cookies() -> bool:
    """Return whether cookies are marked Secure on a portal that uses https."""
    return tk.config[SECURE_COOKIES]


def trusted_proxies() -> proxies.Trusted:
    """Return the proxies whose forwarded client addresses are trusted.

    Raises:
        ValueError: the option is neither a number nor networks.
    """
    return proxies.read(tk.config[TRUSTED_PROXIES])


def web_guard() -> Settings:
    """Return the settings of the web guard."""
    form_bytes = tk.config[FORM_MEGABYTES] * MEGABYTE
    largest = max(int(tk.config[option]) for option in UPLOAD_SIZES) * MEGABYTE
    sources = headers.read_extra(tk.config[CSP_SOURCES])
    tiles = urlsplit(shared.map_tiles())
    if tiles.netloc:
        sources.setdefault("img-src", []).append(f"{tiles.scheme}://{tiles.netloc}")
    return Settings(
        csp=tk.config[CSP],
        csp_extra=sources,
        frame_ancestors=tk.config[FRAME_ANCESTORS],
        form_bytes=form_bytes,
        form_fields=tk.config[FORM_FIELDS],
        upload_bytes=largest + form_bytes,
        limits=limits(),
    )


def limits() -> Limits:
    """Return the rate limits of log-in, registration, password reset and tokens."""
    return Limits(**{name: tk.config[option] for name, option in LIMITS.items()})
