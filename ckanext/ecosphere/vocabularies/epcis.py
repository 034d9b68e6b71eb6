"""Look up intercommunalities (EPCI) by code or name, and read the tables of `places/`. No CKAN imports."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies import tables

FOLDER = Path(__file__).with_name("places")
"""Folder of the tables."""
KINDS = re.compile(r"^(?:ca|cc|cu|communaute (?:d agglomeration|de communes|urbaine)) ")
"""Kind at the start of an intercommunality's normalised name, often omitted in writing."""


@dataclass(frozen=True, slots=True)
class Epci:
    """An intercommunality: SIREN code, name, codes of its départements (by descending population), inhabitants."""

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
        row["code"]: Epci(row["code"], row["name"], tuple(row["departements"].split("|")), int(row["population"]))
        for row in rows("epci.csv")
    }


def epcis_named(text: str) -> list[Epci]:
    """Return the intercommunalities with this code or name (the kind is optional), the most populous first."""
    if found := epcis().get(text.strip()):
        return [found]
    wanted = voc.normalise(text)
    return _largest(code for code, name in _names().items() if wanted in (name, KINDS.sub("", name)))


def epcis_like(text: str) -> list[Epci]:
    """Return what `epcis_named` finds, else the intercommunalities whose name contains all words of the text."""
    if found := epcis_named(text):
        return found
    words = set(voc.normalise(text).split())
    return _largest(code for code, name in _names().items() if words and words <= set(name.split()))


@cache
def _names() -> dict[str, str]:
    return {code: voc.normalise(each.name) for code, each in epcis().items()}


def _largest(codes: Iterable[str]) -> list[Epci]:
    return sorted((epcis()[code] for code in codes), key=lambda each: -each.population)
