"""Reduce lists of territories: each once, all parts of a larger one as that one, and no larger one beside its parts."""

from __future__ import annotations

from collections.abc import Iterable

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.geography import places
from ckanext.ecosphere.vocabularies import Concept

OUTSIDE = "autre-hors-france"
_MAINLAND = ("region", "departement")
_HELD = (
    ("pays-fxx", _MAINLAND),
    ("pays-fra", (*_MAINLAND, "outre-mer", "zone-maritime", "pays")),
    (OUTSIDE, (*_MAINLAND, "outre-mer", "zone-maritime", "pays")),
)
"""Territories dropped beside smaller ones of these types: many records have keywords like "France" and "Europe".

The mainland is kept beside overseas territories, since it is then one part of a list.
"""


def simplified(found: Iterable[Concept]) -> list[Concept]:
    """Keep each territory once, and the smaller one where a larger one contains it.

    All départements of a région are replaced by the région, all régions by the mainland, and a list of these and of the
    overseas départements by the country.
    """
    territories = voc.get("territories")
    kept = dict.fromkeys(found)
    for region in dict.fromkeys(c.broader for c in kept if c.broader):
        children = [c for c in territories.children(region) if c.data["type"] == "departement"]
        if len(children) > 1 and all(child in kept for child in children):
            kept = dict.fromkeys([territories[region], *(c for c in kept if c not in children)])
    regions = places.of_type("region")
    if all(region in kept for region in regions):
        overseas = places.overseas_departements()
        whole = all(concept in kept for concept in overseas)
        parts = [*regions, *overseas] if whole else regions
        country = territories["pays-fra" if whole else "pays-fxx"]
        kept = dict.fromkeys([country, *(c for c in kept if c not in parts)])
    larger = {ancestor for concept in kept for ancestor in territories.ancestors(concept.uri)}
    for country, its_own in _HELD:
        types = {concept.data["type"] for concept in kept if concept.id != country}
        if types.intersection(its_own) and not (country == "pays-fxx" and "outre-mer" in types):
            larger.add(territories[country])
    return [concept for concept in kept if concept not in larger or len(kept) == 1]
