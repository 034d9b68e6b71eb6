"""Place look-up for the form: suggestions, bounding box of territories, territories of a box."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.fields import spatial
from ckanext.ecosphere.vocabularies import communes, epci_outlines, epcis

MOST = 20
MOST_TERRITORIES = 5


def suggest(text: str, lang: str) -> list[dict[str, str]]:
    """Return territories and communes that match a text, 20 at most: ``uri`` and ``label``."""
    words = _words(text)
    if not words:
        return []
    places = []
    for concept in voc.get("territories"):
        names = " ".join((concept.label_fr, concept.label_en, *concept.alt_labels))
        if _begins(words, names):
            places.append({"uri": concept.uri, "label": concept.label(lang)})
    places = places[: MOST // 2]
    for commune in communes.suggest(text, MOST - len(places)):
        places.append({"uri": commune.uri, "label": commune.label})
    return places


def suggest_epcis(text: str, lang: str) -> list[dict[str, Any]]:
    """Return the intercommunalities (EPCI) that match a text, the most populous first, 20 at most.

    Returns:
        dicts as of `epci_outlines.described`.
    """
    words = _words(text)
    if not words:
        return []
    matching = [
        epci
        for epci in epcis.epcis().values()
        if text.strip() == epci.code or _begins(words, epci.name)
    ]
    matching.sort(key=lambda epci: -epci.population)
    return [epci_outlines.described(epci, lang) for epci in matching[:MOST]]


def _words(text: str) -> list[str]:
    """Return the normalised words of a text; none for a single letter, which is in all names."""
    words = voc.normalise(text).split()
    if len("".join(words)) < 2:  # noqa: PLR2004 - letters
        return []
    return words


def _begins(words: list[str], name: str) -> bool:
    folded = f" {voc.normalise(name)}"
    return all(f" {word}" in folded for word in words)


def label(uri: str, lang: str) -> str:
    """Return the name of a place, or its URI when unknown."""
    concept = voc.get("territories").get(uri)
    if concept:
        return concept.label(lang)
    commune = communes.get(uri)
    if commune:
        return commune.label
    return uri


#: Type of territory → column with its INSEE code.
_CODES = {
    "departement": "departement_code",
    "outre-mer": "departement_code",
    "region": "insee_region",
}


def level(uri: str) -> tuple[str, str]:
    """Return the level of a place (a type of `territories.csv`, or "commune") and its INSEE code; "" when unknown."""
    concept = voc.get("territories").get(uri)
    if concept:
        kind = concept.data["type"]
        column = _CODES.get(kind, "")
        return kind, concept.data.get(column) or ""
    commune = communes.get(uri)
    if commune:
        return "commune", commune.code
    return "", ""


def box_of(uris: Iterable[str]) -> spatial.Box | None:
    """Return the smallest box around territories; for a commune, see `spatial.territory_box`."""
    boxes = list(filter(None, map(spatial.territory_box, uris)))
    plain = [box for box in boxes if box[0] <= box[2]]
    if plain:
        return spatial.around(plain)
    return next(iter(boxes), None)


def territories_of(box: spatial.Box, lang: str) -> list[dict[str, str]]:
    """Return the few smallest territories that contain a box, smallest first: ``uri`` and ``label``."""
    territories = (concept for concept in voc.get("territories") if concept.data["type"] != "autre")
    holding = [concept for concept in territories if _holds(concept.data["bbox"], box)]
    holding.sort(key=lambda concept: _area(concept.data["bbox"]))
    return [
        {"uri": concept.uri, "label": concept.label(lang)} for concept in holding[:MOST_TERRITORIES]
    ]


def _holds(outer: spatial.Box, inner: spatial.Box) -> bool:
    return (
        outer[0] <= inner[0]
        and outer[1] <= inner[1]
        and outer[2] >= inner[2]
        and outer[3] >= inner[3]
    )


def _area(box: spatial.Box) -> float:
    return abs(box[2] - box[0]) * (box[3] - box[1])
