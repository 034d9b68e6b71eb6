"""Suggest containing and neighbouring territories with results, for a search that found nothing in a territory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import boxes
from ckanext.ecosphere.search.index import TERRITORY_FIELD

MOST = 6
"""Maximum number of territories suggested."""


@dataclass(frozen=True)
class Nearby:
    """A territory with results.

    Attributes:
        id: index value.
        concept: the territory.
        count: number of results there.
        contains: whether it contains the chosen territory.
    """

    id: str
    concept: voc.Concept
    count: int
    contains: bool


def nearby(query: str, chosen: Mapping[str, list[str]]) -> list[Nearby]:
    """Return the territories with results, those containing the chosen one first, with one query to the index.

    Args:
        query: the words searched.
        chosen: filters of the page (facet → values).
    """
    territories = voc.get("territories")
    concept = territories.get(chosen[TERRITORY_FIELD][-1]) if chosen.get(TERRITORY_FIELD) else None
    if concept is None:
        return []
    others = {facet: values for facet, values in chosen.items() if facet != TERRITORY_FIELD}
    parameters = {"q": query, "fq": "+dataset_type:dataset", "rows": 0, "ext_facets": others}
    answer = tk.get_action("package_search")(
        {}, {**parameters, "facet.field": [TERRITORY_FIELD], "facet.limit": -1}
    )
    counts = answer["facets"].get(TERRITORY_FIELD, {})
    containing = territories.ancestors(concept.uri)
    above = [_nearby(territory, counts, contains=True) for territory in containing]
    neighbours = boxes.neighbours(concept.id)
    beside = [_nearby(territory, counts, contains=False) for territory in neighbours]
    beside.sort(key=lambda place: -place.count)
    return [place for place in (*above, *beside) if place.count][:MOST]


def _nearby(territory: voc.Concept, counts: Mapping[str, int], *, contains: bool) -> Nearby:
    return Nearby(territory.id, territory, counts.get(territory.id, 0), contains)
