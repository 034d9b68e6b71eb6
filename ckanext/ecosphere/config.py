"""Configuration options shared by all rooms, as typed functions."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.shared import config as shared

INIT_ORGANISATIONS = "ecosphere.init.organisations"
ANNOUNCEMENT = "ecosphere.portal.announcement"
INSTITUTION = "ecosphere.portal.institution"
CONTACT = "ecosphere.portal.contact"
ACCESSIBILITY_URL = "ecosphere.portal.accessibility_url"
ACCESSIBILITY = "ecosphere.accessibility."
LEGAL_URL = "ecosphere.portal.legal_url"
PRIVACY_URL = "ecosphere.portal.privacy_url"
CSW_URL = "ecosphere.portal.csw_url"
KEPT_FACETS = "ecosphere.kept_facets"
CKAN_TIMEZONE = "ckan.display_timezone"
CKAN_DEFAULT_TIMEZONE = "UTC"


def create_organisations() -> bool:
    """Return whether `init` creates the services of the registry.

    False where `ecosphere` is not enabled.
    """
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
    """Return the accessibility audit's conformity (none, partial, full), rate (%), auditor,
    date and issues.
    """
    return {
        name: tk.config[ACCESSIBILITY + name]
        for name in ("conformity", "rate", "auditor", "date", "issues")
    }


def legal_url() -> str:
    """Return the URL of the legal notice; may be empty."""
    return tk.config[LEGAL_URL]


def privacy_url() -> str:
    """Return the URL of the privacy notice; may be empty."""
    return tk.config[PRIVACY_URL]


def csw_url() -> str:
    """Return the URL of the catalogue's CSW; empty without one."""
    return tk.config[CSW_URL]


def kept_facets() -> list[str]:
    """Return the CKAN facets to keep: `groups`, `tags`, `none`, or `auto` alone."""
    return tk.aslist(shared.declared(KEPT_FACETS, "auto")) or ["auto"]


def show_times_locally(config: Any) -> None:
    """Make CKAN's own pages show times in the portal's time zone,
    unless the administrator set another one.
    """
    if config.get(CKAN_TIMEZONE) in (None, "", CKAN_DEFAULT_TIMEZONE):
        config[CKAN_TIMEZONE] = config.get(shared.DISPLAY_TIMEZONE) or shared.PARIS
