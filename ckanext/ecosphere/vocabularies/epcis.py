"""Intercommunalities (EPCI) by code and name, and the tables of `places/`. Pure, no CKAN."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies import tables

FOLDER = Path(__file__).with_name("places")
"""Where the tables lie."""
KINDS = re.compile(r"^(?:ca|cc|cu|communaute (?:d agglomeration|de communes|urbaine)) ")
"""What the name of an intercommunality begins with, and people leave out."""


@dataclass(frozen=True, slots=True)
class Epci:
    """An intercommunality: its SIREN code, name, and the codes of its départements, that of most people first."""

    code: str
    name: str
    departements: tuple[str, ...]
    population: int


def rows(name: str) -> Iterator[dict[str, str]]:
    """Return the rows of a table of this folder."""
    return tables.rows(FOLDER / name)


@cache
def epcis() -> dict[str, Epci]:
    """Intercommunalities by code."""
    return {
        row["code"]: Epci(row["code"], row["name"], tuple(row["departements"].split("|")), int(row["population"]))
        for row in rows("epci.csv")
    }


def epcis_named(text: str) -> list[Epci]:
    """Return the intercommunalities of a code, or of a name with or without the kind, that of most people first."""
    if found := epcis().get(text.strip()):
        return [found]
    wanted = voc.normalise(text)
    return _largest(code for code, name in _names().items() if wanted in (name, KINDS.sub("", name)))


def epcis_like(text: str) -> list[Epci]:
    """Return the intercommunalities that a text means: as `epcis_named`, else those whose name has all its words."""
    if found := epcis_named(text):
        return found
    words = set(voc.normalise(text).split())
    return _largest(code for code, name in _names().items() if words and words <= set(name.split()))


@cache
def _names() -> dict[str, str]:
    return {code: voc.normalise(each.name) for code, each in epcis().items()}


def _largest(codes: Iterable[str]) -> list[Epci]:
    return sorted((epcis()[code] for code in codes), key=lambda each: -each.population)
