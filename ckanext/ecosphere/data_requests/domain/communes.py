"""French communes: type-ahead search, recognition by INSEE code or name, labels. Pure: no CKAN."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies import communes as registry
from ckanext.ecosphere.vocabularies import normalise
from ckanext.ecosphere.vocabularies.communes import Commune

CODE = re.compile(r"(?:\d{2}|2[AB])\d{3}", re.IGNORECASE)
#: Code within an entry: "Belley (01034)" and "01034 Belley" are unambiguous.
CODE_WITHIN = re.compile(rf"\b({CODE.pattern})\b", re.IGNORECASE)
SEPARATORS = re.compile(r"[;,\n]+")
#: First three digits of the INSEE code → overseas territory; elsewhere the first two are those of the département.
OVERSEAS = {
    "971": "outre-mer-glp",
    "972": "outre-mer-mtq",
    "973": "outre-mer-guf",
    "974": "outre-mer-reu",
    "975": "outre-mer-spm",
    "976": "outre-mer-myt",
    "977": "outre-mer-blm",
    "978": "outre-mer-maf",
    "984": "outre-mer-atf",
    "986": "outre-mer-wlf",
    "987": "outre-mer-pyf",
    "988": "outre-mer-ncl",
}


@cache
def _folded() -> tuple[tuple[str, Commune], ...]:
    return tuple((_fold(commune.name), commune) for commune in registry.by_population())


def _fold(text: str) -> str:
    """Normalise a name for comparison: no case, accents or punctuation, "st" as "saint"."""
    words = normalise(text).split()
    return " ".join({"st": "saint", "ste": "sainte"}.get(word, word) for word in words)


def get(code: str) -> Commune | None:
    """Return the commune with this INSEE code, in upper or lower case."""
    return registry.of_code(code)


def territory_of(code: str) -> str:
    """Return the id, in the vocabulary, of the département or overseas territory of a commune, from its INSEE code."""
    return OVERSEAS.get(code[:3]) or f"departement-{code[:2].lower()}"


def departement_of(code: str) -> str:
    """Return the name of the département or overseas territory of a commune, "" when it is unknown."""
    territory = voc.get("territories").get(territory_of(code))
    if territory:
        return territory.label_fr
    return ""


def label(code: str) -> str:
    """Return "Belley – Ain (01034)", which distinguishes homonyms; the code itself for an unknown commune."""
    commune = get(code)
    if commune:
        return label_of(commune)
    return code


def label_of(commune: Commune) -> str:
    """Return the name, the département and the code of a commune: "Belley – Ain (01034)"."""
    departement = departement_of(commune.code)
    if departement:
        return f"{commune.name} – {departement} ({commune.code})"
    return f"{commune.name} ({commune.code})"


def search(text: str, limit: int = 8, near: str = "") -> list[Commune]:
    """Return the communes whose name starts with a text, or whose code it is; the most populated first.

    Names that contain the text at the start of a later word ("Châtillon-en-Michaille" for "michaille") come last.

    Args:
        text: what was typed.
        limit: maximum number of results.
        near: id of a territory whose communes come before all others.
    """
    folded, places = _fold(text), _within(near)
    if not folded:
        return []
    begins = [
        commune
        for name, commune in _folded()
        if name.startswith(folded) or commune.code.lower() == folded
    ]
    if len(begins) < limit or places:
        within, already = f" {folded}", set(begins)
        begins += [
            commune
            for name, commune in _folded()
            if within in f" {name}" and commune not in already
        ]
    # An exact match comes first, however small the commune.
    order = sorted(begins, key=lambda commune: _fold(commune.name) != folded)
    return sorted(order, key=lambda commune: territory_of(commune.code) not in places)[:limit]


def _within(territory: str) -> set[str]:
    """Return the ids of a territory and of those directly within it."""
    territories = voc.get("territories")
    concept = territories.get(territory) if territory else None
    if concept:
        return {concept.id, *(child.id for child in territories.children(concept.uri))}
    return set()


def read(text: str) -> tuple[list[str], list[tuple[str, list[Commune]]]]:
    """Read a list of communes typed by a person: codes or names, separated by commas, semicolons or line breaks.

    A code alone may be an INSEE or a postal code; a name may be followed by its département ("Villeurbanne, Rhône").

    Returns:
        the INSEE codes recognised, in order and without repetition; and the entries that were not, each with the
        communes of that name (none when it is unknown, several when it is ambiguous).
    """
    codes: dict[str, None] = {}
    doubtful: list[tuple[str, list[Commune]]] = []
    last: list[Commune] = []
    for entry in _entries(text):
        within = _in_departement(last, entry)
        candidates = within or _named(entry)
        if within and len(last) > 1:
            doubtful.pop()
        if len(candidates) == 1:
            codes[candidates[0].code] = None
        else:
            doubtful.append((entry, candidates))
        last = [] if within else candidates
    return list(codes), doubtful


def _named(entry: str) -> list[Commune]:
    """Return the communes with a code or name."""
    coded = CODE_WITHIN.search(entry)
    if coded is None:
        return [commune for name, commune in _folded() if name == _fold(entry)]
    communes = [get(coded[1]), *registry.of_postal(entry)]
    return list(dict.fromkeys(commune for commune in communes if commune))


def _in_departement(candidates: list[Commune], entry: str) -> list[Commune]:
    """Return those of some communes that lie in the département named; empty if it names none of theirs."""
    territory = voc.get("territories").find(entry)
    return [
        commune
        for commune in candidates
        if territory and territory_of(commune.code) == territory.id
    ]


def _entries(text: str) -> Iterator[str]:
    return (part.strip() for part in SEPARATORS.split(text) if part.strip())
