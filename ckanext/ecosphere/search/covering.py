"""Search filter for datasets that cover a place: those of the place itself and of all territories above it."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.search import SearchQueryError

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import facet_values
from ckanext.ecosphere.vocabularies import communes

PARAMETER = "ext_covers"
"""Parameter of `package_search`: id of a territory, or `commune-` and the INSEE code."""


def narrow(data_dict: dict[str, Any]) -> None:
    """Restrict the search to datasets that cover the given place.

    Args:
        data_dict: parameters of `package_search`, changed in place; `extras` must be a dict.

    Raises:
        SearchQueryError: the place is unknown.
    """
    place = data_dict["extras"].get(PARAMETER)
    if not place:
        return
    values = facet_values.covering(place) if isinstance(place, str) else []
    if not values:
        raise SearchQueryError(tk._("There is no such territory: give its id, or commune- with the INSEE code."))
    either = " OR ".join(f'"{value}"' for value in values)
    clause = f"{facet_values.EXACT_TERRITORY_FIELD}:({either})"
    data_dict["fq_list"] = [*(data_dict.get("fq_list") or []), clause]


def label(place: str, lang: str) -> str:
    """Return the name of a place, empty if it is unknown."""
    commune = communes.of_code(place.removeprefix("commune-")) if place.startswith("commune-") else None
    concept = voc.get("territories").get(place)
    return commune.label if commune else (concept.label(lang) if concept else "")
