"""Services and territories of the demonstration records, with the French grammar of their names."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies import Concept

NAMES = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
"""Articles of territories, and former names of régions."""
_VOWELS = "AÀÂEÉÈÊIÎOÔUYH"
_H_ASPIRATED = ("Haut", "Haute")


def of(name: str) -> str:
    """Return a territory's name with "de" and its article: "de l'Ain", "du Gard", "des Landes"."""
    for article, names in NAMES["articles"].items():
        if name in names:
            return article + name
    if name[0] in _VOWELS and not name.startswith(_H_ASPIRATED):
        return f"de l'{name}"
    return f"de la {name}"


@cache
def services(*kinds: str) -> tuple[Concept, ...]:
    """Return the services of these kinds that have a territory."""
    return tuple(c for c in voc.get("organisations") if c.data["kind"] in kinds and c.data["territory"])


def territory(service: Concept) -> Concept:
    """Return the territory that a service is in charge of."""
    return voc.get("territories")[service.data["territory"]]


def region(place: Concept) -> Concept | None:
    """Return the région of a territory; None if it is in none."""
    chain = (place, *voc.get("territories").ancestors(place.uri))
    return next((step for step in chain if step.data["type"] == "region"), None)


def spellings(service: Concept) -> tuple[str, ...]:
    """Return the spellings of a service's name found in catalogues."""
    place, short = territory(service), service.label_fr
    acronym = service.data["acronym"]
    full = service.data["long_label_fr"].split(" (")[0]
    return (
        short,
        service.data["long_label_fr"],
        f"{acronym} {of(place.label_fr)}",
        f"{short} ({full} {of(place.label_fr)})",
        f"{full} {of(place.label_fr)}",
        short.replace(" ", "-").upper(),
        f"{full.upper()} {of(place.label_fr).upper()}",
    )
