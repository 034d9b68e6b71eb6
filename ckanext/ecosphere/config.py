"""Typed access to the options that all rooms share."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.shared import config as shared

INIT_ORGANISATIONS = "ecosphere.init.organisations"
INSTITUTION = "ecosphere.portal.institution"
CONTACT = "ecosphere.portal.contact"
ACCESSIBILITY_URL = "ecosphere.portal.accessibility_url"
LEGAL_URL = "ecosphere.portal.legal_url"
PRIVACY_URL = "ecosphere.portal.privacy_url"
CKAN_TIMEZONE = "ckan.display_timezone"
CKAN_DEFAULT_TIMEZONE = "UTC"


def create_organisations() -> bool:
    """Whether `init` creates the services of the registry."""
    return tk.config[INIT_ORGANISATIONS]


def institution() -> str:
    """Name of the institution in the header, may be empty."""
    return tk.config[INSTITUTION]


def contact() -> str:
    """Address or mailto: of the portal's team, may be empty."""
    return tk.config[CONTACT]


def accessibility_url() -> str:
    """Address of the accessibility statement, may be empty."""
    return tk.config[ACCESSIBILITY_URL]


def legal_url() -> str:
    """Address of the legal notice, may be empty."""
    return tk.config[LEGAL_URL]


def privacy_url() -> str:
    """Address of the privacy notice, may be empty."""
    return tk.config[PRIVACY_URL]


def show_times_locally(config: Any) -> None:
    """Have CKAN's own pages show times in the portal's time zone, unless the administrator chose another for them."""
    if config.get(CKAN_TIMEZONE) in (None, "", CKAN_DEFAULT_TIMEZONE):
        config[CKAN_TIMEZONE] = config.get(shared.DISPLAY_TIMEZONE) or shared.PARIS
