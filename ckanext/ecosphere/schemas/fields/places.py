"""Place look-up for the form: suggestions, bounding box of territories, territories of a box."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.fields import spatial
from ckanext.ecosphere.vocabularies import communes, epcis

MOST = 20
MOST_TERRITORIES = 5


def suggest(text: str, lang: str) -> list[dict[str, str]]:
    """Return territories and communes that match a text, 20 at most: ``uri`` and ``label``."""
    words = voc.normalise(text).split()
    if not words or len("".join(words)) < 2:  # noqa: PLR2004 - one letter finds everything
        return []
    found = []
    for concept in voc.get("territories"):
        folded = voc.normalise(" ".join((concept.label_fr, concept.label_en, *concept.alt_labels)))
        if all(f" {word}" in f" {folded}" for word in words):
            found.append({"uri": concept.uri, "label": concept.label(lang)})
    found = found[: MOST // 2]
    found += [{"uri": each.uri, "label": each.label} for each in communes.suggest(text, MOST - len(found))]
    return found


def suggest_epcis(text: str, lang: str) -> list[dict[str, Any]]:
    """Return the intercommunalities (EPCI) that match a text, the most populous first, 20 at most.

    Returns:
        dicts as of `epcis.described`.
    """
    words = voc.normalise(text).split()
    if not words or len("".join(words)) < 2:  # noqa: PLR2004 - one letter finds everything
        return []
    found = [each for each in epcis.epcis().values() if text.strip() == each.code or _begins(words, each.name)]
    found.sort(key=lambda each: -each.population)
    return [epcis.described(each, lang) for each in found[:MOST]]


def _begins(words: list[str], name: str) -> bool:
    folded = f" {voc.normalise(name)}"
    return all(f" {word}" in folded for word in words)


def label(uri: str, lang: str) -> str:
    """Return the name of a place, or its URI when unknown."""
    concept = voc.get("territories").get(uri)
    if concept:
        return concept.label(lang)
    commune = communes.get(uri)
    return commune.label if commune else uri


def level(uri: str) -> tuple[str, str]:
    """Return the level of a place (a type of `territories.csv`, or "commune") and its INSEE code; "" when unknown."""
    concept = voc.get("territories").get(uri)
    if concept:
        kind = concept.data["type"]
        code = {"departement": "departement_code", "outre-mer": "departement_code", "region": "insee_region"}.get(kind)
        return kind, concept.data[code] if code else ""
    commune = communes.get(uri)
    return ("commune", commune.code) if commune else ("", "")


def box_of(uris: Iterable[str]) -> spatial.Box | None:
    """Return the smallest box around territories; for a commune, see `spatial.territory_box`."""
    boxes = [box for uri in uris if (box := spatial.territory_box(uri))]
    plain = [box for box in boxes if box[0] <= box[2]]
    if not plain:
        return boxes[0] if boxes else None
    wests, souths, easts, norths = zip(*plain, strict=True)
    return min(wests), min(souths), max(easts), max(norths)


def territories_of(box: spatial.Box, lang: str) -> list[dict[str, str]]:
    """Return the few smallest territories that contain a box, smallest first: ``uri`` and ``label``."""
    west, south, east, north = box
    holding = [
        concept
        for concept in voc.get("territories")
        if concept.data["type"] != "autre"
        and concept.data["bbox"][0] <= west
        and concept.data["bbox"][1] <= south
        and concept.data["bbox"][2] >= east
        and concept.data["bbox"][3] >= north
    ]
    holding.sort(key=lambda concept: _area(concept.data["bbox"]))
    return [{"uri": concept.uri, "label": concept.label(lang)} for concept in holding[:MOST_TERRITORIES]]


def _area(box: spatial.Box) -> float:
    return abs(box[2] - box[0]) * (box[3] - box[1])
