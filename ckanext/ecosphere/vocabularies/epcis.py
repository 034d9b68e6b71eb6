"""Intercommunalities (EPCI): look-up by code or name, outlines, and the tables of `places/`. No
CKAN imports.

Outlines and boxes are accurate to a few kilometres: fit for showing a place and proposing a
bounding box, not for clipping data. How they were made: `data/SOURCES.md`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies import tables

FOLDER = Path(__file__).with_name("places")
"""Folder of the tables."""
KINDS = re.compile(r"^(?:ca|cc|cu|communaute (?:d agglomeration|de communes|urbaine)) ")
"""Kind at the start of an intercommunality's normalised name, often omitted in writing."""


@dataclass(frozen=True, slots=True)
class Epci:
    """An intercommunality: SIREN code, name, codes of its départements (by descending population),
    inhabitants.
    """

    code: str
    name: str
    departements: tuple[str, ...]
    population: int


def rows(name: str) -> Iterator[dict[str, str]]:
    """Return the rows of a table of this folder."""
    return tables.rows(FOLDER / name)


@cache
def epcis() -> dict[str, Epci]:
    """Return all intercommunalities by code."""
    return {
        row["code"]: Epci(
            row["code"], row["name"], tuple(row["departements"].split("|")), int(row["population"])
        )
        for row in rows("epci.csv")
    }


def epcis_named(text: str) -> list[Epci]:
    """Return the intercommunalities with this code or name (the kind is optional),
    the most populous first.
    """
    if exact := epcis().get(text.strip()):
        return [exact]
    looked_for = voc.normalise(text)
    return _largest(
        code for code, name in _names().items() if looked_for in (name, KINDS.sub("", name))
    )


def epcis_like(text: str) -> list[Epci]:
    """Return what `epcis_named` finds, else the intercommunalities whose name
    contains all words of the text.
    """
    if matching := epcis_named(text):
        return matching
    words = set(voc.normalise(text).split())
    return _largest(code for code, name in _names().items() if words and words <= set(name.split()))


@cache
def _names() -> dict[str, str]:
    return {code: voc.normalise(epci.name) for code, epci in epcis().items()}


def _largest(codes: Iterable[str]) -> list[Epci]:
    return sorted((epcis()[code] for code in codes), key=lambda each: -each.population)


Box = tuple[float, float, float, float]
"""West, south, east, north in degrees (WGS 84)."""
_FILE = "epci-outlines.csv"


@dataclass(frozen=True, slots=True)
class Outline:
    """Outline of an intercommunality.

    Attributes:
        box: bounding box, in degrees (WGS 84).
        path: `d` attribute of an SVG path, in thousandths of a degree eastward and northward.
    """

    box: Box
    path: str


@cache
def outlines() -> dict[str, Outline]:
    """Return the outlines by code of the intercommunality."""
    return {row["code"]: Outline(_box(row), row["path"]) for row in rows(_FILE)}


def _box(row: Mapping[str, str]) -> Box:
    return float(row["west"]), float(row["south"]), float(row["east"]), float(row["north"])


@cache
def _by_departement() -> dict[str, tuple[Epci, ...]]:
    epcis_of: dict[str, list[Epci]] = defaultdict(list)
    for epci in sorted(epcis().values(), key=lambda each: voc.normalise(each.name)):
        for code in epci.departements:
            epcis_of[code].append(epci)
    return {code: tuple(members) for code, members in epcis_of.items()}


def of_departement(code: str) -> tuple[Epci, ...]:
    """Return the intercommunalities that have communes in a département, in alphabetical order."""
    return _by_departement().get(code, ())


def described(epci: Epci, lang: str) -> dict[str, Any]:
    """Return an intercommunality as a dict for the pages.

    Returns:
        `code` (SIREN), `name`, `territories` (`uri` and `label` of its départements) and `box` (its
        bounding box, or None when unknown).
    """
    territories = [voc.get("territories").get(f"departement-{code}") for code in epci.departements]
    outline = outlines().get(epci.code)
    return {
        "code": epci.code,
        "name": epci.name,
        "territories": [
            {"uri": territory.uri, "label": territory.label(lang)}
            for territory in territories
            if territory
        ],
        "box": outline.box if outline else None,
    }
