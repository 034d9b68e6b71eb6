"""Communes of France: look-up by code, URI and name, and suggestions while typing.

There are some 35 000 of them, so pages never list them all. No CKAN imports.
"""

from __future__ import annotations

import csv
import gzip
import re
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from pathlib import Path

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies import normalise, tables

PREFIX = "http://id.insee.fr/geo/commune/"
"""Beginning of the URI of a commune; its code follows."""
_LABEL = re.compile(r"([^(,]{1,100})(?:\(([^()]{2,60})\)|,([^,]{2,60}))")
"""A name with its département: "Villeurbanne (69)", "Villeurbanne, Rhône"."""
_FILE = Path(__file__).with_name("places") / "communes.csv"
OUTLINES = _FILE.with_name("commune-outlines.csv.gz")


@dataclass(frozen=True, slots=True)
class Commune:
    """A commune.

    Attributes:
        code: INSEE code ("01053").
        departement: code of its département ("01").
        population: number of inhabitants, 0 when it is not known.
        epci: code of its intercommunality, empty for the few that have none.
        postal: its postal codes.
    """

    code: str
    name: str
    departement: str
    population: int
    epci: str = ""
    postal: tuple[str, ...] = ()

    @property
    def uri(self) -> str:
        """URI, as stored in datasets."""
        return PREFIX + self.code

    @property
    def label(self) -> str:
        """Its name with the code of its département: 5 000 communes share theirs with another."""
        return f"{self.name} ({self.departement})"


@cache
def _by_code() -> dict[str, Commune]:
    return {
        row["code"]: Commune(
            row["code"],
            row["name"],
            row["departement"],
            int(row["population"]),
            row["epci"],
            tuple(filter(None, row["postal"].split("|"))),
        )
        for row in tables.rows(_FILE)
    }


@cache
def by_population() -> tuple[Commune, ...]:
    """Return all communes and arrondissements municipaux, the most populous first."""
    return tuple(sorted(_by_code().values(), key=_rank))


def _rank(commune: Commune) -> int:
    """Return a number by which communes are sorted: the most populous has the least."""
    return -commune.population


@cache
def _by_departement() -> dict[str, tuple[Commune, ...]]:
    communes_of: dict[str, list[Commune]] = defaultdict(list)
    for commune in by_population():
        communes_of[commune.departement].append(commune)
    return {code: tuple(communes) for code, communes in communes_of.items()}


def of_departement(code: str) -> tuple[Commune, ...]:
    """Return the communes of a département, the most populous first; empty for an unknown code."""
    return _by_departement().get(code, ())


@cache
def _names() -> tuple[tuple[str, Commune], ...]:
    """Return pairs of normalised name and commune, the most populous first.

    A space precedes each name, so that " bres" finds the words that begin with these letters.
    """
    return tuple((f" {normalise(commune.name)}", commune) for commune in by_population())


def of_code(code: str) -> Commune | None:
    """Return the commune with this INSEE code (in upper or lower case), or None."""
    return _by_code().get(code.upper())


def of_postal(code: str) -> list[Commune]:
    """Return the communes with this postal code, the most populous first."""
    return [commune for commune in by_population() if code in commune.postal]


def get(uri: str) -> Commune | None:
    """Return the commune with this URI, or None."""
    uri = uri.replace("https://", "http://", 1)
    if uri.startswith(PREFIX):
        return _by_code().get(uri.removeprefix(PREFIX))
    return None


@cache
def outlines() -> dict[str, str]:
    """Return outlines by INSEE code, some hundred metres off; overseas collectivities have none.

    Each is the `d` attribute of an SVG path, in thousandths of a degree eastward and northward, as
    in `epcis.outlines`.
    """
    with gzip.open(OUTLINES, "rt", encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return {row["code"]: row["path"] for row in rows}


def suggest(text: str, limit: int) -> list[Commune]:
    """Return the commune with this code, then those with a name, then a word, that begins with it.

    Args:
        text: at least two letters or digits; accents and case are ignored.
        limit: maximum number of results.
    """
    start = normalise(text)
    if len(start) < 2:  # noqa: PLR2004 - one letter finds too many
        return []
    matches = [commune for name, commune in _names() if name.startswith(f" {start}")]
    if len(matches) < limit:
        matches += [commune for name, commune in _names() if f" {start}" in name[1:]]
    exact = of_code(start)
    if exact:
        matches.insert(0, exact)
    return list(dict.fromkeys(matches))[:limit]


def named(text: str) -> list[Commune]:
    """Return the communes that a text names, by code, by name, or by name and département.

    Args:
        text: an INSEE or postal code, or a name as it is or as in `_LABEL`.

    Returns:
        one commune for an INSEE code, else all with this name or postal code, the most populous
        first; empty when there is none.
    """
    text = text.strip()
    exact = of_code(text)
    if exact:
        return [exact]
    if postal := of_postal(text):
        return postal
    name = text
    departement = ""
    label = _LABEL.fullmatch(text)
    if label:
        name = label[1]
        departement = _code_of(label[2] or label[3])
    normalised = f" {normalise(name)}"
    return [
        commune
        for candidate, commune in _names()
        if candidate == normalised and departement in ("", commune.departement)
    ]


def _code_of(departement: str) -> str:
    """Return the code of a département, given its code or name; the same text if it is unknown."""
    concept = voc.get("territories").find(departement.strip())
    if concept and concept.data["departement_code"]:
        return str(concept.data["departement_code"])
    return departement.strip().upper()


def beginning(text: str, limit: int, least: int = 0) -> list[Commune]:
    """Return communes whose name begins with a text, the most populous first.

    Faster than `suggest`: names in alphabetical order are searched by bisection.

    Args:
        text: the beginning of the name; accents and case are ignored.
        limit: maximum number of results.
        least: minimum population.
    """
    start = normalise(text)
    if not start:
        return []
    names, communes = _in_alphabetical_order()
    first = bisect_left(names, start)
    after_last = bisect_left(names, start + "\uffff")
    large = [commune for commune in communes[first:after_last] if commune.population >= least]
    return sorted(large, key=_rank)[:limit]


@cache
def _in_alphabetical_order() -> tuple[tuple[str, ...], tuple[Commune, ...]]:
    """Return the normalised names in alphabetical order, and their communes in the same order."""
    pairs = sorted(
        ((normalise(commune.name), commune) for commune in by_population()), key=itemgetter(0)
    )
    return tuple(name for name, _commune in pairs), tuple(commune for _name, commune in pairs)
