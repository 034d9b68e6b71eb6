"""Weigh the places that a record names: one kind of evidence yields when several others agree on another place.

A code copied with the record of a neighbour, for example, yields to bounding box, title and name of the document.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies import Concept

_ON_LAND = ("region", "departement", "outre-mer")
"""Types of territory that contradict each other; a country contains them, and a sea lies beside them."""


def on_land(places: Collection[Concept]) -> list[Concept]:
    """Return the régions, départements and overseas territories among some places."""
    return [place for place in places if place.data["type"] in _ON_LAND]


def related(one: Collection[Concept], other: Collection[Concept]) -> bool:
    """Tell whether a territory of one list is, contains or lies in one of the other."""
    return not _with_ancestors(one).isdisjoint(other) or not _with_ancestors(other).isdisjoint(one)


def _with_ancestors(places: Collection[Concept]) -> set[Concept]:
    territories = voc.get("territories")
    around = [ancestor for place in places for ancestor in territories.ancestors(place.uri)]
    return {*places, *on_land(around)}


def outweighed(evidence: str, votes: Mapping[str, Collection[Concept]]) -> bool:
    """Tell whether one kind of evidence is contradicted by more kinds than agree with it.

    Args:
        evidence: kind of evidence to judge.
        votes: kind of evidence → its places on land, without kinds that name none.
    """
    own = votes.get(evidence)
    if not own:
        return False
    against = [places for places in votes.values() if not related(places, own)]
    support = len(votes) - len(against)
    rivals = [sum(related(places, rival) for places in against) for rival in against]
    return max(rivals, default=0) > support
