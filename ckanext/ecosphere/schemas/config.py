"""Configuration options of the schemas, read through typed functions."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.shared.http_guard import GuardSettings, networks, ports
from ckanext.ecosphere.shared.portal_services import own_services

OWN_RDF_PROFILE = "ecosphere.schemas.own_rdf_profile"
OWN_LICENCES = "ecosphere.schemas.own_licences"
IMPORT_NETWORKS = "ecosphere.schemas.import_allowed_networks"
IMPORT_PORTS = "ecosphere.schemas.import_allowed_ports"
PUBLISHER = "ecosphere.schemas.catalogue_publisher"
VOCABULARIES = "ecosphere.schemas.vocabularies"
OVERLAY = "ecosphere.schemas.overlay"
GRACE_UNTIL = "ecosphere.schemas.grace_until"
IMPORT_BYTES, IMPORT_SECONDS = 5 * 1024 * 1024, 15.0


def own_rdf_profile() -> bool:
    """Return whether the project's RDF profile replaces that of ckanext-dcat."""
    return tk.asbool(tk.config[OWN_RDF_PROFILE])


def own_licences() -> bool:
    """Return whether the project's list of licences replaces that of CKAN."""
    return tk.asbool(tk.config[OWN_LICENCES])


def publisher() -> str:
    """Return the name of the organisation that publishes the catalogue, empty when the portal itself does."""
    return tk.config[PUBLISHER]


def overlay() -> str:
    """Return the path of the administrator's schema overlay, empty when there is none."""
    return tk.config[OVERLAY]


def grace_until() -> str:
    """Return the last day on which missing mandatory fields only cause warnings, as a string; empty for no grace."""
    return str(tk.config[GRACE_UNTIL] or "")


def vocabularies() -> str:
    """Return the folder of the administrator's own vocabularies, empty when there is none."""
    return tk.config[VOCABULARIES]


def guard_settings() -> GuardSettings:
    """Return the limits of requests that import a description while the user waits.

    Raises:
        ValueError: an allowed network or port is malformed.
    """
    return GuardSettings(
        allowed_networks=networks(tk.config[IMPORT_NETWORKS]),
        allowed_ports=ports(tk.config[IMPORT_PORTS]),
        own_services=own_services(),
        max_bytes=IMPORT_BYTES,
        total_seconds=IMPORT_SECONDS,
        read_seconds=IMPORT_SECONDS,
        attempts=1,
        user_agent=f"ckanext-ecosphere (+{tk.config['ckan.site_url']})",
    )
