"""Configuration options of the schemas, and defaults for options of
other extensions that are not set.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan.exceptions import CkanConfigurationException

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas import form as schema_form
from ckanext.ecosphere.schemas.licences import REGISTER
from ckanext.ecosphere.shared.config import declared, own_services
from ckanext.ecosphere.shared.http_guard import GuardSettings, networks, ports

IMPORT_NETWORKS = "ecosphere.schemas.import_allowed_networks"
IMPORT_PORTS = "ecosphere.schemas.import_allowed_ports"
VOCABULARIES = "ecosphere.schemas.vocabularies"
OVERLAY = "ecosphere.schemas.overlay"
GRACE_UNTIL = "ecosphere.schemas.grace_until"
IMPORT_BYTES, IMPORT_SECONDS = 5 * 1024 * 1024, 15.0


def own_rdf_profile() -> bool:
    """Return whether the project's RDF profile replaces that of ckanext-dcat."""
    return tk.asbool(tk.config["ecosphere.schemas.own_rdf_profile"])


def own_licences() -> bool:
    """Return whether the project's list of licences replaces that of CKAN."""
    return tk.asbool(tk.config["ecosphere.schemas.own_licences"])


def publisher() -> str:
    """Return the name of the organisation that publishes the catalogue,
    empty when the portal itself does.
    """
    return tk.config["ecosphere.schemas.catalogue_publisher"]


def grace_until() -> str:
    """Return the last day on which missing mandatory fields only cause warnings, as a string.

    Empty for no grace.
    """
    return str(tk.config[GRACE_UNTIL] or "")


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


# --- defaults ---

RDF_PROFILES = "ckanext.dcat.rdf.profiles"
STOCK_RDF_PROFILE, OWN_PROFILE = "euro_dcat_ap_3", "ecosphere_dcat_ap"
SCHEMAS = "scheming.dataset_schemas"
OWN_SCHEMA = "ckanext.ecosphere.schemas:dataset.yaml"
SCHEMING = "scheming_datasets"
PAGE_SIZE = "ckanext.dcat.datasets_per_page"
#: A dataset takes a tenth of a second; a page of RDF less than two seconds.
STOCK_PAGE, DATASETS_A_PAGE = "100", 15


def set_defaults(settings: Any) -> None:
    """Set the options of ckanext-dcat, ckanext-scheming and CKAN that are still at their stock
    value.

    Those of ckanext-scheming have their default in ``config_declaration.yaml``.

    Args:
        settings: CKAN's configuration, changed in place.
    """
    own = tk.config[VOCABULARIES]
    if own and not Path(own).is_dir():
        raise CkanConfigurationException(f"{VOCABULARIES}: {own} is no folder")
    voc.use(own)
    profiles = tk.aslist(declared(RDF_PROFILES, None, settings))
    if own_rdf_profile() and profiles in ([], [STOCK_RDF_PROFILE]):
        settings[RDF_PROFILES] = OWN_PROFILE
    overlay = tk.config[OVERLAY]
    if overlay and settings.get(SCHEMAS) in (None, "", OWN_SCHEMA, [OWN_SCHEMA]):
        folder = settings.get("ckan.storage_path") or ""
        try:
            settings[SCHEMAS] = schema_form.write_overlaid(overlay, folder)
        except schema_form.OverlayError as error:
            raise CkanConfigurationException(f"{OVERLAY}: {error}") from error
        scheming: Any = p.get_plugin(SCHEMING)
        if scheming:
            # CKAN configures plugins from last to first: ckanext-scheming has already read its
            # option.
            scheming.update_config(settings)
    if str(declared(PAGE_SIZE, None, settings) or STOCK_PAGE) == STOCK_PAGE:
        settings[PAGE_SIZE] = DATASETS_A_PAGE
    if own_licences() and not settings.get("licenses_group_url"):
        settings["licenses_group_url"] = f"file://{REGISTER}"
