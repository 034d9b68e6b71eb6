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
    known = voc.get("territories")
    concept = known.get(chosen[TERRITORY_FIELD][-1]) if chosen.get(TERRITORY_FIELD) else None
    if concept is None:
        return []
    others = {facet: values for facet, values in chosen.items() if facet != TERRITORY_FIELD}
    asked = {"q": query, "fq": "+dataset_type:dataset", "rows": 0, "ext_facets": others}
    found = tk.get_action("package_search")(
        {}, {**asked, "facet.field": [TERRITORY_FIELD], "facet.limit": -1}
    )
    counts = found["facets"].get(TERRITORY_FIELD, {})
    above = [
        Nearby(each.id, each, counts.get(each.id, 0), True) for each in known.ancestors(concept.uri)
    ]
    beside = [
        Nearby(each.id, each, counts.get(each.id, 0), False)
        for each in boxes.neighbours(concept.id)
    ]
    beside.sort(key=lambda each: -each.count)
    return [each for each in (*above, *beside) if each.count][:MOST]
