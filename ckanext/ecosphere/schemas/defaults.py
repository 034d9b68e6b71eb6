"""Options of other extensions that this room fills in when the administrator has not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import config as options

STOCK_RDF_PROFILE = "euro_dcat_ap_3"
OWN_RDF_PROFILE = "ecosphere_dcat_ap"
LICENCES = Path(__file__).with_name("licences.json")


def apply(config: Any) -> None:
    """Set the options of ckanext-dcat and CKAN that are still at their stock value.

    Those of ckanext-scheming have their default in ``config_declaration.yaml``.

    Args:
        config: CKAN's configuration, changed in place.
    """
    profiles = config.get("ckanext.dcat.rdf.profiles")
    names = profiles.split() if isinstance(profiles, str) else list(profiles or ())
    if options.own_rdf_profile() and names in ([], [STOCK_RDF_PROFILE]):
        config["ckanext.dcat.rdf.profiles"] = OWN_RDF_PROFILE
    if options.own_licences() and not config.get("licenses_group_url"):
        config["licenses_group_url"] = f"file://{LICENCES}"
