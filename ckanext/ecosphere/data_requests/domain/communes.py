"""The communes of France: proposed while people type, and recognised by code or name. Pure: nothing here knows CKAN."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from ckanext.ecosphere.vocabularies import communes as registry
from ckanext.ecosphere.vocabularies import normalise
from ckanext.ecosphere.vocabularies.communes import Commune

CODE = re.compile(r"(?:\d{2}|2[AB])\d{3}", re.IGNORECASE)
#: "Belley (01034)" and "01034 Belley" name a commune as surely as its code.
CODE_WITHIN = re.compile(rf"\b({CODE.pattern})\b", re.IGNORECASE)
SEPARATORS = re.compile(r"[;,\n]+")


@cache
def _folded() -> tuple[tuple[str, Commune], ...]:
    return tuple((_fold(commune.name), commune) for commune in registry.by_population())


def _fold(text: str) -> str:
    """Compare names as people type them: no case, accents or punctuation, "st" for "saint"."""
    words = normalise(text).split()
    return " ".join({"st": "saint", "ste": "sainte"}.get(word, word) for word in words)


def get(code: str) -> Commune | None:
    """Return the commune with this INSEE code, whatever the case of its letter."""
    return registry.of_code(code)


def label(code: str) -> str:
    """Return "Belley (01034)", as people tell homonyms apart, or the code itself when no commune of today has it."""
    found = get(code)
    return label_of(found) if found else code


def label_of(commune: Commune) -> str:
    """Return the name and the code of a commune: "Belley (01034)"."""
    return f"{commune.name} ({commune.code})"


def search(text: str, limit: int = 8) -> list[Commune]:
    """Return the communes whose name, or code, begins like what was typed; the most populated first.

    Names that hold the words elsewhere ("Châtillon-en-Michaille" for "michaille") come after those that begin so.
    """
    wanted = _fold(text)
    if not wanted:
        return []
    begins = [commune for name, commune in _folded() if name.startswith(wanted) or commune.code.lower() == wanted]
    if len(begins) < limit:
        within = f" {wanted}"
        begins += [commune for name, commune in _folded() if within in f" {name}" and commune not in begins][:limit]
    # Who typed a whole name means that commune, however small.
    return sorted(begins, key=lambda commune: _fold(commune.name) != wanted)[:limit]


def read(text: str) -> tuple[list[str], list[tuple[str, list[Commune]]]]:
    """Read a list of communes typed by a person: codes or names, separated by commas, semicolons or lines.

    Returns:
        the INSEE codes recognised, in order and once each, and the entries that were not, each with the communes of
        that name (none when the name is unknown, several when it must be told which).
    """
    codes: dict[str, None] = {}
    doubtful: list[tuple[str, list[Commune]]] = []
    for entry in _entries(text):
        coded = CODE_WITHIN.search(entry)
        found = [get(coded[1])] if coded else [c for name, c in _folded() if name == _fold(entry)]
        known = [commune for commune in found if commune]
        if len(known) == 1:
            codes[known[0].code] = None
        else:
            doubtful.append((entry, known))
    return list(codes), doubtful


def _entries(text: str) -> Iterator[str]:
    return (part.strip() for part in SEPARATORS.split(text) if part.strip())
