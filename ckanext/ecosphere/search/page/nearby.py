"""Where else a search that found nothing in a territory finds something: what contains it, and what lies beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import boxes
from ckanext.ecosphere.search.index import TERRITORY_FIELD

MOST = 6
"""Territories that are proposed: those that contain the one that was chosen, then its neighbours."""


@dataclass(frozen=True)
class Nearby:
    """A territory with results.

    Attributes:
        id: index value.
        concept: the territory.
        count: datasets that the search finds there.
        contains: whether it contains the territory that was chosen.
    """

    id: str
    concept: voc.Concept
    count: int
    contains: bool


def nearby(query: str, chosen: Mapping[str, list[str]]) -> list[Nearby]:
    """Return where the search finds something, in one question to the index.

    Args:
        query: the words searched.
        chosen: filters of the page, facet → values.
    """
    known = voc.get("territories")
    concept = known.get(chosen[TERRITORY_FIELD][-1]) if chosen.get(TERRITORY_FIELD) else None
    if concept is None:
        return []
    others = {facet: values for facet, values in chosen.items() if facet != TERRITORY_FIELD}
    asked = {"q": query, "fq": "+dataset_type:dataset", "rows": 0, "ext_facets": others}
    found = tk.get_action("package_search")({}, {**asked, "facet.field": [TERRITORY_FIELD], "facet.limit": -1})
    counts = found["facets"].get(TERRITORY_FIELD, {})
    above = [Nearby(each.id, each, counts.get(each.id, 0), True) for each in known.ancestors(concept.uri)]
    beside = [Nearby(each.id, each, counts.get(each.id, 0), False) for each in boxes.neighbours(concept.id)]
    beside.sort(key=lambda each: -each.count)
    return [each for each in (*above, *beside) if each.count][:MOST]
