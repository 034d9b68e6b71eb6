"""Configuration options shared by all rooms, as typed functions."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.shared import config as shared
from ckanext.ecosphere.shared.web_guard import headers, proxies
from ckanext.ecosphere.shared.web_guard.settings import MEGABYTE, Limits, Settings

INIT_ORGANISATIONS = "ecosphere.init.organisations"
ANNOUNCEMENT = "ecosphere.portal.announcement"
INSTITUTION = "ecosphere.portal.institution"
CONTACT = "ecosphere.portal.contact"
ACCESSIBILITY_URL = "ecosphere.portal.accessibility_url"
ACCESSIBILITY = "ecosphere.accessibility."
LEGAL_URL = "ecosphere.portal.legal_url"
PRIVACY_URL = "ecosphere.portal.privacy_url"
CSW_URL = "ecosphere.portal.csw_url"
TRUSTED_PROXIES = "ecosphere.trusted_proxies"
KEPT_FACETS = "ecosphere.kept_facets"
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
CKAN_TIMEZONE = "ckan.display_timezone"
CKAN_DEFAULT_TIMEZONE = "UTC"


def create_organisations() -> bool:
    """Return whether `init` creates the services of the registry; False where `ecosphere` is not enabled."""
    return shared.declared(INIT_ORGANISATIONS, False)


def announcement() -> str:
    """Return the Markdown shown at the top of every page; may be empty."""
    return tk.config[ANNOUNCEMENT]


def institution() -> str:
    """Return the name of the institution shown in the header; may be empty."""
    return tk.config[INSTITUTION]


def contact() -> str:
    """Return the URL or mailto: of the portal's team; may be empty."""
    return tk.config[CONTACT]


def accessibility_url() -> str:
    """Return the URL of the accessibility statement; may be empty."""
    return tk.config[ACCESSIBILITY_URL]


def accessibility() -> dict[str, Any]:
    """Return the accessibility audit's conformity (none, partial, full), rate (%), auditor, date and issues."""
    return {name: tk.config[ACCESSIBILITY + name] for name in ("conformity", "rate", "auditor", "date", "issues")}


def legal_url() -> str:
    """Return the URL of the legal notice; may be empty."""
    return tk.config[LEGAL_URL]


def privacy_url() -> str:
    """Return the URL of the privacy notice; may be empty."""
    return tk.config[PRIVACY_URL]


def csw_url() -> str:
    """Return the URL of the catalogue's CSW; empty without one."""
    return tk.config[CSW_URL]


def secure_cookies() -> bool:
    """Return whether cookies are marked Secure on a portal that uses https."""
    return tk.config[SECURE_COOKIES]


def trusted_proxies() -> proxies.Trusted:
    """Return the proxies whose forwarded client addresses are trusted.

    Raises:
        ValueError: the option is neither a number nor networks.
    """
    return proxies.read(shared.declared(TRUSTED_PROXIES, ""))


def kept_facets() -> list[str]:
    """Return the CKAN facets to keep: `groups`, `tags`, `none`, or `auto` alone."""
    return tk.aslist(shared.declared(KEPT_FACETS, "auto")) or ["auto"]


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


def show_times_locally(config: Any) -> None:
    """Make CKAN's own pages show times in the portal's time zone, unless the administrator set another one."""
    if config.get(CKAN_TIMEZONE) in (None, "", CKAN_DEFAULT_TIMEZONE):
        config[CKAN_TIMEZONE] = config.get(shared.DISPLAY_TIMEZONE) or shared.PARIS
