"""Find communes and intercommunalities named in a title or an organisation: "Ville de Vanves", "CA de Cannes"."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from ckanext.ecosphere.harvest.normalise.geography import places
from ckanext.ecosphere.harvest.normalise.tables import plain
from ckanext.ecosphere.harvest.record import Identifier
from ckanext.ecosphere.vocabularies import Concept, communes, gazetteer, normalise
from ckanext.ecosphere.vocabularies.epcis import Epci
from ckanext.ecosphere.vocabularies.phrases import MAX_CACHED, Phrases

LONGEST_NAME = 8
"""Maximum number of words in the name of a commune."""
MAX_TEXT = 500
MAX_LISTED = 50_000
"""Maximum characters of an identifier with several codes."""
_BETWEEN_CODES = re.compile(r"[;,|\s]+")
_CODE = re.compile(r"\((?:d[ée]p(?:artement|t|\.)?\s{0,2})?(\d[\dAB]|97[1-8]|98[4-8]|\d[\dAB]\d{3})\)", re.IGNORECASE)
_CUE = re.compile(r"\b(?:d[ée]p(?:artement|t)?\.?|dpt)\s{0,2}(?:n°\s?)?(\d[\dAB]|97[1-8])\b", re.IGNORECASE)
_COMMUNE = re.compile(r"\b(?:ville|mairie|commune|ccas|centre communal d action sociale) (?:(?:de|d|du|des|l|la|le) )*")
_ADDRESS = re.compile(r"https?://(?:id|rdf)\.insee\.fr/geo/(?:intercommunalite|epci)/(\d{9})/?", re.IGNORECASE)
_GROUP = re.compile(
    r"\b(?:metropole|communaute (?:de communes|d agglomeration|urbaine)|ca|cc|cu|agglomeration|agglo|syndicat)\b"
)


def named_in(text: str) -> list[Concept]:
    """Return the départements of the communes (after "ville de", "mairie de"…) and intercommunalities named in a text.

    Names shared by several communes are ignored.
    """
    bare = plain(text[:MAX_TEXT])
    found = list(_communes(bare)) if _COMMUNE.search(bare) else []
    found += [code for epci in epcis_in(text) for code in epci.departements]
    return [concept for code in dict.fromkeys(found) if (concept := places.departement(code))]


def epcis_in(text: str) -> list[Epci]:
    """Return the intercommunalities named in a text that contains a word for them; ambiguous names are ignored."""
    bare = plain(text[:MAX_TEXT])
    return [epci for _start, _end, epci in _groups().find(bare)] if _GROUP.search(bare) else []


def epci_called(text: str) -> Epci | None:
    """Return the intercommunality whose name, SIREN code or INSEE URI is the whole text."""
    if len(text) > MAX_TEXT:
        return None
    known = gazetteer.epcis()
    if text.startswith("http"):
        match = _ADDRESS.fullmatch(text.strip())
        return known.get(match.group(1)) if match else None
    return known.get(text.strip()) or _groups().exact(text)


def each_named(identifier: Identifier) -> list[list[str]]:
    """Return URI and code of an identifier as one group; one group per code where an element holds a list."""
    if len(identifier.code) <= MAX_LISTED:
        pieces = [each for each in _BETWEEN_CODES.split(identifier.code) if each]
        if len(pieces) > 1 and all(places.from_uri(each) or places.from_code(each) for each in pieces):
            return [[each] for each in ([identifier.href] if identifier.href else []) + pieces]
    return [[text for text in (identifier.href, identifier.code) if text]]


def with_its_code(text: str) -> Concept | None:
    """Return the territory that a text names with its code, in either order: "80 - Somme", "Somme (80)"."""
    words = plain(text[:MAX_CACHED]).split()
    for code, name in ((words[0], words[1:]), (words[-1], words[:-1])) if len(words) > 1 else ():
        coded = places.from_code(code)
        if coded and coded == places.from_name(" ".join(name)):
            return coded
    return None


def coded_in(title: str) -> list[Concept]:
    """Return the départements whose codes are in a title: "PPRI de Gières (38)", "carrières (dép. 07)".

    A bare number in brackets counts only after the name of that département, or of one of its communes.
    """
    found = [code for match in _CUE.finditer(title) if (code := match.group(1).upper())]
    for match in _CODE.finditer(title):
        code = match.group(1).upper()
        concept = places.departement(code)
        if concept and _is_named(title[: match.start()], concept, code):
            found.append(code)
    return list(dict.fromkeys(concept for code in found if (concept := places.departement(code))))


def _is_named(before: str, concept: Concept, code: str) -> bool:
    """Tell whether a text ends with the name of a territory, or of one of its communes."""
    words = plain(before[-MAX_TEXT:]).split()
    for length in range(min(LONGEST_NAME, len(words)), 0, -1):
        name = " ".join(words[-length:])
        if name in _names_in(code[:3] if code[:2] in ("97", "98") else code[:2]) or places.from_name(name) == concept:
            return True
    return False


@cache
def _names_in(departement: str) -> frozenset[str]:
    return frozenset(normalise(each.name) for each in communes.of_departement(departement))


def _communes(bare: str) -> Iterator[str]:
    for cue in _COMMUNE.finditer(bare):
        # The article may belong to the name: "commune de la Baconnière".
        words = bare[cue.start() :].split()
        for start in range(1, min(len(words), len(cue.group().split()) + 1)):
            names = (" ".join(words[start : start + length]) for length in range(LONGEST_NAME, 0, -1))
            if code := next((code for name in names if (code := _unique().get(name))), None):
                yield code
                break


@cache
def _unique() -> dict[str, str]:
    """Return unique names of communes → code of their département."""
    found: dict[str, str | None] = {}
    for commune in communes.by_population():
        name = normalise(commune.name)
        found[name] = commune.departement if name not in found else None
    return {name: code for name, code in found.items() if code}


@cache
def _groups() -> Phrases[Epci]:
    named: dict[str, list[Epci]] = defaultdict(list)
    for epci in gazetteer.epcis().values():
        named[normalise(epci.name)].append(epci)
    return Phrases((name, own[0]) for name, own in named.items() if len(own) == 1 and len(name.split()) > 1)
