"""Options of the room, read through typed functions."""

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
    """Whether the project's RDF profile replaces the stock one."""
    return tk.asbool(tk.config[OWN_RDF_PROFILE])


def own_licences() -> bool:
    """Whether the project's list of licences replaces CKAN's."""
    return tk.asbool(tk.config[OWN_LICENCES])


def publisher() -> str:
    """Name of the organisation that publishes the catalogue, empty when the portal itself does."""
    return tk.config[PUBLISHER]


def overlay() -> str:
    """Path of the administrator's changes to the schema, empty when there are none."""
    return tk.config[OVERLAY]


def grace_until() -> str:
    """Last day on which what publishing needs is only warned of, as it is written; empty for no grace."""
    return str(tk.config[GRACE_UNTIL] or "")


def vocabularies() -> str:
    """Path of the folder with the administrator's own lists, empty when there is none."""
    return tk.config[VOCABULARIES]


def guard_settings() -> GuardSettings:
    """Limits of the request that reads a description from elsewhere: a person waits for it.

    Raises:
        ValueError: one of the allowed networks or ports is not written properly.
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
