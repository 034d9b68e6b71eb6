"""Options of the room, read through typed functions."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

OWN_RDF_PROFILE = "ecosphere.schemas.own_rdf_profile"
OWN_LICENCES = "ecosphere.schemas.own_licences"


def own_rdf_profile() -> bool:
    """Whether the project's RDF profile replaces the stock one."""
    return tk.asbool(tk.config[OWN_RDF_PROFILE])


def own_licences() -> bool:
    """Whether the project's list of licences replaces CKAN's."""
    return tk.asbool(tk.config[OWN_LICENCES])
