"""Complete place names at the end of a query while it is typed. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies import communes, gazetteer
from ckanext.ecosphere.vocabularies.name_forms import in_full

SHORTEST = 3
"""Minimum letters of a prefix."""
LONGEST = 4
"""Maximum words of a prefix."""
MOST = 3
SMALLEST = 2_000
"""Minimum population of suggested communes."""
_CODE = 5
"""Length of an INSEE code of a commune, and of a postal code."""


def places_typed(text: str) -> list[dict[str, str]]:
    """Complete a query whose last words are the prefix of a place name, or the code of a commune.

    Args:
        text: the text typed ("zones humides saint-naz", "natura 2000 loz", "38185").

    Returns:
        `kind` and `label` of the place, and `query`, the query with its name; territories and natural regions come
        before communes.
    """
    typed = text.split()
    for number in range(min(len(typed), LONGEST), 0, -1):
        start = in_full(voc.normalise(" ".join(typed[-number:])))
        if len(start) < SHORTEST:
            continue
        before = " ".join(typed[:-number])
        found = [("territory", name, name) for name in _territories(start, alone=not before)]
        found += [("commune", each.label, f"{each.name} {each.departement}") for each in _communes(start)]
        if found:
            return [
                {"kind": kind, "label": label, "query": f"{before} {name}".strip()}
                for kind, label, name in found[:MOST]
            ]
    return []


def _territories(start: str, *, alone: bool) -> Iterator[str]:
    """Yield names of départements, régions and natural regions; of the latter only, if there are no other words."""
    for folded, name, is_area in _names():
        if folded.startswith(start) and (is_area or not alone):
            yield name


@cache
def _names() -> tuple[tuple[str, str, bool], ...]:
    kinds = ("departement", "region", "outre-mer")
    labels = [concept.label_fr for concept in voc.get("territories") if concept.data["type"] in kinds]
    areas = [each for each in gazetteer.area_names() if not each.startswith(("Bassin ", "Vallée "))]
    found = dict.fromkeys(labels, False)
    for name in areas:
        found.setdefault(name, True)
    return tuple((voc.normalise(name), name, is_area) for name, is_area in found.items())


def _communes(start: str) -> list[communes.Commune]:
    if len(start) == _CODE and start[-3:].isdigit():
        of_code = [place.ids[0].removeprefix("commune-") for place in gazetteer.named(start) if place.kind == "commune"]
        return [each for code in of_code if (each := communes.of_code(code))]
    return communes.beginning(start, MOST, SMALLEST)
