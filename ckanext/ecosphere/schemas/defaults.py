"""Defaults for options of CKAN, ckanext-dcat and ckanext-scheming that the administrator has not set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ckan.plugins as p
from ckan.exceptions import CkanConfigurationException

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas import config as options
from ckanext.ecosphere.schemas.fields import overlay
from ckanext.ecosphere.shared.config import declared

STOCK_RDF_PROFILE = "euro_dcat_ap_3"
OWN_RDF_PROFILE = "ecosphere_dcat_ap"
SCHEMING = "scheming_datasets"
OWN_SCHEMA = "ckanext.ecosphere.schemas:dataset.yaml"
STOCK_PAGE, DATASETS_A_PAGE = "100", 15  # a dataset takes a tenth of a second; a page of RDF less than two seconds
LICENCES = Path(__file__).with_name("licences.json")


def apply(config: Any) -> None:
    """Set the options of ckanext-dcat, ckanext-scheming and CKAN that are still at their stock value.

    Those of ckanext-scheming have their default in ``config_declaration.yaml``.

    Args:
        config: CKAN's configuration, changed in place.
    """
    own = options.vocabularies()
    if own and not Path(own).is_dir():
        raise CkanConfigurationException(f"{options.VOCABULARIES}: {own} is no folder")
    voc.use(own)
    profiles = declared("ckanext.dcat.rdf.profiles", None, config)
    names = profiles.split() if isinstance(profiles, str) else list(profiles or ())
    if options.own_rdf_profile() and names in ([], [STOCK_RDF_PROFILE]):
        config["ckanext.dcat.rdf.profiles"] = OWN_RDF_PROFILE
    if options.overlay() and config.get("scheming.dataset_schemas") in (None, "", OWN_SCHEMA, [OWN_SCHEMA]):
        try:
            config["scheming.dataset_schemas"] = overlay.write(options.overlay(), config.get("ckan.storage_path") or "")
        except overlay.OverlayError as error:
            raise CkanConfigurationException(f"{options.OVERLAY}: {error}") from error
        scheming: Any = p.get_plugin(SCHEMING)
        if scheming:
            # CKAN configures plugins from last to first: ckanext-scheming has already read its option.
            scheming.update_config(config)
    if str(declared("ckanext.dcat.datasets_per_page", None, config) or STOCK_PAGE) == STOCK_PAGE:
        config["ckanext.dcat.datasets_per_page"] = DATASETS_A_PAGE
    if options.own_licences() and not config.get("licenses_group_url"):
        config["licenses_group_url"] = f"file://{LICENCES}"
