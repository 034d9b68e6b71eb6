"""Index values for the places of a dataset: its own places, and all that contains them."""

from __future__ import annotations

from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import boxes
from ckanext.ecosphere.search.relevance.solr_query import INSIDE_FIELD, PLACE_FIELD
from ckanext.ecosphere.vocabularies import communes, gazetteer

MOST_DEPARTEMENTS = 3
"""Maximum number of départements of a dataset whose title is searched for communes."""


def complete(document: dict[str, Any], territories: list[str], title: str, box: boxes.Box | None = None) -> None:
    """Add the places of a dataset to its index document.

    If the title names communes of the dataset's département ("PLU de Nantes"), they become its places. Without
    territories, the places are derived from the geometry.

    Args:
        document: index document, changed in place.
        territories: URIs or ids of the dataset's territories and communes.
        title: title of the dataset.
        box: bounding box of its geometry.
    """
    own = list(dict.fromkeys(value for each in territories if (value := _value(each))))
    around: list[str] = []
    if box and not own:
        own, around = boxes.places(box)
    # "France" beside another place tells where that place lies, not that the dataset covers the country.
    own = [value for value in own if value not in gazetteer.COUNTRIES] or own
    codes = [code for code, concept in gazetteer.departements().items() if concept.id in own]
    if codes and len(codes) <= MOST_DEPARTEMENTS and not any(value.startswith("commune-") for value in own):
        named = gazetteer.communes_in(title, tuple(codes))
        if named:
            own = [f"commune-{commune.code}" for commune in named]
    document[PLACE_FIELD] = own
    document[INSIDE_FIELD] = list(gazetteer.inside((*own, *around)))


def _value(key: str) -> str:
    commune = communes.get(key)
    if commune:
        return f"commune-{commune.code}"
    concept = voc.get("territories").get(key)
    return concept.id if concept else ""
