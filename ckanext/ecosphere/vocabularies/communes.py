"""Communes of France: look-up by code, URI and name, and suggestions while typing. No CKAN imports.

There are some 35 000 of them, so they are never listed as a whole.
"""

from __future__ import annotations

import csv
import gzip
import re
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies import normalise, tables

PREFIX = "http://id.insee.fr/geo/commune/"
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
        """Its name with the code of its département, since 5 000 communes
        share their name with another.
        """
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
    return tuple(sorted(_by_code().values(), key=lambda commune: -commune.population))


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
def _folded() -> tuple[tuple[str, Commune], ...]:
    """Return normalised names, each after a space, with their communes, the most populous first."""
    return tuple((f" {normalise(commune.name)}", commune) for commune in by_population())


def of_code(code: str) -> Commune | None:
    """Return the commune with this INSEE code (in upper or lower case), or None."""
    return _by_code().get(code.upper())


def of_postal(code: str) -> list[Commune]:
    """Return the communes with this postal code, the most populous first."""
    return [commune for commune in by_population() if code in commune.postal]


def get(uri: str) -> Commune | None:
    """Return the commune with this URI, or None."""
    bare = uri.replace("https://", "http://", 1)
    if bare.startswith(PREFIX):
        return _by_code().get(bare[len(PREFIX) :])
    return None


@cache
def outlines() -> dict[str, str]:
    """Return approximate outlines (some hundred metres off) by INSEE code; overseas collectivities
    have none.

    Each is the `d` attribute of an SVG path, in thousandths of a degree eastward and northward, as
    in `epcis.outlines`.
    """
    with gzip.open(OUTLINES, "rt", encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return {row["code"]: row["path"] for row in rows}


def suggest(text: str, limit: int) -> list[Commune]:
    """Return communes with this code or with a word starting with this text; names starting with it
    come first.

    Args:
        text: at least two letters or digits; accents and case are ignored.
        limit: maximum number of results.
    """
    words = normalise(text)
    if len(words) < 2:  # noqa: PLR2004 - one letter finds everything
        return []
    exact = _by_code().get(words.upper())
    matching = [commune for name, commune in _folded() if name.startswith(f" {words}")]
    if len(matching) < limit:
        matching += [commune for name, commune in _folded() if f" {words}" in name[1:]]
    if exact:
        matching.insert(0, exact)
    return list(dict.fromkeys(matching))[:limit]


def named(text: str) -> list[Commune]:
    """Return the communes that a text names: by INSEE or postal code, name, or name and
    département.

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
    name, departement = text, ""
    labelled = _LABEL.fullmatch(text)
    if labelled:
        name, departement = labelled[1], _code_of(labelled[2] or labelled[3])
    looked_for = f" {normalise(name)}"
    return [
        commune
        for folded, commune in _folded()
        if folded == looked_for and departement in ("", commune.departement)
    ]


def _code_of(departement: str) -> str:
    """Return the code of a département, from its code or name; what was typed if it is unknown."""
    concept = voc.get("territories").find(departement.strip())
    if concept and concept.data["departement_code"]:
        return str(concept.data["departement_code"])
    return departement.strip().upper()


@cache
def _sorted() -> tuple[tuple[str, ...], tuple[Commune, ...]]:
    """Return the normalised names in alphabetical order, and their communes in the same order."""
    pairs = sorted(
        ((normalise(commune.name), commune) for commune in by_population()),
        key=lambda pair: pair[0],
    )
    return tuple(name for name, _commune in pairs), tuple(commune for _name, commune in pairs)


def beginning(text: str, limit: int, least: int = 0) -> list[Commune]:
    """Return communes whose name begins with a text, the most populous first; by bisection, fast
    enough while typing.

    Args:
        text: the beginning of the name; accents and case are ignored.
        limit: maximum number of results.
        least: minimum population.
    """
    start = normalise(text)
    names, communes = _sorted()
    first, last = bisect_left(names, start), bisect_left(names, start + "\uffff")
    large = (commune for commune in communes[first:last] if commune.population >= least)
    if start:
        return sorted(large, key=lambda each: -each.population)[:limit]
    return []
