"""Approximate outlines of the intercommunalities (EPCI) and the boxes around them. Pure, no CKAN.

They are kilometres off: good for showing a place and proposing a box, never for cutting data. `dev/epci_outlines.py`
made them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies.epcis import Epci, epcis, rows

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees (WGS 84)."""
_FILE = "epci-outlines.csv"


@dataclass(frozen=True, slots=True)
class Outline:
    """An outline.

    Attributes:
        box: around it, in degrees (WGS 84).
        path: as the `d` of an SVG path, in thousandths of a degree eastward and northward.
    """

    box: Box
    path: str


@cache
def outlines() -> dict[str, Outline]:
    """Outlines by the code of the intercommunality."""
    sides = ("west", "south", "east", "north")
    return {row["code"]: Outline(_box(*(float(row[side]) for side in sides)), row["path"]) for row in rows(_FILE)}


def _box(west: float, south: float, east: float, north: float) -> Box:
    return west, south, east, north


@cache
def _by_departement() -> dict[str, tuple[Epci, ...]]:
    found: dict[str, list[Epci]] = defaultdict(list)
    for epci in sorted(epcis().values(), key=lambda each: voc.normalise(each.name)):
        for code in epci.departements:
            found[code].append(epci)
    return {code: tuple(members) for code, members in found.items()}


def of_departement(code: str) -> tuple[Epci, ...]:
    """Return the intercommunalities that have communes in a département, in alphabetical order."""
    return _by_departement().get(code, ())


def described(epci: Epci, lang: str) -> dict[str, Any]:
    """Return an intercommunality as the pages ask for it.

    Returns:
        `code` (SIREN), `name`, `territories` (`uri` and `label` of its départements), `box` around its outline; None
        when that is not known.
    """
    known = voc.get("territories")
    territories = [each for code in epci.departements if (each := known.get(f"departement-{code}"))]
    outline = outlines().get(epci.code)
    return {
        "code": epci.code,
        "name": epci.name,
        "territories": [{"uri": each.uri, "label": each.label(lang)} for each in territories],
        "box": outline.box if outline else None,
    }
